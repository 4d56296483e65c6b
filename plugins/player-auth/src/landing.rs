//! The end of what was asked: keys of an issuer, an opaque token, the state of a player.

use policy_kit::{CallReply, Host, Plugin};

use crate::check::SECOND;
use crate::introspection::Answer;
use crate::plugin::PlayerAuth;
use crate::policy::Policy;
use crate::state::State;

/// Takes in a key set that was fetched, or was not.
pub fn keys_landed(
    policy: &Policy,
    state: &mut State,
    host: &mut dyn Host,
    i: usize,
    reply: &CallReply,
) {
    let parts = policy.issuers.get(i).zip(state.keyrings.get_mut(i));
    let Some((issuer, ring)) = parts else { return };
    let now = host.now().unwrap_or(0);
    let name = PlayerAuth::NAME;
    let result = match issuer.keys.landed(host, ring, reply, now / SECOND, now % 1_000) {
        Ok(()) => "ok",
        Err(what) => {
            let line = format!("{name}: the keys of issuers[{i}] could not be fetched: {what}");
            host.log(log::Level::Warn, &line);
            "failed"
        }
    };
    host.count(&format!("pitboss.{name}.keys.issuer={i}.result={result}"));
}

/// Takes in what became of the question about an opaque token, for whoever caused it: once, and also
/// where nobody waits for the answer any more. What it says of the token each stream reads for itself.
pub fn introspected(
    policy: &Policy,
    state: &mut State,
    host: &mut dyn Host,
    (key, token): (&str, &str),
    reply: &CallReply,
) {
    let ended = state.asked.ends(key);
    let Some((introspection, source)) = policy.introspection.as_ref().zip(ended) else { return };
    let now = host.now().unwrap_or(0);
    match introspection.answer(reply, now / SECOND) {
        Answer::Active(..) => state.vouch(source),
        // A session that has ended is no failure of the address it ends at.
        Answer::Refused(..) if !state.was_good(token.as_bytes()) => state.has_failed(source, now),
        Answer::Refused(..) | Answer::Unavailable(_) => {}
    }
}

/// Takes in what the PAM said of the player whom the question `path` was about, or that it said nothing.
pub fn pam_landed(
    policy: &Policy,
    state: &mut State,
    host: &mut dyn Host,
    path: &str,
    reply: &CallReply,
) {
    let Some(standing) = &policy.standing else { return };
    let Some(pam) = &standing.pam else { return };
    let now = host.now().unwrap_or(0);
    let name = PlayerAuth::NAME;
    let result = match pam.read(reply, &standing.words) {
        Ok(answer) => {
            let certain = answer.told.certain;
            state.pam.answered(path, answer, now);
            if certain {
                "ok"
            } else {
                "unknown_state"
            }
        }
        Err(what) => {
            // Said once: while the PAM is down this happens for every player.
            if state.pam.failed(path, now) {
                host.log(log::Level::Warn, &format!("{name}: the PAM does not answer: {what}"));
            }
            "failed"
        }
    };
    host.count(&format!("pitboss.{name}.pam.result={result}"));
}
