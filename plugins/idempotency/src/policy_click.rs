//! Which calls are bets, and what makes two of them the same.

use policy_kit::{invalid, query, ConfigError, Content, EndpointClass};

use crate::config::{DoubleClickConfig, DoubleClickMode};
use crate::policy_room::MOST;
use crate::rule::{pointers, within, MILLI};
use crate::{Fingerprint, Selection};

/// Fewest bets that are remembered where nothing else is said: four of each of 10,000 players, with a third
/// of the places in use.
const LEAST: u64 = 131_072;
/// Places for each bet: they fill unevenly.
const SPARE: u64 = 3;

/// A compiled `double_click`.
#[derive(Clone, Debug)]
pub struct ClickRule {
    /// What becomes of the second; never `off`.
    pub mode: DoubleClickMode,
    /// How long a bet is remembered, in nanoseconds.
    pub window: u64,
    /// Classes whose calls are bets.
    pub classes: Vec<EndpointClass>,
    /// What makes two bets the same.
    pub same: Selection,
    /// Members of the query that count, besides the path.
    query: Vec<String>,
    /// Bets that are remembered at once.
    pub bets: usize,
}

impl ClickRule {
    /// Compiles the document's `double_click`; `None` where it is off. `keyed` tells whether any call of
    /// a class has a key, `rate` how many bets a second there are at most.
    ///
    /// # Errors
    /// Names the field, also where it is off.
    pub(crate) fn compile(
        raw: DoubleClickConfig,
        keyed: impl Fn(EndpointClass) -> bool,
        rate: u64,
    ) -> Result<Option<Self>, ConfigError> {
        let at = "double_click";
        let field = |name: &str| format!("{at}.{name}");
        if raw.classes.is_empty() {
            return Err(invalid(field("classes"), "must name at least one class"));
        }
        if let Some(i) = raw.classes.iter().position(|class| !keyed(*class)) {
            let problem = "has no effect: calls of this class have no keys";
            return Err(invalid(format!("{at}.classes[{i}]"), problem));
        }
        let window = within(Some(raw.window_ms), 0, (100, 60_000), || field("window_ms"))?;
        let of_a_window = rate.saturating_mul(window).div_ceil(1_000);
        let needed = of_a_window.saturating_mul(SPARE);
        let given = raw.bets.map(|bets| bets as u64);
        let bets = within(given, needed.max(LEAST), (16, MOST), || field("bets"))?;
        if given.is_some_and(|given| given < of_a_window) {
            let problem = format!(
                "has no room for the {of_a_window} bets that `store.rate` brings in one `window_ms`: \
                 expected {needed}, or leave it out"
            );
            return Err(invalid(field("bets"), problem));
        }
        let named = |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
        if let Some(i) = raw.query.iter().position(|name| !named(name)) {
            let problem = "expected a parameter's name in visible ASCII";
            return Err(invalid(format!("{at}.query[{i}]"), problem));
        }
        let rule = Self {
            mode: raw.mode,
            window: window * MILLI,
            classes: raw.classes,
            same: pointers(raw.same, &field("same"))?,
            query: raw.query,
            bets: usize::try_from(bets).unwrap_or(usize::MAX),
        };
        Ok(Some(rule).filter(|rule| rule.mode != DoubleClickMode::Off))
    }

    /// What makes a call the same bet as another; `None` where it lacks a member that counts. What else is
    /// in the query (`?_=1`) makes no other bet of it.
    pub(crate) fn bet(
        &self,
        method: &[u8],
        target: &[u8],
        content: &Content<'_>,
    ) -> Option<Fingerprint> {
        let mut what = target.split(|b| *b == b'?').next().unwrap_or_default().to_vec();
        for name in &self.query {
            // One that readers differ on makes a bet like no other, as one that is missing does.
            let value = query::parameter(target, name).ok()??;
            // A line feed, which no target has; lengths, so that values cannot run into each other.
            what.extend_from_slice(format!("\n{}:{value}", value.len()).as_bytes());
        }
        Fingerprint::of_bet(method, &what, content, &self.same)
    }
}

#[cfg(test)]
#[path = "policy_click_tests.rs"]
mod tests;
