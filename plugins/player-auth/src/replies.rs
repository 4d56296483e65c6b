//! Reads the replies to shared calls: keys of an issuer, introspection, the PAM. Each reply is read once,
//! whether or not a request still waits for it.

use policy_kit::{CallReply, Host};

use crate::names::{NAME, SECOND};
use crate::player_state::pam_memory::PamMemory;
use crate::player_state::rules::PlayerStateRules;
use crate::token::introspection::IntrospectionResult;
use crate::token::memory::TokenMemory;
use crate::token::rules::TokenRules;

/// Reads an issuer's keys.
pub fn on_keys_reply(
    rules: &TokenRules,
    memory: &mut TokenMemory,
    host: &mut dyn Host,
    issuer: usize,
    reply: &CallReply,
) {
    let parts = rules.issuers.get(issuer).zip(memory.keyrings.get_mut(issuer));
    let Some((it, ring)) = parts else { return };
    let now = host.now().unwrap_or(0);
    let result = match it.keys.on_reply(host, ring, reply, now / SECOND, now % 1_000) {
        Ok(()) => "ok",
        Err(problem) => {
            let line =
                format!("{NAME}: the keys of issuers[{issuer}] could not be fetched: {problem}");
            host.log(log::Level::Warn, &line);
            "failed"
        }
    };
    host.count(&format!("pitboss.{NAME}.keys.issuer={issuer}.result={result}"));
}

/// Charges or vouches for the source that started an introspection call. What the reply means for the token
/// is read by each request that waits.
pub fn on_introspection_reply(
    rules: &TokenRules,
    memory: &mut TokenMemory,
    host: &mut dyn Host,
    (key, token): (&str, &str),
    reply: &CallReply,
) {
    let source = memory.introspection_calls.ends(key);
    let Some((introspection, source)) = rules.introspection.as_ref().zip(source) else { return };
    let now = host.now().unwrap_or(0);
    match introspection.read(reply, now / SECOND) {
        IntrospectionResult::Active(..) => memory.vouch(source),
        // The end of a session is no failure of its source.
        IntrospectionResult::Refused(..) if !memory.was_valid(token.as_bytes()) => {
            memory.has_failed(source, now);
        }
        IntrospectionResult::Refused(..) | IntrospectionResult::Unavailable(_) => {}
    }
}

/// Reads the PAM's report about the player with this path.
pub fn on_pam_reply(
    rules: &PlayerStateRules,
    memory: &mut PamMemory,
    host: &mut dyn Host,
    path: &str,
    reply: &CallReply,
) {
    let Some(pam) = &rules.pam else { return };
    let now = host.now().unwrap_or(0);
    let result = match pam.read(reply, &rules.names) {
        Ok(player) => {
            let certain = player.states.certain;
            memory.store(path, player, now);
            if certain {
                "ok"
            } else {
                "unknown_state"
            }
        }
        Err(problem) => {
            // Logged once: an outage of the PAM affects every player.
            if memory.failed(path, now) {
                let line = format!("{NAME}: the PAM does not answer: {problem}");
                host.log(log::Level::Warn, &line);
            }
            "failed"
        }
    };
    host.count(&format!("pitboss.{NAME}.pam.result={result}"));
}
