//! Where the keys of one issuer come from, compiled: what a plugin does with them from its timer, from
//! a request that waits, and when a fetch ends. What changes is the [`Keyring`], which is the worker's.

use policy_kit::{invalid, CallReply, ConfigError, Host, HttpCall, Service};

use crate::{Alg, Header, Key, Keyring, Keys, KeysConfig, Lookup, PassedOver, SharedKeys};

/// Longest key set that is read, in bytes: 256 keys, or 50 that bring their certificates along.
const MAX_JWKS: usize = 128 << 10;

/// The keys of one issuer.
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    /// Who asks, and where the configuration says so: how lines in the log begin.
    label: String,
    algorithms: Vec<Alg>,
    keyring: Keyring,
    fetch: Option<HttpCall>,
    shared: SharedKeys,
}

impl IssuerKeys {
    /// Compiles the keys at path `at`, those of `issuer` for `algorithms`. Between workers they are
    /// shared under the name of `plugin`.
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

    /// Whether its keys may have that algorithm.
    pub fn takes(&self, alg: Alg) -> bool {
        self.algorithms.contains(&alg)
    }

    /// Its keys, as they are before anything was fetched.
    pub fn keyring(&self) -> Keyring {
        self.keyring.clone()
    }

    /// The request for its keys, where they are fetched.
    pub fn fetch(&self) -> Option<&HttpCall> {
        self.fetch.as_ref()
    }

    /// Finds the key of a token. `landed` is whether the token waited for a fetch, which has landed or
    /// not: nobody waits twice.
    pub fn find(
        &self,
        host: &mut dyn Host,
        ring: &mut Keyring,
        header: &Header,
        now: u64,
        landed: bool,
    ) -> Lookup {
        if landed {
            return ring.find_landed(header, now);
        }
        if !ring.answers(header, now) {
            // Another worker may have fetched it already.
            self.shared.adopt(host, &self.algorithms, ring, now);
        }
        ring.find(header, now)
    }

    /// Whether there are keys at all, as [`Keyring::ready`].
    ///
    /// # Errors
    /// [`Lookup::Fetch`] or [`Lookup::Unavailable`].
    pub fn ready(
        &self,
        host: &mut dyn Host,
        ring: &mut Keyring,
        now: u64,
        landed: bool,
    ) -> Result<(), Lookup> {
        if !landed && !ring.usable(now) {
            self.shared.adopt(host, &self.algorithms, ring, now);
        }
        ring.ready(now, landed)
    }

    /// What the timer should send at `now`, in seconds since the epoch: one worker for all.
    pub fn due(&self, host: &mut dyn Host, ring: &mut Keyring, now: u64) -> Option<HttpCall> {
        let call = self.fetch.as_ref().filter(|_| ring.is_due(now))?;
        self.shared.adopt(host, &self.algorithms, ring, now);
        if ring.is_due(now) && self.shared.lease(host, now, call.timeout.as_secs()) {
            ring.takes_off(now);
            return Some(call.clone());
        }
        None
    }

    /// Takes in a key set that was fetched, or was not, at `now` in seconds since the epoch, and logs
    /// which of its keys were passed over. `spread` is any number, as for [`Keyring::failed`].
    ///
    /// # Errors
    /// For the operator, why there are no keys.
    pub fn landed(
        &self,
        host: &mut dyn Host,
        ring: &mut Keyring,
        reply: &CallReply,
        now: u64,
        spread: u64,
    ) -> Result<(), String> {
        let landed = reply.document().and_then(|document| {
            let read = Keys::read(document, &self.algorithms).map_err(|none| none.to_string())?;
            Ok((document, read))
        });
        match landed {
            Ok((document, (keys, passed))) => {
                tell(host, &self.label, &passed);
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

/// One line of keys that are not used.
fn tell(host: &mut dyn Host, label: &str, passed: &PassedOver) {
    if !passed.is_empty() {
        host.log(passed.level(), &format!("{label}: keys passed over: {passed}"));
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
            let (keys, passed) = read.map_err(|none| {
                let problem = "holds no usable public key for these algorithms, the first";
                invalid(format!("{at}.jwks"), format!("{problem}: {}", none.words()))
            })?;
            tell(host, label, &passed);
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
