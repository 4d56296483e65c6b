//! Reads objects of the configuration member by member. Partners have seven kinds of objects, and code that
//! is derived for each would add five per cent to the module.

use std::cell::RefCell;

use policy_kit::{invalid, ConfigError};
use serde_json::{Map, Value};

/// The first fault of a document. Reading continues after it, which takes less code than returning early.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Option<ConfigError>>);

impl Faults {
    /// Records a fault, if it is the first one.
    pub(super) fn note(&self, at: &str, problem: &str) {
        self.0.borrow_mut().get_or_insert_with(|| invalid(at, problem));
    }

    /// Records a value of the wrong type, without the value: it may be a secret.
    pub(super) fn wrong_type(&self, at: &str, expected: &str) {
        self.note(at, &format!("wrong type or value, expected {expected}"));
    }

    /// The value that was read, or the first fault.
    pub(super) fn finish<T>(self, read: T) -> Result<T, ConfigError> {
        match self.0.into_inner() {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }
}

/// An object and its path.
#[derive(Debug)]
pub(super) struct Object<'a> {
    at: String,
    members: Option<&'a Map<String, Value>>,
    pub(super) faults: &'a Faults,
}

impl<'a> Object<'a> {
    /// The object at path `at`, with no members but the `known` ones unless that list is empty.
    pub(super) fn of(value: &'a Value, at: String, known: &[&str], faults: &'a Faults) -> Self {
        let members = value.as_object();
        if members.is_none() {
            faults.wrong_type(&at, "an object");
        }
        let mut names = members.into_iter().flat_map(Map::keys);
        let unknown = names.find(|name| !known.is_empty() && !known.contains(&name.as_str()));
        if let Some(name) = unknown {
            // The name may be any text.
            let shown: String = name.chars().filter(char::is_ascii_graphic).take(60).collect();
            faults.note(&format!("{at}.{shown}"), "unknown field");
        }
        Self { at, members, faults }
    }

    /// The path of a member.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.at)
    }

    /// Names, values and paths of all members.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'a String, &'a Value, String)> + '_ {
        let members = self.members.into_iter().flatten();
        members.map(|(name, value)| (name, value, self.path(name)))
    }

    /// A member; `None` if it is absent or `null`.
    #[inline(never)]
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members?.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    #[inline(never)]
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        if !value.is_string() {
            self.faults.wrong_type(&self.path(name), "a text");
        }
        value.as_str().map(str::to_owned)
    }

    /// A whole number.
    #[inline(never)]
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        if !value.is_u64() {
            self.faults.wrong_type(&self.path(name), "a whole number");
        }
        value.as_u64()
    }

    /// A boolean; `false` if absent.
    #[inline(never)]
    pub(super) fn flag(&self, name: &str) -> bool {
        let Some(value) = self.get(name) else { return false };
        if !value.is_boolean() {
            self.faults.wrong_type(&self.path(name), "`true` or `false`");
        }
        value.as_bool().unwrap_or_default()
    }

    /// An object with no members but the `known` ones.
    #[inline(never)]
    pub(super) fn object(&self, name: &str, known: &[&str]) -> Option<Object<'a>> {
        Some(Object::of(self.get(name)?, self.path(name), known, self.faults))
    }

    /// The items of a list, and their paths.
    #[inline(never)]
    pub(super) fn items(&self, name: &str) -> Option<Vec<(&'a Value, String)>> {
        let value = self.get(name)?;
        if !value.is_array() {
            self.faults.wrong_type(&self.path(name), "a list");
        }
        let items = value.as_array()?.iter().enumerate();
        Some(items.map(|(i, item)| (item, format!("{}[{i}]", self.path(name)))).collect())
    }

    /// A list of texts.
    #[inline(never)]
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let mut out = Vec::new();
        for (item, at) in self.items(name)? {
            match item.as_str() {
                Some(text) => out.push(text.to_owned()),
                None => self.faults.wrong_type(&at, "a text"),
            }
        }
        Some(out)
    }
}
