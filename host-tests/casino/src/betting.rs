//! The sportsbook: events, prices and bets.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::oracle::Oracle;
use crate::time::Time;

/// How many events there are: `ev-1` to `ev-20`.
pub(crate) const EVENTS: u64 = 20;
/// What can be backed in every event.
pub(crate) const SELECTIONS: [&str; 3] = ["home", "draw", "away"];
/// Validity of a price, in seconds.
pub(crate) const PRICE_SECS: i64 = 5;

/// Decimal odds in thousandths: 1850 pays 1.85 times the stake.
pub(crate) type Odds = i64;

/// The number of an event's name, if there is such an event.
pub(crate) fn event_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("ev-")?.parse().ok()?;
    ((1..=EVENTS).contains(&number) && name == format!("ev-{number}")).then_some(number)
}

/// The price of a selection at a time: a fixed base and a drift that changes every
/// [`PRICE_SECS`]. `None` when there is no such event or selection.
pub(crate) fn price(oracle: &Oracle, event: &str, selection: &str, now: Time) -> Option<Odds> {
    let number = event_number(event)?;
    let topic = SELECTIONS.iter().find(|s| **s == selection)?;
    let base = 1200 + oracle.pick(topic, number, 4000) as i64;
    let bucket = now.secs().div_euclid(PRICE_SECS) as u64;
    let drift = oracle.pick(&format!("{event}/{topic}"), bucket, 101) as i64 - 50;
    Some(base + drift)
}

/// What a stake pays if the bet wins, in minor units, rounded down.
pub(crate) fn payout(stake: i64, odds: Odds) -> i64 {
    let exact = i128::from(stake) * i128::from(odds) / 1000;
    i64::try_from(exact).unwrap_or(i64::MAX)
}

/// Where a bet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BetState {
    Open,
    Won,
    CashedOut,
}

/// One bet.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bet {
    #[serde(rename = "bet_id")]
    pub(crate) id: String,
    #[serde(skip)]
    pub(crate) player: String,
    pub(crate) event: String,
    pub(crate) selection: String,
    /// Minor units still at risk; less than was staked after a partial cash-out.
    pub(crate) stake: i64,
    pub(crate) odds: Odds,
    pub(crate) state: BetState,
    pub(crate) placed_at: Time,
}

impl Bet {
    /// The cash-out offer for a part of the stake at the current price, in minor units:
    /// the part times the odds of the bet over the current odds, less 5 %.
    pub(crate) fn offer(&self, part: i64, odds_now: Odds) -> i64 {
        let value = i128::from(part) * i128::from(self.odds) / i128::from(odds_now.max(1001));
        i64::try_from(value * 95 / 100).unwrap_or(i64::MAX)
    }
}

/// Every bet ever placed, by a number that counts from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bets {
    bets: BTreeMap<String, Bet>,
    placed: u64,
}

impl Bets {
    /// The name the next bet gets.
    pub(crate) fn next_id(&self) -> String {
        format!("b-{}", self.placed + 1)
    }

    pub(crate) fn add(&mut self, bet: Bet) {
        self.placed += 1;
        self.bets.insert(bet.id.clone(), bet);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Bet> {
        self.bets.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Bet> {
        self.bets.get_mut(id)
    }

    /// Bets placed since the start.
    pub(crate) fn placed(&self) -> u64 {
        self.placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_ev_1_to_ev_20() {
        for (name, want) in [
            ("ev-1", Some(1)),
            ("ev-20", Some(20)),
            ("ev-21", None),
            ("ev-0", None),
            ("ev-01", None),
            ("ev-+1", None),
            ("ev-", None),
            ("1", None),
        ] {
            assert_eq!(event_number(name), want, "{name}");
        }
    }

    #[test]
    fn prices_are_stable_for_seconds_and_above_one() {
        let oracle = Oracle::new(9);
        let at = |secs| price(&oracle, "ev-3", "home", Time::from_secs(secs));
        assert_eq!(at(100), at(104));
        assert!((0..100).any(|n| at(n * PRICE_SECS) != at(0)));
        for event in 1..=EVENTS {
            for selection in SELECTIONS {
                let odds = price(&oracle, &format!("ev-{event}"), selection, Time::default());
                assert!(odds.unwrap() > 1001);
            }
        }
        assert_eq!(price(&oracle, "ev-3", "nobody", Time::default()), None);
    }

    #[test]
    fn payouts_and_offers_do_not_overflow() {
        assert_eq!(payout(1000, 1850), 1850);
        assert_eq!(payout(i64::MAX, 5000), i64::MAX);
        let bet = Bet {
            id: "b-1".into(),
            player: "p-1".into(),
            event: "ev-1".into(),
            selection: "home".into(),
            stake: 1000,
            odds: 2000,
            state: BetState::Open,
            placed_at: Time::default(),
        };
        assert_eq!(bet.offer(1000, 2000), 950);
        assert_eq!(bet.offer(500, 4000), 237);
        assert_eq!(bet.offer(i64::MAX, 0), i64::MAX);
    }
}
