//! Settings that read themselves in place. One table of names and places for each structure, and one function that
//! walks it: a module with fifty configuration types carries a fifth of the code that a reader generated for each of
//! them would be.

use serde_json::{Map, Value};

use crate::config::error::ConfigError;
use crate::config::field::{Field, FieldError, Path};
use crate::config::parse::{located, tree};
use crate::config::sorted::SortedMap;
use crate::config::tree::Node;

/// What reads itself from a field of the document, in place of the value that it has.
pub trait Setting {
    /// Reads the field.
    ///
    /// # Errors
    /// What was expected. The value is then of no use.
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError>;
}

/// Reads a configuration document that [`settings!`](crate::settings) describes: JSON, in which no member is given
/// twice.
///
/// ```
/// policy_kit::settings! {
///     /// A document.
///     #[derive(Debug)]
///     pub struct Config {
///         /// A header.
///         pub header: String,
///         /// Percent.
///         pub share: u32 = 10,
///     }
/// }
///
/// let config: Config = policy_kit::read_settings(br#"{"header": "x-tenant"}"#)?;
/// assert_eq!((config.header.as_str(), config.share), ("x-tenant", 10));
///
/// let error = policy_kit::read_settings::<Config>(br#"{"share": 7}"#).unwrap_err();
/// assert_eq!(error.to_string(), "header: required, but missing");
/// # Ok::<(), policy_kit::ConfigError>(())
/// ```
///
/// # Errors
/// Names the path of the field and the kind of fault, never a value.
pub fn read_settings<C: Setting + Default>(document: &[u8]) -> Result<C, ConfigError> {
    let mut config = C::default();
    read_into(&mut config, document)?;
    Ok(config)
}

fn read_into(config: &mut dyn Setting, document: &[u8]) -> Result<(), ConfigError> {
    let value = tree(document)?;
    config.read(Field { value: &value, path: &Path::Root }).map_err(located)
}

