//! Asking the player account management system (PAM) what state a player is in.

use policy_kit::{
    invalid, is_pointer, strict_json, value_at, CallReply, ConfigError, Host, HttpCall, Service,
    SharedCall,
};

use crate::identity::Identity;
use crate::standing::config::PamConfig;
use crate::standing::jurisdiction::Jurisdiction;
use crate::standing::{Told, Words};

pub mod memory;
mod template;

use template::Template;

/// How the key of a flight for a player's state begins; the path of the question follows.
const FLIGHT: &str = "pam ";
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 10;
/// Longest answer is believed, in seconds.
const MAX_CACHE: u64 = 60;

/// Whom to ask, and how long to believe the answer.
#[derive(Clone, Debug)]
pub struct Pam {
    /// Its `:path` is yet without a player.
    call: HttpCall,
    path: Template,
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
    /// Compiles the configuration's `player_state.pam`. `unique` says that no two players have one id.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: PamConfig, unique: bool, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let at = "player_state.pam";
        let field = |name: &str| format!("{at}.{name}");
        let service = Service {
            at,
            cluster: &raw.cluster,
            authority: raw.authority.as_deref(),
            path: &raw.path,
            authorization: raw.authorization.as_ref(),
            headers: Some(&raw.headers),
            timeout_ms: raw.timeout_ms,
            max_reply: MAX_ANSWER,
        };
        let call = service.call("GET", host)?;
        let path = Template::compile(&raw.path).ok_or_else(|| {
            let problem =
                "expected `{sub}` once, for the player's id, `{brand}` and `{issuer}` at most \
                           once, and no other braces";
            invalid(field("path"), problem)
        })?;
        if !unique && !path.tells_owners() {
            // Else one player's exclusion would be that of another one's who has the same id elsewhere.
            let problem = "must have `{brand}` or `{issuer}` where there are several; or say with \
                           `players_unique` that no two players have one id";
            return Err(invalid(field("path"), problem));
        }
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
            path,
            state: raw.state,
            jurisdiction: raw.jurisdiction,
            cache: raw.cache_s,
            players: raw.max_players,
        })
    }

    /// The path of the question about a player, which is also what the answer is remembered by: it is about
    /// whomever the path tells from others. `None` where a part of it is not known, or would make it
    /// another path than one of a player.
    pub fn path(&self, who: &Identity) -> Option<String> {
        self.path.of(who)
    }

    /// The question with this path.
    pub fn question(&self, path: &str) -> SharedCall {
        SharedCall { key: format!("{FLIGHT}{path}"), call: self.call.with_path(path.to_owned()) }
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

/// The path of the question about a player that a flight asks, if it asks one.
pub fn asked_by(flight: &str) -> Option<&str> {
    flight.strip_prefix(FLIGHT)
}

#[cfg(test)]
#[path = "pam/tests.rs"]
mod tests;
