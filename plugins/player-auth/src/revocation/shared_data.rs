//! The feed as the workers of one node share it, so that one poll serves all. Gateways offer one map
//! without expiry or deletion: two fixed keys per feed. The small value with the progress is read on every
//! tick, the table only when the progress says that it has changed.

use policy_kit::{shared_name, Host, HttpCall};

use super::owners::Owners;
use super::progress::Progress;
use super::table::{Revocation, Table};
use crate::names::NAME;

/// The version of the table's format, its first byte.
const FORMAT: u8 = 1;

/// The shared-data keys of a feed.
#[derive(Clone, Debug)]
pub struct SharedDataKeys {
    progress: String,
    table: String,
}

impl SharedDataKeys {
    /// The keys of the feed that `call` polls, kept for `horizon` seconds and up to `most` revocations of
    /// these owners: other parameters lead to another table.
    pub fn new(call: &HttpCall, horizon: u64, most: usize, owners: &Owners) -> Self {
        let (horizon, most, owners) = (horizon.to_string(), most.to_string(), owners.describe());
        let mut parts = call.parts();
        parts.push(&horizon);
        parts.push(&most);
        parts.push(&owners);
        let name = |kind: &str| shared_name(NAME, kind, &parts);
        Self { progress: name("revocations.control"), table: name("revocations.table") }
    }

    /// The shared progress and its version. The outer `None` if data cannot be shared, the inner ones if
    /// there is no readable progress, and no value at all.
    pub fn progress(&self, host: &mut dyn Host) -> Option<(Option<Progress>, Option<u32>)> {
        match host.shared(&self.progress).ok()? {
            Some((value, version)) => Some((Progress::read(&value), Some(version))),
            None => Some((None, None)),
        }
    }

    /// Shares this worker's progress. `false` if another worker has written since `version`, `None` if
    /// data cannot be shared.
    pub fn share_progress(
        &self,
        host: &mut dyn Host,
        progress: &Progress,
        version: Option<u32>,
    ) -> Option<bool> {
        host.set_shared(&self.progress, &progress.bytes(), version).ok()
    }

    /// The shared table, if it has at least this generation.
    pub fn table(&self, host: &mut dyn Host, generation: u64) -> Option<Vec<Revocation>> {
        let (value, _) = host.shared(&self.table).ok()??;
        let (format, rest) = value.split_first()?;
        let (shared, table) = rest.split_first_chunk::<8>()?;
        match *format == FORMAT && u64::from_be_bytes(*shared) >= generation {
            true => Table::read(table),
            false => None,
        }
    }

    /// Shares a table. Returns whether it is shared now.
    pub fn share_table(&self, host: &mut dyn Host, table: &Table, generation: u64) -> bool {
        let value = [&[FORMAT][..], &generation.to_be_bytes(), &table.bytes()].concat();
        // Twice: a worker whose turn was over may have written in between.
        for _ in 0..2 {
            let Ok(there) = host.shared(&self.table) else { return false };
            match host.set_shared(&self.table, &value, there.map(|(_, version)| version)) {
                Ok(true) => return true,
                Ok(false) => {}
                Err(_) => return false,
            }
        }
        false
    }
}
