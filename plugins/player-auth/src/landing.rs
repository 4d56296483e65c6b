//! The end of a fetch of keys.

use policy_kit::{CallReply, Host, Plugin};

use crate::check::SECOND;
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
