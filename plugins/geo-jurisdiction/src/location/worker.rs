//! What a worker remembers of location tokens, all of it bounded.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{
    Budgets, CallReply, Host, Lru, Permit, Permits, SharedCall, Source, MAX_WAITING_STREAMS, SECOND,
};
use policy_token::{Keyring, Verifier};

use crate::location::claims::LocationClaims;
use crate::location::rules::LocationRules;
use crate::names::NAME;

/// The key of the shared call for the provider's keys.
pub const KEYS_CALL: &str = "location keys";
/// Sources of failures that are told apart.
const SOURCES: usize = 16_384;

/// A worker's memory of location tokens.
#[derive(Debug)]
pub struct WorkerState {
    pub(super) ring: Keyring,
    /// The signature check: the gateway's or the module's own.
    pub verifier: Verifier,
    pub(super) known: Lru<Box<[u8]>, Rc<LocationClaims>>,
    pub(super) failures: Budgets,
    /// Permits of requests that wait for the provider's keys.
    waiting: Permits,
}

impl WorkerState {
    /// An empty memory.
    pub fn new(rules: &LocationRules) -> Self {
        let failures = &rules.failures;
        Self {
            ring: rules.keys.keyring(),
            verifier: Verifier::default(),
            known: Lru::new(rules.cache_tokens),
            failures: Budgets::new(failures.per_minute, failures.burst, SOURCES),
            waiting: Permits::new(MAX_WAITING_STREAMS),
        }
    }

    /// A permit to wait for keys; `None` where too many requests wait, in all or from this address.
    pub fn wait_for_keys(&self, source: Option<IpAddr>) -> Option<Permit> {
        let source = Source::of(source);
        self.waiting.take(source, self.failures.knows(source))
    }

    /// The call that is due at `now`, in nanoseconds since the epoch.
    pub fn due(
        &mut self,
        rules: &LocationRules,
        host: &mut dyn Host,
        now: u64,
    ) -> Option<SharedCall> {
        let call = rules.keys.due(host, &mut self.ring, now / SECOND)?;
        Some(SharedCall { key: KEYS_CALL.to_owned(), call })
    }

    /// Takes the keys of a fetch that succeeded, or notes that it failed.
    pub fn take_keys(&mut self, rules: &LocationRules, host: &mut dyn Host, reply: &CallReply) {
        let now = host.now().unwrap_or(0);
        let ring = &mut self.ring;
        let result = match rules.keys.on_reply(host, ring, reply, now / SECOND, now % 1_000) {
            Ok(()) => "ok",
            Err(problem) => {
                let line = format!("{NAME}: the keys of location could not be fetched: {problem}");
                host.log(log::Level::Warn, &line);
                "failed"
            }
        };
        host.count(&format!("pitboss.{NAME}.keys.issuer=location.result={result}"));
    }
}
