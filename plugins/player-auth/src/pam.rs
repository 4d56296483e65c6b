//! Asking the player account management system (PAM) what state a player is in.

use policy_kit::{
    invalid, is_pointer, percent_encoded, strict_json, value_at, Call, CallReply, ConfigError,
    Flight, Host, Service,
};

use crate::standing::config::PamConfig;
use crate::standing::jurisdiction::Jurisdiction;
use crate::standing::{Told, Words};

pub mod memory;

/// What stands for the player's id in the path.
const SUB: &str = "{sub}";
/// How the key of a flight for a player's state begins; the player's id follows.
const FLIGHT: &str = "pam ";
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 10;
/// Longest answer is believed, in seconds.
const MAX_CACHE: u64 = 60;

/// Whom to ask, and how long to believe the answer.
#[derive(Clone, Debug)]
pub struct Pam {
    /// Its `:path` is yet without a player.
    call: Call,
    before: String,
    after: String,
    state: String,
    jurisdiction: Option<String>,
    /// How long an answer is believed, in seconds.
    pub cache: u64,
    /// Players remembered.
    pub players: usize,
}

/// What the PAM says of a player. The default is what is known of one it says nothing of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// States.
    pub told: Told,
    /// Where the player is licensed to play.
    pub jurisdiction: Jurisdiction,
}

impl Pam {
    /// Compiles the configuration's `player_state.pam`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: PamConfig, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let at = "player_state.pam";
        let field = |name: &str| format!("{at}.{name}");
        let service = Service {
            at,
            cluster: &raw.cluster,
            authority: raw.authority.as_deref(),
            path: &raw.path,
            authorization: raw.authorization.as_ref(),
            timeout_ms: raw.timeout_ms,
            max_reply: MAX_ANSWER,
        };
        let call = service.call("GET", host)?;
        let parts = raw.path.split_once(SUB).filter(|(_, after)| !after.contains(SUB));
        let Some((before, after)) = parts else {
            return Err(invalid(field("path"), "expected `{sub}` once, for the player's id"));
        };
        if !(1..=MAX_CACHE).contains(&raw.cache_s) {
            return Err(invalid(field("cache_s"), "expected 1 to 60"));
        }
        if !(1..=100_000).contains(&raw.max_players) {
            return Err(invalid(field("max_players"), "expected 1 to 100000"));
        }
        for (name, pointer) in
            [("state", Some(&raw.state)), ("jurisdiction", raw.jurisdiction.as_ref())]
        {
            if !pointer.is_none_or(|pointer| is_pointer(pointer)) {
                return Err(invalid(field(name), "expected a JSON pointer, such as `/state`"));
            }
        }
        Ok(Self {
            call,
            before: before.to_owned(),
            after: after.to_owned(),
            state: raw.state,
            jurisdiction: raw.jurisdiction,
            cache: raw.cache_s,
            players: raw.max_players,
        })
    }

    /// The question about a player; `None` for an id that would be another path than one of a player.
    pub fn question(&self, player: &str) -> Option<Flight> {
        if player.is_empty() || player.bytes().all(|b| b == b'.') {
            return None;
        }
        let path = format!("{}{}{}", self.before, percent_encoded(player), self.after);
        Some(Flight { key: format!("{FLIGHT}{player}"), call: self.call.with_path(path) })
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// That was none; says so in a few words.
    pub fn read(&self, reply: &CallReply, words: &Words) -> Result<Answer, String> {
        let document = strict_json(reply.document()?).ok_or("no JSON")?;
        let mut told = words.read(value_at(&document, &self.state)).ok_or("no state in it")?;
        let place = self.jurisdiction.as_ref().and_then(|pointer| value_at(&document, pointer));
        let jurisdiction = match place.filter(|place| !place.is_null()) {
            None => Jurisdiction::Unsaid,
            Some(place) => place.as_str().map_or(Jurisdiction::Unreadable, Jurisdiction::read),
        };
        // The law of a place that nobody can read may stop what the matrix lets pass.
        told.certain &= jurisdiction != Jurisdiction::Unreadable;
        Ok(Answer { told, jurisdiction })
    }
}

/// The player whom a flight is about, if it is about one.
pub fn player_of(flight: &str) -> Option<&str> {
    flight.strip_prefix(FLIGHT)
}

#[cfg(test)]
#[path = "pam/tests.rs"]
mod tests;
