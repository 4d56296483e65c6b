//! Which requests a rule is for, which of them are bets, and which bets are the same.

use policy_kit::{invalid, query, ConfigError, Content, Endpoint, EndpointClass};

use crate::config::checks::{is_visible, pointers, within, MOST};
use crate::config::document::{DoubleClickConfig, DoubleClickMode};
use crate::config::rule::RuleConfig;
use crate::names::MILLI;
use crate::policy::identity::Fingerprint;

/// Safe methods (RFC 9110 section 9.2.1). Any other method, known or not, may change something.
const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];
/// Methods that a rule cannot name; `HEAD` goes with `GET`.
const UNUSABLE: [&str; 4] = ["OPTIONS", "HEAD", "CONNECT", "TRACE"];

/// The requests of one rule.
#[derive(Clone, Debug)]
pub(crate) struct RequestMatcher {
    pub(crate) classes: Vec<EndpointClass>,
    partners: Option<Vec<String>>,
    endpoints: Option<Vec<String>>,
    /// All that are not safe, if `None`.
    methods: Option<Vec<String>>,
}

impl RequestMatcher {
    /// Compiles the matching members of the rule at `at`; `endpoints` are the document's.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(
        raw: &RuleConfig,
        at: &str,
        endpoints: &[Endpoint],
    ) -> Result<Self, ConfigError> {
        if raw.classes.is_empty() {
            return Err(invalid(format!("{at}.classes"), "must name at least one class"));
        }
        let partners = raw.partners.as_deref();
        let named = |names: &[String]| !names.is_empty() && names.iter().all(|n| is_visible(n));
        if !partners.is_none_or(named) {
            let problem = "expected partners' names, at least one";
            return Err(invalid(format!("{at}.partners"), problem));
        }
        if raw.endpoints.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid(format!("{at}.endpoints"), "must name at least one endpoint"));
        }
        for (i, path) in raw.endpoints.iter().flatten().enumerate() {
            let mut meant = endpoints.iter().filter(|e| written(e) == Some(path.as_str()));
            let at = format!("{at}.endpoints[{i}]");
            if meant.clone().next().is_none() {
                return Err(invalid(at, "is not the path of any of `endpoints`"));
            }
            if !meant.any(|e| classes(e).any(|class| raw.classes.contains(&class))) {
                return Err(invalid(
                    at,
                    "has no effect: no request to it has one of these classes",
                ));
            }
        }
        let token = |m: &String| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase());
        let usable = |m: &String| token(m) && !UNUSABLE.contains(&m.as_str());
        if raw.methods.as_ref().is_some_and(|m| m.is_empty() || !m.iter().all(usable)) {
            let problem =
                "expected methods in upper case, at least one, and none of OPTIONS, HEAD, \
                           CONNECT and TRACE";
            return Err(invalid(format!("{at}.methods"), problem));
        }
        Ok(Self {
            classes: raw.classes.clone(),
            partners: raw.partners.clone(),
            endpoints: raw.endpoints.clone(),
            methods: raw.methods.clone(),
        })
    }

    /// The requests that need a key by the catalogue.
    pub(crate) fn catalogue() -> Self {
        let classes = EndpointClass::ALL.into_iter().filter(|c| c.defaults().idempotency);
        let classes = classes.collect();
        Self { classes, partners: None, endpoints: None, methods: None }
    }

    /// Whether a request matches, apart from its caller.
    pub(crate) fn matches(&self, class: EndpointClass, endpoint: &str, method: &str) -> bool {
        // The cheapest comparison first.
        if !self.classes.contains(&class) {
            return false;
        }
        let among = |list: &[String], one| list.iter().any(|other| other == one);
        // An upstream may treat HEAD as GET.
        let method = if method == "HEAD" { "GET" } else { method };
        let meant = match &self.methods {
            None => !SAFE.contains(&method),
            Some(methods) => among(methods, method),
        };
        meant && self.endpoints.as_ref().is_none_or(|e| among(e, endpoint))
    }

    /// Whether requests of `partner` match; `None` is a caller that is no partner.
    pub(crate) fn matches_caller(&self, partner: Option<&str>) -> bool {
        match &self.partners {
            None => true,
            Some(names) => partner.is_some_and(|name| names.iter().any(|other| other == name)),
        }
    }

    /// Whether only partners' requests match: partners are named, or all classes are settlements.
    pub(crate) fn is_partners_only(&self) -> bool {
        let settles = |class: &EndpointClass| *class == EndpointClass::Settlement;
        self.partners.is_some() || self.classes.iter().all(settles)
    }

    /// Whether it depends on the caller if a request matches.
    pub(crate) fn depends_on_caller(&self) -> bool {
        self.partners.is_some()
    }

    /// Whether the rules before this one match all of its requests.
    pub(crate) fn is_covered_by<'a>(&self, before: impl Iterator<Item = &'a Self>) -> bool {
        let all = |matcher: &&Self| matcher.partners.is_none() && matcher.endpoints.is_none();
        let before: Vec<_> = before.filter(all).collect();
        let covers = |class: &EndpointClass, method: Option<&String>| {
            before.iter().any(|b| {
                let meant = match (&b.methods, method) {
                    (None, None) => true,
                    (None, Some(method)) => !SAFE.contains(&method.as_str()),
                    (Some(_), None) => false,
                    (Some(methods), Some(method)) => methods.contains(method),
                };
                meant && b.classes.contains(class)
            })
        };
        self.classes.iter().all(|class| match &self.methods {
            None => covers(class, None),
            Some(methods) => methods.iter().all(|method| covers(class, Some(method))),
        })
    }
}

