//! Keys of counted things: digests under a secret, so that no client can choose which key, or which bucket, a
//! name of its choice gets, and shared data holds no names.

use hmac_sha256::Hash;

/// An account, an address or a player, as a table knows it.
pub type Key = [u8; 16];

/// The secret by which keys are made. All workers of a node must have the same one.
#[derive(Clone, Copy)]
pub struct Keying(u64);

impl Keying {
    /// By a number that no client knows.
    pub fn new(secret: u64) -> Self {
        Self(secret)
    }

    /// The key of what these parts name together; `kind` keeps things of different kinds apart.
    pub(crate) fn key(self, kind: &str, parts: &[&[u8]]) -> Key {
        let mut digest = Hash::new();
        digest.update(self.0.to_be_bytes());
        digest.update([u8::try_from(kind.len()).unwrap_or(u8::MAX)]);
        digest.update(kind);
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().first_chunk().copied().unwrap_or_default()
    }
}

/// Never shows the secret.
impl std::fmt::Debug for Keying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keying")
    }
}

/// The bucket of a key, of `buckets`. The key depends on the secret already.
pub(crate) fn bucket_of(key: &Key, buckets: u64) -> u64 {
    key.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)) % buckets.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_depend_on_every_part_and_on_the_secret() {
        let keying = Keying::new(7);
        let base = keying.key("account", &[b"brand", b"name"]);
        assert_eq!(base, keying.key("account", &[b"brand", b"name"]));
        for other in [
            Keying::new(8).key("account", &[b"brand", b"name"]),
            keying.key("address", &[b"brand", b"name"]),
            keying.key("account", &[b"brandn", b"ame"]),
            keying.key("account", &[b"brand", b"name", b""]),
            keying.key("accountb", &[b"rand", b"name"]),
        ] {
            assert_ne!(base, other);
        }
        assert_eq!(format!("{keying:?}"), "Keying");
    }

    /// Names in sequence reach all buckets, about as often.
    #[test]
    fn keys_spread_over_buckets() {
        let mut filled = [0u32; 64];
        for n in 0..6_400u32 {
            let key = Keying::new(1).key("account", &[&n.to_be_bytes()]);
            filled[bucket_of(&key, 64) as usize] += 1;
        }
        assert!(filled.iter().all(|n| (60..150).contains(n)), "{filled:?}");
        assert_eq!(bucket_of(&[255; 16], 0), 0);
    }
}
