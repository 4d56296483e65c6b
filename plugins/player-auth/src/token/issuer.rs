//! One issuer, compiled.

use policy_kit::{invalid, ConfigError, Host};
use policy_token::{algorithms, audiences, IssuerKeys, Rules};

use super::claims::ClaimsMapping;
use super::config::IssuerConfig;
use super::token_use::TokenUse;
use crate::names::NAME;

/// One issuer.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The rules for its tokens' claims.
    pub rules: Rules,
    /// Its keys.
    pub keys: IssuerKeys,
    /// Accepted values of the header's `typ`.
    pub types: Vec<String>,
    /// The clients and the payload types that are accepted.
    pub token_use: TokenUse,
    /// Which claims identify the player.
    pub mapping: ClaimsMapping,
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
        let owner = (NAME, raw.issuer.as_str());
        let keys = IssuerKeys::compile(&raw.keys, owner, algorithms, &field("keys"), host)?;
        let mapping = ClaimsMapping::compile(raw.claims, &field("claims"))?;
        let (issuer, skew, max_lifetime) = (raw.issuer, raw.skew_s, raw.max_lifetime_s);
        let rules = Rules { issuer, audiences, skew, max_lifetime };
        let token_use = TokenUse::compile(raw.clients, raw.payload_types, at)?;
        Ok(Self { rules, keys, types: raw.types, token_use, mapping })
    }
}
