//! The parts of a bootstrap document that are rewritten.
use serde_json::Value;

/// Where a bootstrap has its HTTP filters.
pub const HTTP_FILTERS: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// The fields of a filter's `typed_config`, also inside a TypedStruct.
pub(crate) fn fields_mut(filter: &mut Value) -> Option<&mut Value> {
    let config = filter.get_mut("typed_config")?;
    match config.get("type_url").or_else(|| config.get("typeUrl")) {
        Some(_) => config.get_mut("value"),
        None => Some(config),
    }
}
