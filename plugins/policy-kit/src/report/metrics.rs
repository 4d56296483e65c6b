//! The counters that every policy has. The `stats_tags` of the examples make labels of `name=value`.

use policy_wire::Host;

use crate::endpoint::class::EndpointClass;

/// The counter of requests by class, decision and the denial's code.
pub fn requests(plugin: &str, class: &str, decision: &str, code: &str) -> String {
    format!("pitboss.{plugin}.requests.class={class}.decision={decision}.code={code}")
}

/// Counts an accepted configuration by the operator's `version` and the digest of its endpoint catalogue, and
/// logs both; `more` is appended to the log line.
pub fn configured(
    host: &mut dyn Host,
    plugin: &str,
    version: &str,
    catalogue: &str,
    more: &[String],
) {
    let version = if version.is_empty() { "none" } else { version };
    let module = env!("CARGO_PKG_VERSION");
    let mut line =
        format!("{plugin}: configured, version {version}, catalogue {catalogue}, module {module}");
    for word in more {
        line += &format!(", {word}");
    }
    host.log(log::Level::Info, &line);
    host.count(&format!("pitboss.{plugin}.configured.version={version}.catalogue={catalogue}"));
}

/// A counter per class. Most requests end in the same way, so the names of those counters are made once.
#[derive(Debug)]
pub struct PerClass([String; EndpointClass::ALL.len()]);

impl PerClass {
    /// The counters that `name` makes of the classes.
    pub fn new(name: impl Fn(&str) -> String) -> Self {
        Self(EndpointClass::ALL.map(|class| name(class.as_str())))
    }

    /// The counters of one decision without a code.
    pub fn requests(plugin: &str, decision: &str) -> Self {
        Self::new(|class| requests(plugin, class, decision, "none"))
    }

    /// Defines them all, so that no request has to.
    pub fn define(&self, host: &mut dyn Host) {
        self.0.iter().for_each(|name| host.define_counter(name));
    }

    /// The counter of a class.
    pub fn of(&self, class: EndpointClass) -> &str {
        // `ALL` has the classes in the order of their discriminants; the test checks each.
        self.0.get(class as usize).map(String::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_counter() {
        let passes = PerClass::requests("audit", "allow");
        for class in EndpointClass::ALL {
            assert_eq!(passes.of(class), requests("audit", class.as_str(), "allow", "none"));
        }
    }
}
