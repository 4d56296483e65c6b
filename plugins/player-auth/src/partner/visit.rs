//! The partner's part of one request.

use std::net::IpAddr;

use policy_kit::{facts, Denial, EndpointClass, Fault, Host, Permit, Plugin, MAX_SELECTING_BODY};
use policy_token::Verifier;

use super::compile::NOBODY;
use super::unverified::Unverified;
use super::walk::{Claim, Refused};
use super::{Call, Partner, Partners, Proof, PARTNER_HEADER, TIER_HEADER};
use crate::credential::Place;
use crate::denials::{PARTNER_BUDGET, PARTNER_BUSY, PARTNER_NOT_ALLOWED, PARTNER_SIGNATURE};
use crate::plugin::PlayerAuth;
use crate::policy::Ruling;

/// What is known of the partner that calls. The default is that of a call that is no partner's.
#[derive(Debug, Default)]
pub struct Visit {
    /// Whether it must be a partner's call.
    asked: bool,
    refusal: Option<(Denial, Option<u64>)>,
    claims: Vec<Claim>,
    /// How it is proven so far.
    proof: Option<Proof>,
    /// Who it is, or who alone it may be.
    partner: Option<usize>,
    client: Option<IpAddr>,
    /// The place of its body, while it waits for that.
    hold: Option<Permit>,
}

impl Visit {
    /// Looks at the headers of a call that must be a partner's. Whoever is not exempt needs something
    /// left of its address's budget, and a place for its body.
    pub fn meet(partners: &Partners, call: &Call<'_>, unverified: &mut Unverified) -> Self {
        let found = partners.find(call);
        let mut visit = Self { asked: true, client: call.client, ..Self::default() };
        match found {
            Err(Refused { denial, partner }) => {
                visit.partner = partner;
                visit.refusal = Some((denial, None));
            }
            Ok(claims) => {
                if let [claim] = claims.as_slice() {
                    visit.partner = Some(claim.partner);
                }
                let proof = visit.known(partners).and_then(Partner::proof);
                visit.proof = Some(proof.unwrap_or(Proof::Claimed));
                visit.claims = claims;
            }
        }
        if visit.proof.is_some_and(Proof::exempts) {
            return visit;
        }
        if partners.is_home(call.client) {
            unverified.vouch(call.client);
        }
        if let Err(wait) = unverified.allows(call.client, call.now) {
            visit.refuse(PARTNER_BUDGET, Some(wait));
        } else if visit.refusal.is_some() {
            unverified.fail(call.client, call.now);
        } else if visit.waits() {
            visit.hold = unverified.hold(call.client);
            match visit.hold {
                Some(_) => unverified.charge(call.client, call.now),
                None => visit.refuse(PARTNER_BUSY, Some(1)),
            }
        }
        visit
    }

    /// One that is refused for nothing of its own.
    pub fn refused(denial: Denial) -> Self {
        Self { asked: true, refusal: Some((denial, None)), ..Self::default() }
    }

    fn refuse(&mut self, denial: Denial, retry: Option<u64>) {
        (self.refusal, self.proof) = (Some((denial, retry)), None);
    }

    /// The ruling, unless the partner is refused for something of its own.
    pub fn over(&self, ruling: Ruling) -> Ruling {
        match self.refusal {
            Some((denial, retry)) if ruling.refusal.is_none() => {
                Ruling { refusal: Some(denial), detail: denial.code, retry }
            }
            _ => ruling,
        }
    }

    /// Whether only the body can prove it.
    fn waits(&self) -> bool {
        self.claims.iter().any(|claim| !claim.carried.is_empty())
    }

    /// Longest body to wait for, where one is needed: for a signature, or `selects` to tell the class.
    pub fn body_limit(&self, partners: Option<&Partners>, selects: bool) -> Option<usize> {
        let signed = partners.filter(|_| self.waits()).map(|partners| partners.max_body);
        let selecting = selects.then_some(MAX_SELECTING_BODY);
        match (signed, selecting) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Looks at the body of a call that turned out to have this class.
    pub fn prove(
        &mut self,
        partners: &Partners,
        body: &[u8],
        class: EndpointClass,
        (unverified, verifier): (&mut Unverified, Verifier),
        host: &mut dyn Host,
    ) {
        if !self.asked || self.refusal.is_some() {
            return;
        }
        let claims = std::mem::take(&mut self.claims);
        let mut proves = |claim: &&Claim| {
            let Some(partner) = partners.all.get(claim.partner) else { return false };
            let pairs = partner.signatures.iter().zip(&claim.carried);
            pairs.into_iter().all(|(s, carried)| s.signs(carried, body, verifier, host))
        };
        let found = claims.iter().find(&mut proves).map(|claim| claim.partner);
        let held = self.hold.take().is_some();
        if found.is_none() {
            self.refusal = Some((PARTNER_SIGNATURE, None));
            return;
        }
        self.partner = found;
        if held {
            unverified.refund(self.client);
        }
        if self.proof == Some(Proof::Claimed) {
            self.proof = Some(Proof::Signature);
        }
        if !self.known(partners).is_some_and(|partner| partner.may_call(class)) {
            self.refusal = Some((PARTNER_NOT_ALLOWED, None));
        }
    }

    fn known<'a>(&self, partners: &'a Partners) -> Option<&'a Partner> {
        partners.all.get(self.partner?)
    }

    /// The envelope of the partner that it is, or that came closest to being it.
    pub fn envelope<'a>(&self, partners: Option<&'a Partners>) -> Option<&'a str> {
        self.known(partners?)?.envelope.as_deref()
    }

    /// Where the partner's key is, which is to be taken out of the request.
    pub(crate) fn taken<'a>(&self, partners: Option<&'a Partners>) -> Option<&'a Place> {
        self.known(partners?)?.taken()
    }

    /// Headers for the upstream. They are set before the body is there, since afterwards they cannot
    /// be: the request does not leave before it is proven.
    pub fn headers<'a>(
        &self,
        partners: Option<&'a Partners>,
    ) -> [(&'static str, Option<&'a str>); 2] {
        let partner = partners.filter(|_| self.proof.is_some()).and_then(|all| self.known(all));
        [
            (PARTNER_HEADER, partner.map(|partner| partner.name.as_str())),
            (TIER_HEADER, partner.and_then(|partner| partner.tier.as_deref())),
        ]
    }

    /// Tells other filters who it is, and how surely.
    ///
    /// # Errors
    /// The gateway did not take it.
    pub fn publish(&self, partners: Option<&Partners>, host: &mut dyn Host) -> Result<(), Fault> {
        let (Some(proof), Some(partners)) = (self.proof, partners) else { return Ok(()) };
        if let Some(partner) = self.known(partners) {
            host.publish(facts::PARTNER, &partner.name)?;
        }
        host.publish(facts::PARTNER_PROOF, proof.as_str())
    }

    /// Counts what became of it.
    pub fn count(&self, partners: Option<&Partners>, result: &str, host: &mut dyn Host) {
        let Some(partners) = partners.filter(|_| self.asked) else { return };
        let name = self.known(partners).map_or(NOBODY, |partner| partner.name.as_str());
        let plugin = PlayerAuth::NAME;
        host.count(&format!("pitboss.{plugin}.partners.partner={name}.result={result}"));
    }
}
