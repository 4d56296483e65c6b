//! For tests: a document, and a request as its client sends it.

use std::collections::BTreeMap;

use policy_kit::facts;
use policy_kit::fake::Pair;
use serde_json::Value;

/// A document with one permit and these members.
pub(crate) fn document(changes: &Value) -> String {
    let mut document: Value =
        serde_json::from_str(include_str!("../testdata/document.json")).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

/// A request as its client sends it, with what earlier filters published.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) headers: Vec<Pair>,
    pub(crate) body: Option<String>,
    pub(crate) facts: BTreeMap<String, String>,
    pub(crate) address: &'static str,
}

impl Ask {
    /// Without a body.
    pub(crate) fn get(path: &str) -> Self {
        Self::to("GET", path)
    }

    /// With an empty document.
    pub(crate) fn post(path: &str) -> Self {
        Self::to("POST", path).with("content-type", "application/json").body("{}")
    }

    fn to(method: &str, path: &str) -> Self {
        let headers = [(":method", method), (":path", path), (":authority", "casino.test")];
        let headers = headers.map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).into();
        Self { headers, body: None, facts: BTreeMap::new(), address: "198.51.100.7:40000" }
            .fact(facts::PLAYER, "p-1")
            .fact(facts::BRAND, "lucky-otter")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        self
    }

    pub(crate) fn body(mut self, body: impl ToString) -> Self {
        self.body = Some(body.to_string());
        self
    }

    pub(crate) fn from(self, address: &'static str) -> Self {
        Self { address, ..self }
    }

    pub(crate) fn has_body(&self, body: &str) -> bool {
        self.body.as_deref() == Some(body)
    }

    pub(crate) fn fact(mut self, name: &str, value: &str) -> Self {
        self.facts.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn player(self, player: &str) -> Self {
        self.fact(facts::PLAYER, player)
    }

    pub(crate) fn partner(mut self, partner: &str, proof: &str) -> Self {
        self.facts.remove(facts::PLAYER);
        self.fact(facts::PARTNER, partner).fact(facts::PARTNER_PROOF, proof)
    }
}
