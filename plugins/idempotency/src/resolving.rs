//! Finding out what became of a call whose outcome is unknown, from whoever a rule's `reconcile` names.

use policy_kit::{CallReply, Fault, Host, SharedCall, Step};

use crate::asking::{About, Asking};
use crate::denials::OUTCOME_UNKNOWN;
use crate::filter::{IdempotencyFilter, Stage};
use crate::inquiry::{flight, question};
use crate::request::now;
use crate::store::{Ask, End};
use crate::{Answer, Fence, Judged};

impl IdempotencyFilter {
    /// Nobody here can tell how the first attempt ended: somebody else is asked, once for all who want to
    /// know.
    pub(crate) fn unknown(
        &mut self,
        host: &mut dyn Host,
        asking: Asking,
        fence: Fence,
        now: u64,
    ) -> Result<Step, Fault> {
        let (case, inquiries) = (&asking.case, &self.shared.inquiries);
        if let Some(reconcile) = &case.rule.reconcile {
            let name = question(&case.scope, fence);
            if asking.reconciled {
                // What was told did not help: whoever comes next need not ask at once.
                inquiries.remember(&name, now);
            } else if let Some(asked) =
                inquiries.join(&name, &case.caller.owner, reconcile.patience(), now)
            {
                let call = reconcile.call(&case.key, &case.caller.name, &case.caller.brand);
                let flight = SharedCall { key: flight(&name, asked), call };
                let about = About::Reconcile(fence, asked);
                self.stage = Stage::Asking(Asking { about, reconciled: true, ..asking });
                return Ok(Step::Join(flight));
            }
        }
        let evidence = self.evidence(case, "unknown");
        self.deny(host, case, OUTCOME_UNKNOWN, &evidence, Vec::new())
    }

    /// The question what became of a call has come to its end.
    pub(crate) fn landed(
        &mut self,
        host: &mut dyn Host,
        asking: Asking,
        reply: &CallReply,
    ) -> Result<Step, Fault> {
        let now = now(host)?;
        let About::Reconcile(fence, asked) = asking.about else {
            return Err(Fault { call: "proxy_http_call", status: None });
        };
        if let CallReply::Failed(_) = reply {
            // It never took off, or the plugin has heard of it already.
            let name = question(&asking.case.scope, fence);
            self.shared.inquiries.landed(&flight(&name, asked), now);
        }
        self.reconciled(host, asking, fence, reply, (asked, now))
    }

    /// Somebody told what became of the first attempt, or did not. What was told holds for when it was
    /// asked: that nothing was done by then may have become untrue on the way.
    fn reconciled(
        &mut self,
        host: &mut dyn Host,
        asking: Asking,
        fence: Fence,
        reply: &CallReply,
        (asked, now): (u64, u64),
    ) -> Result<Step, Fault> {
        let judged = asking.case.rule.reconcile.as_ref().map(|r| r.judge(reply));
        let end = match (judged, reply) {
            (Some(Judged::Free), _) => None,
            (Some(Judged::Completed), CallReply::Response { status, headers, body, .. }) => {
                let kept = self.shared.policy.kept();
                Some(End::Answered(Answer::new(*status, headers, kept, body.clone())))
            }
            _ => {
                if !matches!(reply, CallReply::TooManyWaiting) {
                    self.shared.inquiries.remember(&question(&asking.case.scope, fence), now);
                }
                let evidence = self.evidence(&asking.case, "unknown_still");
                return self.deny(host, &asking.case, OUTCOME_UNKNOWN, &evidence, Vec::new());
            }
        };
        let about = About::Resolve(Ask::Resolve { fence, end });
        self.put(host, Asking { about, ..asking }, asked)
    }
}
