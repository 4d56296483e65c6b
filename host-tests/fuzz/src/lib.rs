//! Mutated inputs for the parsers of hostile bytes.
//!
//! A target gives good inputs and the words of its grammar; [`run`] changes them and hands each result to a
//! check, which panics where the parser does what it must not do. A run is repeatable: its inputs follow from
//! `PITBOSS_SEED` (1 where it is not set), and there are `PITBOSS_FUZZ` of them (2,000).
#![warn(missing_docs)]

use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};

/// Most bytes of an input.
const LONGEST: usize = 4_096;

/// Checks mutated inputs.
///
/// # Panics
/// The check does. The seed, the number of the input and its bytes are printed before.
pub fn run(target: &str, seeds: &[&[u8]], words: &[&str], check: impl Fn(&[u8])) {
    let (seed, inputs) = (setting("PITBOSS_SEED", 1), setting("PITBOSS_FUZZ", 2_000));
    for number in 0..inputs {
        let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
        let input = mutated(seeds, words, &mut dice);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&input))) {
            let text = String::from_utf8_lossy(&input);
            eprintln!("{target}: PITBOSS_SEED={seed}, input {number}: {input:02x?} {text:?}");
            resume_unwind(panic);
        }
    }
}

fn setting(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// One of the seeds, changed in up to eight places.
fn mutated(seeds: &[&[u8]], words: &[&str], dice: &mut Dice) -> Vec<u8> {
    let mut input = dice.choose(seeds).map(|seed| seed.to_vec()).unwrap_or_default();
    for _ in 0..dice.below(9) {
        let at = dice.below(input.len() + 1);
        let until = (at + dice.below(16)).min(input.len());
        match dice.below(8) {
            0 => flip(&mut input, at, 1 << dice.below(8)),
            1 => flip(&mut input, at, u8::try_from(dice.below(256)).unwrap_or_default()),
            2 => drop(input.drain(at..until)),
            3 => input.truncate(at),
            4 => {
                insert(&mut input, at, dice.choose(words).map_or(&b""[..], |word| word.as_bytes()))
            }
            5 => {
                let again = input.get(at..until).unwrap_or_default().to_vec();
                insert(&mut input, at, &again);
            }
            6 => {
                let other = dice.choose(seeds).copied().unwrap_or_default();
                let from = dice.below(other.len() + 1);
                insert(&mut input, at, other.get(from..).unwrap_or_default());
            }
            _ => insert(
                &mut input,
                at,
                &[*dice.choose(b"\0\t\n\r \"#%&,./:;=?\\{}[]\x7f\x80\xff").unwrap_or(&0)],
            ),
        }
        input.truncate(LONGEST);
    }
    input
}

fn flip(input: &mut [u8], at: usize, bits: u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= bits;
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

/// Numbers that look random and follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    fn inputs() -> Vec<Vec<u8>> {
        let seen: RefCell<Vec<Vec<u8>>> = RefCell::default();
        run("test", &[b"{\"a\":1}", b"[]"], &["null", "\"b\""], |input| {
            seen.borrow_mut().push(input.to_vec());
        });
        seen.into_inner()
    }

    #[test]
    fn inputs_differ_and_a_run_can_be_repeated() {
        let all = inputs();
        assert_eq!(all, inputs());
        assert!(all.iter().collect::<BTreeSet<_>>().len() > all.len() / 2);
        assert!(all.iter().any(|input| input.windows(4).any(|part| part == b"null")));
    }

    #[test]
    fn a_check_that_panics_fails_the_run() {
        let fails = || run("test", &[b"abc"], &[], |input| assert!(input.starts_with(b"abc")));
        assert!(catch_unwind(fails).is_err());
    }
}
