//! A parsed document as serde reads it, where every error names its field. One generic reader over one
//! kind of value: a module carries this code once per configuration type, where a wrapper around a parser
//! would be carried twice.

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::{
    self, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};

use crate::config::tree::Node;

/// A position in the document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Member(Path::Root, name) => f.write_str(name),
            Path::Member(parent, name) => write!(f, "{parent}.{name}"),
            Path::Item(parent, position) => write!(f, "{parent}[{position}]"),
        }
    }
}

/// A problem, and its field as soon as that is known. Never holds a value of the document. Boxed, because every
/// reader of every field passes it on: a pointer is less code than a structure.
#[derive(Debug)]
pub struct FieldError(Box<Fault>);

#[derive(Debug)]
struct Fault {
    field: Option<String>,
    problem: String,
    /// A member that is missing below `field`.
    member: Option<&'static str>,
}

impl FieldError {
    #[cold]
    #[inline(never)]
    fn new(problem: String) -> Self {
        Self(Box::new(Fault { field: None, problem, member: None }))
    }

    /// Sets the position, unless it is set: the innermost one counts.
    #[cold]
    #[inline(never)]
    pub(crate) fn at(mut self, path: &Path<'_>) -> Self {
        if self.0.field.is_none() {
            let missing = self.0.member.take();
            self.0.field = Some(match missing {
                Some(name) => Path::Member(path, name).to_string(),
                None => path.to_string(),
            });
        }
        self
    }

    /// A value of another kind than `expected`, which is shown to the operator.
    #[cold]
    #[inline(never)]
    pub fn expected(expected: &str) -> Self {
        Self::new(["wrong type or value, expected ", expected].concat())
    }

    /// None of these words.
    #[cold]
    #[inline(never)]
    pub(crate) fn no_word(words: &[&str]) -> Self {
        Self::new(["not one of the known names, expected `", &words.join("`, `"), "`"].concat())
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn unknown() -> Self {
        Self::new("unknown field".to_owned())
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn missing(name: &'static str) -> Self {
        let mut missing = Self::new("required, but missing".to_owned());
        missing.0.member = Some(name);
        missing
    }

    /// The field, if it is known, and the problem.
    pub(crate) fn into_parts(self) -> (Option<String>, String) {
        (self.0.field, self.0.problem)
    }
}

impl Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.problem)
    }
}

impl std::error::Error for FieldError {}

impl Error for FieldError {
    #[cold]
    #[inline(never)]
    fn custom<T: Display>(message: T) -> Self {
        let message = message.to_string();
        // What follows the last `expected` is our own text; what stands before it may be the document's.
        Self::new(match message.rsplit_once(", expected ") {
            Some((_, ours)) => format!("wrong type or value, expected {ours}"),
            None => "wrong type or value".to_owned(),
        })
    }

    #[cold]
    #[inline(never)]
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("wrong type or value, expected {expected}"))
    }

    #[cold]
    #[inline(never)]
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("wrong type or value, expected {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::no_word(expected)
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::unknown()
    }

    fn missing_field(name: &'static str) -> Self {
        Self::missing(name)
    }
}

/// A value of a document and its position.
#[derive(Clone, Copy, Debug)]
pub struct Field<'de, 'p> {
    pub(crate) value: &'de Node<'de>,
    pub(crate) path: &'p Path<'p>,
}

impl<'de> Deserializer<'de> for Field<'de, '_> {
    type Error = FieldError;

    /// Any kind of value. Only for visitors that take anything: for the rest, each kind that is requested by
    /// name leaves the code for all others out.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Node::Null => visitor.visit_unit(),
            Node::Bool(truth) => visitor.visit_bool(*truth),
            Node::Unsigned(number) => visitor.visit_u64(*number),
            Node::Signed(number) => visitor.visit_i64(*number),
            Node::Float(number) => visitor.visit_f64(*number),
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(_) => self.deserialize_seq(visitor),
            Node::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Node::Bool(truth) => visitor.visit_bool(*truth),
            _ => Err(self.unlike(&visitor)),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Node::Unsigned(number) => visitor.visit_u64(*number),
            _ => Err(self.unlike(&visitor)),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Node::Text(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.unlike(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Node::List(items) => {
                visitor.visit_seq(Items { items: items.iter().enumerate(), path: self.path })
            }
            _ => Err(self.unlike(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Node::Object(members) => {
                visitor.visit_map(Members { members: members.iter(), last: None, path: self.path })
            }
            _ => Err(self.unlike(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    /// Members by their names only: an array of them in order is not what an operator means.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self.value {
            Node::Object(_) => self.deserialize_map(visitor),
            _ => Err(FieldError::custom(", expected an object")),
        }
    }

    /// Names only: no configuration has a variant that holds something.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self.value {
            Node::Text(text) => visitor.visit_enum(text.as_ref().into_deserializer()),
            _ => Err(FieldError::unknown_variant("", names)),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        ignored_any
    }
}

impl Field<'_, '_> {
    fn unlike(self, expected: &dyn Expected) -> FieldError {
        FieldError::invalid_type(Unexpected::Other(""), expected)
    }
}

struct Items<'de, 'p> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node<'de>>>,
    path: &'p Path<'p>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = FieldError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, FieldError> {
        let Some((position, value)) = self.items.next() else { return Ok(None) };
        below(seed, value, Path::Item(self.path, position)).map(Some)
    }
}

struct Members<'de, 'p> {
    members: std::slice::Iter<'de, (Cow<'de, str>, Node<'de>)>,
    last: Option<(&'de str, &'de Node<'de>)>,
    path: &'p Path<'p>,
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = FieldError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, FieldError> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.last = Some((name, value));
        let key = de::value::BorrowedStrDeserializer::new(name);
        let at = |error: FieldError| error.at(&Path::Member(self.path, name));
        seed.deserialize(key).map(Some).map_err(at)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, FieldError> {
        match self.last.take() {
            Some((name, value)) => below(seed, value, Path::Member(self.path, name)),
            None => Err(FieldError::custom("")),
        }
    }
}

fn below<'de, S: DeserializeSeed<'de>>(
    seed: S,
    value: &'de Node<'de>,
    path: Path<'_>,
) -> Result<S::Value, FieldError> {
    seed.deserialize(Field { value, path: &path }).map_err(|error| error.at(&path))
}
