//! A nervous finger: the same bet of the same player under two keys. Keys cannot tell; the bets can.
//!
//! Off, in the shadow or enforced, this never decides alone: two equal bets within seconds can be meant.

use policy_kit::Host;

use crate::scope::digest;
use crate::{Fence, Fingerprint, Limits, Op, Owner, Reply, Scatter, Scope, Slots, StoreFault};

/// Bets of the last seconds.
#[derive(Clone, Debug)]
pub struct DoubleClick {
    recent: Slots,
    window: u64,
}

/// What a bet is to those of the last seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Click {
    /// The first, or its retry under its own key; by this it can be [forgotten](DoubleClick::forget).
    First(Fence),
    /// The same as one under another key.
    Second,
}

impl DoubleClick {
    /// Remembers up to `bets` for `window` nanoseconds each, for the store `name`.
    pub fn new(name: &str, bets: usize, window: u64, scatter: Scatter) -> Self {
        let limits = Limits { slots: bets, bytes: 0, answer: 0 };
        Self { recent: Slots::new(&format!("{name}.recent"), limits, scatter), window }
    }

    /// Whether `owner` has sent the same `bet` (what makes it the same: selection and stake) under
    /// another key than that of `call` within the window. If not, it is remembered from now on.
    ///
    /// # Errors
    /// Nobody can tell.
    pub fn remember(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        bet: &Fingerprint,
        call: &Scope,
        now: u64,
    ) -> Result<Click, StoreFault> {
        let until = now.saturating_add(self.window);
        // The key is what is asked about here: that of another call does not match.
        let op = Op::Claim { fingerprint: Fingerprint(call.0), deadline: until, expires: until };
        Ok(match self.recent.apply(host, &place(owner, bet), &op, now)? {
            Reply::Granted(fence) | Reply::InProgress { fence, .. } => Click::First(fence),
            _ => Click::Second,
        })
    }

    /// Forgets a bet that came to nothing, if it was the first: it may be made again under any key.
    ///
    /// # Errors
    /// It is remembered until the window is over.
    pub fn forget(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        bet: &Fingerprint,
        fence: Fence,
        now: u64,
    ) -> Result<(), StoreFault> {
        self.recent.apply(host, &place(owner, bet), &Op::Free { fence }, now).map(|_| ())
    }
}

fn place(owner: &Owner, bet: &Fingerprint) -> Scope {
    Scope(digest(b"double-click", &[&owner.0, &bet.0]))
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
        let mut first = Fence(0);
        for (who, bet, key, at, want) in [
            ("p-1", 1, "key-0001", 0, "first"),
            ("p-1", 1, "key-0001", SECOND / 2, "first"),
            ("p-1", 1, "key-0002", SECOND, "second"),
            ("p-1", 2, "key-0003", SECOND, "first"),
            ("p-2", 1, "key-0001", SECOND, "first"),
            ("p-1", 1, "key-0004", 2 * SECOND, "first"),
            ("p-1", 1, "key-0005", 3 * SECOND, "second"),
            ("p-1", 1, "forgotten", 3 * SECOND, ""),
            ("p-1", 1, "key-0006", 3 * SECOND, "first"),
        ] {
            let who = owner(who);
            let (bet, call) = (Fingerprint([bet; 32]), call(&who, key));
            if want.is_empty() {
                // The first bet came to nothing; one before it does not count any more.
                assert_eq!(click.forget(&mut host, &who, &bet, Fence(0), at), Ok(()));
                let again = click.remember(&mut host, &who, &bet, &call, at);
                assert_eq!(again, Ok(Click::Second), "{key}");
                assert_eq!(click.forget(&mut host, &who, &bet, first, at), Ok(()));
                continue;
            }
            let told = click.remember(&mut host, &who, &bet, &call, at).unwrap();
            if let (Click::First(fence), 2) = (told, at / SECOND) {
                first = fence;
            }
            let told = match told {
                Click::First(_) => "first",
                Click::Second => "second",
            };
            assert_eq!(told, want, "{key} at {at}");
        }
    }
}
