//! Selectors: where one URL carries requests of several classes, a query parameter or the body tells which.

use crate::body::content::Content;
use crate::body::pointer::{is_pointer, text_of};
use crate::config::error::{invalid, ConfigError};
use crate::config::sorted::SortedMap;
use crate::endpoint::class::EndpointClass;
use crate::endpoint::config::SelectConfig;
use crate::request::query;

/// A compiled selector.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    by: By,
    classes: SortedMap<String, EndpointClass>,
}

#[derive(Clone, Debug)]
enum By {
    Query(String),
    Pointer(String),
}

impl Select {
    #[inline]
    pub(crate) fn compile(raw: SelectConfig, at: &str) -> Result<Self, ConfigError> {
        let by = match (raw.query, raw.pointer) {
            (Some(name), None) if !name.is_empty() => By::Query(name),
            (None, Some(pointer)) if is_pointer(&pointer) => By::Pointer(pointer),
            (None, Some(_)) => {
                return Err(invalid(format!("{at}.pointer"), "expected a JSON pointer: `/type`"));
            }
            _ => return Err(invalid(at, "give exactly one of `query` and `pointer`")),
        };
        if raw.classes.is_empty() {
            return Err(invalid(format!("{at}.classes"), "must name at least one value"));
        }
        Ok(Self { by, classes: raw.classes })
    }

    /// The classes that a request may turn out to have.
    pub(crate) fn classes(&self) -> impl Iterator<Item = EndpointClass> + '_ {
        self.classes.values().copied()
    }

    /// Whether a request that was given this class may still be a settlement.
    pub(crate) fn hides_settlement(&self, class: EndpointClass) -> bool {
        class == EndpointClass::Unclassified
            && self.classes().any(|class| class == EndpointClass::Settlement)
    }

    /// The strictest of them.
    pub(crate) fn strictest(&self) -> EndpointClass {
        self.classes().max_by_key(|c| c.strictness()).unwrap_or(EndpointClass::Unclassified)
    }

    /// Whether only the body tells the class.
    pub(crate) fn needs_body(&self) -> bool {
        matches!(self.by, By::Pointer(_))
    }

    /// The class by the target; `None` where only the body tells it.
    pub(crate) fn by_target(&self, target: &[u8]) -> Option<EndpointClass> {
        match &self.by {
            By::Query(name) => {
                let value = query::parameter(target, name).ok().flatten();
                Some(self.class(value.as_deref()))
            }
            By::Pointer(_) => None,
        }
    }

    /// The class by the body.
    pub(crate) fn by_body(&self, content: &Content<'_>) -> EndpointClass {
        match &self.by {
            By::Query(_) => EndpointClass::Unclassified,
            By::Pointer(pointer) => {
                let value = content.value_at(pointer).ok().flatten();
                self.class(value.as_ref().and_then(text_of).as_deref())
            }
        }
    }

    fn class(&self, value: Option<&str>) -> EndpointClass {
        let class = value.and_then(|v| self.classes.get(v)).copied();
        class.unwrap_or(EndpointClass::Unclassified)
    }

    /// Adds the selector to a pattern's line, for the digest.
    #[inline]
    pub(crate) fn describe(&self, out: &mut String) {
        let (kind, name) = match &self.by {
            By::Query(name) => (" query", name),
            By::Pointer(pointer) => (" pointer", pointer),
        };
        out.push_str(kind);
        put_text(out, name);
        for (value, class) in self.classes.iter() {
            put_text(out, value);
            put_text(out, class.as_str());
        }
    }
}

/// Adds a text with its length, so that no text can look like two. Not as [`Debug`] writes it: what Unicode can print
/// is 8 KB of a module.
pub(crate) fn put_text(out: &mut String, text: &str) {
    out.push_str(&[" ", &text.len().to_string(), ":", text].concat());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_values_have_no_class() {
        let classes = r#"{"query": "type", "classes": {"debit": "wager", "": "account"}}"#;
        let select = Select::compile(serde_json::from_str(classes).unwrap(), "at").unwrap();
        for (target, want) in [
            ("/w?type=debit", EndpointClass::Wager),
            ("/w?typ%65=deb%69t", EndpointClass::Wager),
            ("/w?type", EndpointClass::Account),
            ("/w?type=debit&x=50%", EndpointClass::Wager),
            ("/w?type=other", EndpointClass::Unclassified),
            ("/w", EndpointClass::Unclassified),
            ("/w?type=debit&TYPE=credit", EndpointClass::Unclassified),
            ("/w?x=1;type=debit", EndpointClass::Unclassified),
        ] {
            assert_eq!(select.by_target(target.as_bytes()), Some(want), "{target}");
        }
    }
}
