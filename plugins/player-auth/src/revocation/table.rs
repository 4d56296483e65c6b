//! All revocations that can still matter, as small as they can be kept: 20 bytes each, sorted.

use std::collections::BinaryHeap;

use super::{scope_of, Mark, Marks};

/// Bytes of an entry where workers share it.
const SIZE: usize = 20;

/// One revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Who, or which session.
    pub mark: Mark,
    /// When, in seconds since the epoch.
    pub at: u32,
}

/// Entries by their marks, each mark once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    entries: Vec<Entry>,
    /// One bit for each kind of scope that an entry has, or had: most feeds have one kind.
    scopes: u8,
}

/// What a merge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Whether anything is there that was not.
    pub grown: bool,
    /// Whether something had to be left out.
    pub overflown: bool,
}

impl Table {
    /// Whether a token is revoked: issued before its player was, or of a session that was at all.
    pub fn revokes(&self, token: &Marks) -> bool {
        let pairs = token.players.iter().zip(&token.sessions).enumerate();
        let mut there = pairs.filter(|(kind, _)| self.scopes & 1 << kind != 0);
        there.any(|(_, (player, session))| {
            let find = |mark: &Option<Mark>| self.find(mark.as_ref()?);
            let player = find(player).is_some_and(|at| token.issued < u64::from(at));
            player || find(session).is_some()
        })
    }

    fn find(&self, mark: &Mark) -> Option<u32> {
        let place = self.entries.binary_search_by(|entry| entry.mark.cmp(mark)).ok()?;
        self.entries.get(place).map(|entry| entry.at)
    }

    /// Takes entries in: of two of one mark the later counts, what lies before `horizon` (seconds
    /// since the epoch) has revoked nothing that still lives, and of more than `most` the oldest go.
    pub fn merge(&mut self, news: Vec<Entry>, horizon: u64, most: usize) -> Merged {
        let alive = |entry: &Entry| u64::from(entry.at) >= horizon;
        self.entries.retain(alive);
        let new = |entry: &Entry| self.find(&entry.mark).is_none_or(|at| at < entry.at);
        let fresh: Vec<Entry> = news.into_iter().filter(|e| alive(e) && new(e)).collect();
        if fresh.is_empty() {
            return Merged::default();
        }
        self.take_in(fresh);
        let overflown = self.entries.len() > most;
        if overflown {
            self.keep_latest(most);
        }
        Merged { grown: true, overflown }
    }

    fn take_in(&mut self, fresh: Vec<Entry>) {
        let mut all = Vec::with_capacity(self.entries.len().saturating_add(fresh.len()));
        let mut old = std::mem::take(&mut self.entries).into_iter().peekable();
        // A heap, since its sort is a small one: every gateway holds a copy of this code.
        for entry in BinaryHeap::from(fresh).into_sorted_vec() {
            self.scopes |= 1 << scope_of(&entry.mark);
            while let Some(known) = old.next_if(|known| known.mark <= entry.mark) {
                all.push(known);
            }
            // Whatever of this mark came before is older.
            if all.last().is_some_and(|last: &Entry| last.mark == entry.mark) {
                all.pop();
            }
            all.push(entry);
        }
        all.extend(old);
        self.entries = all;
    }

    /// Leaves the latest out of too many: those from a time on, and of that second as many as fit.
    fn keep_latest(&mut self, most: usize) {
        let since = |at: u64| self.entries.iter().filter(|entry| u64::from(entry.at) >= at).count();
        let (mut few, mut many) = (u64::from(u32::MAX) + 1, 0);
        while few - many > 1 {
            let middle = many + (few - many) / 2;
            if since(middle) > most {
                many = middle;
            } else {
                few = middle;
            }
        }
        let mut room = most.saturating_sub(since(few));
        self.entries.retain(|entry| {
            let at = u64::from(entry.at);
            let fits = at == many && room > 0;
            room -= usize::from(fits);
            at >= few || fits
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The table as workers share it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len().saturating_mul(SIZE));
        for entry in &self.entries {
            out.extend(entry.mark);
            out.extend(entry.at.to_be_bytes());
        }
        out
    }

    /// Entries as workers share them; `None` for what is no table.
    pub fn read(bytes: &[u8]) -> Option<Vec<Entry>> {
        if !bytes.len().is_multiple_of(SIZE) {
            return None;
        }
        bytes.chunks_exact(SIZE).map(entry).collect()
    }
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    let (mark, at) = bytes.split_first_chunk::<16>()?;
    Some(Entry { mark: *mark, at: u32::from_be_bytes(at.try_into().ok()?) })
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
