//! The compiled configuration.

use std::net::IpAddr;

use policy_kit::{
    invalid, Brands, ConfigError, DecisionRecorder, Endpoints, Envelopes, HeaderNames, Headers,
    Host, Match, Profile, Trust, Unclassified, FORWARDED_HEADERS, MEANING_HEADERS,
};

use super::class_rules::ClassRules;
use super::facts::Facts;
use crate::config::{Config, TokenRule};
use crate::names::{NAME, OWN_HEADERS};
use crate::partner::config::UnverifiedConfig;
use crate::partner::partners::Partners;
use crate::partner::read_config;
use crate::player_state::rules::PlayerStateRules;
use crate::revocation::feed::Feed;
use crate::revocation::owners::Owners;
use crate::token::credential::{CredentialSource, CredentialSources};
use crate::token::rules::TokenRules;

/// A validated configuration, immutable for the life of the VM.
#[derive(Debug)]
pub struct Policy {
    /// The gateway that the operator named.
    pub profile: Profile,
    /// The operator's name for this version of the document; may be empty.
    pub version: String,
    /// Whose tokens are accepted.
    pub tokens: TokenRules,
    /// Which player states stop which requests, if any do.
    pub player_states: Option<PlayerStateRules>,
    /// The feed of revocations, if one is configured.
    pub revocations: Option<Feed>,
    /// Where requests carry tokens.
    pub credentials: CredentialSources,
    /// Whether credentials are forwarded.
    pub forward_credential: bool,
    /// Headers that are stripped from every request: those that only this plugin sets, and those that
    /// would change the request's class.
    pub stripped: HeaderNames,
    /// The partners; `None` if partners are not authenticated.
    pub partners: Option<Partners>,
    /// Limits for callers that are not yet authenticated as partners.
    pub unverified: UnverifiedConfig,
    /// Counters of requests that pass.
    pub recorder: DecisionRecorder,
    trust: Trust,
    pub(super) brands: Brands,
    pub(super) realm: String,
    pub(super) rules: ClassRules,
    pub(super) unclassified: Unclassified,
    pub(super) envelopes: Envelopes,
    pub(super) endpoints: Endpoints,
}

impl Policy {
    /// Compiles a configuration. The host is only asked for environment variables.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: Config, host: &mut dyn Host) -> Result<Self, ConfigError> {
        check(&raw)?;
        let mut tokens = TokenRules::compile(raw.issuers, raw.introspection, host)?;
        let brands = Brands::compile(raw.brands)?;
        let has_states = tokens.mappings().any(|mapping| mapping.has_states());
        let unique = raw.players_unique || (tokens.mappings().count() == 1 && brands.is_one());
        let player_states = PlayerStateRules::compile(
            raw.player_state,
            has_states,
            unique,
            &brands,
            &raw.endpoints,
            host,
        )?;
        if let Some(states) = &player_states {
            tokens.mappings().for_each(|mapping| mapping.read_states(&states.names));
        }
        let rules = || tokens.issuers.iter().map(|issuer| &issuer.rules);
        let lifetimes: Vec<_> = rules().map(|rules| rules.max_lifetime).collect();
        let owners = Owners::new(brands.names(), rules().map(|rules| rules.issuer.as_str()));
        let skew = tokens.max_skew();
        let feed = raw.revocations.map(|raw| Feed::compile(raw, &lifetimes, skew, owners, host));
        let envelopes = Envelopes::compile(raw.envelopes)?;
        let endpoints = Endpoints::compile_with(raw.endpoints, raw.head_as_get)?;
        envelopes.check(&endpoints)?;
        let unverified = raw.unverified.as_ref().map(read_config::unverified).transpose()?;
        let unverified = unverified.unwrap_or_default();
        let environment = raw.environment.as_ref().map(read_config::environment).transpose()?;
        let partners = match &raw.partners {
            None => None,
            Some(partners) => Some(Partners::compile(
                read_config::partners(partners)?,
                environment.unwrap_or_default(),
                unverified.max_body_bytes,
                raw.host,
                host,
            )?),
        };
        Partners::check(partners.as_ref(), &endpoints, &envelopes, &brands)?;
        let stripped = MEANING_HEADERS.into_iter().chain(OWN_HEADERS).chain(tokens.headers());
        let mut stripped = HeaderNames::new(stripped);
        let credentials = CredentialSources::compile(raw.credentials)?;
        // Other spellings of headers that hold credentials, or that a trusted proxy sets, are stripped:
        // an upstream could read them instead.
        let of_players = credentials.all().iter().filter_map(CredentialSource::header);
        let of_partners = partners.iter().flat_map(Partners::headers);
        for name in of_players.chain(of_partners).chain(FORWARDED_HEADERS) {
            stripped.insert_spelt(name);
        }
        Ok(Self {
            profile: raw.host,
            version: raw.version,
            tokens,
            player_states,
            revocations: feed.transpose()?,
            credentials,
            forward_credential: raw.forward_credential,
            stripped,
            partners,
            unverified,
            recorder: DecisionRecorder::new(NAME),
            trust: Trust::compile(&raw.address, "address")?,
            brands,
            realm: raw.realm,
            rules: ClassRules::compile(raw.classes, &raw.on_error)?,
            unclassified: raw.unclassified,
            envelopes,
            endpoints,
        })
    }

    /// The digest of the endpoint catalogue.
    pub fn catalogue(&self) -> &str {
        self.endpoints.digest()
    }

    /// The client's address. Read only when needed: it costs a host call, and most tokens are cached.
    pub fn source(&self, headers: &Headers, peer: Option<IpAddr>) -> Option<IpAddr> {
        self.trust.origin(peer, headers).client
    }

    /// Whether the peer is a proxy of the operator's.
    pub fn trusts(&self, headers: &Headers, peer: Option<IpAddr>) -> bool {
        self.trust.origin(peer, headers).trusted_peer
    }

    /// The endpoint of a request.
    pub fn endpoint(&self, facts: &Facts) -> Match<'_> {
        self.endpoints.found(facts.classified)
    }

    /// The partners, if the request must be one's.
    pub fn partners_for(&self, endpoint: &Match<'_>, facts: &Facts) -> Option<&Partners> {
        self.partners.as_ref().filter(|_| endpoint.is_partners() && !facts.preflight)
    }

    /// Whether the credential of a request to `endpoint` is checked, for any class that it may turn out
    /// to have. A credential that is not checked is left in the request.
    pub fn checks_credential(&self, endpoint: &Match<'_>, facts: &Facts) -> bool {
        let checks = |class| {
            let rule = self.rules.by(endpoint.caller, class);
            rule.is_none_or(|rule| rule.token != TokenRule::None)
        };
        !facts.preflight && endpoint.candidates().any(checks)
    }
}

/// Checks what needs no compiling.
#[inline(never)]
fn check(raw: &Config) -> Result<(), ConfigError> {
    policy_kit::version(&raw.version)?;
    TokenRules::check_count(raw.issuers.len(), raw.introspection.is_some())?;
    let realm = |b: u8| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\';
    if raw.realm.is_empty() || !raw.realm.bytes().all(realm) {
        return Err(invalid("realm", "expected printable ASCII without quotes"));
    }
    if raw.cache_tokens > 100_000 {
        return Err(invalid("cache_tokens", "expected at most 100000"));
    }
    raw.failures.check("failures")
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
