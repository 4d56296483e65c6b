//! The map from method and path to an endpoint class.

use std::cmp::Reverse;

use hmac_sha256::Hash;
use policy_wire::{canonical_path, Segments};

use crate::config::error::{invalid, ConfigError};
use crate::config::sorted::SortedMap;
use crate::endpoint::class::EndpointClass;
use crate::endpoint::config::Endpoint;
use crate::endpoint::matched::Match;
use crate::endpoint::pattern::{Kind, Pattern};

/// All endpoints of a configuration, most specific first.
///
/// ```
/// use policy_kit::{Endpoint, EndpointClass, Endpoints};
///
/// let endpoints: Vec<Endpoint> = policy_kit::parse(
///     br#"[{"path": "/api/bets", "methods": ["POST"], "class": "wager"},
///          {"prefix": "/static", "class": "content"}]"#,
/// )?;
/// let endpoints = Endpoints::compile(endpoints)?;
///
/// let class = |method: &str, target: &str| {
///     endpoints.found(endpoints.classify(method.as_bytes(), target.as_bytes())).class
/// };
/// assert_eq!(class("POST", "/api/bets?live=1"), EndpointClass::Wager);
/// assert_eq!(class("GET", "/static/a.png"), EndpointClass::Content);
/// // No endpoint, and a path that two readers read differently.
/// assert_eq!(class("GET", "/api/bets"), EndpointClass::Unclassified);
/// assert_eq!(class("POST", "/static/../api/bets"), EndpointClass::Unclassified);
/// # Ok::<(), policy_kit::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Endpoints {
    patterns: Vec<Pattern>,
    digest: String,
}

/// The class of a request and the endpoint it matched, without borrowing it: for keeping between callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified {
    /// Index of the pattern; `None` where nothing matched.
    at: Option<usize>,
    class: EndpointClass,
    /// Whether only the body tells the class.
    pending: bool,
}

impl Default for Classified {
    fn default() -> Self {
        Self { at: None, class: EndpointClass::Unclassified, pending: false }
    }
}

impl Endpoints {
    /// Compiles the configuration's endpoints.
    ///
    /// # Errors
    /// An empty list, an invalid pattern, or two entries of equal specificity that one request could match:
    /// the class of a request must not depend on the order of the file.
    #[inline]
    pub fn compile(raw: Vec<Endpoint>) -> Result<Self, ConfigError> {
        Self::compile_with(raw, false)
    }

