//! Networks that hide where a player is: VPN, Tor, hosting, as a trusted proxy tells it.

use std::collections::{BTreeMap, BTreeSet};

use policy_kit::{invalid, ConfigError, EndpointClass, Headers, One};

use crate::config::AnonymousConfig;

/// Which kinds are told, and which are refused where.
#[derive(Debug, Default)]
pub struct Anonymous {
    headers: Vec<(String, String)>,
    refuse: BTreeMap<EndpointClass, BTreeSet<String>>,
}

impl Anonymous {
    /// Compiles the configuration's `anonymous`.
    ///
    /// # Errors
    /// No header, a header that is none, a refused kind that no header tells.
    pub fn compile(raw: AnonymousConfig) -> Result<Self, ConfigError> {
        if raw.headers.is_empty() {
            return Err(invalid("anonymous.headers", "must name at least one header"));
        }
        let kinds: BTreeSet<&String> = raw.headers.values().collect();
        for (class, refused) in raw.refuse.iter() {
            if let Some(j) = refused.iter().position(|kind| !kinds.contains(kind)) {
                let at = format!("anonymous.refuse.{class}[{j}]");
                return Err(invalid(at, "is not a kind of `anonymous.headers`"));
            }
        }
        let mut headers = Vec::with_capacity(raw.headers.len());
        for (position, (name, kind)) in raw.headers.iter().enumerate() {
            let at = format!("anonymous.headers (entry {} in alphabetical order)", position + 1);
            headers.push((policy_kit::header_name(&at, name)?, kind.clone()));
        }
        let refuse = raw.refuse.into_iter().map(|(c, kinds)| (c, kinds.into_iter().collect()));
        Ok(Self { headers, refuse: refuse.collect() })
    }

    /// The kinds told of a request. A header that is neither yes nor no, or given twice, counts as
    /// yes: whoever meddles with it hides something.
    pub fn kinds<'a>(&'a self, headers: &'a Headers) -> impl Iterator<Item = &'a str> {
        let told = |name: &str| match headers.one(name) {
            One::Absent => false,
            One::Value(value) => !matches!(value, b"" | b"0" | b"false"),
            One::Many => true,
        };
        self.headers.iter().filter(move |(name, _)| told(name)).map(|(_, kind)| kind.as_str())
    }

    /// Whether a kind is refused for a class. `by_default` says what holds for a class not named.
    pub fn refuses(&self, class: EndpointClass, kind: &str, by_default: bool) -> bool {
        self.refuse.get(&class).map_or(by_default, |kinds| kinds.contains(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_told() {
        let raw =
            r#"{"headers": {"x-vpn": "vpn", "x-tor": "tor"}, "refuse": {"account": ["tor"]}}"#;
        let anonymous = policy_kit::parse(raw.as_bytes()).and_then(Anonymous::compile).unwrap();
        type Sent = &'static [(&'static str, &'static str)];
        let cases: &[(Sent, &[&str])] = &[
            (&[], &[]),
            (&[("x-vpn", "false"), ("x-tor", "0")], &[]),
            (&[("x-vpn", "")], &[]),
            (&[("x-vpn", "true")], &["vpn"]),
            (&[("x-vpn", "1"), ("x-tor", "true")], &["tor", "vpn"]),
            (&[("x-vpn", "perhaps")], &["vpn"]),
            (&[("x-vpn", "false"), ("x-vpn", "false")], &["vpn"]),
        ];
        for (sent, want) in cases {
            let pairs = sent.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
            let headers = Headers::from_pairs(pairs);
            assert_eq!(anonymous.kinds(&headers).collect::<Vec<_>>(), *want, "{sent:?}");
        }
        for (class, kind, by_default, want) in [
            (EndpointClass::Account, "tor", false, true),
            (EndpointClass::Account, "vpn", true, false),
            (EndpointClass::Wager, "vpn", true, true),
            (EndpointClass::History, "vpn", false, false),
        ] {
            assert_eq!(anonymous.refuses(class, kind, by_default), want, "{class} {kind}");
        }
    }

    #[test]
    fn refused_documents() {
        for (json, field) in [
            (r#"{"headers": {}}"#, "anonymous.headers"),
            (
                r#"{"headers": {"X-Vpn": "vpn"}}"#,
                "anonymous.headers (entry 1 in alphabetical order)",
            ),
            (
                r#"{"headers": {"x-vpn": "vpn"}, "refuse": {"wager": ["vpn", "tor"]}}"#,
                "anonymous.refuse.wager[1]",
            ),
        ] {
            let error = policy_kit::parse(json.as_bytes()).and_then(Anonymous::compile);
            assert_eq!(error.map(|_| ()).unwrap_err().field, field, "{json}");
        }
    }
}
