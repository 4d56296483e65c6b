//! Keys that the workers of one node share, so that one fetch serves all. Gateways offer one map
//! without expiry or deletion: two fixed entries per issuer, each with its time inside.

use hmac_sha256::Hash;
use policy_kit::{Call, Host};

use crate::{Alg, Keyring, Keys};

/// First byte of a value: what follows is in this form.
const FORM: u8 = 1;
/// How long a lease to fetch lasts beyond the fetch's own timeout, in seconds.
const LEASE: u64 = 2;

/// The two entries of an issuer.
#[derive(Clone, Debug)]
pub struct SharedKeys {
    keys: String,
    lease: String,
}

impl SharedKeys {
    /// The entries in which `plugin` keeps the keys of `issuer`: others fetch other keys, and so do
    /// other plugins and other configurations.
    pub fn new(plugin: &str, issuer: &str, algorithms: &[Alg], fetch: Option<&Call>) -> Self {
        let mut digest = Hash::new();
        let mut add = |text: &str| {
            digest.update(text);
            digest.update([0]);
        };
        add(issuer);
        algorithms.iter().for_each(|alg| add(alg.name()));
        if let Some(call) = fetch {
            add(&call.target);
            call.headers.iter().for_each(|(_, value)| add(value));
        }
        let digest: String =
            digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let name = |kind: &str| format!("pitboss.{plugin}.{kind}.{digest}");
        Self { keys: name("keys"), lease: name("lease") }
    }

    /// Takes over keys that another worker fetched later than this one. What cannot be read is not
    /// there: each worker can fetch for itself.
    pub fn adopt(&self, host: &mut dyn Host, algorithms: &[Alg], ring: &mut Keyring, now: u64) {
        let Ok(Some((value, _))) = host.shared(&self.keys) else { return };
        let Some((fetched, document)) = parse(&value) else { return };
        let ours = ring.fetched_at().filter(|ours| *ours <= now);
        if fetched > now || ours.is_some_and(|ours| ours >= fetched) {
            return;
        }
        if let Some(keys) = Keys::from_jwks(document, algorithms) {
            ring.install(keys, fetched);
        }
    }

    /// Leaves a fetched key set for the others, unless theirs is younger.
    pub fn publish(&self, host: &mut dyn Host, document: &[u8], fetched: u64) {
        // Twice: the first may have met another worker's.
        for _ in 0..2 {
            let Ok(there) = host.shared(&self.keys) else { return };
            let younger = there.as_ref().and_then(|(value, _)| parse(value));
            // What was fetched later than now is from before the clock was set back.
            if younger.is_some_and(|(theirs, _)| theirs > fetched && theirs <= fetched + LEASE) {
                return;
            }
            let value = [&[FORM][..], &fetched.to_be_bytes(), document].concat();
            match host.set_shared(&self.keys, &value, there.map(|(_, version)| version)) {
                Ok(false) => {}
                Ok(true) | Err(_) => return,
            }
        }
    }

    /// Whether this worker is the one to fetch on its timer. Where nothing can be shared everybody
    /// is.
    pub fn lease(&self, host: &mut dyn Host, now: u64, timeout: u64) -> bool {
        let Ok(there) = host.shared(&self.lease) else { return true };
        let until = there.as_ref().and_then(|(value, _)| value.as_slice().try_into().ok());
        let until = until.map_or(0, u64::from_be_bytes);
        // A lease that far ahead is from before a clock was set back.
        let length = timeout.saturating_add(LEASE);
        if until > now && until <= now.saturating_add(length) {
            return false;
        }
        let value = now.saturating_add(length).to_be_bytes();
        host.set_shared(&self.lease, &value, there.map(|(_, version)| version)).unwrap_or(true)
    }
}

fn parse(value: &[u8]) -> Option<(u64, &[u8])> {
    let (form, rest) = value.split_first()?;
    let (fetched, document) = rest.split_first_chunk::<8>()?;
    (*form == FORM).then_some((u64::from_be_bytes(*fetched), document))
}
