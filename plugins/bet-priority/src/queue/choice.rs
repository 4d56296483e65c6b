//! Which of the waiting requests gets the next permit.

use crate::queue::admission::WaitId;
use crate::queue::lane::Lane;
use crate::queue::line::{Line, Waiting};
use crate::queue::permits::Permits;
use crate::queue::profile::Profile;
use crate::queue::rules::GroupRules;

/// Whether the next permit goes to the request that has waited most: one in `every`, after so many that did not. A
/// request whose refusal is costly is not delayed by that, until twice as many did not.
pub fn is_fair(line: &Line, every: u32, since: u32) -> bool {
    let next = since.saturating_add(1);
    let costly = || Lane::waiting().any(|lane| lane.is_costly() && line.of(lane) > 0);
    every > 0 && next >= every && (next >= every.saturating_mul(2) || !costly())
}

/// The request of the most urgent lane that is to be released first.
pub fn most_urgent(
    line: &Line,
    permits: &Permits,
    profile: &Profile,
    limit: u32,
) -> Option<WaitId> {
    let lanes = Lane::waiting().filter(|lane| line.of(*lane) > 0);
    let first = lanes.max_by_key(|lane| profile.standing(*lane, permits.of(*lane), limit))?;
    line.first(first).map(|(id, _)| id)
}

/// The request that has waited the largest part of its longest wait, if that is more than a quarter of it. Unproven
/// settlement has its own share instead. Among equals the one that is kept longer.
pub fn most_waited(
    line: &Line,
    rules: &GroupRules,
    profile: &Profile,
    time: u64,
) -> Option<WaitId> {
    let mut lanes = Lane::waiting().filter(|lane| *lane != Lane::UNPROVEN);
    let mut best: Option<(WaitId, u64, u64, u8)> = None;
    let mut compare = |found: Option<(WaitId, Waiting)>, longest: u64, order: u8| {
        let Some((id, waiting)) = found else { return };
        let waited = time.saturating_sub(waiting.since);
        if waited <= longest / 4 {
            return;
        }
        let is_better = best.is_none_or(|(_, other, of, its_order)| {
            let one = u128::from(waited) * u128::from(of);
            (one, order) > (u128::from(other) * u128::from(longest), its_order)
        });
        if is_better {
            best = Some((id, waited, longest, order));
        }
    };
    for lane in lanes.by_ref().filter(|lane| line.of(*lane) > 0) {
        let (longest, order) = (rules.waits.of(lane).longest, profile.order(lane));
        compare(line.head(lane, true), longest, order);
        compare(line.head(lane, false), longest, order);
    }
    best.map(|(id, ..)| id)
}
