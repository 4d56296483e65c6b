//! Request headers for Envoy's own rate limit service: its `request_headers` actions make descriptors of them.

use policy_kit::{header_name, invalid, settings, ConfigError, Match};

use crate::rate::caller::Caller;
use crate::rate::config::part::KeyPart;
use crate::rate::key::plain;
use crate::rate::rule::check_part;

/// Most headers.
const MOST: usize = 16;
/// Most bytes of one part.
const LONGEST: usize = 256;

settings! {
    /// A header for a descriptor.
    #[derive(Clone, Debug)]
    pub struct DescriptorConfig {
        /// The header's name. What clients send under it is stripped.
        pub header: String,
        /// Its value: the parts as text, joined by `|`. Those of the body are not known in time.
        pub key: Vec<KeyPart>,
    }
}

/// The compiled headers.
#[derive(Clone, Debug, Default)]
pub struct Descriptors(Vec<DescriptorConfig>);

impl Descriptors {
    /// Compiles the configuration's `descriptors`. `identities` as in
    /// [`CompileContext`](crate::rate::rule::CompileContext).
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: Vec<DescriptorConfig>, identities: bool) -> Result<Self, ConfigError> {
        if raw.len() > MOST {
            return Err(invalid("descriptors", "has more than 16 headers"));
        }
        for (i, descriptor) in raw.iter().enumerate() {
            let at = |field: &str| format!("descriptors[{i}].{field}");
            header_name(&at("header"), &descriptor.header)?;
            if raw.iter().take(i).any(|other| other.header == descriptor.header) {
                return Err(invalid(at("header"), "is set by another descriptor"));
            }
            if descriptor.key.is_empty() {
                return Err(invalid(at("key"), "must name at least one part"));
            }
            for (j, part) in descriptor.key.iter().enumerate() {
                let at = format!("descriptors[{i}].key[{j}]");
                check_part(part, &at, identities)?;
                if matches!(part, KeyPart::Pointer(_)) {
                    let problem = "is not known when Envoy's filter asks its service";
                    return Err(invalid(at, problem));
                }
            }
        }
        Ok(Self(raw))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What their values are made of.
    pub(crate) fn key_parts(&self) -> impl Iterator<Item = &KeyPart> {
        self.0.iter().flat_map(|descriptor| descriptor.key.iter())
    }

    /// Each header and its value. A part that the request does not have is replaced by the client's address: without the
    /// header, Envoy's filter would not ask its service at all.
    pub fn values(&self, endpoint: &Match<'_>, caller: &Caller<'_, '_>) -> Vec<(&str, String)> {
        let value = |descriptor: &DescriptorConfig| {
            let mut value = String::new();
            for (i, part) in descriptor.key.iter().enumerate() {
                if i > 0 {
                    value.push('|');
                }
                let address = || plain(&KeyPart::Client, endpoint, caller);
                match plain(part, endpoint, caller).or_else(address) {
                    Some(text) => write(&text, &mut value),
                    None => value.push_str("unknown"),
                }
            }
            value
        };
        self.0.iter().map(|descriptor| (descriptor.header.as_str(), value(descriptor))).collect()
    }
}

/// Writes a part of a value as visible ASCII. What separates parts is escaped, so that no two keys are written alike.
fn write(text: &[u8], out: &mut String) {
    for byte in text.iter().take(LONGEST) {
        match byte {
            b'|' | b'%' => {}
            _ if byte.is_ascii_graphic() => {
                out.push(char::from(*byte));
                continue;
            }
            _ => {}
        }
        out.push('%');
        for digit in [byte >> 4, byte & 15] {
            let digit = char::from_digit(digit.into(), 16).unwrap_or('0');
            out.push(digit.to_ascii_uppercase());
        }
    }
}

#[cfg(test)]
#[path = "descriptors_tests.rs"]
mod tests;
