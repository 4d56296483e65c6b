//! Where keys and owners lie. Clients choose their keys, and could choose those that fill one bucket, to
//! have the calls of others refused that lie there; so which bucket that is depends on a number that no
//! client knows. It is made when the store is, and lives as long: [`crate::Boot`].

use crate::bytes::number_at;

/// A secret way to spread keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scatter(u64);

impl Scatter {
    /// Spreads by this number, which should be known to nobody.
    pub fn new(secret: u64) -> Self {
        // Odd, so that no two digests come to the same number; and great, so that they come to all buckets.
        Self(secret | 1 | 1 << 63)
    }

    /// The bucket of a digest, of so many.
    pub(crate) fn bucket(self, digest: &[u8; 32], buckets: u64) -> u64 {
        let number = u128::from(number_at(digest, 0));
        // The upper half: of the lower, the lower bits depend on nothing but the digest's lower bits.
        let spread = (number * u128::from(self.0)) >> 64;
        u64::try_from(spread).unwrap_or_default() % buckets.max(1)
    }
}

/// For tests.
impl Default for Scatter {
    fn default() -> Self {
        Self::new(0x9e37_79b9_7f4a_7c15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::digest;

    /// Keys that fill one bucket of one gateway lie all over another.
    #[test]
    fn who_knows_one_gateway_knows_nothing_of_another() {
        let (one, other) =
            (Scatter::new(0x1234_5678_9abc_def1), Scatter::new(0xfedc_ba98_7654_3211));
        let digests = (0_u32..20_000).map(|n| digest(b"test", &[&n.to_be_bytes()]));
        let chosen: Vec<_> = digests.filter(|digest| one.bucket(digest, 64) == 5).collect();
        assert!(chosen.len() > 200, "{}", chosen.len());
        let together = (0..64)
            .map(|bucket| chosen.iter().filter(|it| other.bucket(it, 64) == bucket).count())
            .max();
        assert!(together < Some(chosen.len() / 10), "{together:?} of {}", chosen.len());
    }
}
