//! Names of the counters that every policy has. The parts after a dot and before `=` become labels by
//! the `stats_tags` of the examples.

/// Requests by class, decision and the refusal's code.
pub fn requests(plugin: &str, class: &str, decision: &str, code: &str) -> String {
    format!("pitboss.{plugin}.requests.class={class}.decision={decision}.code={code}")
}

/// Configurations accepted: the operator's name for one, and the catalogue's digest.
pub fn configured(plugin: &str, version: &str, catalogue: &str) -> String {
    format!("pitboss.{plugin}.configured.version={version}.catalogue={catalogue}")
}
