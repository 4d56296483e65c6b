//! Secrets by which keys are spread over buckets. Clients choose their keys, and could otherwise choose keys that
//! fill one bucket, so that requests of others are refused.

use hmac_sha256::Hash;
use policy_wire::{Fault, Host};

use crate::limits::fault::SlotFault;

/// How often a compare-and-swap is tried.
const TRIES: usize = 8;
/// First byte of a secret in shared data: the format of what follows.
const FORM: u8 = 1;

/// A secret number that spreads digests over buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSeed(u64);

impl BucketSeed {
    /// Spreads by a number that no client knows.
    pub fn new(secret: u64) -> Self {
        // Odd, so that no two digests give the same product; large, so that they reach all buckets.
        Self(secret | 1 | 1 << 63)
    }

    /// The bucket of a digest, of `buckets`.
    pub fn bucket(self, digest: &[u8; 32], buckets: u64) -> u64 {
        let number = u128::from(digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)));
        // The upper half: the low bits of the lower half depend on the digest's low bits only.
        let spread = (number * u128::from(self.0)) >> 64;
        u64::try_from(spread).unwrap_or_default() % buckets.max(1)
    }
}

/// For tests.
impl Default for BucketSeed {
    fn default() -> Self {
        Self::new(0x9e37_79b9_7f4a_7c15)
    }
}

/// A key of 128 bits for [`keyed_hash`](crate::keyed_hash).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKey(pub(crate) u64, pub(crate) u64);

impl HashKey {
    /// A key of this worker alone, made of the gateway's random bytes and the time.
    ///
    /// # Errors
    /// The clock is unavailable.
    pub fn local(host: &mut dyn Host) -> Result<Self, Fault> {
        let now = host.now()?;
        Ok(Self::of(&made(host.random().unwrap_or_default(), now)))
    }

    /// The key that all workers of this gateway share under a name, or begins it. It lives as long as shared
    /// data does.
    ///
    /// # Errors
    /// Shared data or the clock is unavailable, or holds something else under that name.
    pub fn shared(host: &mut dyn Host, name: &str) -> Result<Self, SlotFault> {
        for _ in 0..TRIES {
            if let Some((value, _)) = host.shared(name).map_err(SlotFault::Host)? {
                let secret =
                    value.strip_prefix(&[FORM]).and_then(|it| <&[u8; 16]>::try_from(it).ok());
                return secret.map(Self::of).ok_or(SlotFault::Damaged);
            }
            let now = host.now().map_err(SlotFault::Host)?;
            let secret = made(host.random().unwrap_or_default(), now);
            let value: Vec<u8> = std::iter::once(FORM).chain(secret).collect();
            // Whether this or another worker began it, the next turn finds it.
            host.set_shared(name, &value, None).map_err(SlotFault::Host)?;
        }
        Err(SlotFault::Contended)
    }

    fn of(secret: &[u8; 16]) -> Self {
        let number = u128::from_le_bytes(*secret);
        let half = |shift: u32| u64::try_from(number >> shift & u128::from(u64::MAX)).unwrap_or(0);
        Self(half(0), half(64))
    }
}

fn made(random: [u8; 16], now: u64) -> [u8; 16] {
    let mut digest = Hash::new();
    digest.update(b"pitboss hash key");
    digest.update(random);
    digest.update(now.to_be_bytes());
    digest.finalize().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

    #[test]
    fn all_workers_find_the_first_secret() {
        let mut host = FakeHost { now: 7, random: Some([1; 16]), ..FakeHost::default() };
        let first = HashKey::shared(&mut host, "a");
        host.now = 8;
        host.random = Some([2; 16]);
        assert_eq!(HashKey::shared(&mut host, "a"), first);
        assert_ne!(HashKey::shared(&mut host, "b"), first);
        assert_ne!(HashKey::local(&mut host).map_err(SlotFault::Host), first);
        for damaged in [&b""[..], &[1; 16], &[2; 17], &[1; 18]] {
            host.shared.insert("a".to_owned(), (damaged.to_vec(), 1));
            assert_eq!(HashKey::shared(&mut host, "a"), Err(SlotFault::Damaged), "{damaged:?}");
        }
    }

    #[test]
    fn a_gateway_without_shared_data_has_none() {
        let calls = [
            "proxy_get_shared_data",
            "proxy_set_shared_data",
            "proxy_get_current_time_nanoseconds",
        ];
        for call in calls {
            let mut host = FakeHost::default().failing(call, 10);
            let fault = Fault { call, status: Some(10) };
            assert_eq!(HashKey::shared(&mut host, "a"), Err(SlotFault::Host(fault)));
        }
        let mut host = FakeHost { now: 7, ..FakeHost::default() };
        assert!(HashKey::local(&mut host).is_ok(), "without random bytes there is the clock");
    }
}
