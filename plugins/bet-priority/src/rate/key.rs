//! The key of a request under a rule, as bytes that are hashed.

use std::net::{IpAddr, Ipv6Addr};

use policy_kit::{text_at, Match, Source};
use serde_json::Value;

use crate::rate::caller::Caller;
use crate::rate::config::limit::Absent;
use crate::rate::config::part::KeyPart;

/// Most bytes of one part that count: a client that sends more shares a counter with those that begin alike.
const MOST: usize = 256;
/// First byte of a part that a request does not have. Others have their position among the kinds.
const ABSENT: u8 = 0;

/// Writes the key of a request into `out`, which is emptied first. Each part has its kind and its length, so that no
/// two keys are written alike. `false` where the rule does not count the request.
pub(crate) fn write_key(
    parts: &[KeyPart],
    absent: Absent,
    endpoint: &Match<'_>,
    caller: &Caller<'_, '_>,
    out: &mut Vec<u8>,
) -> bool {
    out.clear();
    for part in parts {
        let found = match part {
            KeyPart::Player => within_brand(1, caller.player, caller, out),
            KeyPart::Session => within_brand(2, caller.session, caller, out),
            KeyPart::Partner => put(3, proven(caller), out),
            KeyPart::Brand => put(4, caller.brand.map(str::as_bytes), out),
            KeyPart::Client => {
                // Clients without an address are one client.
                put(5, Some(&address(caller)), out)
            }
            KeyPart::Header(name) => put(6, caller.headers.single(name), out),
            KeyPart::Pointer(pointer) => {
                put(7, body_text(caller, pointer).as_deref().map(str::as_bytes), out)
            }
            KeyPart::Variable(name) => {
                put(8, endpoint.variable(name, caller.target).as_deref(), out)
            }
        };
        if !found {
            match absent {
                Absent::Skip => return false,
                Absent::Client => put(ABSENT, Some(&address(caller)), out),
            };
        }
    }
    true
}

/// The value of one part as text, for a header; `None` where the request does not have it.
pub(crate) fn plain(
    part: &KeyPart,
    endpoint: &Match<'_>,
    caller: &Caller<'_, '_>,
) -> Option<Vec<u8>> {
    let value = match part {
        KeyPart::Player => caller.player?.to_vec(),
        KeyPart::Session => caller.session?.to_vec(),
        KeyPart::Partner => proven(caller)?.to_vec(),
        KeyPart::Brand => caller.brand?.as_bytes().to_vec(),
        KeyPart::Client => network(caller.client?).to_string().into_bytes(),
        KeyPart::Header(name) => caller.headers.single(name)?.to_vec(),
        KeyPart::Pointer(pointer) => body_text(caller, pointer)?.into_bytes(),
        KeyPart::Variable(name) => endpoint.variable(name, caller.target)?.into_owned(),
    };
    (!value.is_empty()).then_some(value)
}

/// The address of a client, or the first 64 bits of one of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & u128::MAX << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn proven<'a>(caller: &Caller<'a, '_>) -> Option<&'a [u8]> {
    caller.partner.filter(|_| !caller.claimed)
}

fn address(caller: &Caller<'_, '_>) -> [u8; 8] {
    Source::of(caller.client).number().to_le_bytes()
}

/// Ids are unique within a brand.
fn within_brand(kind: u8, id: Option<&[u8]>, caller: &Caller<'_, '_>, out: &mut Vec<u8>) -> bool {
    let brand = caller.brand.map(str::as_bytes).unwrap_or_default();
    put(kind, id, out) && put(4, Some(brand), out)
}

#[inline]
fn put(kind: u8, value: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
    let Some(value) = value else { return false };
    let value = value.get(..MOST).unwrap_or(value);
    out.push(kind);
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(value);
    true
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

/// A text, number or boolean of the body. A whole number is written one way: `1`, `1.0` and `1e0` are one key.
fn body_text(caller: &Caller<'_, '_>, pointer: &str) -> Option<String> {
    let value = caller.body?.value_at(pointer).ok()??;
    match &value {
        Value::Number(number) => match number.as_f64() {
            _ if number.is_i64() || number.is_u64() => Some(number.to_string()),
            Some(whole) if whole.fract() == 0.0 && (0.0..TWO_64).contains(&whole) => {
                Some((whole as u64).to_string())
            }
            Some(whole) if whole.fract() == 0.0 && (-TWO_63..0.0).contains(&whole) => {
                Some((whole as i64).to_string())
            }
            // No integer is written so, and there is one way to print it.
            _ => Some(number.to_string()),
        },
        _ => text_at(&value, ""),
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
