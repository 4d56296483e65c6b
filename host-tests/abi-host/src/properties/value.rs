//! The value of an attribute, and its bytes.

use crate::message::headers::Headers;
use crate::plugin::Profile;
use crate::status::Status;

/// A value before it is serialised.
pub(super) enum Value<'a> {
    Text(&'a [u8]),
    Owned(Vec<u8>),
    Int(i64),
    Uint(u64),
    Bool(bool),
    /// A header map, each name once with all its values; `None` is one that is closed.
    Map(Option<&'a Headers>),
}

impl Value<'_> {
    /// Envoy writes numbers as little-endian bytes, WasmX as decimal text.
    pub(super) fn write(&self, profile: Profile, out: &mut Vec<u8>) {
        match (self, profile) {
            (Self::Text(text), _) => out.extend_from_slice(text),
            (Self::Owned(text), _) => out.extend_from_slice(text),
            (Self::Map(None), _) => Headers::new().write_wire(out),
            (Self::Map(Some(map)), _) => joined(map).write_wire(out),
            (Self::Int(number), Profile::Envoy) => out.extend_from_slice(&number.to_le_bytes()),
            (Self::Uint(number), Profile::Envoy) => out.extend_from_slice(&number.to_le_bytes()),
            (Self::Bool(truth), Profile::Envoy) => out.push(u8::from(*truth)),
            (Self::Int(number), Profile::Wasmx) => {
                out.extend_from_slice(number.to_string().as_bytes())
            }
            (Self::Uint(number), Profile::Wasmx) => {
                out.extend_from_slice(number.to_string().as_bytes());
            }
            (Self::Bool(truth), Profile::Wasmx) => {
                out.extend_from_slice(truth.to_string().as_bytes())
            }
        }
    }
}

/// A value, or the status why there is none.
pub(super) type Lookup<'a> = Result<Value<'a>, Status>;

/// The attribute is absent.
pub(super) const ABSENT: Status = Status::NOT_FOUND;
/// The attribute exists but cannot be serialised as a whole.
pub(super) const OPAQUE: Status = Status::SERIALIZATION_FAILURE;

/// The map as a property: each name once, at its first position, with all values.
fn joined(headers: &Headers) -> Headers {
    let mut out = Headers::new();
    for (name, _) in headers.iter() {
        if out.get(name).is_none() {
            out.add_as_written(name, all_of(headers, name).unwrap_or_default());
        }
    }
    out
}

/// Unlike a read of the header map, a property joins all values of a name.
pub(super) fn all_of(headers: &Headers, name: &[u8]) -> Option<Vec<u8>> {
    let values = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let values: Vec<&[u8]> = values.map(|(_, value)| value).collect();
    (!values.is_empty()).then(|| values.join(&b","[..]))
}
