//! Seeded dice: no clock, no system randomness, the same on every machine.

use abi_host::Rng;

/// Dice.
#[derive(Debug, Clone)]
pub(super) struct Dice(Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rng::seeded(seed))
    }

    /// Dice of one's own, so that what one script rolls changes nothing for the others.
    pub(super) fn split(&mut self) -> Self {
        Self::new(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0.random()
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// True in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of a list that is not empty.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let last = u64::try_from(list.len()).unwrap_or(1).saturating_sub(1);
        let index = usize::try_from(self.between(0, last)).unwrap_or_default();
        let found = list.get(index).or(list.first());
        found.unwrap_or_else(|| unreachable!("the list is not empty"))
    }

    /// A random UUID, as clients make them.
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_numbers() {
        let mut dice = Dice::new(7);
        let rolled: Vec<u64> = (0..100).map(|_| dice.between(3, 5)).collect();
        assert!((3..=5).all(|it| rolled.contains(&it)), "{rolled:?}");
        let mut again = Dice::new(7);
        assert!(rolled.iter().all(|it| *it == again.between(3, 5)));
        assert_ne!(Dice::new(7).uuid(), Dice::new(8).uuid());
        assert_eq!(Dice::new(7).uuid().len(), 36);
    }
}
