//! The queue as one flat list that is scanned each time: written apart from it, to be compared with it.

use std::collections::BTreeMap;

use policy_kit::{EndpointClass, SECOND};

use crate::queue::admission::{PermitId, Reason, WaitId};

/// What a request counts as, in words of the specification.
pub(crate) type Kind = (EndpointClass, bool);

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: WaitId,
    pub(crate) kind: Kind,
    pub(crate) retry: bool,
    pub(crate) since: u64,
    pub(crate) sequence: u64,
}

#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) permit: PermitId,
    pub(crate) kind: Kind,
    pub(crate) since: u64,
    pub(crate) until: u64,
    pub(crate) gone: bool,
}

pub(crate) struct Model {
    pub(crate) limit: usize,
    pub(crate) length: usize,
    pub(crate) fairness: u64,
    pub(crate) permit: u64,
    pub(crate) longest: BTreeMap<EndpointClass, u64>,
    pub(crate) calm: BTreeMap<EndpointClass, u32>,
    pub(crate) surge: BTreeMap<EndpointClass, u32>,
    pub(crate) in_surge: bool,
    pub(crate) now: u64,
    pub(crate) time: u64,
    pub(crate) waiting: Vec<Item>,
    pub(crate) ended: Vec<(Item, Reason)>,
    pub(crate) flight: Vec<Flight>,
    pub(crate) closed: Vec<Kind>,
    pub(crate) unfair: u64,
    pub(crate) sequence: u64,
}

impl Model {
    pub(crate) fn pass(&mut self, now: u64) {
        self.time += now.saturating_sub(self.now).min(SECOND);
        self.now = now;
        let time = self.time;
        self.flight.retain(|flight| flight.until > time);
        let longest = self.longest.clone();
        let (over, rest) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|item| time - item.since >= longest[&item.kind.0]);
        self.waiting = rest;
        let over: Vec<Item> = over;
        self.ended.extend(over.into_iter().map(|item| (item, Reason::Expired)));
    }

    pub(crate) fn of(&self, kind: Kind) -> usize {
        self.waiting.iter().filter(|item| item.kind == kind).count()
    }

    /// Position in which classes are kept: the catalogue's, and in a surge `odds` before all others.
    pub(crate) fn order(&self, (class, _): Kind) -> u32 {
        match class.defaults().shed_order {
            None => 1_000,
            Some(_) if class == EndpointClass::Odds && self.in_surge => 0,
            Some(order) => order.into(),
        }
    }

    /// Tier, then order.
    pub(crate) fn urgency(&self, kind: Kind) -> (u32, u32) {
        let reserve = if self.in_surge { &self.surge } else { &self.calm };
        let percent = reserve.get(&kind.0).copied().unwrap_or(0);
        let share = (self.limit as f64 * f64::from(percent) / 100.0).round();
        let share = if percent > 0 { share.max(1.0) as usize } else { 0 };
        let flying = self.flight.iter().filter(|flight| flight.kind == kind).count();
        let tier = match kind.1 {
            true if flying < share => 5,
            true if flying < 2 * share => 3,
            true => 1,
            false if flying < share => 4,
            false => 2,
        };
        (tier, self.order(kind))
    }

    pub(crate) fn next(&self) -> Option<(usize, bool)> {
        let costly = |kind: Kind| self.order(kind) >= 6;
        let turn = self.unfair + 1;
        let money = self.waiting.iter().any(|item| costly(item.kind));
        if self.fairness > 0 && turn >= self.fairness && (turn >= 2 * self.fairness || !money) {
            let long = |item: &Item| {
                let waited = u128::from(self.time - item.since);
                let longest = u128::from(self.longest[&item.kind.0]);
                (!item.kind.1 && waited * 4 > longest).then(|| waited * 1_000_000_000_000 / longest)
            };
            let fair = (0..self.waiting.len())
                .filter_map(|i| Some((long(&self.waiting[i])?, i)))
                .max_by_key(|(part, i)| {
                    let item = &self.waiting[*i];
                    (*part, self.order(item.kind), item.retry, u64::MAX - item.sequence)
                });
            if let Some((_, i)) = fair {
                return Some((i, true));
            }
        }
        let best = (0..self.waiting.len()).max_by_key(|i| {
            let item = &self.waiting[*i];
            (self.urgency(item.kind), item.retry, u64::MAX - item.sequence)
        });
        best.map(|i| (i, false))
    }

    /// Whom a new request displaces, or why it may not wait.
    pub(crate) fn place(
        &mut self,
        kind: Kind,
        retry: bool,
        bound: usize,
    ) -> Result<Option<usize>, Reason> {
        let newest = |items: &mut dyn Iterator<Item = (usize, &Item)>| {
            items.max_by_key(|(_, item)| (!item.retry, item.sequence)).map(|(i, _)| i)
        };
        if self.of(kind) * 4 <= bound * 3 {
            self.closed.retain(|it| *it != kind);
        }
        if self.of(kind) >= bound && !self.closed.contains(&kind) {
            self.closed.push(kind);
        }
        let all = || self.waiting.iter().enumerate();
        let own = || newest(&mut all().filter(|(_, it)| retry && it.kind == kind && !it.retry));
        if self.closed.contains(&kind) {
            return own().map(Some).ok_or(Reason::ClassFull);
        }
        if self.waiting.len() >= self.length {
            let order = |item: &Item| self.order(item.kind);
            let first = self.waiting.iter().map(order).min();
            let first = first.filter(|it| *it < self.order(kind));
            let other = newest(&mut all().filter(|(_, item)| Some(order(item)) == first));
            return other.or_else(own).map(Some).ok_or(Reason::GroupFull);
        }
        Ok(None)
    }
}
