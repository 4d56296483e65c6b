//! A nervous finger: the same bet of the same player under two keys. Keys cannot tell; the bets can.
//!
//! Off, in the shadow or enforced, this never decides alone: two equal bets within seconds can be meant.

use policy_kit::Host;

use crate::scope::digest;
use crate::{Fingerprint, Limits, Op, Owner, Reply, Scatter, Scope, Slots, StoreFault};

/// Bets of the last seconds.
#[derive(Clone, Debug)]
pub struct DoubleClick {
    recent: Slots,
    window: u64,
}

impl DoubleClick {
    /// Remembers up to `bets` for `window` nanoseconds each, for the store `name`.
    pub fn new(name: &str, bets: usize, window: u64, scatter: Scatter) -> Self {
        let limits = Limits { slots: bets, bytes: 0, answer: 0 };
        Self { recent: Slots::new(&format!("{name}.recent"), limits, scatter), window }
    }

    /// Whether `owner` has sent the same `bet` (what makes it the same: selection and stake) under
    /// another key than that of `call` within the window. A retry under its own key is none.
    ///
    /// # Errors
    /// Nobody can tell.
    pub fn is_second(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        bet: &Fingerprint,
        call: &Scope,
        now: u64,
    ) -> Result<bool, StoreFault> {
        let scope = Scope(digest(b"double-click", &[&owner.0, &bet.0]));
        let until = now.saturating_add(self.window);
        // The key is what is asked about here: that of another call does not match.
        let op = Op::Claim { fingerprint: Fingerprint(call.0), deadline: until, expires: until };
        Ok(self.recent.apply(host, &scope, &op, now)? == Reply::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use policy_kit::fake::FakeHost;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_same_bet_under_another_key() {
        let owner = |who| Owner::new("otter", "player", who);
        let call = |who: &Owner, key: &str| {
            Scope::new(who, b"POST", "/bets", &Key::of_text(key.as_bytes()).unwrap())
        };
        let (click, mut host) =
            (DoubleClick::new("test", 64, 2 * SECOND, Scatter::default()), FakeHost::default());
        for (who, bet, key, at, want) in [
            ("p-1", 1, "key-0001", 0, false),
            ("p-1", 1, "key-0001", SECOND / 2, false),
            ("p-1", 1, "key-0002", SECOND, true),
            ("p-1", 2, "key-0003", SECOND, false),
            ("p-2", 1, "key-0001", SECOND, false),
            ("p-1", 1, "key-0004", 2 * SECOND, false),
            ("p-1", 1, "key-0005", 3 * SECOND, true),
        ] {
            let who = owner(who);
            let (bet, call) = (Fingerprint([bet; 32]), call(&who, key));
            let told = click.is_second(&mut host, &who, &bet, &call, at);
            assert_eq!(told, Ok(want), "{key} at {at}");
        }
    }
}
