//! The revocations that are kept: 20 bytes each, sorted by mark.

use std::collections::BinaryHeap;

use super::mark::{scope_kind, Mark, TokenMarks};

/// Bytes of a revocation in the shared table.
const SIZE: usize = 20;

/// One revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revocation {
    /// The player or the session.
    pub mark: Mark,
    /// When, in seconds since the epoch.
    pub at: u32,
}

/// Revocations by mark, each mark once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    revocations: Vec<Revocation>,
    /// One bit for each kind of scope that was ever added: most feeds use one.
    scopes: u8,
}

/// The result of a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Whether a revocation was added.
    pub grown: bool,
    /// Whether a revocation was dropped for lack of capacity.
    pub overflown: bool,
}

impl Table {
    /// Whether a token is revoked: its player was revoked after it was issued, or its session at any time.
    pub fn revokes(&self, token: &TokenMarks) -> bool {
        let pairs = token.players.iter().zip(&token.sessions).enumerate();
        let mut in_use = pairs.filter(|(kind, _)| self.scopes & 1 << kind != 0);
        in_use.any(|(_, (player, session))| {
            let find = |mark: &Option<Mark>| self.find(mark.as_ref()?);
            let player = find(player).is_some_and(|at| token.issued < u64::from(at));
            player || find(session).is_some()
        })
    }

    fn find(&self, mark: &Mark) -> Option<u32> {
        let found = self.revocations.binary_search_by(|known| known.mark.cmp(mark)).ok()?;
        self.revocations.get(found).map(|known| known.at)
    }

    /// Adds revocations. Of two with the same mark the later one is kept; those before `horizon` (seconds
    /// since the epoch) are dropped, as every token that they revoke has expired; and if there are more
    /// than `most`, the oldest are dropped.
    pub fn merge(&mut self, news: Vec<Revocation>, horizon: u64, most: usize) -> Merged {
        let alive = |it: &Revocation| u64::from(it.at) >= horizon;
        self.revocations.retain(alive);
        let new = |it: &Revocation| self.find(&it.mark).is_none_or(|at| at < it.at);
        let fresh: Vec<_> = news.into_iter().filter(|it| alive(it) && new(it)).collect();
        if fresh.is_empty() {
            return Merged::default();
        }
        self.insert(fresh);
        let overflown = self.revocations.len() > most;
        if overflown {
            self.keep_latest(most);
        }
        Merged { grown: true, overflown }
    }

    fn insert(&mut self, fresh: Vec<Revocation>) {
        let mut all = Vec::with_capacity(self.revocations.len().saturating_add(fresh.len()));
        let mut old = std::mem::take(&mut self.revocations).into_iter().peekable();
        // Sorted by a heap: its code is small, and every module contains it.
        for revocation in BinaryHeap::from(fresh).into_sorted_vec() {
            self.scopes |= 1 << scope_kind(&revocation.mark);
            while let Some(known) = old.next_if(|known| known.mark <= revocation.mark) {
                all.push(known);
            }
            // The one before it with the same mark is older.
            if all.last().is_some_and(|last: &Revocation| last.mark == revocation.mark) {
                all.pop();
            }
            all.push(revocation);
        }
        all.extend(old);
        self.revocations = all;
    }

    /// Keeps the latest `most`: all from a time on, and of the second before it as many as fit.
    fn keep_latest(&mut self, most: usize) {
        let since =
            |at: u64| self.revocations.iter().filter(|known| u64::from(known.at) >= at).count();
        let (mut few, mut many) = (u64::from(u32::MAX) + 1, 0);
        while few - many > 1 {
            let middle = many + (few - many) / 2;
            if since(middle) > most {
                many = middle;
            } else {
                few = middle;
            }
        }
        let mut left = most.saturating_sub(since(few));
        self.revocations.retain(|known| {
            let at = u64::from(known.at);
            let fits = at == many && left > 0;
            left -= usize::from(fits);
            at >= few || fits
        });
    }

    /// The shared form of the table.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.revocations.len().saturating_mul(SIZE));
        for revocation in &self.revocations {
            out.extend(revocation.mark);
            out.extend(revocation.at.to_be_bytes());
        }
        out
    }

    /// Reads the shared form; `None` for anything else.
    pub fn read(bytes: &[u8]) -> Option<Vec<Revocation>> {
        if !bytes.len().is_multiple_of(SIZE) {
            return None;
        }
        bytes.chunks_exact(SIZE).map(revocation).collect()
    }
}

fn revocation(bytes: &[u8]) -> Option<Revocation> {
    let (mark, at) = bytes.split_first_chunk::<16>()?;
    Some(Revocation { mark: *mark, at: u32::from_be_bytes(at.try_into().ok()?) })
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
