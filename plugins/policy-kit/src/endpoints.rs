//! The map from method and path to an endpoint class.

use std::cmp::Reverse;

use hmac_sha256::Hash;

use crate::endpoint::{segments, Caller, Endpoint, Kind, Pattern};
use crate::select::Select;
use crate::{canonical_path, invalid, ConfigError, EndpointClass, SortedMap};

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
    pub caller: Caller,
    /// The product of the endpoint, if it names one.
    pub product: Option<&'a str>,
    /// The envelope for refusals, if the endpoint names one.
    pub envelope: Option<&'a str>,
    /// The endpoint as the operator wrote it; empty where nothing matched.
    pub endpoint: &'a str,
    pending: Option<&'a Select>,
}

impl Match<'_> {
    /// A request that no rule knows.
    pub const UNCLASSIFIED: Match<'static> = Match {
        class: EndpointClass::Unclassified,
        caller: Caller::Player,
        product: None,
        envelope: None,
        endpoint: "",
        pending: None,
    };

    /// Every class that the call may turn out to have.
    pub fn candidates(&self) -> impl Iterator<Item = EndpointClass> + '_ {
        let pending = self.pending.into_iter().flat_map(Select::classes);
        std::iter::once(self.class).chain(pending)
    }

    /// Whether only the body tells the class.
    pub fn needs_body(&self) -> bool {
        self.pending.is_some()
    }

    /// The match once the body is known. A body that is not sent as JSON may be read as something
    /// else by the upstream, and tells nothing.
    pub fn with_body(self, body: &[u8], sent_as_json: bool) -> Self {
        match self.pending {
            Some(select) if sent_as_json => {
                Self { class: select.by_body(body), pending: None, ..self }
            }
            Some(_) => Self { class: EndpointClass::Unclassified, pending: None, ..self },
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
    pub fn compile(raw: Vec<Endpoint>) -> Result<Self, ConfigError> {
        if raw.is_empty() {
            return Err(invalid("endpoints", "must name at least one endpoint"));
        }
        let mut by_specificity = SortedMap::default();
        for (position, endpoint) in raw.into_iter().enumerate() {
            let pattern = Pattern::compile(endpoint, position)?;
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

    /// Classifies a request by its method and raw target (the `:path` header).
    pub fn classify(&self, method: &[u8], target: &[u8]) -> Match<'_> {
        let Ok(method) = std::str::from_utf8(method) else { return Match::UNCLASSIFIED };
        // Some upstreams take `post` for `POST`.
        if !method.bytes().all(|b| b.is_ascii_uppercase()) {
            return Match::UNCLASSIFIED;
        }
        let Ok(path) = canonical_path(target) else { return Match::UNCLASSIFIED };
        // Taken apart once, not once for every pattern.
        let parts = segments(&path);
        let Some(found) = self.patterns.iter().find(|p| p.matches(method, &parts)) else {
            return Match::UNCLASSIFIED;
        };
        // Some take `/API/bets/` for `/api/bets`: such a path must not be classified as something
        // milder than what it may turn out to be.
        if path.len() > 1 && (path.ends_with('/') || path.bytes().any(|b| b.is_ascii_uppercase())) {
            let careless = self.patterns.iter().find(|p| p.matches_carelessly(method, &path));
            if careless.is_some_and(|other| other.strictness() > found.strictness()) {
                return Match::UNCLASSIFIED;
            }
        }
        let (class, pending) = match &found.kind {
            Kind::Class(class) => (*class, None),
            Kind::Select(select) => match select.by_target(target) {
                Some(class) => (class, None),
                None => (select.strictest(), Some(select)),
            },
        };
        Match {
            class,
            caller: found.caller,
            product: found.product.as_deref(),
            envelope: found.envelope.as_deref(),
            endpoint: &found.written,
            pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compile(json: &str) -> Result<Endpoints, ConfigError> {
        crate::parse::<Vec<Endpoint>>(json.as_bytes()).and_then(Endpoints::compile)
    }

    #[test]
    fn the_most_specific_wins() {
        let map = compile(
            r#"[
            {"prefix": "/", "class": "content"},
            {"prefix": "/api/", "class": "account"},
            {"path": "/api/bets", "class": "history"},
            {"path": "/api/bets", "methods": ["POST"], "class": "wager", "product": "sportsbook"},
            {"template": "/api/bets/{id}", "class": "history"},
            {"path": "/api/bets/open", "methods": ["GET"], "class": "odds"},
            {"template": "/api/bets/{id}/cashout", "class": "cashout"},
            {"template": "/api/{any}/x/cashout", "class": "launch"}
        ]"#,
        )
        .unwrap();
        for (method, target, class, endpoint) in [
            ("POST", "/api/bets", "wager", "/api/bets"),
            ("GET", "/api/bets", "history", "/api/bets"),
            ("post", "/api/bets", "unclassified", ""),
            ("POST", "/api/bets?a=b", "wager", "/api/bets"),
            ("POST", "/api/bets;v=1", "wager", "/api/bets"),
            ("POST", "/api/%62ets", "wager", "/api/bets"),
            ("GET", "/api/bets/7", "history", "/api/bets/{id}"),
            ("GET", "/api/bets/open", "odds", "/api/bets/open"),
            ("POST", "/api/bets/open", "history", "/api/bets/{id}"),
            ("POST", "/api/bets/x/cashout", "cashout", "/api/bets/{id}/cashout"),
            ("POST", "/api/y/x/cashout", "launch", "/api/{any}/x/cashout"),
            ("POST", "/api/bets/", "unclassified", ""),
            ("DELETE", "/api/", "account", "/api/"),
            ("POST", "/api/ACCOUNT/X", "account", "/api/"),
            ("POST", "/api/bets/1/2", "account", "/api/"),
            ("GET", "/api", "account", "/api/"),
            ("GET", "/apis", "content", "/"),
            ("GET", "/", "content", "/"),
            ("GET", "/API/bets", "unclassified", ""),
            ("GET", "/Images/Otter.PNG", "content", "/"),
            ("POST", "/api//bets", "unclassified", ""),
            ("POST", "/lobby/..;/api/bets", "unclassified", ""),
        ] {
            let m = map.classify(method.as_bytes(), target.as_bytes());
            assert_eq!((m.class.as_str(), m.endpoint), (class, endpoint), "{method} {target}");
        }
    }

    #[test]
    fn a_prefix_is_whole_segments() {
        let map = compile(r#"[{"prefix": "/bet", "class": "wager"}]"#).unwrap();
        for (target, class) in [
            ("/bet", "wager"),
            ("/bet/", "wager"),
            ("/bet/1", "wager"),
            ("/betting", "unclassified"),
            ("/", "unclassified"),
        ] {
            assert_eq!(map.classify(b"GET", target.as_bytes()).class.as_str(), class, "{target}");
        }
    }

    #[test]
    fn refused_maps_name_the_endpoint() {
        for (json, field) in [
            ("[]", "endpoints"),
            (r#"[{"class": "wager"}]"#, "endpoints[0]"),
            (r#"[{"path": "/a"}]"#, "endpoints[0]"),
            (
                r#"[{"path": "/a", "select": {"pointer": "type", "classes": {"a": "odds"}}}]"#,
                "endpoints[0].select.pointer",
            ),
            (r#"[{"path": "/a", "select": {"classes": {"a": "odds"}}}]"#, "endpoints[0].select"),
            (
                r#"[{"path": "/a", "select": {"query": "t", "classes": {}}}]"#,
                "endpoints[0].select.classes",
            ),
            (r#"[{"path": "/a", "prefix": "/a", "class": "wager"}]"#, "endpoints[0]"),
            (r#"[{"path": "a", "class": "wager"}]"#, "endpoints[0].path"),
            (r#"[{"path": "/a//b", "class": "wager"}]"#, "endpoints[0].path"),
            (r#"[{"path": "/a/{id}", "class": "wager"}]"#, "endpoints[0].path"),
            (r#"[{"path": "/a?b", "class": "wager"}]"#, "endpoints[0].path"),
            (r#"[{"path": "/%61", "class": "wager"}]"#, "endpoints[0].path"),
            (r#"[{"template": "/a", "class": "wager"}]"#, "endpoints[0].template"),
            (r#"[{"template": "/a/x{id}", "class": "wager"}]"#, "endpoints[0].template"),
            (r#"[{"path": "/a", "methods": [], "class": "wager"}]"#, "endpoints[0].methods"),
            (r#"[{"path": "/a", "methods": ["get"], "class": "wager"}]"#, "endpoints[0].methods"),
            (r#"[{"path": "/a", "class": "wager", "product": "A B"}]"#, "endpoints[0].product"),
            (
                r#"[{"path": "/a", "class": "wager"}, {"path": "/b", "class": "odds"},
                    {"path": "/a", "class": "odds"}]"#,
                "endpoints[2]",
            ),
            (
                r#"[{"template": "/a/{x}", "class": "wager"},
                    {"template": "/a/{y}", "class": "odds"}]"#,
                "endpoints[1]",
            ),
            (
                r#"[{"path": "/a", "methods": ["GET", "POST"], "class": "wager"},
                    {"path": "/a", "methods": ["GET"], "class": "odds"}]"#,
                "endpoints[1]",
            ),
            (
                r#"[{"prefix": "/a", "class": "wager"}, {"prefix": "/a/", "class": "odds"}]"#,
                "endpoints[1]",
            ),
            (r#"[{"path": "/a", "class": "unclassified"}]"#, "[0].class"),
        ] {
            let error = compile(json).map(|_| ()).unwrap_err();
            assert_eq!(error.field, field, "{json}: {error}");
        }
    }

    #[test]
    fn one_url_many_calls() {
        let map = compile(
            r#"[
            {"path": "/one", "envelope": "one", "select": {"pointer": "/type", "classes":
                {"debit": "wager", "credit": "settlement", "balance": "account"}}},
            {"path": "/get", "select": {"query": "action", "classes":
                {"bet": "wager", "win": "settlement"}}}
        ]"#,
        )
        .unwrap();
        let pending = map.classify(b"POST", b"/one");
        assert!(pending.needs_body());
        assert_eq!((pending.class.as_str(), pending.envelope), ("wager", Some("one")));
        for (body, want) in [
            (r#"{"type": "debit"}"#, "wager"),
            (r#"{"type": "credit"}"#, "settlement"),
            (r#"{"type": "credit", "type": "debit"}"#, "unclassified"),
            (r#"{"type": "transfer"}"#, "unclassified"),
            ("", "unclassified"),
        ] {
            let known = map.classify(b"POST", b"/one").with_body(body.as_bytes(), true);
            assert_eq!((known.class.as_str(), known.needs_body()), (want, false), "{body}");
            let form = map.classify(b"POST", b"/one").with_body(body.as_bytes(), false);
            assert_eq!(form.class.as_str(), "unclassified", "{body} as something else");
        }
        for (target, want) in [
            ("/get?action=bet", "wager"),
            ("/get?action=win", "settlement"),
            ("/get?action=win&action=bet", "unclassified"),
            ("/get", "unclassified"),
        ] {
            let known = map.classify(b"GET", target.as_bytes());
            assert_eq!((known.class.as_str(), known.needs_body()), (want, false), "{target}");
        }
    }

    #[test]
    fn the_digest_tells_catalogues_apart() {
        let of = |json: &str| compile(json).unwrap().digest().to_owned();
        let base = of(r#"[{"path": "/a", "class": "wager"}, {"path": "/b", "class": "odds"}]"#);
        assert_eq!(base.len(), 12);
        let reordered = r#"[{"path": "/b", "class": "odds"}, {"path": "/a", "class": "wager"}]"#;
        assert_eq!(of(reordered), base);
        for other in [
            r#"[{"path": "/a", "class": "wager"}, {"path": "/b", "class": "content"}]"#,
            r#"[{"path": "/a", "class": "wager"}, {"prefix": "/b", "class": "odds"}]"#,
            r#"[{"path": "/a", "class": "wager"},
                {"path": "/b", "class": "odds", "methods": ["GET"]}]"#,
            r#"[{"path": "/a", "class": "wager"},
                {"path": "/b", "class": "odds", "product": "casino"}]"#,
        ] {
            assert_ne!(of(other), base, "{other}");
        }
    }

    proptest! {
        /// The order of the file does not matter: the first of all matching patterns by a naive
        /// search over every specificity is the one found.
        #[test]
        fn order_does_not_matter(seed in any::<u64>(), target in "(/(a|b|c|%61|;x)?){1,4}") {
            let json = [
                r#"{"prefix": "/", "class": "content"}"#,
                r#"{"prefix": "/a", "class": "odds"}"#,
                r#"{"path": "/a/b", "class": "wager"}"#,
                r#"{"template": "/a/{x}", "class": "history"}"#,
                r#"{"template": "/{x}/b", "class": "account"}"#,
                r#"{"path": "/a/b", "methods": ["GET"], "class": "launch"}"#,
            ];
            let mut shuffled = json.to_vec();
            for i in (1..shuffled.len()).rev() {
                shuffled.swap(i, (seed.rotate_left(i as u32 * 7) % (i as u64 + 1)) as usize);
            }
            let one = compile(&format!("[{}]", json.join(","))).unwrap();
            let two = compile(&format!("[{}]", shuffled.join(","))).unwrap();
            for method in [&b"GET"[..], b"POST"] {
                let [one, two] = [&one, &two].map(|map| map.classify(method, target.as_bytes()));
                prop_assert_eq!((one.class, one.endpoint), (two.class, two.endpoint));
            }
            prop_assert_eq!(one.digest(), two.digest());
        }
    }
}
