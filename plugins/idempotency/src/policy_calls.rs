//! Which calls a rule is for.

use policy_kit::{invalid, ConfigError, Endpoint, EndpointClass};

use crate::config::RuleConfig;

/// Methods that only read (RFC 9110 section 9.2.1). What is none of these, known or not, may change
/// something.
const READING: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];
/// Methods that no rule can name; `HEAD` goes with `GET`.
const CALL_LESS: [&str; 4] = ["OPTIONS", "HEAD", "CONNECT", "TRACE"];

/// The calls of one rule.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    pub(crate) classes: Vec<EndpointClass>,
    partners: Option<Vec<String>>,
    endpoints: Option<Vec<String>>,
    /// `None` for all that may change something.
    methods: Option<Vec<String>>,
}

impl Calls {
    /// Compiles what a rule says of its calls; `at` is the rule, `endpoints` are the document's.
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
        let name = |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
        if partners.is_some_and(|names| names.is_empty() || !names.iter().all(name)) {
            return Err(invalid(
                format!("{at}.partners"),
                "expected partners' names, at least one",
            ));
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
                return Err(invalid(at, "has no effect: no call to it is of these classes"));
            }
        }
        let token = |m: &String| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase());
        let usable = |m: &String| token(m) && !CALL_LESS.contains(&m.as_str());
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

    /// What the catalogue wants a key for, whatever the rules say.
    pub(crate) fn of_the_catalogue() -> Self {
        let classes = EndpointClass::ALL.into_iter().filter(|c| c.defaults().idempotency);
        let classes = classes.collect();
        Self { classes, partners: None, endpoints: None, methods: None }
    }

    /// Whether a call is one of these, as far as its caller does not matter.
    pub(crate) fn have(&self, class: EndpointClass, endpoint: &str, method: &str) -> bool {
        // What costs least to see first.
        if !self.classes.contains(&class) {
            return false;
        }
        let among = |list: &[String], one| list.iter().any(|other| other == one);
        // Who answers to GET answers to HEAD, and may do the same.
        let method = if method == "HEAD" { "GET" } else { method };
        let meant = match &self.methods {
            None => !READING.contains(&method),
            Some(methods) => among(methods, method),
        };
        meant && self.endpoints.as_ref().is_none_or(|e| among(e, endpoint))
    }

    /// Whether calls of `partner` (or of nobody who is one) are among them.
    pub(crate) fn have_caller(&self, partner: Option<&str>) -> bool {
        match &self.partners {
            None => true,
            Some(names) => partner.is_some_and(|name| names.iter().any(|other| other == name)),
        }
    }

    /// Whose they are only, if that is known: of partners where partners are named, or nothing but
    /// settlements; of players in no case, because a partner may have players' classes.
    pub(crate) fn are_partners(&self) -> bool {
        let settles = |class: &EndpointClass| *class == EndpointClass::Settlement;
        self.partners.is_some() || self.classes.iter().all(settles)
    }

    /// Whether they are only those of some partners.
    pub(crate) fn ask_who_calls(&self) -> bool {
        self.partners.is_some()
    }

    /// Whether none of these calls is left by the rules before this one.
    pub(crate) fn are_covered_by<'a>(&self, before: impl Iterator<Item = &'a Self>) -> bool {
        let all = |calls: &&Self| calls.partners.is_none() && calls.endpoints.is_none();
        let before: Vec<_> = before.filter(all).collect();
        let covers = |class: &EndpointClass, method: Option<&String>| {
            before.iter().any(|b| {
                let meant = match (&b.methods, method) {
                    (None, None) => true,
                    (None, Some(method)) => !READING.contains(&method.as_str()),
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

/// An endpoint as `Match::endpoint` tells it.
fn written(endpoint: &Endpoint) -> Option<&str> {
    endpoint.path.as_deref().or(endpoint.prefix.as_deref()).or(endpoint.template.as_deref())
}

/// The classes that calls to an endpoint may have.
fn classes(endpoint: &Endpoint) -> impl Iterator<Item = EndpointClass> + '_ {
    let selected = endpoint.select.iter().flat_map(|select| select.classes.values());
    endpoint.class.iter().chain(selected).copied()
}

#[cfg(test)]
#[path = "policy_calls_tests.rs"]
mod tests;
