//! Whether what is known of a player's states lets a call pass.

use policy_kit::{invalid, Brands, ConfigError, Denial, Endpoint, EndpointClass, Host, Match};

use super::closed::Closed;
use super::config::StandingConfig;
use super::lapse::{Cell, Lapse};
use super::matrix::{Column, Matrix};
use super::{PlayerState, States, Told, Words};
use crate::identity::{Identity, Mapping};
use crate::pam::{Answer, Pam};

/// The compiled `player_state`.
#[derive(Debug)]
pub struct Standing {
    /// Who is asked, where somebody is.
    pub pam: Option<Pam>,
    /// What words of the operator's mean.
    pub words: Words,
    /// What takes no new rounds.
    pub closed: Closed,
    /// Whether tokens tell states.
    claims: bool,
    lapse: Lapse,
    matrix: Matrix,
}

/// What comes of a player's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The call may pass.
    Pass,
    /// The call may pass, though not all is known that could stop it.
    Unsure,
    /// A state stops it.
    Stopped(Denial),
    /// Not all is known, and without that it may not pass.
    Unknown,
}

impl Standing {
    /// Compiles the configuration's `player_state`, and lets tokens be read for it.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: Option<StandingConfig>,
        tokens: Vec<&mut Mapping>,
        brands: &Brands,
        endpoints: &[Endpoint],
        host: &mut dyn Host,
    ) -> Result<Option<Self>, ConfigError> {
        let claims = tokens.iter().any(|mapping| mapping.tells_states());
        let Some(raw) = raw else {
            let problem = "required where claims tell a `state`: nothing says what that stops";
            return if claims { Err(invalid("player_state", problem)) } else { Ok(None) };
        };
        let sources = claims || raw.pam.is_some();
        let judges = !raw.overrides.is_empty() || !raw.on_error.is_empty() || !raw.names.is_empty();
        let closes = !raw.closed.brands.is_empty() || !raw.closed.products.is_empty();
        if !sources && (judges || !closes) {
            let problem = "nobody tells states: give a `pam`, or the claim `state` of tokens";
            return Err(invalid("player_state", problem));
        }
        let words = Words::compile(raw.names)?;
        tokens.into_iter().for_each(|mapping| mapping.read_states(&words));
        Ok(Some(Self {
            pam: raw.pam.map(|pam| Pam::compile(pam, host)).transpose()?,
            words,
            closed: Closed::compile(raw.closed, brands, endpoints)?,
            claims,
            lapse: Lapse::compile(raw.on_error, "player_state.on_error")?,
            matrix: Matrix::compile(raw.overrides, brands)?,
        }))
    }

    /// Whether a state could stop a call to `endpoint`, or one that it may turn out to be.
    pub fn matters(&self, endpoint: &Match<'_>) -> bool {
        let column = |class: EndpointClass| Column::of(class, endpoint.product);
        endpoint.candidates().any(|class| self.matrix.may_refuse(column(class)))
    }

    /// What the token and the PAM say together: the player is in every state that either names.
    pub fn told(&self, who: &Identity, pam: Option<&Answer>) -> Told {
        let mut all = Told { states: States::default(), certain: true };
        let mut add = |told: Option<Told>, needed: bool| match told {
            Some(told) => {
                all.states = all.states.and(told.states);
                all.certain &= told.certain;
            }
            None => all.certain &= !needed,
        };
        // A token that tells nothing leaves it to the PAM, where there is one.
        add(who.states, self.pam.is_none());
        add(pam.map(|answer| answer.told), self.pam.is_some());
        all
    }

    /// The states as others are told of them: that a player is active only where that is certain.
    pub fn names(&self, who: &Identity, pam: Option<&Answer>) -> Option<String> {
        let told = self.told(who, pam);
        let states = if told.certain { told.states } else { told.states.restrictive() };
        states.names()
    }

    /// Judges a call of a player's.
    pub fn judge(&self, call: &Match<'_>, who: &Identity, pam: Option<&Answer>) -> Judgement {
        let column = Column::of(call.class, call.product);
        if (!self.claims && self.pam.is_none()) || !self.matrix.may_refuse(column) {
            return Judgement::Pass;
        }
        // The PAM's word is younger than the token's.
        let said = pam.map(|answer| answer.jurisdiction).unwrap_or_default();
        let said = said.or(who.jurisdiction);
        let place = said.place();
        let told = self.told(who, pam);
        let stops = |state: &&PlayerState| {
            told.states.contains(**state)
                && self.matrix.cell(**state, column, place, &who.brand) == Cell::Refuse
        };
        // Every state must let it pass (GLI-19 v3.0 2.5.5(b)).
        let stopped = PlayerState::ALL.iter().rev().find(stops);
        match stopped.and_then(|state| state.denial()) {
            Some(denial) => Judgement::Stopped(denial),
            None if told.certain => Judgement::Pass,
            None if self.lapse.refuses(call.class) => Judgement::Unknown,
            None => Judgement::Unsure,
        }
    }
}
