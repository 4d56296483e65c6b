//! Names of entries in shared data. The gateway has one map for the workers of a node, all plugins and all
//! their configurations.

use hmac_sha256::Hash;

/// The name of a plugin's entry of a kind. Configurations with the same `parts` share the entry, so the parts
/// must be all that its value depends on.
pub fn shared_name(plugin: &str, kind: &str, parts: &[&str]) -> String {
    let mut digest = Hash::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    let digest = digest.finalize();
    let digest = digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    format!("pitboss.{plugin}.{kind}.{digest:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// While a gateway is updated, workers of two versions share a map: names stay.
    #[test]
    fn names_stay_the_same_across_versions() {
        for (parts, want) in [
            (&["a", "b"][..], "pitboss.p.keys.8fb20ef63ced4145"),
            (&["ab"], "pitboss.p.keys.969caaeb3626c0d5"),
            (&[], "pitboss.p.keys.e3b0c44298fc1c14"),
        ] {
            assert_eq!(shared_name("p", "keys", parts), want, "{parts:?}");
        }
    }
}
