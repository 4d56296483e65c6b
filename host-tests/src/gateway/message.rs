//! Protobuf messages as a module gets them: Envoy unpacks StringValue and BytesValue only, and passes on the
//! bytes of other messages.
use serde_json::Value;

/// A `google.protobuf.Struct` with these fields.
pub(super) fn structure(fields: &serde_json::Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        let mut entry = Vec::new();
        put(&mut entry, 1, name.as_bytes());
        put(&mut entry, 2, &any_value(value));
        put(&mut out, 1, &entry);
    }
    out
}

/// An `xds.type.v3.TypedStruct`.
pub(super) fn typed(type_url: &str, value: Option<&serde_json::Map<String, Value>>) -> Vec<u8> {
    let mut out = Vec::new();
    if !type_url.is_empty() {
        put(&mut out, 1, type_url.as_bytes());
    }
    if let Some(fields) = value {
        put(&mut out, 2, &structure(fields));
    }
    out
}

/// A `google.protobuf.Value`.
fn any_value(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Null => out.extend([1 << 3, 0]),
        Value::Number(number) => {
            out.push((2 << 3) | 1);
            out.extend(number.as_f64().unwrap_or_default().to_le_bytes());
        }
        Value::String(text) => put(&mut out, 3, text.as_bytes()),
        Value::Bool(truth) => out.extend([4 << 3, u8::from(*truth)]),
        Value::Object(fields) => put(&mut out, 5, &structure(fields)),
        Value::Array(items) => {
            let mut list = Vec::new();
            items.iter().for_each(|item| put(&mut list, 1, &any_value(item)));
            put(&mut out, 6, &list);
        }
    }
    out
}

/// A field of bytes: its number, its length, itself.
fn put(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push((field << 3) | 2);
    let mut length = bytes.len();
    while length > 0x7f {
        out.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap_or_default());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The bytes as protobuf's own encoder writes them.
    #[test]
    fn structs_have_the_bytes_of_protobuf() {
        let long = "x".repeat(200);
        for (fields, wanted) in [
            (json!({}), &b""[..]),
            (json!({"a": "b"}), b"\x0a\x08\x0a\x01a\x12\x03\x1a\x01b"),
            (json!({"n": null}), b"\x0a\x07\x0a\x01n\x12\x02\x08\x00"),
            (json!({"t": true}), b"\x0a\x07\x0a\x01t\x12\x02\x20\x01"),
            (json!({"d": 1.5}), b"\x0a\x0e\x0a\x01d\x12\x09\x11\0\0\0\0\0\0\xf8\x3f"),
            (json!({"o": {}}), b"\x0a\x07\x0a\x01o\x12\x02\x2a\x00"),
            (json!({"l": [false]}), b"\x0a\x0b\x0a\x01l\x12\x06\x32\x04\x0a\x02\x20\x00"),
            (
                json!({"x": long}),
                &[b"\x0a\xd1\x01\x0a\x01x\x12\xcb\x01\x1a\xc8\x01", long.as_bytes()].concat(),
            ),
        ] {
            assert_eq!(structure(fields.as_object().unwrap()), wanted, "{fields}");
        }
        assert_eq!(typed("t", json!({}).as_object()), b"\x0a\x01t\x12\x00");
    }
}
