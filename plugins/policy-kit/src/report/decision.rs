//! Decisions as counters, facts and evidence report them, the same in every plugin.

use policy_wire::{Fault, Host};

use crate::endpoint::class::EndpointClass;
use crate::refusal::denial::Denial;
use crate::report::facts;
use crate::report::metrics::{requests, PerClass};

/// How a decision takes effect, in the word that counters and facts use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request goes on.
    Allow,
    /// The request is answered from an earlier one's response.
    Replay,
    /// The request is refused.
    Deny(Denial),
    /// The request goes on; it would have been refused if the policy were enforced.
    Shadow(Denial),
    /// The request goes on unchecked, because the operator prefers that to this refusal.
    Forward(Denial),
}

impl Effect {
    /// `allow`, `replay`, `deny`, `shadow` or `forward`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Replay => "replay",
            Self::Deny(_) => "deny",
            Self::Shadow(_) => "shadow",
            Self::Forward(_) => "forward",
        }
    }

    /// The denial's stable code.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Allow | Self::Replay => None,
            Self::Deny(denial) | Self::Shadow(denial) | Self::Forward(denial) => Some(denial.code),
        }
    }
}

/// Reports the decisions of one plugin.
///
/// A decision is reported as one increment of
/// `pitboss.<plugin>.requests.class=<class>.decision=<word>.code=<code>` and two facts:
/// `pitboss.<plugin>.evidence`, and `pitboss.<plugin>.decision`, which is `<word>` or `<word>:<code>`.
///
/// ```
/// use policy_kit::fake::FakeHost;
/// use policy_kit::{DecisionRecorder, Denial, Effect, EndpointClass};
///
/// let recorder = DecisionRecorder::new("tenant-gate");
/// let mut host = FakeHost::default();
/// let effect = Effect::Deny(Denial::UNCLASSIFIED);
/// recorder.count(&mut host, EndpointClass::Wager, effect);
/// recorder.publish(&mut host, effect, "rule=endpoints")?;
///
/// assert_eq!(host.facts["pitboss.tenant-gate.decision"], "deny:endpoint_unclassified");
/// assert_eq!(host.facts["pitboss.tenant-gate.evidence"], "rule=endpoints");
/// let counter = "pitboss.tenant-gate.requests.class=wager.decision=deny.code=endpoint_unclassified";
/// assert_eq!(host.counters[counter], 1);
/// # Ok::<(), policy_kit::Fault>(())
/// ```
#[derive(Debug)]
pub struct DecisionRecorder {
    plugin: &'static str,
    decision: String,
    evidence: String,
    /// Most requests are allowed, or replayed, so those counters are named once.
    allowed: PerClass,
    replayed: Option<PerClass>,
}

impl DecisionRecorder {
    /// Reports the decisions of the plugin of this name.
    pub fn new(plugin: &'static str) -> Self {
        Self {
            plugin,
            decision: facts::decision(plugin),
            evidence: facts::evidence(plugin),
            allowed: PerClass::requests(plugin, "allow"),
            replayed: None,
        }
    }

    /// Names the counters of replays once, too.
    #[must_use]
    pub fn with_replays(self) -> Self {
        Self { replayed: Some(PerClass::requests(self.plugin, Effect::Replay.word())), ..self }
    }

    /// Defines the counters that are named once, so that no request has to.
    pub fn define(&self, host: &mut dyn Host) {
        self.allowed.define(host);
        if let Some(replayed) = &self.replayed {
            replayed.define(host);
        }
    }

    /// Counts a request of this class.
    pub fn count(&self, host: &mut dyn Host, class: EndpointClass, effect: Effect) {
        match (effect, &self.replayed) {
            (Effect::Allow, _) => host.count(self.allowed.of(class)),
            (Effect::Replay, Some(replayed)) => host.count(replayed.of(class)),
            _ => self.count_named(host, class.as_str(), effect),
        }
    }

    /// Publishes the evidence, unless it is empty, then the decision.
    ///
    /// # Errors
    /// As [`Host::publish`].
    pub fn publish(
        &self,
        host: &mut dyn Host,
        effect: Effect,
        evidence: &str,
    ) -> Result<(), Fault> {
        if !evidence.is_empty() {
            host.publish(&self.evidence, evidence)?;
        }
        match effect.code() {
            None => host.publish(&self.decision, effect.word()),
            Some(code) => host.publish(&self.decision, &[effect.word(), ":", code].concat()),
        }
    }

    /// Reports a request that was not decided, because the gateway failed a host call: logs the fault, counts the
    /// request under `class`, and publishes as far as the gateway still does.
    pub fn fault(
        &self,
        host: &mut dyn Host,
        fault: Fault,
        class: &str,
        effect: Effect,
        evidence: &str,
    ) {
        self.log(host, fault);
        self.count_named(host, class, effect);
        if let Err(fault) = self.publish(host, effect, evidence) {
            self.log(host, fault);
        }
    }

    fn count_named(&self, host: &mut dyn Host, class: &str, effect: Effect) {
        host.count(&requests(self.plugin, class, effect.word(), effect.code().unwrap_or("none")));
    }

    fn log(&self, host: &mut dyn Host, fault: Fault) {
        host.log(log::Level::Error, &format!("{}: {fault}", self.plugin));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

    #[test]
    fn every_effect_has_its_counter_and_fact() {
        let denial = Denial::UNCLASSIFIED;
        for (effect, word, code) in [
            (Effect::Allow, "allow", "none"),
            (Effect::Replay, "replay", "none"),
            (Effect::Deny(denial), "deny", denial.code),
            (Effect::Shadow(denial), "shadow", denial.code),
            (Effect::Forward(denial), "forward", denial.code),
        ] {
            for recorder in [DecisionRecorder::new("p"), DecisionRecorder::new("p").with_replays()]
            {
                let mut host = FakeHost::default();
                recorder.count(&mut host, EndpointClass::Wager, effect);
                recorder.publish(&mut host, effect, "").unwrap();
                let counter = format!("pitboss.p.requests.class=wager.decision={word}.code={code}");
                assert_eq!(host.counters.into_iter().collect::<Vec<_>>(), [(counter, 1)]);
                let decision =
                    effect.code().map_or(word.to_owned(), |code| format!("{word}:{code}"));
                let fact = ("pitboss.p.decision".to_owned(), decision);
                assert_eq!(host.facts.into_iter().collect::<Vec<_>>(), [fact], "no evidence");
            }
        }
    }

    #[test]
    fn faults_are_logged_and_counted() {
        let mut host = FakeHost::default().failing("proxy_set_property", 2);
        let fault = Fault { call: "proxy_get_property", status: Some(2) };
        let effect = Effect::Deny(Denial::POLICY_UNAVAILABLE);
        DecisionRecorder::new("p").fault(&mut host, fault, "unknown", effect, "");
        assert_eq!(host.logs.len(), 2, "the fault, and that it could not be published");
        assert_eq!(host.counters.values().sum::<u64>(), 1);
    }
}
