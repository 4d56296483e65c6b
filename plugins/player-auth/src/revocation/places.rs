//! What the workers of one node share of the feed, so that one poll serves all. Gateways offer one map
//! without expiry or deletion: two fixed entries per feed. The small one is looked at on every tick,
//! the table only where that says that it has changed.

use policy_kit::{shared_name, Host, HttpCall, Plugin};

use super::control::Control;
use super::table::{Entry, Table};
use super::Owners;
use crate::plugin::PlayerAuth;

/// First byte of a table: what follows is in this form.
const FORM: u8 = 1;

/// The two entries of a feed.
#[derive(Clone, Debug)]
pub struct Places {
    control: String,
    table: String,
}

impl Places {
    /// The entries of the feed that `call` asks, kept so long and so much of it, and read for these owners:
    /// what is kept or read otherwise is another table.
    pub fn new(call: &HttpCall, horizon: u64, most: usize, owners: &Owners) -> Self {
        let (horizon, most, owners) = (horizon.to_string(), most.to_string(), owners.describe());
        let mut parts = call.parts();
        parts.push(&horizon);
        parts.push(&most);
        parts.push(&owners);
        let name = |kind: &str| shared_name(PlayerAuth::NAME, kind, &parts);
        Self { control: name("revocations.control"), table: name("revocations.table") }
    }

    /// How far the workers are, and the version of what says so. The outer `None` where nothing can be
    /// shared, the inner where nobody has left anything that can be read.
    pub fn control(&self, host: &mut dyn Host) -> Option<(Option<Control>, Option<u32>)> {
        match host.shared(&self.control).ok()? {
            Some((value, version)) => Some((Control::read(&value), Some(version))),
            None => Some((None, None)),
        }
    }

    /// Tells the others how far this worker is, unless one of them has since `version`. `None` where
    /// nothing can be shared.
    pub fn tell(
        &self,
        host: &mut dyn Host,
        control: &Control,
        version: Option<u32>,
    ) -> Option<bool> {
        host.set_shared(&self.control, &control.bytes(), version).ok()
    }

    /// The table of at least this generation.
    pub fn table(&self, host: &mut dyn Host, generation: u64) -> Option<Vec<Entry>> {
        let (value, _) = host.shared(&self.table).ok()??;
        let (form, rest) = value.split_first()?;
        let (theirs, entries) = rest.split_first_chunk::<8>()?;
        match *form == FORM && u64::from_be_bytes(*theirs) >= generation {
            true => Table::read(entries),
            false => None,
        }
    }

    /// Leaves a table for the others. Whether it is there.
    pub fn leave(&self, host: &mut dyn Host, table: &Table, generation: u64) -> bool {
        let value = [&[FORM][..], &generation.to_be_bytes(), &table.bytes()].concat();
        // Twice: the first may have met a worker whose turn was over.
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
