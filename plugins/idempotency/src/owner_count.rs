//! What one owner holds, as it lies in a bucket of [`crate::Quota`].

use crate::bytes::number_at;
use crate::quota::{Failure, Quota, CELLS};

/// Cells that may have keys: those of one retention, and the one that is under way.
const COUNTS: usize = CELLS as usize + 1;
/// Where those begin: after the id, the first cell, and what is owed.
const CELLS_AT: usize = 16 + 8 + 2 * 8;
/// Bytes of one owner.
pub(crate) const RECORD: usize = CELLS_AT + 4 * COUNTS;

/// One owner's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) id: [u8; 16],
    /// The cell of the first of `cells`.
    first: u64,
    /// Keys by the cell in which they expire.
    cells: [u32; COUNTS],
    /// Until when calls that failed are held against it: refused ones, and unknown ones.
    owes_until: [u64; 2],
}

impl Count {
    pub(crate) fn new(id: [u8; 16]) -> Self {
        Self { id, first: 0, cells: [0; COUNTS], owes_until: [0; 2] }
    }

    pub(crate) fn read(record: &[u8]) -> Option<Self> {
        let mut count = Self::new(*record.first_chunk()?);
        (count.first, count.owes_until) =
            (number_at(record, 16), [number_at(record, 24), number_at(record, 32)]);
        let cells = record.get(CELLS_AT..)?.chunks_exact(4);
        for (to, from) in count.cells.iter_mut().zip(cells) {
            *to = from.first_chunk().map_or(0, |number| u32::from_be_bytes(*number));
        }
        Some(count)
    }

    /// Writes it to where [`Count::read`] reads it.
    pub(crate) fn write(&self, record: &mut [u8]) {
        let [refused, unknown] = self.owes_until;
        let Some((id, rest)) = record.split_first_chunk_mut() else { return };
        *id = self.id;
        let (numbers, cells) = rest.split_at_mut(rest.len().min(CELLS_AT - 16));
        for (to, number) in numbers.chunks_exact_mut(8).zip([self.first, refused, unknown]) {
            to.copy_from_slice(&number.to_be_bytes());
        }
        for (to, held) in cells.chunks_exact_mut(4).zip(self.cells) {
            to.copy_from_slice(&held.to_be_bytes());
        }
    }

    /// Forgets what has expired before `cell`. Where the clock was set back by more than a retention, what
    /// is there means nothing.
    pub(crate) fn advance(&mut self, cell: u64) {
        match usize::try_from(cell.abs_diff(self.first)) {
            Ok(past) if past < COUNTS => {
                if cell < self.first {
                    return;
                }
                if past == 0 {
                    return;
                }
                self.cells.rotate_left(past);
                self.cells.iter_mut().rev().take(past).for_each(|cell| *cell = 0);
            }
            _ => self.cells = [0; COUNTS],
        }
        self.first = cell;
    }

    /// Whether nothing is held and nothing is owed.
    pub(crate) fn is_over(&self, cell: u64, now: u64) -> bool {
        let expired = usize::try_from(cell.saturating_sub(self.first)).unwrap_or(COUNTS);
        let holds = self.cells.iter().skip(expired).any(|held| *held > 0);
        !holds && self.owes_until.iter().all(|until| *until <= now)
    }

    /// What expires later than anything is kept counts with the last.
    pub(crate) fn add(&mut self, cell: u64) {
        if let Some(held) = self.cell(cell.min(self.first.saturating_add(CELLS))) {
            *held = held.saturating_add(1);
        }
    }

    /// `false` where none is counted there.
    pub(crate) fn remove(&mut self, cell: u64) -> bool {
        match self.cell(cell) {
            Some(held) if *held > 0 => {
                *held -= 1;
                true
            }
            _ => false,
        }
    }

    fn cell(&mut self, cell: u64) -> Option<&mut u32> {
        self.cells.get_mut(usize::try_from(cell.saturating_sub(self.first)).ok()?)
    }

    /// How long it has to wait before it may hold one key more; 0 if it does not.
    pub(crate) fn wait(&self, quota: &Quota, now: u64) -> u64 {
        let held = self.cells.iter().fold(0_u32, |all, held| all.saturating_add(*held));
        let mut wait = 0;
        if held >= quota.allowance.keys {
            let gone = self.cells.iter().position(|held| *held > 0).unwrap_or_default() as u64;
            let at = self.first.saturating_add(gone + 1).saturating_mul(quota.cell);
            wait = at.saturating_sub(now).max(1);
        }
        for failure in [Failure::Refused, Failure::Unknown] {
            let Some((span, cost)) = price(quota, failure) else { continue };
            let owed = self.owed(failure).saturating_sub(now);
            // More than is ever held against anybody: the clock was set back.
            if owed <= span {
                wait = wait.max(owed.saturating_add(cost).saturating_sub(span));
            }
        }
        wait
    }

    /// Holds a call that failed against it.
    pub(crate) fn charge(&mut self, quota: &Quota, failure: Failure, now: u64) {
        let Some((span, cost)) = price(quota, failure) else { return };
        if let Some(until) = self.owes_until.get_mut(failure as usize) {
            *until = (*until).max(now).saturating_add(cost).min(now.saturating_add(span));
        }
    }

    fn owed(&self, failure: Failure) -> u64 {
        self.owes_until.get(failure as usize).copied().unwrap_or_default()
    }
}

/// For how long failures are held against an owner at most, and how long each is: so many fit into one
/// retention.
fn price(quota: &Quota, failure: Failure) -> Option<(u64, u64)> {
    let most = u64::from(quota.allowance.failed?).max(1);
    let span = match failure {
        Failure::Refused => quota.allowance.refused,
        Failure::Unknown => quota.allowance.kept,
    };
    Some((span, span / most))
}
