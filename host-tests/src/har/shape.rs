//! The fields of HAR that a replay needs. Other fields are ignored; other shapes than those of HAR 1.2 are
//! read if they are unambiguous.
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A document with its entries as text, so that a malformed one does not affect the others.
#[derive(Debug, Deserialize)]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub(super) log: Option<Log<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Log<'a> {
    #[serde(borrow)]
    pub(super) entries: Option<&'a RawValue>,
}

/// One entry. Load-test HARs (k6) have neither a time nor an answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    #[serde(default, borrow)]
    pub(super) started_date_time: Said<'a>,
    #[serde(borrow)]
    pub(super) request: Request<'a>,
    #[serde(borrow)]
    pub(super) response: Option<Response<'a>>,
    #[serde(rename = "_error", default, borrow)]
    pub(super) error: Said<'a>,
    #[serde(rename = "_fromCache", default, borrow)]
    pub(super) from_cache: Said<'a>,
    #[serde(rename = "_fetchedViaServiceWorker", default, borrow)]
    pub(super) by_service_worker: Said<'a>,
    #[serde(rename = "_clientAddress", borrow)]
    pub(super) client: Option<Said<'a>>,
    #[serde(rename = "_target", borrow)]
    pub(super) target: Option<Said<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    pub(super) method: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) url: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) http_version: Said<'a>,
    #[serde(default, borrow, deserialize_with = "or_default")]
    pub(super) headers: Vec<Field<'a>>,
    /// Used only if the header is missing.
    #[serde(borrow)]
    pub(super) cookies: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) post_data: Option<PostData<'a>>,
    #[serde(default, borrow)]
    pub(super) body_size: Said<'a>,
}

/// Whether the request was sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    #[serde(default, borrow)]
    pub(super) status: Said<'a>,
    #[serde(default, borrow)]
    pub(super) status_text: Said<'a>,
    #[serde(rename = "_error", default, borrow)]
    pub(super) error: Said<'a>,
    #[serde(rename = "_fetchedViaServiceWorker", default, borrow)]
    pub(super) by_service_worker: Said<'a>,
    /// Used only if the browser may have answered itself.
    #[serde(borrow)]
    pub(super) headers: Option<&'a RawValue>,
}

/// A header field, a cookie, or a field of a form.
#[derive(Debug, Deserialize)]
pub(super) struct Field<'a> {
    #[serde(borrow)]
    pub(super) name: Said<'a>,
    #[serde(default, borrow)]
    pub(super) value: Said<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostData<'a> {
    #[serde(default, borrow)]
    pub(super) mime_type: Said<'a>,
    #[serde(default, borrow)]
    pub(super) text: Said<'a>,
    #[serde(default, borrow, deserialize_with = "or_default")]
    pub(super) params: Vec<Field<'a>>,
    /// `base64`, where the text is not the body itself.
    #[serde(default, borrow)]
    pub(super) encoding: Said<'a>,
    /// The same as we write it.
    #[serde(rename = "_encoding", default, borrow)]
    pub(super) own_encoding: Said<'a>,
    /// Playwright writes bodies to separate files, named in one of these two.
    #[serde(rename = "_file")]
    pub(super) file: Option<IgnoredAny>,
    #[serde(rename = "_sha1")]
    pub(super) digest: Option<IgnoredAny>,
}

/// A text value. Some recorders leave numbers unquoted, write `null` for nothing, or several values of one
/// header as an array.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// Not there, or `null`.
    #[default]
    Nothing,
    /// A text, or a number or a truth value as it is written.
    Text(Cow<'a, str>),
    /// Several.
    List(Vec<Said<'a>>),
    /// Not a text.
    Object,
}

impl Said<'_> {
    /// The text; empty for nothing, `None` for what is not a text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Nothing => Some(""),
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Object => None,
        }
    }

    /// The text, where there is one.
    pub(super) fn word(&self) -> &str {
        self.text().unwrap_or_default()
    }

    /// The number, where it is one.
    pub(super) fn number(&self) -> Option<i64> {
        self.word().parse().ok()
    }

    /// True for `true` and for any non-empty text.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self.word(), "" | "false" | "0")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Said<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SaidVisitor)
    }
}

struct SaidVisitor;

impl<'de> Visitor<'de> for SaidVisitor {
    type Value = Said<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Said::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Said::Text(Cow::Owned(text)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_string(number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_string(number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        self.visit_string(number.to_string())
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Self::Value, E> {
        self.visit_string(truth.to_string())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Said::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Said::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Said::Object)
    }
}

/// `null` for what was left out.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
