//! A deployed gateway on one machine: whoever connects from here is taken for the edge.
use crate::gateway::fields_mut;
use serde_json::{json, Value};

/// Where a bootstrap has its HTTP filters.
pub const HTTP_FILTERS: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// This machine, as a peer's address.
const HERE: &str = "127.0.0.0/8";

/// Lets every policy that names networks of its own proxies in `address.trusted` trust this machine
/// too, so that a client on it may say what an edge would.
pub fn trust(document: &mut Value) {
    let filters = document.pointer_mut(HTTP_FILTERS).and_then(Value::as_array_mut);
    for filter in filters.into_iter().flatten() {
        let fields = fields_mut(filter);
        let configuration = fields.and_then(|it| it.pointer_mut("/config/configuration/value"));
        let Some(Value::String(text)) = configuration else { continue };
        let Ok(mut policy) = serde_json::from_str::<Value>(text) else { continue };
        if let Some(Value::Array(trusted)) = policy.pointer_mut("/address/trusted") {
            trusted.push(json!(HERE));
            *text = policy.to_string();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_policies_that_know_proxies_are_changed() {
        let filter =
            |text: &str| json!({"typed_config": {"config": {"configuration": {"value": text}}}});
        let texts = [r#"{"address":{"trusted":["10.0.0.0/8"]},"x":1}"#, r#"{"x": 1}"#, "no JSON"];
        let mut filters: Vec<Value> = texts.map(filter).into();
        filters.push(json!({"name": "router"}));
        let manager = json!({"typed_config": {"http_filters": filters}});
        let mut document = json!({"static_resources": {"listeners": [{"filter_chains": [
            {"filters": [manager]}]}]}});
        let before = document.clone();
        trust(&mut document);
        let at =
            |document: &Value, index: usize| document.pointer(HTTP_FILTERS).unwrap()[index].clone();
        let changed = filter(r#"{"address":{"trusted":["10.0.0.0/8","127.0.0.0/8"]},"x":1}"#);
        assert_eq!(at(&document, 0), changed);
        for index in 1..4 {
            assert_eq!(at(&document, index), at(&before, index));
        }
    }
}
