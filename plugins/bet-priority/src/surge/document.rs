//! What the switch says.

use policy_kit::{strict_json, text_at};
use serde_json::Value;

use crate::market::id::{MarketId, MAX_NAME};
use crate::market::suspended::{Suspended, MAX_SUSPENDED};
use crate::surge::instant::utc;

/// First byte of a document in shared data: the format of what follows.
const FORM: u8 = 1;

/// A document of the switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwitchDocument {
    /// Whether the surge profile is on.
    pub surge: bool,
    /// Until when, in nanoseconds since the epoch; `None` until the document changes.
    pub until: Option<u64>,
    /// Markets that take no bets. `until` does not end their suspension.
    pub suspended: Suspended,
}

impl SwitchDocument {
    /// Reads a document. Members with other names are ignored.
    ///
    /// # Errors
    /// Says in a few words what is wrong. Nothing of such a document counts.
    pub fn read(body: &[u8]) -> Result<Self, &'static str> {
        let document = strict_json(body).ok_or("no JSON, or a member given twice")?;
        if !document.is_object() {
            return Err("no object");
        }
        let surge = match document.get("surge") {
            Some(Value::Bool(surge)) => *surge,
            _ => return Err("`surge` is not true or false"),
        };
        let until = match document.get("until") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(utc(text).ok_or("`until` is not a UTC time")?),
            Some(_) => return Err("`until` is not a UTC time"),
        };
        let suspended = match document.get("suspended_markets") {
            None => Suspended::default(),
            Some(Value::Array(names)) => markets(names)?,
            Some(_) => return Err("`suspended_markets` is not a list"),
        };
        Ok(Self { surge, until, suspended })
    }

    /// Whether the profile is on at `now`, in nanoseconds since the epoch.
    pub fn is_on(&self, now: u64) -> bool {
        self.surge && self.until.is_none_or(|until| now < until)
    }

    /// The value that workers share.
    pub(crate) fn value(&self) -> Vec<u8> {
        let mut out = vec![FORM, u8::from(self.surge)];
        out.extend(self.until.unwrap_or(u64::MAX).to_be_bytes());
        self.suspended.iter().for_each(|market| out.extend(market.0.to_be_bytes()));
        out
    }

    /// Reads a shared value; `None` for another format.
    pub(crate) fn of(value: &[u8]) -> Option<Self> {
        let ([form, surge], rest) = value.split_first_chunk::<2>()?;
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let until = Some(u64::from_be_bytes(*until)).filter(|until| *until != u64::MAX);
        let digests = rest.chunks_exact(8);
        if *form != FORM || !digests.remainder().is_empty() {
            return None;
        }
        let digests = digests.filter_map(|digest| digest.first_chunk());
        let markets = digests.map(|digest| MarketId(u64::from_be_bytes(*digest))).collect();
        Some(Self { surge: *surge != 0, until, suspended: Suspended::new(markets) })
    }
}

fn markets(names: &[Value]) -> Result<Suspended, &'static str> {
    if names.len() > MAX_SUSPENDED {
        return Err("too many `suspended_markets`");
    }
    let mut markets = Vec::with_capacity(names.len());
    for name in names {
        let is_name = matches!(name, Value::String(_) | Value::Number(_));
        let name = text_at(name, "").filter(|name| is_name && (1..=MAX_NAME).contains(&name.len()));
        markets.push(MarketId::of(&name.ok_or("`suspended_markets` has an item that is no name")?));
    }
    Ok(Suspended::new(markets))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
