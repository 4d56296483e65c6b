//! Bodies: JSON, forms, text, and bytes.
use super::names::is_personal;
use super::Redactor;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use serde_json::Value;

impl Redactor<'_> {
    /// A body as text.
    pub(super) fn body(&mut self, kind: &str, text: &str) -> String {
        if let Ok(parsed) = serde_json::from_str::<Value>(text) {
            let mut redacted = parsed.clone();
            self.json(&mut redacted, false);
            return if redacted == parsed { text.to_owned() } else { redacted.to_string() };
        }
        if kind.starts_with("application/x-www-form-urlencoded") || looks_like_a_form(text) {
            return self.form(text);
        }
        self.scrub(text)
    }

    /// A body as base64. Bytes that are no text are replaced as a whole, by as many.
    pub(super) fn bytes(&mut self, kind: &str, encoded: &str) -> String {
        let Ok(bytes) = STANDARD.decode(encoded) else { return self.value(encoded) };
        match String::from_utf8(bytes) {
            Ok(text) => STANDARD.encode(self.body(kind, &text)),
            Err(binary) => {
                let binary = binary.as_bytes();
                STANDARD.encode(self.key.stream(binary, binary.len()))
            }
        }
    }

    /// A document; `personal` when its name says that all of it is.
    pub(super) fn json(&mut self, value: &mut Value, personal: bool) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::String(text) => {
                *text = if personal { self.value(text) } else { self.scrub(text) };
            }
            Value::Number(number) => self.number(number, personal),
            Value::Array(items) => items.iter_mut().for_each(|it| self.json(it, personal)),
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.json(member, personal || is_personal(name));
                }
            }
        }
    }

    /// A number that is personal, or has the shape of a card, becomes another of its length.
    fn number(&mut self, number: &mut serde_json::Number, personal: bool) {
        let text = number.to_string();
        let redacted = if personal { self.value(&text) } else { self.scrub(&text) };
        if redacted == text {
            return;
        }
        let digits: String = redacted.chars().filter(char::is_ascii_digit).take(18).collect();
        *number = digits.parse::<u64>().unwrap_or_default().into();
    }
}

/// True for `a=1&b=2`, which hostile and broken clients send under any content type.
fn looks_like_a_form(text: &str) -> bool {
    let pair = |pair: &str| {
        let name = pair.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty()
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.[]%+".contains(&it))
    };
    !text.contains(char::is_whitespace) && text.split('&').all(pair)
}
