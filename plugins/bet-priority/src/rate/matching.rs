//! Which requests a rule is for.

use policy_kit::{invalid, CallerKind, ConfigError, Endpoint, EndpointClass};

use crate::rate::caller::is_bodiless;
use crate::rate::config::limit::MatchConfig;

/// The requests of one rule.
#[derive(Clone, Debug)]
pub(crate) struct Matching {
    classes: Vec<EndpointClass>,
    methods: Option<Vec<String>>,
    endpoints: Option<Vec<String>>,
}

impl Matching {
    /// Compiles the `match` at `at`; `endpoints` are the document's.
    ///
    /// # Errors
    /// Names the field that no request can match.
    pub(crate) fn compile(
        raw: &MatchConfig,
        at: &str,
        endpoints: &[Endpoint],
    ) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        let empty = "must name at least one, or be left out";
        if raw.classes.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid(field("classes"), empty));
        }
        if raw.endpoints.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid(field("endpoints"), empty));
        }
        let token = |m: &String| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase());
        if raw.methods.as_ref().is_some_and(|m| m.is_empty() || !m.iter().all(token)) {
            return Err(invalid(field("methods"), "expected methods in upper case, at least one"));
        }
        let rule = Self {
            classes: raw.classes.clone().unwrap_or_else(|| {
                EndpointClass::ALL.into_iter().filter(|class| !is_protected(*class)).collect()
            }),
            methods: raw.methods.clone(),
            endpoints: raw.endpoints.clone(),
        };
        for (i, path) in raw.endpoints.iter().flatten().enumerate() {
            let at = || format!("{at}.endpoints[{i}]");
            let mut meant = endpoints.iter().filter(|e| written(e) == path).peekable();
            if meant.peek().is_none() {
                return Err(invalid(at(), "is not the path of any of `endpoints`"));
            }
            if !meant.any(|e| rule.shares_a_class(e)) {
                let problem = "can never match: no request to it has one of the rule's classes";
                return Err(invalid(at(), problem));
            }
        }
        for (i, class) in raw.classes.iter().flatten().enumerate() {
            let has = |e: &&Endpoint| rule.names(e) && classes(e).any(|other| other == *class);
            if !endpoints.iter().any(|e| has(&e)) {
                let problem = "can never match: no endpoint of the rule has this class";
                return Err(invalid(format!("{at}.classes[{i}]"), problem));
            }
        }
        for (i, method) in raw.methods.iter().flatten().enumerate() {
            if !rule.meant(endpoints).any(|e| takes(e, method)) {
                let problem = "can never match: no endpoint of the rule takes this method";
                return Err(invalid(format!("{at}.methods[{i}]"), problem));
            }
        }
        if rule.meant(endpoints).next().is_none() {
            return Err(invalid(at, "can never match: no endpoint has one of the rule's classes"));
        }
        Ok(rule)
    }

    /// The endpoints that have requests of the rule, apart from their methods.
    pub(crate) fn meant<'e>(
        &'e self,
        endpoints: &'e [Endpoint],
    ) -> impl Iterator<Item = &'e Endpoint> {
        endpoints.iter().filter(|e| self.names(e) && self.shares_a_class(e))
    }

    /// The classes that it compares with.
    pub(crate) fn classes(&self) -> &[EndpointClass] {
        &self.classes
    }

    /// Whether it is for requests of a method to an endpoint, of whose class it is.
    #[inline]
    pub(crate) fn takes(&self, endpoint: &str, method: &[u8]) -> bool {
        let named = |name: &str| name.as_bytes() == method || (name, method) == ("GET", b"HEAD");
        self.methods.as_ref().is_none_or(|all| all.iter().any(|name| named(name)))
            && self.endpoints.as_ref().is_none_or(|all| all.iter().any(|path| path == endpoint))
    }

    /// Whether some request of the rule may have a body.
    pub(crate) fn has_bodies(&self, endpoints: &[Endpoint]) -> bool {
        let bodily = |method: &String| !is_bodiless(method.as_bytes());
        let any = |methods: &Option<Vec<String>>| {
            methods.as_ref().is_none_or(|methods| methods.iter().any(bodily))
        };
        any(&self.methods) && self.meant(endpoints).any(|e| any(&e.methods))
    }

    /// Whether a partner makes some request of the rule.
    pub(crate) fn has_partners(&self, endpoints: &[Endpoint]) -> bool {
        let settles = |e: &Endpoint| classes(e).any(|class| class == EndpointClass::Settlement);
        let partners = |e: &&Endpoint| e.caller == Some(CallerKind::Partner) || settles(e);
        self.meant(endpoints).any(|e| partners(&e))
    }

    /// Whether some request of the rule may have a valid player token.
    pub(crate) fn has_players(&self, endpoints: &[Endpoint]) -> bool {
        use policy_kit::Token::{None, Partner};
        let checked = |class: EndpointClass| {
            self.classes.contains(&class) && !matches!(class.defaults().token, None | Partner)
        };
        let players =
            |e: &&Endpoint| e.caller != Some(CallerKind::Partner) && classes(e).any(checked);
        self.meant(endpoints).any(|e| players(&e))
    }

    fn names(&self, endpoint: &Endpoint) -> bool {
        self.endpoints.as_ref().is_none_or(|all| all.iter().any(|path| path == written(endpoint)))
    }

    fn shares_a_class(&self, endpoint: &Endpoint) -> bool {
        classes(endpoint).any(|class| self.classes.contains(&class))
    }
}

/// Whether a rule has to name the class, and never stops it for a failure of the gateway.
pub(crate) fn is_protected(class: EndpointClass) -> bool {
    matches!(class, EndpointClass::Settlement | EndpointClass::SaferGambling)
}

fn takes(endpoint: &Endpoint, method: &str) -> bool {
    // Which endpoints take `HEAD` with `GET` is another member's choice.
    let named = |m: &String| m == method || (m == "GET" && method == "HEAD");
    endpoint.methods.as_ref().is_none_or(|methods| methods.iter().any(named))
}

/// An endpoint as `Match::endpoint` names it.
fn written(endpoint: &Endpoint) -> &str {
    let paths = [&endpoint.path, &endpoint.prefix, &endpoint.template];
    paths.into_iter().find_map(Option::as_deref).unwrap_or_default()
}

/// The classes that requests to an endpoint may have.
fn classes(endpoint: &Endpoint) -> impl Iterator<Item = EndpointClass> + '_ {
    let selected = endpoint.select.iter().flat_map(|select| select.classes.values());
    endpoint.class.iter().chain(selected).copied()
}
