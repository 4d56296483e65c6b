//! The state of a redaction.
use super::address::Addresses;
use super::known::Known;
use super::names;
use super::pseudonym::Key;
use super::summary::Summary;
use std::collections::HashMap;

/// Maximum depth of texts within texts; deeper ones are free text.
pub(super) const DEEPEST: usize = 8;

/// Replaces values.
pub(super) struct Redactor<'a> {
    pub(super) key: &'a Key,
    pub(super) addresses: Addresses,
    /// Values that were replaced by name.
    pub(super) known: Known,
    /// Depth of the current text within other texts.
    pub(super) depth: usize,
    /// Whether values of a name are replaced, for the names so far.
    pub(super) personal: HashMap<String, bool>,
    /// Cache of short texts.
    pub(super) read: HashMap<String, String>,
    pub(super) summary: Summary,
}

impl Redactor<'_> {
    /// True when a value of this name is replaced.
    pub(super) fn is_personal(&mut self, name: &str) -> bool {
        if let Some(known) = self.personal.get(name) {
            return *known;
        }
        let personal = names::is_personal(name);
        self.personal.insert(name.to_owned(), personal);
        personal
    }
}
