//! Where keys lie. Clients choose their keys, and could choose those that fill one bucket, to have the
//! calls of others refused that lie there; so which bucket that is depends on a number that no client
//! knows. It is made when the first worker of a gateway starts, and lives as long as the keys do.

use policy_kit::Host;

use crate::bytes::number_at;
use crate::names::STORE;
use crate::scope::digest;
use crate::{Scope, StoreFault};

/// How often it is tried where other workers are faster.
const TRIES: usize = 8;

/// A secret way to spread keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scatter(u64);

impl Scatter {
    /// The one that all workers of this gateway use for the store `name`. What makes it a secret is the
    /// nanosecond in which it is made.
    ///
    /// # Errors
    /// Shared data or the clock cannot be used.
    pub fn shared(host: &mut dyn Host, name: &str) -> Result<Self, StoreFault> {
        let entry = format!("{STORE}.{name}.scatter");
        for _ in 0..TRIES {
            let there = host.shared(&entry).map_err(StoreFault::Gateway)?;
            if let Some((value, _)) = there {
                let number = value.as_slice().try_into().map_err(|_| StoreFault::Damaged)?;
                return Ok(Self(u64::from_be_bytes(number)));
            }
            let now = host.now().map_err(StoreFault::Gateway)?;
            // Odd, so that no two scopes come to the same number.
            let number = number_at(&digest(b"scatter", &[&now.to_be_bytes()]), 0) | 1;
            host.set_shared(&entry, &number.to_be_bytes(), None).map_err(StoreFault::Gateway)?;
        }
        Err(StoreFault::Contended)
    }

    /// The bucket of a key, of so many.
    pub(crate) fn bucket(self, scope: &Scope, buckets: u64) -> u64 {
        let number = u128::from(number_at(&scope.0, 0));
        // The upper half: of the lower, the lower bits depend on nothing but the scope's lower bits.
        let spread = (number * u128::from(self.0)) >> 64;
        u64::try_from(spread).unwrap_or_default() % buckets
    }
}

/// For tests and for what no client chooses.
impl Default for Scatter {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::FakeHost;
    use policy_kit::Fault;

    #[test]
    fn all_workers_have_the_first_ones() {
        let mut host = FakeHost { now: 7, ..FakeHost::default() };
        let first = Scatter::shared(&mut host, "a").unwrap();
        host.now = 8;
        assert_eq!(Scatter::shared(&mut host, "a"), Ok(first));
        let other = Scatter::shared(&mut host, "b").unwrap();
        assert_ne!(other, first);
        for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
            let mut host = FakeHost { now: 7, ..FakeHost::default() }.failing(call, 10);
            let fault = Fault { call, status: Some(10) };
            assert_eq!(Scatter::shared(&mut host, "a"), Err(StoreFault::Gateway(fault)));
        }
    }

    /// Keys that fill one bucket of one gateway lie all over another.
    #[test]
    fn who_knows_one_gateway_knows_nothing_of_another() {
        let (one, other) = (Scatter(0x1234_5678_9abc_def1), Scatter(0xfedc_ba98_7654_3211));
        let scopes = (0_u32..20_000).map(|n| Scope(digest(b"test", &[&n.to_be_bytes()])));
        let chosen: Vec<_> = scopes.filter(|scope| one.bucket(scope, 64) == 5).collect();
        assert!(chosen.len() > 200, "{}", chosen.len());
        let together = (0..64)
            .map(|bucket| chosen.iter().filter(|scope| other.bucket(scope, 64) == bucket).count())
            .max();
        assert!(together < Some(chosen.len() / 10), "{together:?} of {}", chosen.len());
    }
}
