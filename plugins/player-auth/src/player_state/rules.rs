//! Whether what is known of a player's states lets a request pass.

use policy_kit::{invalid, Brands, ConfigError, Denial, Endpoint, EndpointClass, Host, Match};

use super::closed::Closed;
use super::column::Column;
use super::config::PlayerStateConfig;
use super::fallback::{Cell, Fallback};
use super::matrix::Matrix;
use super::names::StateNames;
use super::pam::Pam;
use super::state::{PamPlayer, PlayerState, PlayerStates, States, TokenPlayer};

/// The compiled `player_state`.
#[derive(Debug)]
pub struct PlayerStateRules {
    /// The PAM, if one is configured.
    pub pam: Option<Pam>,
    /// The operator's names for states.
    pub names: StateNames,
    /// What takes no new rounds.
    pub closed: Closed,
    /// Whether tokens report states.
    claims: bool,
    fallback: Fallback,
    matrix: Matrix,
}

/// What follows from a player's states for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayerStateCheck {
    /// No state stops the request.
    Pass,
    /// The states are not known completely, and the fallback of the class lets the request pass.
    PassUncertain,
    /// A state stops the request.
    Stopped(Denial),
    /// The states are not known completely, and the fallback of the class denies the request.
    Unknown,
}

impl PlayerStateRules {
    /// Compiles the configuration's `player_state`. `claims` is whether any issuer's tokens report
    /// states; `unique` is whether no two players have the same id, whatever their brands and issuers.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: Option<PlayerStateConfig>,
        claims: bool,
        unique: bool,
        brands: &Brands,
        endpoints: &[Endpoint],
        host: &mut dyn Host,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(raw) = raw else {
            let problem = "required where `claims` has a `state`";
            return if claims { Err(invalid("player_state", problem)) } else { Ok(None) };
        };
        let sources = claims || raw.pam.is_some();
        let checks = !raw.overrides.is_empty() || !raw.on_error.is_empty() || !raw.names.is_empty();
        let closes = !raw.closed.brands.is_empty() || !raw.closed.products.is_empty();
        if !sources && (checks || !closes) {
            let problem = "no source of states: give a `pam`, or the claim `state` of tokens";
            return Err(invalid("player_state", problem));
        }
        Ok(Some(Self {
            names: StateNames::compile(raw.names)?,
            closed: Closed::compile(raw.closed, brands, endpoints)?,
            claims,
            fallback: Fallback::compile(raw.on_error, "player_state.on_error")?,
            matrix: Matrix::compile(raw.overrides, brands)?,
            pam: raw.pam.map(|pam| Pam::compile(pam, unique, host)).transpose()?,
        }))
    }

    /// Whether a state could stop a request to `endpoint`, in any class that it may turn out to have.
    pub fn may_stop(&self, endpoint: &Match<'_>) -> bool {
        let column = |class: EndpointClass| Column::of(class, endpoint.product);
        endpoint.candidates().any(|class| self.matrix.may_refuse(column(class)))
    }

    /// The states that the token and the PAM report: the player is in every state that either names.
    fn states(&self, token: TokenPlayer<'_>, pam: Option<&PamPlayer>) -> PlayerStates {
        let mut all = PlayerStates { states: States::default(), certain: true };
        let mut add = |reported: Option<PlayerStates>, required: bool| match reported {
            Some(reported) => {
                all.states = all.states.and(reported.states);
                all.certain &= reported.certain;
            }
            None => all.certain &= !required,
        };
        // A token without states is complete if there is a PAM to ask.
        add(token.states, self.pam.is_none());
        add(pam.map(|player| player.states), self.pam.is_some());
        all
    }

    /// The names of the states for headers and facts: `active` only where that is certain.
    pub fn names(&self, token: TokenPlayer<'_>, pam: Option<&PamPlayer>) -> Option<String> {
        let known = self.states(token, pam);
        let states = if known.certain { known.states } else { known.states.restrictive() };
        states.names()
    }

    /// Checks a player's request.
    pub fn check(
        &self,
        endpoint: &Match<'_>,
        token: TokenPlayer<'_>,
        pam: Option<&PamPlayer>,
    ) -> PlayerStateCheck {
        let column = Column::of(endpoint.class, endpoint.product);
        if (!self.claims && self.pam.is_none()) || !self.matrix.may_refuse(column) {
            return PlayerStateCheck::Pass;
        }
        // The PAM's report is more recent than the token's.
        let jurisdiction = pam.map(|player| player.jurisdiction).unwrap_or_default();
        let jurisdiction = jurisdiction.or(token.jurisdiction);
        let place = jurisdiction.place();
        let known = self.states(token, pam);
        let stops = |state: &&PlayerState| {
            known.states.contains(**state)
                && self.matrix.cell(**state, column, place, token.brand) == Cell::Refuse
        };
        // Every state must let the request pass (GLI-19 v3.0 2.5.5(b)).
        let stopped = PlayerState::ALL.iter().rev().find(stops);
        match stopped.and_then(|state| state.denial()) {
            Some(denial) => PlayerStateCheck::Stopped(denial),
            None if known.certain => PlayerStateCheck::Pass,
            None if self.fallback.refuses(endpoint.class) => PlayerStateCheck::Unknown,
            None => PlayerStateCheck::PassUncertain,
        }
    }
}
