//! Names of entries that the workers of one node share. The gateway's map is one for all plugins and all
//! their configurations.

use hmac_sha256::Hash;

use crate::HttpCall;

/// The name of a plugin's entry of a kind. Whoever has the same `parts` has the same entry: they are all
/// that what is kept there depends on.
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

impl HttpCall {
    /// What makes it another question than others, for [`shared_name`]: whom it asks, and the values of
    /// its headers in their order.
    pub fn parts(&self) -> Vec<&str> {
        let mut parts = vec![&*self.target];
        for (_, value) in &self.headers {
            parts.push(value);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// While a gateway is updated, workers of two versions share a map: names stay.
    #[test]
    fn names_are_what_they_are() {
        for (parts, want) in [
            (&["a", "b"][..], "pitboss.p.keys.8fb20ef63ced4145"),
            (&["ab"], "pitboss.p.keys.969caaeb3626c0d5"),
            (&[], "pitboss.p.keys.e3b0c44298fc1c14"),
        ] {
            assert_eq!(shared_name("p", "keys", parts), want, "{parts:?}");
        }
    }
}
