//! Which calls are bets, and what makes two of them the same.

use policy_kit::{invalid, ConfigError, EndpointClass};

use crate::config::{DoubleClickConfig, DoubleClickMode};
use crate::policy_room::MOST;
use crate::rule::{pointers, within, MILLI};
use crate::Selection;

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
    /// Bets that are remembered at once.
    pub bets: usize,
}

impl ClickRule {
    /// Compiles the document's `double_click`; `None` where it is off. `keyed` tells whether any call of
    /// a class has a key.
    ///
    /// # Errors
    /// Names the field, also where it is off.
    pub(crate) fn compile(
        raw: DoubleClickConfig,
        keyed: impl Fn(EndpointClass) -> bool,
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
        within(Some(raw.bets as u64), 0, (16, MOST), || field("bets"))?;
        let rule = Self {
            mode: raw.mode,
            window: window * MILLI,
            classes: raw.classes,
            same: pointers(raw.same, &field("same"))?,
            bets: raw.bets,
        };
        Ok(Some(rule).filter(|rule| rule.mode != DoubleClickMode::Off))
    }
}

#[cfg(test)]
#[path = "policy_click_tests.rs"]
mod tests;
