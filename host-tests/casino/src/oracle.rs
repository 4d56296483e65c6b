//! Deterministic randomness: digests of the seed and a topic.

use sha2::{Digest, Sha256};

/// The casino's only source of randomness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oracle {
    seed: u64,
}

impl Oracle {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// 32 bytes that depend on the seed, the topic and the number, and nothing else.
    pub(crate) fn bytes(&self, topic: &str, number: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"casino oracle\0");
        hash.update(self.seed.to_be_bytes());
        hash.update(topic.as_bytes());
        hash.update(b"\0");
        hash.update(number.to_be_bytes());
        hash.finalize().into()
    }

    /// A number from 0 to `below - 1`; 0 when `below` is 0.
    pub(crate) fn pick(&self, topic: &str, number: u64, below: u64) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes(topic, number);
        u64::from_be_bytes([a, b, c, d, e, f, g, h]).checked_rem(below).unwrap_or(0)
    }

    /// An opaque hexadecimal word of 32 characters, for session and refresh tokens.
    pub(crate) fn word(&self, topic: &str, number: u64) -> String {
        use std::fmt::Write;
        self.bytes(topic, number).iter().take(16).fold(String::new(), |mut word, byte| {
            // Writing to a String cannot fail.
            let _ = write!(word, "{byte:02x}");
            word
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_depends_on_seed_topic_and_number_only() {
        let one = Oracle::new(1);
        assert_eq!(one.word("sid", 7), Oracle::new(1).word("sid", 7));
        assert_ne!(one.word("sid", 7), Oracle::new(2).word("sid", 7));
        assert_ne!(one.word("sid", 7), one.word("rid", 7));
        assert_ne!(one.word("sid", 7), one.word("sid", 8));
        assert_eq!(one.word("sid", 7).len(), 32);
        assert_eq!(one.pick("x", 1, 0), 0);
        assert!((0..200).all(|n| one.pick("x", n, 6) < 6));
    }
}
