//! Where a request names its market.

use std::borrow::Cow;

use policy_kit::{
    invalid, is_pointer, query, text_at, value_at, variable_place, ConfigError, Content, Match,
    Unread,
};
use serde_json::Value;

use crate::market::config::MarketIdConfig;
use crate::market::id::{sorted, MarketId, MAX_NAME};

/// Most markets of one request: a combined bet has rarely more than twenty.
const MAX_LEGS: usize = 64;

/// A place in requests.
#[derive(Debug)]
pub enum MarketSource {
    /// In the body: the pointer, and the pointer from each item of a list.
    Body(String, Option<String>),
    /// A variable of the path.
    Variable(String),
    /// A query parameter.
    Query(String),
}

/// The markets that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The body tells.
    NeedsBody,
    /// These, each once, in order; none where the request names none.
    Markets(Vec<MarketId>),
    /// Readers differ about them, or they cannot be read: why, in one word.
    Unclear(&'static str),
}

impl MarketSource {
    /// Compiles the configuration at path `at`.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(raw: MarketIdConfig, at: &str) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        if raw.each.is_some() && raw.pointer.is_none() {
            return Err(invalid(field("each"), "has no effect without `pointer`"));
        }
        for (name, pointer) in [("pointer", &raw.pointer), ("each", &raw.each)] {
            if !pointer.as_ref().is_none_or(|pointer| is_pointer(pointer)) {
                return Err(invalid(field(name), "expected a JSON pointer, such as `/market`"));
            }
        }
        match (raw.pointer, raw.variable, raw.query) {
            (Some(pointer), None, None) => Ok(Self::Body(pointer, raw.each)),
            (None, Some(name), None) if !name.is_empty() => Ok(Self::Variable(name)),
            (None, None, Some(name)) if !name.is_empty() => Ok(Self::Query(name)),
            _ => Err(invalid(at, "give exactly one of `pointer`, `variable` and `query`")),
        }
    }

    /// Whether an endpoint, as the operator wrote it, can name a market here.
    pub(crate) fn fits(&self, endpoint: &str) -> bool {
        match self {
            Self::Variable(name) => variable_place(endpoint, name).is_some(),
            Self::Body(..) | Self::Query(_) => true,
        }
    }

    /// Whether the body tells.
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self, Self::Body(..))
    }

    /// Reads the markets of a request. An empty `body` stands for one that is too long or cannot be read.
    pub(crate) fn read(
        &self,
        endpoint: &Match<'_>,
        target: &[u8],
        body: Option<&Content<'_>>,
    ) -> Named {
        match self {
            Self::Body(pointer, each) => match body.map(|body| body.value_at(pointer)) {
                None => Named::NeedsBody,
                Some(Ok(value)) => in_value(value.as_ref(), each.as_deref()),
                Some(Err(fault)) => Named::Unclear(Unread::as_str(fault)),
            },
            Self::Variable(name) => {
                if !self.fits(endpoint.endpoint) {
                    return Named::Markets(Vec::new());
                }
                let segment = endpoint.variable(name, target);
                match segment.as_deref().map(std::str::from_utf8) {
                    Some(Ok(segment)) => one(Cow::Borrowed(segment)),
                    _ => Named::Unclear("path"),
                }
            }
            Self::Query(name) => match query::parameter(target, name) {
                Ok(value) => one(Cow::Owned(value.unwrap_or_default())),
                Err(_) => Named::Unclear("query"),
            },
        }
    }
}

fn one(name: Cow<'_, str>) -> Named {
    match name.len() {
        0 => Named::Markets(Vec::new()),
        1..=MAX_NAME => Named::Markets(vec![MarketId::of(&name)]),
        _ => Named::Unclear("market_name"),
    }
}

fn in_value(value: Option<&Value>, each: Option<&str>) -> Named {
    let alone = |value: &Value| match value {
        Value::Null => Some(None),
        value => text_at(value, "").map(Some),
    };
    let mut names = Vec::new();
    match (value, each) {
        (None | Some(Value::Null), _) => {}
        (Some(Value::Array(items)), _) if items.len() > MAX_LEGS => {
            return Named::Unclear("market_many");
        }
        (Some(Value::Array(items)), each) => {
            for item in items {
                let found = match each {
                    Some(each) => value_at(item, each).map_or(Some(None), alone),
                    None => alone(item),
                };
                let Some(name) = found else { return Named::Unclear("market_type") };
                names.extend(name);
            }
        }
        (Some(value), None) => match alone(value) {
            Some(name) => names.extend(name),
            None => return Named::Unclear("market_type"),
        },
        (Some(_), Some(_)) => return Named::Unclear("market_type"),
    }
    let mut markets = Vec::with_capacity(names.len());
    for name in names {
        match one(Cow::Owned(name)) {
            Named::Markets(found) => markets.extend(found),
            unclear => return unclear,
        }
    }
    let mut markets = sorted(markets);
    markets.dedup();
    Named::Markets(markets)
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
