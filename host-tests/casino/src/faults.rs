//! Fault injection by rules.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::reply::{raw, Refusal};

/// The longest delay a rule may ask for.
const MAX_DELAY_MS: u64 = 600_000;
/// The largest body a rule may ask for.
const MAX_HUGE_BODY: usize = 256 * 1024 * 1024;

/// How the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// Before a byte of the answer.
    Silent,
    /// After the head and half of the body.
    MidBody,
}

/// Faults of the transport, an extension of the response. The core only requests them; the server, or a
/// replay in virtual time, performs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// Delay the answer. The request has already taken effect.
    pub delay_ms: u64,
    /// Cut the connection instead of answering.
    pub reset: Option<Reset>,
}

/// One rule. The first one that matches a request is the only one that counts for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The beginning of the paths it is for.
    pub prefix: String,
    /// Only this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// See [`Transport::delay_ms`]; at most ten minutes.
    #[serde(default)]
    pub delay_ms: u64,
    /// Answer with this status (200 to 599) and `{"error": {"code": "fault"}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// See [`Transport::reset`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Reset>,
    /// Whether a request that gets a status or a reset takes effect all the same.
    #[serde(default)]
    pub effect: bool,
    /// Answer with a body of that many bytes; at most 256 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huge_body_bytes: Option<usize>,
    /// Answer 503 `at_capacity` to a request that comes while so many are being answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// Count only for so many requests, then match no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

impl FaultRule {
    fn matches(&self, method: &Method, path: &str) -> bool {
        self.times != Some(0)
            && path.starts_with(&self.prefix)
            && self.method.as_deref().is_none_or(|only| only == method.as_str())
    }

    fn check(&self) -> Result<(), &'static str> {
        if !self.prefix.starts_with('/') || self.prefix.starts_with("/_") {
            return Err("`prefix` begins with / and is none of the casino's own /_ routes");
        }
        if self.delay_ms > MAX_DELAY_MS {
            return Err("`delay_ms` is at most 600000");
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Err("`status` is from 200 to 599");
        }
        if self.huge_body_bytes.is_some_and(|bytes| bytes > MAX_HUGE_BODY) {
            return Err("`huge_body_bytes` is at most 268435456");
        }
        Ok(())
    }
}

/// What a rule does to one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strike {
    transport: Transport,
    status: Option<StatusCode>,
    huge_body_bytes: Option<usize>,
    effect: bool,
}

impl Strike {
    /// Whether the request must not take effect.
    pub(crate) fn prevents(&self) -> bool {
        (self.status.is_some() || self.transport.reset.is_some()) && !self.effect
    }

    /// The answer to a request that did not take effect.
    pub(crate) fn refusal(&self) -> Refusal {
        let status = self.status.unwrap_or(StatusCode::BAD_GATEWAY);
        Refusal::new(status, "fault", "this failure was asked for at /_faults")
    }

    /// Applies the rule to an answer.
    pub(crate) fn bend(&self, answer: Response<Bytes>) -> Response<Bytes> {
        let mut answer = match self.status {
            Some(_) => self.refusal().into_response(),
            None => answer,
        };
        if let Some(bytes) = self.huge_body_bytes {
            let body = Bytes::from(vec![b' '; bytes]);
            answer = raw(answer.status(), "application/json", "no-store", body);
        }
        answer.extensions_mut().insert(self.transport);
        answer
    }
}

/// A slot under a rule's `concurrency`, released with `Casino::leave`.
#[derive(Debug)]
pub struct Slot(Option<(u64, usize)>);

/// The rules, and how many requests are under way under each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(FaultRule, u64)>,
    /// Generation of the rules: a slot of an older one is not released.
    edition: u64,
}

impl Faults {
    /// Replaces all rules.
    pub(crate) fn replace(&mut self, rules: Vec<FaultRule>) -> Result<(), &'static str> {
        rules.iter().try_for_each(FaultRule::check)?;
        self.rules = rules.into_iter().map(|rule| (rule, 0)).collect();
        self.edition += 1;
        Ok(())
    }

    /// The rules, each with the requests under way.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&FaultRule, u64)> {
        self.rules.iter().map(|(rule, under_way)| (rule, *under_way))
    }

    /// Admits a request, or refuses it. Only rules with a `concurrency` count requests.
    pub(crate) fn enter(&mut self, method: &Method, path: &str) -> Result<Slot, Refusal> {
        let place = self.rules.iter().position(|(rule, _)| rule.matches(method, path));
        let Some((place, (rule, under_way))) =
            place.and_then(|place| Some((place, self.rules.get_mut(place)?)))
        else {
            return Ok(Slot(None));
        };
        let Some(limit) = rule.concurrency else { return Ok(Slot(None)) };
        if *under_way >= limit {
            let (status, message) = (StatusCode::SERVICE_UNAVAILABLE, "too many at once");
            return Err(Refusal::new(status, "at_capacity", message));
        }
        *under_way += 1;
        Ok(Slot(Some((self.edition, place))))
    }

    /// Releases a slot.
    pub(crate) fn leave(&mut self, slot: &Slot) {
        if let Slot(Some((edition, place))) = slot {
            if *edition == self.edition {
                if let Some((_, under_way)) = self.rules.get_mut(*place) {
                    *under_way = under_way.saturating_sub(1);
                }
            }
        }
    }

    /// What the first matching rule does to a request; counts against its `times`.
    pub(crate) fn strike(&mut self, method: &Method, path: &str) -> Option<Strike> {
        let (rule, _) = self.rules.iter_mut().find(|(rule, _)| rule.matches(method, path))?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        Some(Strike {
            transport: Transport { delay_ms: rule.delay_ms, reset: rule.reset },
            status: rule.status.and_then(|status| StatusCode::from_u16(status).ok()),
            huge_body_bytes: rule.huge_body_bytes,
            effect: rule.effect,
        })
    }
}