    /// The same, where the operator may choose that endpoints for `GET` match `HEAD` (RFC 9110 section 9.3.2).
    ///
    /// # Errors
    /// As [`Endpoints::compile`].
    #[inline]
    pub fn compile_with(raw: Vec<Endpoint>, head_as_get: bool) -> Result<Self, ConfigError> {
        if raw.is_empty() {
            return Err(invalid("endpoints", "must name at least one endpoint"));
        }
        let mut patterns = Vec::with_capacity(raw.len());
        for (position, endpoint) in raw.into_iter().enumerate() {
            patterns.push(Pattern::compile(endpoint, position)?);
        }
        if head_as_get {
            Pattern::take_heads(&mut patterns);
        }
        let mut by_specificity = SortedMap::default();
        for (position, pattern) in patterns.into_iter().enumerate() {
            by_specificity.insert((Reverse(pattern.specificity()), position), pattern);
        }
        let patterns: Vec<Pattern> = by_specificity.into_iter().map(|(_, p)| p).collect();
        for (i, one) in patterns.iter().enumerate() {
            // Only neighbours of equal specificity can tie.
            let rivals = patterns.iter().skip(i + 1);
            let same = |other: &&Pattern| other.specificity() == one.specificity();
            if let Some(other) = rivals.take_while(same).find(|other| one.ties_with(other)) {
                let (first, second) = (one.position, other.position);
                let problem = format!("matches the same requests as endpoints[{first}]");
                return Err(invalid(format!("endpoints[{second}]"), problem));
            }
        }
        let lines: SortedMap<_, _> = patterns.iter().map(|p| (p.describe(), ())).collect();
        let lines: String = lines.keys().map(String::as_str).collect();
        let digest = Hash::hash(lines.as_bytes());
        let digest = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { patterns, digest })
    }

    /// Twelve hexadecimal digits that differ where two modules classify differently: the first bytes
    /// of the SHA-256 of all endpoints, whatever their order in the file.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether an endpoint belongs to this product.
    pub fn has_product(&self, product: &str) -> bool {
        self.patterns.iter().any(|p| p.product.as_deref() == Some(product))
    }

    /// The envelopes that endpoints refer to, each with the endpoint's position in the configuration.
    pub(crate) fn envelopes(&self) -> impl Iterator<Item = (usize, &str)> {
        self.patterns.iter().filter_map(|p| Some((p.position, p.envelope.as_deref()?)))
    }

    /// The partners that endpoints name, each with the endpoint's position in the configuration.
    pub fn partners(&self) -> impl Iterator<Item = (usize, &str)> {
        let named = self.patterns.iter().map(|p| (p.position, p.partners.iter().flatten()));
        named.flat_map(|(position, names)| names.map(move |name| (position, name.as_str())))
    }

    /// Every endpoint as the operator wrote it, and whether its requests may have this class.
    pub fn written(&self, class: EndpointClass) -> impl Iterator<Item = (&str, bool)> {
        self.patterns.iter().map(move |p| (p.written.as_str(), p.may_have(class)))
    }

    /// The position of an endpoint of which only the body tells if a player or a partner calls it.
    pub fn for_either(&self) -> Option<usize> {
        self.patterns.iter().find(|p| p.is_for_either()).map(|p| p.position)
    }

    /// Classifies a request by its method and raw target (the `:path` header), once for all callbacks;
    /// [`Endpoints::found`] makes a [`Match`] of it.
    pub fn classify(&self, method: &[u8], target: &[u8]) -> Classified {
        self.look_for(method, target).unwrap_or_default()
    }

    /// The match of a request that these endpoints classified.
    pub fn found(&self, classified: Classified) -> Match<'_> {
        let Classified { at, class, pending } = classified;
        let Some(found) = at.and_then(|at| self.patterns.get(at)) else {
            return Match::UNCLASSIFIED;
        };
        let (select, unread_settlement) = match &found.kind {
            Kind::Select(select) if pending => (Some(select), false),
            Kind::Select(select) => (None, select.hides_settlement(class)),
            Kind::Class(_) => (None, false),
        };
        Match {
            class,
            caller: found.caller,
            product: found.product.as_deref(),
            envelope: found.envelope.as_deref(),
            endpoint: &found.written,
            partners: found.partners.as_deref(),
            pending: select,
            unread_settlement,
        }
    }

    fn look_for(&self, method: &[u8], target: &[u8]) -> Option<Classified> {
        // Some upstreams take `post` for `POST`.
        if !method.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
        let path = canonical_path(target).ok()?;
        let measured = Segments::new(&path);
        let at = self.patterns.iter().position(|p| p.matches(method, measured))?;
        let found = self.patterns.get(at)?;
        // Some upstreams take `/API/bets/` for `/api/bets`: such a path must not get a milder class than the
        // endpoint it may reach.
        if path.len() > 1 && (path.ends_with('/') || path.bytes().any(|b| b.is_ascii_uppercase())) {
            let careless = self.patterns.iter().find(|p| p.matches_carelessly(method, &path));
            if careless.is_some_and(|other| other.strictness() > found.strictness()) {
                return None;
            }
        }
        let (class, pending) = match &found.kind {
            Kind::Class(class) => (*class, false),
            Kind::Select(select) => match select.by_target(target) {
                Some(class) => (class, false),
                None => (select.strictest(), true),
            },
        };
        Some(Classified { at: Some(at), class, pending })
    }
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
