//! Names what a gateway handed over as a configuration where it is not JSON text.
//!
//! Envoy unpacks `google.protobuf.StringValue` and `BytesValue` only; of any other message a module gets the
//! bytes. A JSON error would name a line and a column that are in no file, so the error names the message.

/// The remedy, part of every error.
const REMEDY: &str = "give the JSON as text, in the `value` of a google.protobuf.StringValue";

/// Whether a byte is in no JSON text: all control characters but white space.
fn is_binary(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// What is wrong with a document that is not text; `None` where the JSON reader takes over.
pub(crate) fn not_json(document: &[u8]) -> Option<String> {
    let what = if document.is_empty() {
        "there is none"
    } else if is_structure(document) {
        "it is a google.protobuf.Struct and no JSON"
    } else if is_typed(document) {
        "it is a TypedStruct and no JSON"
    } else if document.iter().any(|byte| is_binary(*byte)) {
        "it is binary and no JSON"
    } else if std::str::from_utf8(document).is_err() {
        "it is not UTF-8"
    } else {
        return None;
    };
    Some(format!("{what}: {REMEDY}"))
}

/// A message of fields 1, each with a key and a value: a map.
fn is_structure(mut message: &[u8]) -> bool {
    // The tag of a value, 0x12, is in no JSON text, so none is taken for a message.
    while !message.is_empty() {
        let Some((entry, rest)) = field(message, 0x0a) else { return false };
        let value = field(entry, 0x0a).and_then(|(_, rest)| field(rest, 0x12));
        if !value.is_some_and(|(_, rest)| rest.is_empty()) {
            return false;
        }
        message = rest;
    }
    true
}

/// A type's URL, and a structure.
fn is_typed(message: &[u8]) -> bool {
    let Some((address, rest)) = field(message, 0x0a) else { return false };
    let structure = field(rest, 0x12).is_some_and(|(it, rest)| is_structure(it) && rest.is_empty());
    structure && !address.iter().any(|byte| is_binary(*byte))
}

/// The bytes of a field with this tag, and what follows it.
fn field(message: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, mut rest) = message.split_first()?;
    if *first != tag {
        return None;
    }
    let mut length = 0_usize;
    for shift in [0, 7, 14, 21] {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return rest.split_at_checked(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document, and the start of its error.
    #[test]
    fn documents_that_are_not_json_are_named() {
        let long = [&b"\x0a\xd1\x01\x0a\x01x\x12\xcb\x01\x1a\xc8\x01"[..], &[b'x'; 200]].concat();
        for (document, wanted) in [
            (&b""[..], Some("there is none: give the JSON as text")),
            (b"\x0a\x08\x0a\x01a\x12\x03\x1a\x01b", Some("it is a google.protobuf.Struct")),
            (
                b"\x0a\x08\x0a\x01a\x12\x03\x1a\x01b\x0a\x07\x0a\x01n\x12\x02\x08\x00",
                Some("it is a google.protobuf.Struct"),
            ),
            (&long, Some("it is a google.protobuf.Struct")),
            (b"\x0a\x03a/b\x12\x0a\x0a\x08\x0a\x01a\x12\x03\x1a\x01b", Some("it is a TypedStruct")),
            (b"\x08\x01", Some("it is binary")),
            (b"\x0a\x08\x0a\x01a\x12\x03\x1a\x01", Some("it is binary")),
            (b"{\"a\": \"\xff\"}", Some("it is not UTF-8")),
            (b"{}", None),
            (b"\n{\n\"a\": 1\n}", None),
            (b"\n\n\n", None),
            (b"not JSON, but text", None),
        ] {
            let said = not_json(document);
            assert_eq!(said.is_some(), wanted.is_some(), "{said:?}");
            assert!(wanted.is_none_or(|it| said.as_ref().unwrap().starts_with(it)), "{said:?}");
        }
    }
}
