//! Runs a deployed gateway on one machine: local clients are trusted as the edge.
use crate::gateway::document::fields_mut;
pub use crate::gateway::document::HTTP_FILTERS;
use crate::own_address::own_address;
use serde_json::{json, Map, Value};
use std::net::Ipv4Addr;

/// This machine, as a peer's address.
const HERE: &str = "127.0.0.0/8";

/// The most that `address.hops` may be.
const MOST_HOPS: u64 = 16;

/// Adds this machine to `address.trusted` of every policy that has it, so that local clients may set the
/// headers of an edge.
///
/// For a client on a loopback address Envoy appends the machine's own address to `x-forwarded-for`. That
/// address is trusted as well and counts as one more hop.
pub fn trust(document: &mut Value) {
    trust_from(document, own_address());
}

fn trust_from(document: &mut Value, own: Ipv4Addr) {
    let filters = document.pointer_mut(HTTP_FILTERS).and_then(Value::as_array_mut);
    for filter in filters.into_iter().flatten() {
        let fields = fields_mut(filter);
        let configuration = fields.and_then(|it| it.pointer_mut("/config/configuration/value"));
        let Some(Value::String(text)) = configuration else { continue };
        let Ok(mut policy) = serde_json::from_str::<Value>(text) else { continue };
        let address = policy.get_mut("address").and_then(Value::as_object_mut);
        if address.is_some_and(|it| extend(it, own)) {
            *text = policy.to_string();
        }
    }
}

/// Whether the policy names proxies at all.
fn extend(address: &mut Map<String, Value>, own: Ipv4Addr) -> bool {
    let Some(Value::Array(trusted)) = address.get_mut("trusted") else { return false };
    trusted.push(json!(HERE));
    if !own.is_loopback() {
        trusted.push(json!(own));
    }
    // An equal last entry is the peer itself, not a hop.
    if own != Ipv4Addr::LOCALHOST {
        let hops = address.get("hops").map_or(Some(1), Value::as_u64);
        if let Some(hops) = hops.filter(|it| *it < MOST_HOPS) {
            address.insert("hops".to_owned(), json!(hops + 1));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Value {
        json!({"typed_config": {"config": {"configuration": {"value": text}}}})
    }

    #[test]
    fn this_machine_is_one_more_trusted_hop() {
        let proxies = r#"{"address":{"trusted":["10.0.0.0/8"]},"x":1}"#;
        let hops = r#"{"address":{"hops":HOPS,"trusted":["10.0.0.0/8"]},"x":1}"#;
        let at = |hops_: &str| hops.replace("HOPS", hops_);
        let here = |hops: &str, own: &str| {
            format!(r#"{{"address":{{{hops}"trusted":["10.0.0.0/8","127.0.0.0/8"{own}]}},"x":1}}"#)
        };
        let own = r#","192.0.2.7""#;
        for (text, machine, wanted) in [
            (proxies.to_owned(), [192, 0, 2, 7], here(r#""hops":2,"#, own)),
            (at("2"), [192, 0, 2, 7], here(r#""hops":3,"#, own)),
            (at("2"), [127, 0, 0, 2], here(r#""hops":3,"#, "")),
            (at("2"), [127, 0, 0, 1], here(r#""hops":2,"#, "")),
            (proxies.to_owned(), [127, 0, 0, 1], here("", "")),
            // Left to the module, which refuses it or takes no more.
            (at("16"), [192, 0, 2, 7], here(r#""hops":16,"#, own)),
            (at("-1"), [192, 0, 2, 7], here(r#""hops":-1,"#, own)),
            (r#"{"x": 1}"#.to_owned(), [192, 0, 2, 7], r#"{"x": 1}"#.to_owned()),
            ("no JSON".to_owned(), [192, 0, 2, 7], "no JSON".to_owned()),
        ] {
            let manager =
                json!({"typed_config": {"http_filters": [filter(&text), {"name": "router"}]}});
            let mut document = json!({"static_resources": {"listeners": [{"filter_chains": [
                {"filters": [manager]}]}]}});
            trust_from(&mut document, machine.into());
            let filters = document.pointer(HTTP_FILTERS).unwrap();
            assert_eq!(filters, &json!([filter(&wanted), {"name": "router"}]));
        }
    }
}
