//! Keys that the workers of one node share, so that one fetch serves all. Gateways offer one map without
//! expiry or deletion: two fixed keys per issuer, each value with its time.

use policy_kit::{shared_name, Host, HttpCall};

use super::keyring::Keyring;
use super::set::Keys;
use crate::alg::Alg;

/// The version of the value's format, its first byte.
const FORMAT: u8 = 1;
/// How long a lease lasts beyond the timeout of the fetch, in seconds.
const LEASE: u64 = 2;

/// The shared-data keys of an issuer.
#[derive(Clone, Debug)]
pub(super) struct SharedKeys {
    keys: String,
    lease: String,
}

impl SharedKeys {
    /// The shared-data keys under which `plugin` shares the keys of `issuer`. Other plugins and other
    /// configurations have others.
    pub(super) fn new(
        plugin: &str,
        issuer: &str,
        algorithms: &[Alg],
        fetch: Option<&HttpCall>,
    ) -> Self {
        let mut parts = vec![issuer];
        for alg in algorithms {
            parts.push(alg.name());
        }
        if let Some(call) = fetch {
            parts.append(&mut call.parts());
        }
        let name = |kind: &str| shared_name(plugin, kind, &parts);
        Self { keys: name("keys"), lease: name("lease") }
    }

    /// Adopts keys that another worker fetched later than this one. An unreadable value counts as absent:
    /// each worker can fetch for itself.
    pub(super) fn adopt(
        &self,
        host: &mut dyn Host,
        algorithms: &[Alg],
        ring: &mut Keyring,
        now: u64,
    ) {
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

    /// Shares a fetched key set, unless a more recent one is shared.
    pub(super) fn publish(&self, host: &mut dyn Host, document: &[u8], fetched: u64) {
        // Twice: another worker may have written in between.
        for _ in 0..2 {
            let Ok(there) = host.shared(&self.keys) else { return };
            let younger = there.as_ref().and_then(|(value, _)| parse(value));
            // A time in the future is from before the clock was set back.
            if younger.is_some_and(|(theirs, _)| theirs > fetched && theirs <= fetched + LEASE) {
                return;
            }
            let value = [&[FORMAT][..], &fetched.to_be_bytes(), document].concat();
            match host.set_shared(&self.keys, &value, there.map(|(_, version)| version)) {
                Ok(false) => {}
                Ok(true) | Err(_) => return,
            }
        }
    }

    /// Takes the lease to fetch on the timer, and returns whether this worker has it. If data cannot be shared,
    /// every worker has it.
    pub(super) fn lease(&self, host: &mut dyn Host, now: u64, timeout: u64) -> bool {
        let Ok(there) = host.shared(&self.lease) else { return true };
        let until = there.as_ref().and_then(|(value, _)| value.as_slice().try_into().ok());
        let until = until.map_or(0, u64::from_be_bytes);
        // A lease further ahead is from before the clock was set back.
        let length = timeout.saturating_add(LEASE);
        if until > now && until <= now.saturating_add(length) {
            return false;
        }
        let value = now.saturating_add(length).to_be_bytes();
        host.set_shared(&self.lease, &value, there.map(|(_, version)| version)).unwrap_or(true)
    }
}

fn parse(value: &[u8]) -> Option<(u64, &[u8])> {
    let (format, rest) = value.split_first()?;
    let (fetched, document) = rest.split_first_chunk::<8>()?;
    (*format == FORMAT).then_some((u64::from_be_bytes(*fetched), document))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn keys_depend_on_plugin_and_configuration() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let call = HttpCall {
            target: "casino".to_owned(),
            headers: vec![header(":method", "GET"), header(":path", "/jwks")],
            body: Vec::new(),
            timeout: Duration::from_secs(1),
            max_reply: 1,
        };
        let shared = SharedKeys::new("p", "https://id", &[Alg::Es256, Alg::Rs256], Some(&call));
        assert_eq!(shared.keys, "pitboss.p.keys.561da6acb45cb3ae");
        assert_eq!(shared.lease, "pitboss.p.lease.561da6acb45cb3ae");
        for other in [
            SharedKeys::new("q", "https://id", &[Alg::Es256, Alg::Rs256], Some(&call)),
            SharedKeys::new("p", "https://other", &[Alg::Es256, Alg::Rs256], Some(&call)),
            SharedKeys::new("p", "https://id", &[Alg::Es256], Some(&call)),
            SharedKeys::new("p", "https://id", &[Alg::Es256, Alg::Rs256], None),
            SharedKeys::new(
                "p",
                "https://id",
                &[Alg::Es256, Alg::Rs256],
                Some(&call.with_path("/other".to_owned())),
            ),
        ] {
            assert!(other.keys != shared.keys && other.lease != shared.lease, "{other:?}");
        }
    }
}
