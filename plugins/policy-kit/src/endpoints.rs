//! The map from method and path to an endpoint class.

use crate::endpoint::{Endpoint, Pattern};
use crate::{canonical_path, invalid, ConfigError, EndpointClass};

/// All endpoints of a configuration, most specific first.
#[derive(Clone, Debug)]
pub struct Endpoints {
    patterns: Vec<Pattern>,
}

/// What a request turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// The class; [`EndpointClass::Unclassified`] where nothing matched or the path is unsafe.
    pub class: EndpointClass,
    /// The product of the endpoint, if it names one.
    pub product: Option<&'a str>,
    /// The endpoint as the operator wrote it; empty where nothing matched.
    pub endpoint: &'a str,
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
        let mut patterns = Vec::with_capacity(raw.len());
        for (position, endpoint) in raw.into_iter().enumerate() {
            patterns.push(Pattern::compile(endpoint, position)?);
        }
        patterns.sort_by_cached_key(|p| std::cmp::Reverse(p.specificity()));
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
        Ok(Self { patterns })
    }

    /// Classifies a request by its method and raw target (the `:path` header).
    pub fn classify(&self, method: &[u8], target: &[u8]) -> Match<'_> {
        let unclassified =
            Match { class: EndpointClass::Unclassified, product: None, endpoint: "" };
        let Ok(method) = std::str::from_utf8(method) else { return unclassified };
        let Ok(path) = canonical_path(target) else { return unclassified };
        match self.patterns.iter().find(|p| p.matches(method, &path)) {
            Some(p) => {
                Match { class: p.class, product: p.product.as_deref(), endpoint: &p.written }
            }
            None => unclassified,
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
            ("post", "/api/bets", "history", "/api/bets"),
            ("POST", "/api/bets?a=b", "wager", "/api/bets"),
            ("POST", "/api/bets;v=1", "wager", "/api/bets"),
            ("POST", "/api/%62ets", "wager", "/api/bets"),
            ("GET", "/api/bets/7", "history", "/api/bets/{id}"),
            ("GET", "/api/bets/open", "odds", "/api/bets/open"),
            ("POST", "/api/bets/open", "history", "/api/bets/{id}"),
            ("POST", "/api/bets/x/cashout", "cashout", "/api/bets/{id}/cashout"),
            ("POST", "/api/y/x/cashout", "launch", "/api/{any}/x/cashout"),
            ("POST", "/api/bets/", "account", "/api/"),
            ("POST", "/api/bets/1/2", "account", "/api/"),
            ("GET", "/api", "account", "/api/"),
            ("GET", "/apis", "content", "/"),
            ("GET", "/", "content", "/"),
            ("GET", "/API/bets", "content", "/"),
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
                prop_assert_eq!(
                    one.classify(method, target.as_bytes()),
                    two.classify(method, target.as_bytes())
                );
            }
        }
    }
}
