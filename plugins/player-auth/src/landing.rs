//! The end of a fetch of keys.

use policy_kit::{CallReply, Host, Plugin};
use policy_token::Keys;

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
    let parts = policy.issuers.get(i).zip(policy.shared.get(i)).zip(state.keyrings.get_mut(i));
    let Some(((issuer, shared), ring)) = parts else { return };
    let now = host.now().unwrap_or(0);
    let document = match reply {
        CallReply::Answer { status: 200, body, cut: false, .. } => Some(body),
        _ => None,
    };
    let keys = document.and_then(|d| Some((d, Keys::from_jwks(d, &issuer.algorithms)?)));
    let name = PlayerAuth::NAME;
    let result = match keys {
        Some((document, keys)) => {
            ring.install(keys, now / SECOND);
            shared.publish(host, document, now / SECOND);
            "ok"
        }
        None => {
            ring.failed(now / SECOND, now % 1_000);
            let what = match reply {
                CallReply::Answer { status: 200, cut: true, .. } => {
                    "an answer that is too long".to_owned()
                }
                CallReply::Answer { status: 200, .. } => "no usable key set".to_owned(),
                CallReply::Answer { status, .. } => format!("status {status}"),
                CallReply::NoAnswer => "no answer".to_owned(),
                CallReply::Failed(fault) => fault.to_string(),
            };
            let line = format!("{name}: the keys of issuers[{i}] could not be fetched: {what}");
            host.log(log::Level::Warn, &line);
            "failed"
        }
    };
    host.count(&format!("pitboss.{name}.keys.issuer={i}.result={result}"));
}
