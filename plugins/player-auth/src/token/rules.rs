//! Issuers and introspection: whose tokens are accepted.

use policy_kit::{invalid, ConfigError, Host};

use super::claims::ClaimsMapping;
use super::config::{IntrospectionConfig, IssuerConfig};
use super::introspection::{self, Introspection};
use super::issuer::Issuer;

/// Most issuers: each one costs a fetch.
const MAX_ISSUERS: usize = 32;

/// The compiled `issuers` and `introspection`.
#[derive(Debug)]
pub struct TokenRules {
    /// The issuers, in the configuration's order.
    pub issuers: Vec<Issuer>,
    /// The service for tokens that are not JWTs, if one is configured.
    pub introspection: Option<Introspection>,
}

impl TokenRules {
    /// Compiles the configuration's `issuers` and `introspection`.
    ///
    /// # Errors
    /// Names the field.
    #[inline(never)]
    pub fn compile(
        issuers: Vec<IssuerConfig>,
        introspection: Option<IntrospectionConfig>,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let mut compiled: Vec<Issuer> = Vec::with_capacity(issuers.len());
        for (i, issuer) in issuers.into_iter().enumerate() {
            let at = format!("issuers[{i}]");
            if compiled.iter().any(|other| other.rules.issuer == issuer.issuer) {
                return Err(invalid(format!("{at}.issuer"), "is given twice"));
            }
            compiled.push(Issuer::compile(issuer, &at, host)?);
        }
        let introspection = introspection.map(|raw| Introspection::compile(raw, host));
        Ok(Self { issuers: compiled, introspection: introspection.transpose()? })
    }

    /// Checks the number of issuers, before anything is compiled.
    ///
    /// # Errors
    /// Too many issuers, or no source of tokens at all.
    pub fn check_count(issuers: usize, introspection: bool) -> Result<(), ConfigError> {
        if issuers == 0 && !introspection {
            let problem = "must name at least one, or there must be an `introspection`";
            return Err(invalid("issuers", problem));
        }
        match issuers > MAX_ISSUERS {
            true => Err(invalid("issuers", "expected at most 32")),
            false => Ok(()),
        }
    }

    /// The claims of each issuer and of introspection.
    pub fn mappings(&mut self) -> impl Iterator<Item = &mut ClaimsMapping> {
        let issuers = self.issuers.iter_mut().map(|issuer| &mut issuer.mapping);
        issuers.chain(self.introspection.iter_mut().map(|service| &mut service.mapping))
    }

    /// The upstream headers that hold claims.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        let issuers = self.issuers.iter().flat_map(|issuer| issuer.mapping.headers());
        issuers.chain(self.introspection.iter().flat_map(|service| service.mapping.headers()))
    }

    /// The largest permitted clock skew, in seconds.
    pub fn max_skew(&self) -> u64 {
        let skews = self.issuers.iter().map(|issuer| issuer.rules.skew);
        skews.max().unwrap_or(0).max(introspection::SKEW)
    }
}
