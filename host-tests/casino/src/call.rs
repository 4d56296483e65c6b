//! One request as the routes see it.

use bytes::Bytes;
use http::{HeaderMap, Request};
use serde::de::DeserializeOwned;

use crate::reply::Refusal;
use crate::time::Time;

/// A request, its time and the parameters of the route it matched.
pub(crate) struct Call<'r> {
    pub(crate) now: Time,
    request: &'r Request<Bytes>,
    params: Vec<&'r str>,
}

impl<'r> Call<'r> {
    pub(crate) fn new(now: Time, request: &'r Request<Bytes>, params: Vec<&'r str>) -> Self {
        Self { now, request, params }
    }

    /// The n-th `{parameter}` of the route's template, as it stands in the path; empty when the
    /// template has fewer.
    pub(crate) fn param(&self, n: usize) -> &'r str {
        self.params.get(n).copied().unwrap_or_default()
    }

    pub(crate) fn headers(&self) -> &'r HeaderMap {
        self.request.headers()
    }

    /// The first value of a header, when it is readable ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&'r str> {
        self.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The first value of a query parameter, percent-decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query()?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A query parameter that must be a number, if it is there.
    pub(crate) fn query_number(&self, name: &'static str) -> Result<Option<u64>, Refusal> {
        self.query(name)
            .map(|value| {
                value.parse().map_err(|_| {
                    Refusal::bad_request("query_invalid", format!("`{name}` must be a number"))
                })
            })
            .transpose()
    }

    pub(crate) fn body(&self) -> &'r Bytes {
        self.request.body()
    }

    /// The first value of a form field in the body, percent-decoded.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.body())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body as JSON; fields that are not known are ignored.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(self.body()).map_err(|error| {
            let code = if error.is_data() { "body_invalid" } else { "body_not_json" };
            Refusal::bad_request(code, error.to_string())
        })
    }

    /// The body as JSON, or the default when there is no body at all.
    pub(crate) fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Refusal> {
        if self.body().is_empty() {
            return Ok(T::default());
        }
        self.json()
    }

    /// The credential of an `Authorization: Bearer` header. The scheme is case-insensitive.
    pub(crate) fn bearer(&self) -> Option<&'r str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The `idempotency-key` of the request, stored with the posting so that double effects are visible. The
    /// casino never acts on it.
    pub(crate) fn idempotency_key(&self) -> Option<String> {
        self.header("idempotency-key").map(|key| key.trim_matches('"').to_owned())
    }
}
