//! A keyed hash: SipHash-2-4 (Aumasson and Bernstein, 2012). It costs a tenth of a block of SHA-256 for a short
//! key, and who does not know the secret cannot find two keys with one hash.

use crate::limits::seed::HashKey;

/// Hashes bytes under a secret.
#[inline]
pub fn keyed_hash(key: HashKey, bytes: &[u8]) -> u64 {
    let HashKey(k0, k1) = key;
    // The constants spell "somepseudorandomlygeneratedbytes".
    let mut state = State([
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ]);
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        state.take(u64::from_le_bytes(*word));
        rest = after;
    }
    // The last word: what is left, and the length modulo 256 in its highest byte.
    let mut last = (bytes.len() as u64) << 56;
    for (i, byte) in rest.iter().enumerate() {
        last |= u64::from(*byte) << (8 * i);
    }
    state.take(last);
    state.finish()
}

struct State([u64; 4]);

impl State {
    #[inline]
    fn take(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    #[inline]
    fn finish(mut self) -> u64 {
        self.0[2] ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        let [a, b, c, d] = self.0;
        a ^ b ^ c ^ d
    }

    #[inline]
    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.0;
        a = a.wrapping_add(b);
        c = c.wrapping_add(d);
        b = b.rotate_left(13) ^ a;
        d = d.rotate_left(16) ^ c;
        a = a.rotate_left(32).wrapping_add(d);
        c = c.wrapping_add(b);
        d = d.rotate_left(21) ^ a;
        b = b.rotate_left(17) ^ c;
        self.0 = [a, b, c.rotate_left(32), d];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[allow(deprecated)] // as a yardstick
    use std::hash::{Hasher, SipHasher};

    /// The example of the paper's appendix A.
    #[test]
    fn agrees_with_the_paper() {
        let key = HashKey(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        let text: Vec<u8> = (0..15).collect();
        assert_eq!(keyed_hash(key, &text), 0xa129_ca61_49be_45e5);
    }

    proptest! {
        #[test]
        #[allow(deprecated)]
        fn agrees_with_std(k0: u64, k1: u64, text in prop::collection::vec(any::<u8>(), 0..70)) {
            let mut yardstick = SipHasher::new_with_keys(k0, k1);
            yardstick.write(&text);
            prop_assert_eq!(keyed_hash(HashKey(k0, k1), &text), yardstick.finish());
        }
    }
}
