//! What answers tell about limits: `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10 (lists
//! of structured fields, RFC 9651; revision 11 writes them alike), `Retry-After` (RFC 9110 section 10.2.3), and the
//! members of a problem document. Partition keys (`pk`) are not shown: they would name players.

use policy_kit::{Details, SECOND};
use serde_json::Value;

use crate::rate::charged::{Charged, Seen};
use crate::rate::limits::Limits;
use crate::rate::rule::Rule;

/// The problem type of a refusal by a rate limit, registered by the same draft.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// Headers for the answer to a request, which the rules' `fields` ask for.
///
/// Of a policy, `q` is how many requests pass at once and `w` the seconds in which a counter that owes all of them is
/// paid off. Of a limit, `r` is how many requests would pass now and `t` the seconds until it is one more: until then
/// the client can use no more. In `worker` scope, all are those of this worker.
pub fn limit_fields(limits: &Limits, charged: &Charged) -> Vec<(&'static str, String)> {
    let seen = || charged.seen.iter().filter_map(|seen| Some((limits.rule(seen.rule)?, seen)));
    let mut fields = Vec::new();
    if seen().next().is_none() {
        return fields;
    }
    let mut policies = String::new();
    let mut states = String::new();
    for (rule, seen) in seen() {
        if !policies.is_empty() {
            policies.push_str(", ");
            states.push_str(", ");
        }
        policies.push_str(&rule.policy);
        states.push('"');
        states.push_str(&rule.name);
        states.push_str("\";r=");
        states.push_str(&seen.remaining.to_string());
        states.push_str(";t=");
        states.push_str(&seconds(seen.next).to_string());
    }
    fields.push(("ratelimit-policy", policies));
    fields.push(("ratelimit", states));
    // The older fields have room for one limit: the one that is used up first.
    let legacy = seen().filter(|(rule, _)| rule.legacy);
    if let Some((rule, seen)) = legacy.min_by_key(|(_, seen): &(&Rule, &Seen)| seen.remaining) {
        fields.push(("x-ratelimit-limit", rule.quota.to_string()));
        fields.push(("x-ratelimit-remaining", seen.remaining.to_string()));
        fields.push(("x-ratelimit-reset", seconds(seen.even).to_string()));
    }
    fields
}

/// The value of `Retry-After` in seconds: never before the limits allow the request, and later by up to the rules'
/// `jitter`, so that clients that were refused together do not return together. `random` is any number.
pub fn retry_after(limits: &Limits, charged: &Charged, random: u64) -> u64 {
    let jitter = |rule: u8| limits.rule(rule).map_or(0, |rule| rule.jitter);
    let percent = charged.refused.iter().map(jitter).max().unwrap_or(0);
    let most = u128::from(charged.wait) * u128::from(percent) / 100;
    let more = u64::try_from((most * u128::from(random)) >> 64).unwrap_or(0);
    seconds(charged.wait.saturating_add(more))
}

/// Adds what a problem document says of a refusal: the type, and the names of the rules in `violated-policies`. Rules
/// with `fields: never` are not named.
pub fn quota_details(limits: &Limits, charged: &Charged, details: Details) -> Details {
    let named = |seen: &&Seen| charged.refused.has(seen.rule);
    let names = charged.seen.iter().filter(named).map(|seen| Value::from(limits.name(seen.rule)));
    let names: Vec<Value> = names.collect();
    let mut details = Details { kind: Some(QUOTA_EXCEEDED), ..details };
    details.members.push(("violated-policies", Value::Array(names)));
    details
}

/// Whole seconds, rounded up, and at least one.
fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.div_ceil(SECOND).max(1)
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
