//! What a configuration promises: so many new keys a second, each kept for so long. A store that cannot hold
//! them would refuse bets one day; so it is the configuration that is refused, with the numbers.

use std::rc::Rc;

use policy_kit::{invalid, ConfigError};

use crate::config::RateConfig;
use crate::policy_calls::Calls;
use crate::policy_room::{share, MOST};
use crate::rule::{Retention, MOST_RATE, SECOND};
use crate::{Part, PerPart, Rule};

/// Slots for each key: they come in buckets of 32 that fill unevenly. With a third of all in use one new key
/// in ten million finds its bucket full.
const SPARE: u64 = 3;

/// What is promised to one kind of owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Keys at once.
    pub(crate) keys: u64,
    /// The longest that keys are kept, in nanoseconds.
    pub(crate) kept: u64,
    /// The longest that keys of refused calls are.
    pub(crate) refused: u64,
    /// How the keys come about: `500 a second for 3600 s`.
    sums: Vec<String>,
}

/// What a configuration promises.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    kinds: PerPart<Kind>,
    rate: u64,
    /// Slots of each kind.
    pub(crate) slots: PerPart<u64>,
}

impl Promise {
    /// Works out what `store.rate`, `store.slots` and the rules come to.
    ///
    /// # Errors
    /// Names the field, and says the arithmetic.
    pub(crate) fn new(
        rate: Option<RateConfig>,
        slots: Option<usize>,
        rules: &[(Calls, Rc<Rule>)],
    ) -> Result<Self, ConfigError> {
        let stated = rate.or_else(|| slots.is_none().then(RateConfig::default));
        let rates = stated.map(|rate| PerPart {
            players: u64::from(rate.players),
            partners: u64::from(rate.partners),
        });
        for part in Part::ALL {
            if rates.is_some_and(|rates| *rates.of(part) > MOST_RATE) {
                let problem = format!("expected 0 to {MOST_RATE}");
                return Err(invalid(format!("store.rate.{}", part.name()), problem));
            }
        }
        let kinds = PerPart::new(|part| kind(part, rates.as_ref().map(|it| *it.of(part)), rules));
        let needed = PerPart::new(|part| kinds.of(part).keys.saturating_mul(SPARE).max(32));
        let all = needed.players.saturating_add(needed.partners);
        let told = |most: u64| {
            let sums: Vec<_> =
                Part::ALL.into_iter().flat_map(|p| &kinds.of(p).sums).cloned().collect();
            let keys = kinds.players.keys.saturating_add(kinds.partners.keys);
            format!(
                "{} are {keys} keys at once; with a third of the slots in use, which come in buckets that \
                 fill unevenly, that takes {all}, and there are {most}: lower `store.rate` or `retention_s`",
                sums.join(" and ")
            )
        };
        let slots = match slots.map(|slots| slots as u64) {
            None if all > MOST => return Err(invalid("store.rate", told(MOST))),
            None => needed,
            Some(slots) if !(16..=MOST).contains(&slots) => {
                return Err(invalid("store.slots", format!("expected 16 to {MOST}")));
            }
            Some(slots) if rates.is_some() && all > slots => {
                return Err(invalid("store.slots", told(slots)));
            }
            // What nobody has said: a quarter for partners.
            Some(slots) if rates.is_none() => {
                PerPart { players: slots - slots / 4, partners: slots / 4 }
            }
            Some(slots) => {
                let players = share(slots, needed.players, all);
                PerPart { players, partners: slots - players }
            }
        };
        Ok(Self { rate: rates.map_or(0, |rates| rates.players), kinds, slots })
    }

    /// New keys a second of players, as far as they are stated.
    pub(crate) fn players_rate(&self) -> u64 {
        self.rate
    }

    /// What is promised to a kind.
    pub(crate) fn of(&self, part: Part) -> &Kind {
        self.kinds.of(part)
    }
}

fn kind(part: Part, rate: Option<u64>, rules: &[(Calls, Rc<Rule>)]) -> Kind {
    let mut kind = Kind::default();
    let mut longest = 0;
    for (calls, rule) in rules.iter().filter(|(_, rule)| rule.asks_for_keys()) {
        let partners = calls.are_partners();
        if partners && part == Part::Players {
            continue;
        }
        let Retention { kept, refused } = *rule.retention.of(part);
        kind.kept = kind.kept.max(kept);
        kind.refused = kind.refused.max(refused);
        // A rule's own rate is that of whoever its calls are for.
        match rule.rate {
            Some(own) if partners == (part == Part::Partners) => {
                kind.promise(own, kept, &rule.name)
            }
            Some(_) => {}
            None => longest = longest.max(kept),
        }
    }
    if let Some(rate) = rate {
        kind.promise(rate, longest, part.name());
    }
    kind
}

impl Kind {
    fn promise(&mut self, rate: u64, kept: u64, whose: &str) {
        let seconds = kept / SECOND;
        self.keys = self.keys.saturating_add(rate.saturating_mul(seconds));
        self.sums.push(format!("{rate} new keys a second of {whose} for {seconds} s"));
    }
}

#[cfg(test)]
#[path = "policy_promise_tests.rs"]
mod tests;
