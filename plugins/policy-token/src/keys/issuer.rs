//! The source of one issuer's keys, compiled. The keys themselves are in the worker's [`Keyring`].

use policy_kit::{invalid, CallReply, ConfigError, Host, HttpCall, Service};

use super::key::Key;
use super::keyring::{Keyring, Lookup};
use super::set::Keys;
use super::shared::SharedKeys;
use super::skipped::SkippedKeys;
use crate::alg::Alg;
use crate::config::KeysConfig;
use crate::token::jws::Header;

/// Longest key set that is read, in bytes: 256 keys, or 50 with certificates.
const MAX_JWKS: usize = 128 << 10;

/// The source of one issuer's keys.
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    /// The plugin and the path in the configuration, with which log lines start.
    label: String,
    algorithms: Vec<Alg>,
    keyring: Keyring,
    fetch: Option<HttpCall>,
    shared: SharedKeys,
}

impl IssuerKeys {
    /// Compiles the keys of `issuer` for `algorithms` at path `at`. Workers share them under the name of
    /// `plugin`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: &KeysConfig,
        (plugin, issuer): (&str, &str),
        algorithms: Vec<Alg>,
        at: &str,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let label = format!("{plugin}: {at}");
        let (keyring, fetch) = keys(raw, &algorithms, (&label, at), host)?;
        let shared = SharedKeys::new(plugin, issuer, &algorithms, fetch.as_ref());
        Ok(Self { label, algorithms, keyring, fetch, shared })
    }

    /// Whether its keys may have this algorithm.
    pub fn takes(&self, alg: Alg) -> bool {
        self.algorithms.contains(&alg)
    }

    /// A keyring before the first fetch.
    pub fn keyring(&self) -> Keyring {
        self.keyring.clone()
    }

    /// The call that fetches its keys; `None` if they are in the configuration.
    pub fn fetch(&self) -> Option<&HttpCall> {
        self.fetch.as_ref()
    }

    /// Finds the key of a token. A token that has `waited` for a fetch does not wait again.
    pub fn find(
        &self,
        host: &mut dyn Host,
        ring: &mut Keyring,
        header: &Header,
        now: u64,
        waited: bool,
    ) -> Lookup {
        if waited {
            return ring.find_after_fetch(header, now);
        }
        if !ring.answers(header, now) {
            // Another worker may have fetched it already.
            self.shared.adopt(host, &self.algorithms, ring, now);
        }
        ring.find(header, now)
    }

    /// Whether there are usable keys, as [`Keyring::ready`].
    ///
    /// # Errors
    /// [`Lookup::Fetch`] or [`Lookup::Unavailable`].
    pub fn ready(
        &self,
        host: &mut dyn Host,
        ring: &mut Keyring,
        now: u64,
        waited: bool,
    ) -> Result<(), Lookup> {
        if !waited && !ring.usable(now) {
            self.shared.adopt(host, &self.algorithms, ring, now);
        }
        ring.ready(now, waited)
    }

    /// The fetch that is due at `now`, in seconds since the epoch; one worker fetches for all.
    pub fn due(&self, host: &mut dyn Host, ring: &mut Keyring, now: u64) -> Option<HttpCall> {
        let call = self.fetch.as_ref().filter(|_| ring.is_due(now))?;
        self.shared.adopt(host, &self.algorithms, ring, now);
        if ring.is_due(now) && self.shared.lease(host, now, call.timeout.as_secs()) {
            ring.start_fetch(now);
            return Some(call.clone());
        }
        None
    }

    /// Reads the reply to a fetch at `now`, in seconds since the epoch, and logs skipped keys. `spread` is
    /// any number, as for [`Keyring::failed`].
    ///
    /// # Errors
    /// Why there are no keys, for the log.
    pub fn on_reply(
        &self,
        host: &mut dyn Host,
        ring: &mut Keyring,
        reply: &CallReply,
        now: u64,
        spread: u64,
    ) -> Result<(), String> {
        let read = reply.document().and_then(|document| {
            let read = Keys::read(document, &self.algorithms).map_err(|none| none.to_string())?;
            Ok((document, read))
        });
        match read {
            Ok((document, (keys, skipped))) => {
                log_skipped(host, &self.label, &skipped);
                ring.install(keys, now);
                self.shared.publish(host, document, now);
                Ok(())
            }
            Err(problem) => {
                ring.failed(now, spread);
                Err(problem)
            }
        }
    }
}

fn log_skipped(host: &mut dyn Host, label: &str, skipped: &SkippedKeys) {
    if !skipped.is_empty() {
        host.log(skipped.level(), &format!("{label}: keys passed over: {skipped}"));
    }
}

fn keys(
    raw: &KeysConfig,
    algorithms: &[Alg],
    (label, at): (&str, &str),
    host: &mut dyn Host,
) -> Result<(Keyring, Option<HttpCall>), ConfigError> {
    let symmetric = algorithms == [Alg::Hs256];
    match (&raw.jwks, &raw.secret, &raw.cluster) {
        (None, Some(secret), None) if symmetric => {
            let field = format!("{at}.secret");
            let key = Key::from_secret(secret.read(host, &field)?.as_bytes(), None);
            let key = key.ok_or_else(|| invalid(field, "expected at least 32 bytes"))?;
            Ok((Keyring::given(Keys::new(vec![key])), None))
        }
        (None, Some(_), None) => Err(invalid(format!("{at}.secret"), "is only for HS256")),
        (_, _, _) if symmetric => Err(invalid(at, "HS256 needs a `secret`")),
        (Some(jwks), None, None) => {
            let read = Keys::read(jwks.to_string().as_bytes(), algorithms);
            let (keys, skipped) = read.map_err(|none| {
                let problem = "holds no usable public key for these algorithms, the first";
                invalid(format!("{at}.jwks"), format!("{problem}: {}", none.words()))
            })?;
            log_skipped(host, label, &skipped);
            Ok((Keyring::given(keys), None))
        }
        (None, None, Some(cluster)) => {
            let service = Service {
                at,
                cluster,
                authority: raw.authority.as_deref(),
                path: &raw.path,
                authorization: None,
                headers: Some(&raw.headers),
                timeout_ms: raw.timeout_ms,
                max_reply: MAX_JWKS,
            };
            let call = service.call("GET", host)?;
            if !(10..=86_400).contains(&raw.refresh_s) {
                return Err(invalid(format!("{at}.refresh_s"), "expected 10 to 86400"));
            }
            if raw.max_stale_s < raw.refresh_s {
                return Err(invalid(format!("{at}.max_stale_s"), "expected at least `refresh_s`"));
            }
            Ok((Keyring::fetched(raw.refresh_s, raw.max_stale_s), Some(call)))
        }
        _ => Err(invalid(at, "give exactly one of `jwks`, `secret` and `cluster`")),
    }
}
