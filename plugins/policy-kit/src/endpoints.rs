//! The map from method and path to an endpoint class.

use std::cmp::Reverse;

use hmac_sha256::Hash;

use policy_wire::Segments;

use crate::endpoint::{is_partners, CallerKind, Endpoint, Kind, Pattern};
use crate::select::Select;
use crate::{canonical_path, invalid, ConfigError, Content, EndpointClass, SortedMap};

/// All endpoints of a configuration, most specific first.
#[derive(Clone, Debug)]
pub struct Endpoints {
    patterns: Vec<Pattern>,
    digest: String,
}

/// What a request turned out to be.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The class; [`EndpointClass::Unclassified`] where nothing matched or the path is unsafe. While
    /// [`Match::needs_body`] says so, the strictest of the candidates.
    pub class: EndpointClass,
    /// Who calls it.
    pub caller: CallerKind,
    /// The product of the endpoint, if it names one.
    pub product: Option<&'a str>,
    /// The envelope for refusals, if the endpoint names one.
    pub envelope: Option<&'a str>,
    /// The endpoint as the operator wrote it; empty where nothing matched.
    pub endpoint: &'a str,
    /// The partners that may call it, where the endpoint names them.
    pub partners: Option<&'a [String]>,
    pending: Option<&'a Select>,
    /// Neither target nor body told the class, and one that they could have told is `settlement`.
    unread_settlement: bool,
}

/// What a request turned out to be, without its endpoint's words: for keeping from one callback to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified {
    /// Which of the patterns.
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

impl Match<'_> {
    /// A request that no rule knows.
    pub const UNCLASSIFIED: Match<'static> = Match {
        class: EndpointClass::Unclassified,
        caller: CallerKind::Player,
        product: None,
        envelope: None,
        endpoint: "",
        partners: None,
        pending: None,
        unread_settlement: false,
    };

    /// Every class that the call may turn out to have.
    pub fn candidates(&self) -> impl Iterator<Item = EndpointClass> + '_ {
        let pending = self.pending.into_iter().flat_map(Select::classes);
        std::iter::once(self.class).chain(pending)
    }

    /// Whether the call may be a settlement, whose money may be owed: before its class is known, and where
    /// neither its target nor its body tell the class.
    pub fn may_settle(&self) -> bool {
        self.unread_settlement || self.candidates().any(|class| class == EndpointClass::Settlement)
    }

    /// Whether it is a partner that makes this call.
    pub fn is_partners(&self) -> bool {
        is_partners(self.caller, self.class)
    }

    /// Whether a partner of this name is one that the endpoint is for.
    pub fn is_for(&self, partner: &[u8]) -> bool {
        let named = |name: &String| name.as_bytes() == partner;
        !partner.is_empty() && self.partners.is_none_or(|names| names.iter().any(named))
    }

    /// Whether only the body tells the class.
    pub fn needs_body(&self) -> bool {
        self.pending.is_some()
    }

    /// The match once the body is known. One that cannot be read, or that readers disagree about where it
    /// tells the class, tells nothing.
    pub fn with_body(self, content: &Content<'_>) -> Self {
        match self.pending {
            Some(select) => {
                let class = select.by_body(content);
                let unread_settlement = select.hides_settlement(class);
                Self { class, pending: None, unread_settlement, ..self }
            }
            None => self,
        }
    }
}

impl Endpoints {
    /// Compiles the configuration's endpoints.
    ///
    /// # Errors
    /// An empty list, an unreadable pattern, or two entries of equal specificity that one request
    /// could match: which class such a request has must not depend on the order of the file.
    #[inline]
    pub fn compile(raw: Vec<Endpoint>) -> Result<Self, ConfigError> {
        Self::compile_with(raw, false)
    }

    /// The same where the operator may choose that `HEAD` is what `GET` is (RFC 9110 section 9.3.2).
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

    /// The envelopes that endpoints refer to, each with the endpoint's place in the configuration.
    pub(crate) fn envelopes(&self) -> impl Iterator<Item = (usize, &str)> {
        self.patterns.iter().filter_map(|p| Some((p.position, p.envelope.as_deref()?)))
    }

    /// The partners that endpoints name, each with the endpoint's place in the configuration.
    pub fn partners(&self) -> impl Iterator<Item = (usize, &str)> {
        let named = self.patterns.iter().map(|p| (p.position, p.partners.iter().flatten()));
        named.flat_map(|(position, names)| names.map(move |name| (position, name.as_str())))
    }

    /// The place of an endpoint of which only the body tells if a player calls it or a partner.
    pub fn for_either(&self) -> Option<usize> {
        self.patterns.iter().find(|p| p.is_for_either()).map(|p| p.position)
    }

    /// Classifies a request by its method and raw target (the `:path` header), once and for all its
    /// callbacks: [`Endpoints::found`] makes a match of it.
    pub fn classify(&self, method: &[u8], target: &[u8]) -> Classified {
        self.look_for(method, target).unwrap_or_default()
    }

    /// What was classified by these endpoints.
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
        // Some take `/API/bets/` for `/api/bets`: such a path must not be classified as something
        // milder than what it may turn out to be.
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
