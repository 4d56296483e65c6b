//! Promised ratios, each with its aim.
use super::names::{
    ANSWERED, ATTACKED, CALLS, CALM, CLAIM, COLD, DIRECT, HIT, JWT_CLAIMS_AND_NO_OP,
    JWT_FACTS_AND_NO_OP, JWT_HIT_AND_NO_OP, LEAN, LOCATED, MISMATCH, REPLAY, TEN_MATCH, TEN_RULES,
};
use super::stats::{Ratio, Spread};
use serde::Serialize;

/// One variant's cost over another's, and what it should be.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Goal {
    /// Name of the comparison.
    pub name: &'static str,
    /// The variant above the line.
    pub above: &'static str,
    /// The variant below it.
    pub below: &'static str,
    /// Where the ratio should lie.
    pub aim: Aim,
}

/// Where a ratio should lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
    /// No promise.
    None,
}

/// A goal, and what was measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Reached {
    /// The goal.
    #[serde(flatten)]
    pub goal: Goal,
    /// What was measured, round by round.
    pub ratio: Ratio,
    /// Whether the median lies where it should.
    pub met: bool,
}

/// All goals.
pub(super) fn goals() -> Vec<Goal> {
    let [(_, rs_theirs, rs_ours), (_, es_theirs, es_ours), (_, ed_theirs, ed_ours)] = COLD;
    let goal = |name, above, below, aim| Goal { name, above, below, aim };
    vec![
        goal("hit, to jwt_authn and a no-op", HIT, JWT_HIT_AND_NO_OP, Aim::AtMost(1.0)),
        // The lower bound: no policy is cheaper than its host calls.
        goal("its host calls alone, to that", CALLS, JWT_HIT_AND_NO_OP, Aim::None),
        goal("hit, to the same with claims", HIT, JWT_CLAIMS_AND_NO_OP, Aim::None),
        // Another filter of Envoy does the work that jwt_authn does not.
        goal("hit, to the same with facts", HIT, JWT_FACTS_AND_NO_OP, Aim::None),
        goal("cold RS256, to jwt_authn", rs_ours, rs_theirs, Aim::AtMost(1.3)),
        goal("cold ES256, to jwt_authn", es_ours, es_theirs, Aim::AtMost(1.3)),
        // Nothing was promised: no gateway checks EdDSA for a module.
        goal("cold EdDSA, to jwt_authn", ed_ours, ed_theirs, Aim::None),
        // Requests of players for the same CPU time, so the cost in peace comes first.
        goal("throughput kept when attacked", CALM, ATTACKED, Aim::AtLeast(0.7)),
    ]
}

/// What a claim, a replay and a mismatch may cost together over a filter that does nothing, in
/// microseconds.
const IDEMPOTENCY_LIMIT: f64 = 40.0;

/// The cost of the three together, over its limit. The first row compares with a no-op before the same
/// upstream, as in production. The second row does not count the upstream requests that a replay and a
/// mismatch save: there the gateway answers itself behind the no-op.
pub(super) fn idempotency<'a>(of: impl Fn(&str) -> Option<&'a [f64]>) -> Vec<Reached> {
    let over = |noop: &str| {
        let (claim, replay, mismatch) = (of(CLAIM)?, of(REPLAY)?, of(MISMATCH)?);
        let ours = claim.iter().zip(replay).zip(mismatch).map(|((a, b), c)| a + b + c);
        let noop = of(ANSWERED)?.iter().zip(of(noop)?).map(|(a, b)| a + 2.0 * b);
        Some(ours.zip(noop).map(|(ours, noop)| ours - noop).collect::<Vec<_>>())
    };
    let rows = [
        ("claim, replay, mismatch, of 40 us", ANSWERED, Aim::AtMost(1.0)),
        ("the same, nothing saved", DIRECT, Aim::None),
    ];
    let reached = rows.into_iter().filter_map(|(name, below, aim)| {
        let own = over(below)?;
        Goal { name, above: CLAIM, below, aim }.reached(&own, &vec![IDEMPOTENCY_LIMIT; own.len()])
    });
    reached.collect()
}

