//! Who sends a request, as the filter that authenticates requests reports it: in headers on WasmX, in facts
//! elsewhere.

use policy_kit::{facts, CallerKind, Content, Fault, Headers, Host, Match, Profile};

use crate::filter::state::PriorityFilter;
use crate::names::{PARTNER_HEADER, PLAYER_HEADER, SESSION_HEADER};
use crate::policy::case::{Case, Proof};
use crate::rate::caller::Caller;

impl PriorityFilter {
    /// Learns the identities that rules for this class read.
    pub(super) fn learn_caller(
        &mut self,
        host: &mut dyn Host,
        headers: &Headers,
        endpoint: &Match<'_>,
    ) -> Result<(), Fault> {
        let reads = self.policy.reads(endpoint);
        if self.policy.profile == Profile::Wasmx {
            let own = |name| headers.single(name).map(<[u8]>::to_vec);
            if self.policy.knows_callers {
                self.case.player = own(PLAYER_HEADER);
                self.case.session = own(SESSION_HEADER);
                self.case.partner = own(PARTNER_HEADER);
            }
            return Ok(());
        }
        if reads.player {
            self.case.player = host.fact(facts::PLAYER)?;
        }
        if reads.session {
            self.case.session = host.fact(facts::SESSION)?;
        }
        if reads.brand && self.case.brand.is_none() {
            let brand = host.fact(facts::BRAND)?;
            self.case.brand = brand.and_then(|it| Some(String::from_utf8(it).ok()?.into()));
        }
        let is_partners = endpoint.caller == CallerKind::Partner || endpoint.may_settle();
        if is_partners || reads.partner {
            self.learn_partner(host)?;
        }
        Ok(())
    }

    /// The partner and its proof: known anew once the body is there.
    pub(super) fn learn_partner(&mut self, host: &mut dyn Host) -> Result<(), Fault> {
        self.case.partner = host.fact(facts::PARTNER)?;
        self.case.proof = Proof::Unknown;
        if self.case.partner.is_some() {
            let proof = host.fact(facts::PARTNER_PROOF)?;
            self.case.proof = Proof::read(&proof.unwrap_or_default());
        }
        Ok(())
    }
}

/// The caller, as keys of limits are made of it.
pub(super) fn caller<'a, 'b>(
    case: &'a Case,
    headers: &'a Headers,
    body: Option<&'a Content<'b>>,
) -> Caller<'a, 'b> {
    let one = |name: &'static str| headers.single(name).unwrap_or_default();
    let known = |fact: &'a Option<Vec<u8>>| fact.as_deref().filter(|fact| !fact.is_empty());
    Caller {
        method: one(":method"),
        target: one(":path"),
        headers,
        player: known(&case.player),
        session: known(&case.session),
        partner: known(&case.partner),
        claimed: case.proof == Proof::Claimed,
        brand: case.brand.as_deref(),
        client: case.client,
        body,
    }
}
