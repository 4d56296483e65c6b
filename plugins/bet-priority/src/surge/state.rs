//! The surge profile as one worker knows it.

use policy_kit::{CallReply, Host, SharedCall};

use crate::market::suspended::Suspended;
use crate::surge::auto::Auto;
use crate::surge::rules::SurgeRules;
use crate::surge::switch::{Switch, SwitchState};

/// Why the profile is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurgeCause {
    /// A window of the schedule.
    Schedule,
    /// The switch.
    Switch,
    /// Requests are shed.
    Auto,
}

impl SurgeCause {
    /// One word, for evidence and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Switch => "switch",
            Self::Auto => "auto",
        }
    }
}

/// What a worker knows of the profile. Times are in nanoseconds since the epoch.
#[derive(Debug, Default)]
pub struct SurgeState {
    switch: Switch,
    auto: Auto,
}

impl SurgeState {
    /// Whether the profile is on at `now`.
    pub fn is_on(&self, rules: &SurgeRules, now: u64) -> bool {
        self.cause(rules, now).is_some()
    }

    /// Why it is on at `now`: the first of schedule, switch and shedding; `None` if it is off.
    pub fn cause(&self, rules: &SurgeRules, now: u64) -> Option<SurgeCause> {
        if rules.schedule.is_on(now) {
            return Some(SurgeCause::Schedule);
        }
        if rules.switch.is_some() && self.switch.document.is_on(now) {
            return Some(SurgeCause::Switch);
        }
        (rules.auto.is_some() && self.auto.is_on()).then_some(SurgeCause::Auto)
    }

    /// The markets that the switch suspends.
    pub fn suspended(&self) -> &Suspended {
        &self.switch.document.suspended
    }

    /// What is known of the switch at `now`; `None` where there is none.
    pub fn switch_state(&self, rules: &SurgeRules, now: u64) -> Option<SwitchState> {
        rules.switch.as_ref().map(|switch| self.switch.state(switch, now))
    }

    /// Takes over what other workers, or an earlier configuration, know of the switch. Call it once when the plugin is
    /// configured: suspended markets stay so without a gap.
    pub fn adopt(&mut self, rules: &SurgeRules, host: &mut dyn Host, now: u64) {
        if let Some(switch) = &rules.switch {
            _ = self.switch.adopt(switch, host, now);
        }
    }

    /// Lets time pass, and returns the poll that is due. Call it on every tick, at least every second.
    pub fn due(&mut self, rules: &SurgeRules, host: &mut dyn Host, now: u64) -> Option<SharedCall> {
        if let Some(auto) = rules.auto {
            self.auto.tick(auto, now);
        }
        self.switch.due(rules.switch.as_ref()?, host, now)
    }

    /// Takes the reply to the call with the key [`SWITCH_CALL`](crate::surge::switch::SWITCH_CALL).
    pub fn take(&mut self, rules: &SurgeRules, host: &mut dyn Host, reply: &CallReply, now: u64) {
        if let Some(switch) = &rules.switch {
            self.switch.take(switch, host, reply, now);
        }
    }

    /// Notes that a request was shed at `now`, for want of capacity.
    pub fn shed(&mut self, rules: &SurgeRules, now: u64) {
        if let Some(auto) = rules.auto {
            self.auto.shed(auto, now);
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