/// What ten rate limits add to a no-op, over what geo-jurisdiction adds to it. No promise covers ten that are
/// all for one request.
pub(super) fn bet_priority<'a>(of: impl Fn(&str) -> Option<&'a [f64]>) -> Vec<Reached> {
    let added = |name: &str| {
        let differences = of(name)?.iter().zip(of(LEAN)?).map(|(own, noop)| own - noop);
        Some(differences.collect::<Vec<_>>())
    };
    let rows = [
        ("added by ten rules, of geo's", TEN_RULES, Aim::AtMost(0.5)),
        ("the same if all ten match", TEN_MATCH, Aim::None),
    ];
    let reached = rows.into_iter().filter_map(|(name, above, aim)| {
        Goal { name, above, below: LOCATED, aim }.reached(&added(above)?, &added(LOCATED)?)
    });
    reached.collect()
}

impl Goal {
    /// The result, if both variants were measured.
    pub(super) fn reached(self, above: &[f64], below: &[f64]) -> Option<Reached> {
        let ratio = Ratio::of(above, below)?;
        Some(Reached { goal: self, ratio, met: self.aim.met(ratio.spread) })
    }
}

impl Aim {
    fn met(self, Spread { median, .. }: Spread) -> bool {
        match self {
            Self::AtMost(most) => median <= most,
            Self::AtLeast(least) => median >= least,
            Self::None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Build;

    #[test]
    fn goals_are_checked_by_the_median() {
        for (aim, own, met) in [
            (Aim::AtMost(1.0), [9.0, 10.0, 40.0], true),
            (Aim::AtMost(1.0), [9.0, 10.1, 10.2], false),
            (Aim::AtLeast(0.7), [1.0, 7.0, 8.0], true),
            (Aim::AtLeast(0.7), [1.0, 6.9, 8.0], false),
        ] {
            let goal = Goal { name: "x", above: "a", below: "b", aim };
            assert_eq!(goal.reached(&own, &[10.0; 3]).unwrap().met, met, "{aim:?} {own:?}");
        }
    }

    #[test]
    fn saved_upstream_requests_have_a_separate_row() {
        let of = |name: &str| {
            let micros: &[f64] = match name {
                ANSWERED => &[100.0; 5],
                CLAIM => &[150.0; 5],
                DIRECT => &[60.0; 5],
                REPLAY => &[90.0; 5],
                MISMATCH => &[92.0; 5],
                _ => return None,
            };
            Some(micros)
        };
        let reached = idempotency(of);
        let results: Vec<_> = reached.iter().map(|it| (it.ratio.spread.median, it.met)).collect();
        assert_eq!(results, [(32.0 / 40.0, true), (112.0 / 40.0, true)]);
        assert!(idempotency(|name| of(name).filter(|_| name != DIRECT)).len() == 1);
    }

    #[test]
    fn only_what_is_added_is_compared() {
        let of = |rules: f64| {
            move |name: &str| -> Option<&'static [f64]> {
                match name {
                    LEAN => Some(&[40.0; 5]),
                    LOCATED => Some(&[80.0; 5]),
                    TEN_RULES if rules < 61.0 => Some(&[60.0; 5]),
                    TEN_RULES => Some(&[61.0; 5]),
                    _ => None,
                }
            }
        };
        for (rules, ratio, met) in [(60.0, 0.5, true), (61.0, 0.525, false)] {
            let reached = bet_priority(of(rules));
            let results: Vec<_> =
                reached.iter().map(|it| (it.ratio.spread.median, it.met)).collect();
            assert_eq!(results, [(ratio, met)]);
        }
        assert!(bet_priority(|name| of(60.0)(name).filter(|_| name != LEAN)).is_empty());
    }

    #[test]
    fn goals_compare_existing_variants() {
        let names: Vec<_> = super::super::variants::variants(&Build::here().unwrap(), None)
            .unwrap()
            .iter()
            .map(|v| v.name)
            .collect();
        for goal in goals() {
            assert!(names.contains(&goal.above) && names.contains(&goal.below), "{}", goal.name);
        }
    }
}