/// An endpoint as `Match::endpoint` names it.
fn written(endpoint: &Endpoint) -> Option<&str> {
    endpoint.path.as_deref().or(endpoint.prefix.as_deref()).or(endpoint.template.as_deref())
}

/// The classes that requests to an endpoint may have.
fn classes(endpoint: &Endpoint) -> impl Iterator<Item = EndpointClass> + '_ {
    let selected = endpoint.select.iter().flat_map(|select| select.classes.values());
    endpoint.class.iter().chain(selected).copied()
}

/// Fewest bets that are remembered by default: four of each of 10,000 players, with a third of the slots in
/// use.
const LEAST: u64 = 131_072;
/// Slots for each bet: they fill unevenly.
const SPARE: u64 = 3;

/// A compiled `double_click`.
#[derive(Clone, Debug)]
pub struct DoubleClickRule {
    /// How the second bet is treated; never `off`.
    pub mode: DoubleClickMode,
    /// How long a bet is remembered, in nanoseconds.
    pub window: u64,
    /// Classes whose requests are bets.
    pub classes: Vec<EndpointClass>,
    /// JSON pointers to the members that make two bets the same.
    pub same: Vec<String>,
    /// Query parameters that count, besides the path.
    query: Vec<String>,
    /// Bets that are remembered at once.
    pub bets: usize,
}

impl DoubleClickRule {
    /// Compiles the document's `double_click`; `None` where it is off. `keyed` is whether requests of a
    /// class may have keys, `rate` the most bets a second.
    ///
    /// # Errors
    /// Names the field, also where it is off.
    pub(crate) fn compile(
        raw: DoubleClickConfig,
        keyed: impl Fn(EndpointClass) -> bool,
        rate: u64,
    ) -> Result<Option<Self>, ConfigError> {
        let at = "double_click";
        let field = |name: &str| format!("{at}.{name}");
        if raw.classes.is_empty() {
            return Err(invalid(field("classes"), "must name at least one class"));
        }
        if let Some(i) = raw.classes.iter().position(|class| !keyed(*class)) {
            let problem = "has no effect: requests of this class have no keys";
            return Err(invalid(format!("{at}.classes[{i}]"), problem));
        }
        let window = within(Some(raw.window_ms), 0, (100, 60_000), || field("window_ms"))?;
        let of_a_window = rate.saturating_mul(window).div_ceil(1_000);
        let needed = of_a_window.saturating_mul(SPARE);
        let given = raw.bets.map(|bets| bets as u64);
        let bets = within(given, needed.max(LEAST), (16, MOST), || field("bets"))?;
        if given.is_some_and(|given| given < of_a_window) {
            let problem = format!(
                "has no room for the {of_a_window} bets that `store.rate` brings in one `window_ms`: \
                 expected {needed}, or leave it out"
            );
            return Err(invalid(field("bets"), problem));
        }
        if let Some(i) = raw.query.iter().position(|name| !is_visible(name)) {
            let problem = "expected a parameter's name in visible ASCII";
            return Err(invalid(format!("{at}.query[{i}]"), problem));
        }
        pointers(&raw.same, &field("same"))?;
        let rule = Self {
            mode: raw.mode,
            window: window * MILLI,
            classes: raw.classes,
            same: raw.same,
            query: raw.query,
            bets: usize::try_from(bets).unwrap_or(usize::MAX),
        };
        Ok(Some(rule).filter(|rule| rule.mode != DoubleClickMode::Off))
    }

    /// The fingerprint of a request as a bet; `None` if it lacks a member that counts. Other query parameters
    /// (`?_=1`) do not count.
    pub(crate) fn bet(
        &self,
        method: &[u8],
        target: &[u8],
        content: &Content<'_>,
    ) -> Option<Fingerprint> {
        let mut what = target.split(|b| *b == b'?').next().unwrap_or_default().to_vec();
        for name in &self.query {
            // A parameter that is ambiguous is treated as missing.
            let value = query::parameter(target, name).ok()??;
            // No target has a line feed; the length keeps values apart.
            what.extend_from_slice(format!("\n{}:{value}", value.len()).as_bytes());
        }
        Fingerprint::of_bet(method, &what, content, &self.same)
    }
}

#[cfg(test)]
#[path = "double_click_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "matching_tests.rs"]
mod matching_tests;
