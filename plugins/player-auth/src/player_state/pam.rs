//! Calls to the player account management system (PAM), which reports the states of a player's account.

use policy_kit::{
    invalid, is_pointer, strict_json, value_at, CallReply, ConfigError, Host, HttpCall, Service,
    SharedCall,
};

use super::config::PamConfig;
use super::jurisdiction::Jurisdiction;
use super::names::StateNames;
use super::pam_path::PamPath;
use super::state::PamPlayer;

/// The key of a shared call to the PAM starts with this; the path follows.
const CALL_KEY: &str = "pam ";
/// Longest response that is read, in bytes.
const MAX_RESPONSE: usize = 16 << 10;
/// Longest time that a response may be cached, in seconds.
const MAX_CACHE: u64 = 60;

/// How to ask the PAM, and how long to cache the response.
#[derive(Clone, Debug)]
pub struct Pam {
    /// The call, with the template in place of its `:path`.
    call: HttpCall,
    /// The path of a player; also the key under which the response is cached.
    pub path: PamPath,
    state: String,
    jurisdiction: Option<String>,
    /// How long a response is cached, in seconds.
    pub cache: u64,
    /// Most players that are cached.
    pub players: usize,
}

impl Pam {
    /// Compiles the configuration's `player_state.pam`. `unique` is whether no two players have the same
    /// id.
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
            max_reply: MAX_RESPONSE,
        };
        let call = service.call("GET", host)?;
        let path = PamPath::compile(&raw.path).ok_or_else(|| {
            let problem =
                "expected `{sub}` once, for the player's id, `{brand}` and `{issuer}` at most \
                           once, and no other braces";
            invalid(field("path"), problem)
        })?;
        if !unique && !path.has_owner() {
            // Otherwise one player's exclusion would apply to another with the same id elsewhere.
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

    /// The call for the player with this path.
    pub fn call(&self, path: &str) -> SharedCall {
        SharedCall { key: format!("{CALL_KEY}{path}"), call: self.call.with_path(path.to_owned()) }
    }

    /// Reads a response.
    ///
    /// # Errors
    /// Why the response cannot be used, in a few words.
    pub fn read(&self, reply: &CallReply, names: &StateNames) -> Result<PamPlayer, String> {
        let document = strict_json(reply.document()?).ok_or("no JSON")?;
        let mut states = names.read(value_at(&document, &self.state)).ok_or("no state in it")?;
        let place = self.jurisdiction.as_ref().and_then(|pointer| value_at(&document, pointer));
        let jurisdiction = match place.filter(|place| !place.is_null()) {
            None => Jurisdiction::Absent,
            Some(place) => place.as_str().map_or(Jurisdiction::Unreadable, Jurisdiction::read),
        };
        // An override for the unreadable jurisdiction may refuse what the default allows.
        states.certain &= jurisdiction != Jurisdiction::Unreadable;
        Ok(PamPlayer { states, jurisdiction })
    }
}

/// The path of the player whom a shared call with this key is about; `None` for other calls.
pub fn path_in_key(key: &str) -> Option<&str> {
    key.strip_prefix(CALL_KEY)
}

#[cfg(test)]
#[path = "pam_tests.rs"]
mod tests;