/// Structures of a configuration document. A member with `= value` may be absent and has this value then; all others
/// are required. `as "name"` after the type is the member's name in the document where it is no name in Rust.
#[macro_export]
macro_rules! settings {
    ($(
        $(#[$about:meta])*
        $seen:vis struct $name:ident {
            $(
                $(#[$member_about:meta])*
                $member_seen:vis $member:ident : $type:ty $(as $written:literal)? $(= $default:expr)?
            ),* $(,)?
        }
    )*) => {$(
        $(#[$about])*
        $seen struct $name {
            $($(#[$member_about])* $member_seen $member: $type),*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($member: $crate::settings!(@default $($default)?)),* }
            }
        }

        impl $crate::Setting for $name {
            fn read(&mut self, field: $crate::Field<'_, '_>) -> Result<(), $crate::FieldError> {
                field.members(
                    &[$(($crate::settings!(@name $member $($written)?), $crate::settings!(@required $($default)?))),*],
                    &mut [$(&mut self.$member),*],
                )
            }
        }
    )*};
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
    (@required) => { true };
    (@required $default:expr) => { false };
    (@name $member:ident) => { stringify!($member) };
    (@name $member:ident $written:literal) => { $written };
}

/// The words of a setting that is one of several.
#[macro_export]
macro_rules! words {
    ($name:ident: $($word:literal => $value:ident),* $(,)?) => {
        impl $crate::Setting for $name {
            fn read(&mut self, field: $crate::Field<'_, '_>) -> Result<(), $crate::FieldError> {
                let at = field.word(&[$($word),*])?;
                if let Some(value) = [$(Self::$value),*].get(at) {
                    *self = *value;
                }
                Ok(())
            }
        }
    };
}

impl Field<'_, '_> {
    /// Reads the members of an object: their names, whether they are required, and their places in the same order.
    ///
    /// # Errors
    /// A member with another name, one that cannot be read, or one that is missing.
    pub fn members(
        self,
        names: &[(&'static str, bool)],
        places: &mut [&mut dyn Setting],
    ) -> Result<(), FieldError> {
        let Node::Object(members) = self.value else {
            return Err(FieldError::expected("an object"));
        };
        for (name, value) in members {
            let path = Path::Member(self.path, name);
            let at = names.iter().position(|(known, _)| known == name);
            let read = match at.and_then(|at| places.get_mut(at)) {
                Some(place) => place.read(Field { value, path: &path }),
                None => Err(FieldError::unknown()),
            };
            read.map_err(|error| error.at(&path))?;
        }
        for (name, required) in names {
            if *required && !members.iter().any(|(given, _)| given == name) {
                return Err(FieldError::missing(name));
            }
        }
        Ok(())
    }

    /// The position of a text in a list of words.
    ///
    /// # Errors
    /// No text, or another one.
    pub fn word(self, words: &[&str]) -> Result<usize, FieldError> {
        let given = self.text();
        let found = words.iter().position(|word| given == Some(word));
        found.ok_or_else(|| FieldError::no_word(words))
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        match self.value {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number that is whole and not negative.
    pub fn number(&self) -> Option<u64> {
        match self.value {
            Node::Unsigned(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self.value, Node::Object(_))
    }

    /// The name and the text of an object with one member that is a text.
    pub fn pair(&self) -> Option<(&str, &str)> {
        match self.value {
            Node::Object(members) => match members.as_slice() {
                [(name, Node::Text(text))] => Some((name, text)),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Setting for String {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        let text = field.text().ok_or_else(|| FieldError::expected("a string"))?;
        text.clone_into(self);
        Ok(())
    }
}

impl Setting for bool {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        let Node::Bool(truth) = field.value else {
            return Err(FieldError::expected("a boolean"));
        };
        *self = *truth;
        Ok(())
    }
}

impl Setting for f64 {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        *self = match field.value {
            Node::Unsigned(number) => *number as f64,
            Node::Signed(number) => *number as f64,
            Node::Float(number) => *number,
            _ => return Err(FieldError::expected("a number")),
        };
        Ok(())
    }
}

macro_rules! number {
    ($($type:ident)*) => {$(
        impl Setting for $type {
            fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
                let number = field.number().and_then(|number| $type::try_from(number).ok());
                *self = number.ok_or_else(|| FieldError::expected(stringify!($type)))?;
                Ok(())
            }
        }
    )*};
}

number! { u16 u32 u64 usize }

impl<T: Setting + Default> Setting for Option<T> {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        *self = None;
        match field.value {
            Node::Null => Ok(()),
            _ => self.insert(T::default()).read(field),
        }
    }
}

/// A list that grows while it is read.
trait Growing {
    /// A place for one more item.
    fn grow(&mut self) -> Option<&mut dyn Setting>;
}

impl<T: Setting + Default> Growing for Vec<T> {
    fn grow(&mut self) -> Option<&mut dyn Setting> {
        self.push(T::default());
        self.last_mut().map(|item| item as _)
    }
}

impl<T: Setting + Default> Setting for Vec<T> {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        self.clear();
        read_items(self, field)
    }
}

fn read_items(list: &mut dyn Growing, field: Field<'_, '_>) -> Result<(), FieldError> {
    let Node::List(items) = field.value else {
        return Err(FieldError::expected("a sequence"));
    };
    for (position, value) in items.iter().enumerate() {
        let path = Path::Item(field.path, position);
        let read = list.grow().map_or(Ok(()), |item| item.read(Field { value, path: &path }));
        read.map_err(|error| error.at(&path))?;
    }
    Ok(())
}

/// A map that grows while it is read.
trait Keyed {
    /// A place for the value of a key.
    fn place(&mut self, key: Field<'_, '_>) -> Result<Option<&mut dyn Setting>, FieldError>;
}

impl<K: Setting + Default + Ord, V: Setting + Default> Keyed for SortedMap<K, V> {
    fn place(&mut self, name: Field<'_, '_>) -> Result<Option<&mut dyn Setting>, FieldError> {
        let mut key = K::default();
        key.read(name)?;
        Ok(self.place(key, V::default()).map(|value| value as _))
    }
}

impl<K: Setting + Default + Ord, V: Setting + Default> Setting for SortedMap<K, V> {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        *self = Self::default();
        read_entries(self, field)
    }
}

fn read_entries(map: &mut dyn Keyed, field: Field<'_, '_>) -> Result<(), FieldError> {
    let Node::Object(members) = field.value else {
        return Err(FieldError::expected("an object"));
    };
    for (name, value) in members {
        let path = Path::Member(field.path, name);
        let key = Node::Text(name.as_ref().into());
        let place = map.place(Field { value: &key, path: &path });
        let read = place.and_then(|place| {
            place.map_or(Ok(()), |place| place.read(Field { value, path: &path }))
        });
        read.map_err(|error| error.at(&path))?;
    }
    Ok(())
}

impl Setting for Value {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        *self = value(field.value);
        Ok(())
    }
}

fn value(node: &Node<'_>) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(truth) => Value::Bool(*truth),
        Node::Unsigned(number) => (*number).into(),
        Node::Signed(number) => (*number).into(),
        Node::Float(number) => (*number).into(),
        Node::Text(text) => Value::String(text.as_ref().to_owned()),
        Node::List(items) => Value::Array(items.iter().map(value).collect()),
        Node::Object(members) => {
            let mut map = Map::new();
            for (name, member) in members {
                map.insert(name.as_ref().to_owned(), value(member));
            }
            Value::Object(map)
        }
    }
}

#[cfg(test)]
#[path = "setting_tests.rs"]
mod tests;
