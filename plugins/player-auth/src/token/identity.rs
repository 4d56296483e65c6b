//! The player as a verified token identifies them.

use crate::player_state::jurisdiction::Jurisdiction;
use crate::player_state::state::{PlayerStates, TokenPlayer};

/// The player and the token's other claims, in the form in which they are forwarded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The player's id.
    pub player: String,
    /// The brand the player is with.
    pub brand: String,
    /// The token's issuer, if known.
    pub issuer: Option<String>,
    /// The session's id.
    pub session: Option<String>,
    /// The level of identity verification.
    pub kyc: Option<String>,
    /// Further headers for the upstream.
    pub headers: Vec<(String, String)>,
    /// The token's scopes.
    pub scopes: Vec<String>,
    /// The class of the authentication.
    pub acr: Option<String>,
    /// The methods of the authentication.
    pub amr: Vec<String>,
    /// When the player was authenticated, in whole seconds since the epoch, rounded down.
    pub auth_time: Option<u64>,
    /// When the token was issued, in whole seconds since the epoch, rounded down.
    pub issued: Option<u64>,
    /// The states of the player's account; `None` if the token does not report any.
    pub states: Option<PlayerStates>,
    /// Where the player is licensed to play.
    pub jurisdiction: Jurisdiction,
    /// The first claim that is present but unreadable, and therefore counts as absent; as evidence.
    pub unreadable: Option<&'static str>,
}

impl Identity {
    /// What the player-state rules need.
    pub fn token_player(&self) -> TokenPlayer<'_> {
        TokenPlayer { brand: &self.brand, states: self.states, jurisdiction: self.jurisdiction }
    }
}
