//! A rate limit with a burst: the generic cell rate algorithm (GCRA). A counter is one number, the time at which all
//! that was charged is paid off. Times are nanoseconds since the epoch.

/// A rate and a burst. A counter of 0 owes nothing.
///
/// ```
/// use policy_kit::Gcra;
///
/// // Two at once, one each second.
/// let limit = Gcra::new(1_000_000_000, 2);
/// let now = 5_000_000_000;
/// let counter = limit.charge(0, now, 1).and_then(|counter| limit.charge(counter, now, 1));
/// assert_eq!(counter, Ok(7_000_000_000));
/// assert_eq!(limit.charge(7_000_000_000, now, 1), Err(1_000_000_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    emission: u64,
    /// The largest debt.
    full: u64,
}

impl Gcra {
    /// One charge each `emission` nanoseconds, and `burst` at once. Zero counts as one.
    pub const fn new(emission: u64, burst: u32) -> Self {
        let emission = if emission == 0 { 1 } else { emission };
        let burst = if burst == 0 { 1 } else { burst };
        // A quarter of the range, so that no sum overflows.
        let full = emission.saturating_mul(burst as u64);
        let most = u64::MAX / 4;
        Self { emission, full: if full > most { most } else { full } }
    }

    /// Time in which one charge is paid off.
    pub const fn emission(&self) -> u64 {
        self.emission
    }

    /// Time in which the largest debt is paid off.
    pub const fn full(&self) -> u64 {
        self.full
    }

    /// Charges a counter with `cost`, or with the whole burst if that is less. Returns the counter's new value.
    ///
    /// A counter beyond [`Gcra::most`] is older than a step of the clock backwards, and counts as the largest debt.
    /// Its owner writes that down, or it would refuse until the clock is where it was: then a step of the clock admits
    /// no more than the time that seems to have passed, and refuses for no longer than a burst takes.
    ///
    /// # Errors
    /// Nanoseconds to wait. The counter stays as it is.
    #[inline]
    pub fn charge(&self, counter: u64, now: u64, cost: u32) -> Result<u64, u64> {
        let now = self.within(now);
        let debt = self.debt(counter, now).saturating_add(self.price(cost));
        match debt.saturating_sub(self.full) {
            0 => Ok(now.saturating_add(debt)),
            wait => Err(wait),
        }
    }

    /// The largest value that a counter can have at a time.
    #[inline]
    pub fn most(&self, now: u64) -> u64 {
        self.within(now).saturating_add(self.full)
    }

    /// What a charge adds to a counter, for taking it back.
    #[inline]
    pub fn price(&self, cost: u32) -> u64 {
        self.emission.saturating_mul(u64::from(cost)).min(self.full)
    }

    /// How many charges of `cost` a counter admits at once.
    pub fn remaining(&self, counter: u64, now: u64, cost: u32) -> u64 {
        self.full.saturating_sub(self.debt(counter, self.within(now))) / self.price(cost).max(1)
    }

    /// Time until it admits one more than that.
    pub fn until_next(&self, counter: u64, now: u64, cost: u32) -> u64 {
        let price = self.price(cost).max(1);
        let room = self.full.saturating_sub(self.debt(counter, self.within(now)));
        price - room % price
    }

    /// Time until it owes nothing.
    pub fn until_even(&self, counter: u64, now: u64) -> u64 {
        self.debt(counter, self.within(now))
    }

    #[inline]
    fn debt(&self, counter: u64, now: u64) -> u64 {
        counter.saturating_sub(now).min(self.full)
    }

    /// A time near the end of the range stands still, so that debts after it are not cut off.
    #[inline]
    fn within(&self, now: u64) -> u64 {
        now.min(u64::MAX - self.full)
    }
}

#[cfg(test)]
#[path = "gcra_tests.rs"]
mod tests;
