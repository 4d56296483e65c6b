//! One issuer, compiled.

use policy_kit::{invalid, ConfigError, Host, Plugin};
use policy_token::{algorithms, audiences, IssuerKeys, Rules};

use crate::config::IssuerConfig;
use crate::identity::Mapping;
use crate::plugin::PlayerAuth;
use crate::use_of::UseOf;

/// One issuer.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// What its tokens must say.
    pub rules: Rules,
    /// Its keys.
    pub keys: IssuerKeys,
    /// Kinds of token that are ones to log in with.
    pub types: Vec<String>,
    /// For which uses they must be issued.
    pub use_of: UseOf,
    /// What its tokens say of the player.
    pub mapping: Mapping,
}

impl Issuer {
    /// Compiles the issuer at path `at`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: IssuerConfig, at: &str, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        if raw.issuer.is_empty() {
            return Err(invalid(field("issuer"), "is empty"));
        }
        let audiences = audiences(raw.audiences, raw.any_audience, at)?;
        let algorithms = algorithms(&raw.algorithms, &field("algorithms"))?;
        if raw.skew_s > 600 {
            return Err(invalid(field("skew_s"), "expected at most 600"));
        }
        if raw.max_lifetime_s == Some(0) {
            return Err(invalid(field("max_lifetime_s"), "expected more than 0"));
        }
        let whose = (PlayerAuth::NAME, raw.issuer.as_str());
        let keys = IssuerKeys::compile(&raw.keys, whose, algorithms, &field("keys"), host)?;
        let mapping = Mapping::compile(raw.claims, &field("claims"))?;
        let (issuer, skew, max_lifetime) = (raw.issuer, raw.skew_s, raw.max_lifetime_s);
        let rules = Rules { issuer, audiences, skew, max_lifetime };
        let use_of = UseOf::compile(raw.clients, raw.payload_types, at)?;
        let types = raw.types;
        Ok(Self { rules, keys, types, use_of, mapping })
    }
}
