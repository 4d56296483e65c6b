//! bet-priority as its example configures it.
use super::error::SurgeError;
use super::variant::Variant;
use crate::bench::{deployed, wasm, Build};
use serde_json::{json, Value};

/// What the names of the gauges of its limit begin with.
const GAUGE: &str = "wasmcustom.pitboss.bet-priority.limit";
/// The longest wait of content, in milliseconds, where the configuration names none.
const CONTENT_WAIT_MS: u64 = 1000;
/// Its document in a filter of Envoy's.
const DOCUMENT: &str = "/typed_config/config/configuration/value";

/// The variant with the example's bet-priority behind what knows players and partners, or why there is none.
pub(super) fn bet_priority(variant: Variant) -> Result<Result<Variant, String>, SurgeError> {
    let build = Build::here()?;
    let example = build.examples.join("bet-priority.yaml");
    if !example.is_file() {
        return Ok(Err("envoy-examples/bet-priority.yaml does not exist".to_owned()));
    }
    let mut filters = deployed(&build, "bet-priority")?;
    filters.retain(|it| it.pointer("/typed_config/config/name") == Some(&json!("bet-priority")));
    let content_wait_ms = filters.first().and_then(document).as_ref().and_then(content_wait_ms);
    filters.iter_mut().for_each(only_the_queue);
    filters.insert(0, wasm("facts"));
    let variant = Variant { filters, gauge: Some(GAUGE), content_wait_ms, ..variant };
    Ok(match variant.find_modules() {
        Ok(()) => Ok(variant),
        Err(missing) => Err(missing.to_string()),
    })
}

fn document(filter: &Value) -> Option<Value> {
    serde_json::from_str(filter.pointer(DOCUMENT)?.as_str()?).ok()
}

/// What a surge has no part in: all of its clients have one address, and it has no players.
const OTHERS: [&str; 5] = ["limits", "descriptors", "fleet", "market", "abuse"];

/// Leaves the queue of the document.
fn only_the_queue(filter: &mut Value) {
    let Some(mut document) = document(filter) else { return };
    let fields = document.as_object_mut();
    if let (Some(fields), Some(text)) = (fields, filter.pointer_mut(DOCUMENT)) {
        fields.retain(|name, _| !OTHERS.contains(&name.as_str()));
        *text = document.to_string().into();
    }
}

/// The longest wait of content: of the group that has the class.
fn content_wait_ms(document: &Value) -> Option<u64> {
    let has_content = |group: &&Value| match group.get("classes").and_then(Value::as_array) {
        Some(classes) => classes.contains(&json!("content")),
        None => true,
    };
    let groups = document.get("concurrency")?.as_array()?;
    // A group without classes has what no other group has.
    let group = groups.iter().filter(has_content).max_by_key(|it| it.get("classes").is_some())?;
    let wait = group.pointer("/queue/classes/content/queue_ms");
    Some(wait.and_then(Value::as_u64).unwrap_or(CONTENT_WAIT_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Value {
        json!({"typed_config": {"config": {"configuration": {"value": text}}}})
    }

    #[test]
    fn content_has_the_longest_wait_of_its_group() {
        let rest = r#"{"name": "rest", "queue": {"classes": {"content": {"queue_ms": 700}}}}"#;
        let bets = r#"{"name": "bets", "classes": ["wager"], "queue": {}}"#;
        let lobby = r#"{"name": "lobby", "classes": ["content"], "queue": {}}"#;
        for (groups, wanted) in [
            (vec![rest], Some(700)),
            (vec![bets, rest], Some(700)),
            (vec![rest, lobby], Some(1000)),
            (vec![r#"{"name": "rest"}"#], Some(1000)),
            (vec![bets], None),
        ] {
            let text = format!(r#"{{"concurrency": [{}]}}"#, groups.join(", "));
            let document = document(&filter(&text)).unwrap();
            assert_eq!(content_wait_ms(&document), wanted, "{text}");
        }
        assert_eq!(content_wait_ms(&json!({})), None);
    }

    #[test]
    fn only_the_queue_is_left() {
        for (text, wanted) in [
            (r#"{"limits":[],"concurrency":[],"market":{}}"#, r#"{"concurrency":[]}"#),
            ("no JSON", "no JSON"),
        ] {
            let mut changed = filter(text);
            only_the_queue(&mut changed);
            assert_eq!(changed, filter(wanted));
        }
    }
}
