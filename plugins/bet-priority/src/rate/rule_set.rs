//! Sets of rules.

/// Most rules of a configuration.
pub(crate) const MOST_RULES: usize = 64;

/// A set of rules, by their positions in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleSet(u64);

impl RuleSet {
    /// No rule.
    pub const EMPTY: Self = Self(0);

    /// Adds the rule at a position below [`MOST_RULES`].
    pub(crate) fn insert(&mut self, rule: u8) {
        self.0 |= 1_u64.checked_shl(rule.into()).unwrap_or(0);
    }

    /// Whether it has the rule at a position.
    pub fn has(self, rule: u8) -> bool {
        self.0 & 1_u64.checked_shl(rule.into()).unwrap_or(0) != 0
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rules of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The rules that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The rules that the other does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// How many it has.
    pub(crate) const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Positions in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = u8::try_from(left.trailing_zeros()).ok().filter(|next| *next < 64)?;
            left &= left.wrapping_sub(1);
            Some(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_all_positions() {
        let mut set = RuleSet::EMPTY;
        assert!(set.is_empty());
        for rule in [63, 0, 5, 5, 64] {
            set.insert(rule);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 63]);
        assert!(set.has(63) && !set.has(64) && !set.has(1));
    }
}
