//! The authentication of the partner of one request.

use std::net::IpAddr;

use policy_kit::{facts, Denial, EndpointClass, Fault, Host, Permit, MAX_SELECTING_BODY};
use policy_token::Verifier;

use super::candidates::{Candidate, NoCandidate, PartnerRequest};
use super::compile::UNKNOWN_PARTNER;
use super::partners::{Partner, Partners, Proof};
use super::unverified::Unverified;
use crate::denials::{PARTNER_BUDGET, PARTNER_BUSY, PARTNER_NOT_ALLOWED, PARTNER_SIGNATURE};
use crate::names::{NAME, PARTNER_HEADER, TIER_HEADER};
use crate::token::credential::CredentialSource;

/// What is known of the partner. The default is a request that need not be a partner's.
#[derive(Debug, Default)]
pub struct PartnerAuth {
    /// Whether the request must be a partner's.
    required: bool,
    denial: Option<(Denial, Option<u64>)>,
    candidates: Vec<Candidate>,
    /// How the partner is proven so far.
    proof: Option<Proof>,
    /// The partner, or the only one that it may be; by position.
    partner: Option<usize>,
    client: Option<IpAddr>,
    /// The permit to hold the body.
    hold: Option<Permit>,
}

impl PartnerAuth {
    /// Authenticates by the headers. A request that is not exempt needs a budget left for its address, and a
    /// permit if its body has to be held.
    pub fn authenticate(
        partners: &Partners,
        request: &PartnerRequest<'_>,
        unverified: &mut Unverified,
    ) -> Self {
        let (client, now) = (request.client, request.now);
        let mut auth = Self { required: true, client, ..Self::default() };
        match partners.find(request) {
            Err(NoCandidate { denial, partner }) => {
                auth.partner = partner;
                auth.denial = Some((denial, None));
            }
            Ok(candidates) => {
                if let [candidate] = candidates.as_slice() {
                    auth.partner = Some(candidate.partner);
                }
                let proof = auth.known(partners).and_then(Partner::proof);
                auth.proof = Some(proof.unwrap_or(Proof::Claimed));
                auth.candidates = candidates;
            }
        }
        if auth.proof.is_some_and(Proof::exempts) {
            return auth;
        }
        if partners.is_home(client) {
            unverified.vouch(client);
        }
        if let Err(wait) = unverified.allows(client, now) {
            auth.deny(PARTNER_BUDGET, Some(wait));
        } else if auth.denial.is_some() {
            unverified.fail(client, now);
        } else if auth.needs_body() {
            auth.hold = unverified.hold(client);
            match auth.hold {
                Some(_) => unverified.charge(client, now),
                None => auth.deny(PARTNER_BUSY, Some(1)),
            }
        }
        auth
    }

    /// A request that is denied before its partner was looked for.
    pub fn denied(denial: Denial) -> Self {
        Self { required: true, denial: Some((denial, None)), ..Self::default() }
    }

    /// The denial, and after how many seconds to retry.
    pub fn denial(&self) -> Option<(Denial, Option<u64>)> {
        self.denial
    }

    fn deny(&mut self, denial: Denial, retry: Option<u64>) {
        (self.denial, self.proof) = (Some((denial, retry)), None);
    }

    /// Whether signatures over the body have to be verified.
    fn needs_body(&self) -> bool {
        self.candidates.iter().any(|candidate| !candidate.signatures.is_empty())
    }

    /// The longest body to wait for, if one is needed: for a signature, or because it `selects` the class.
    pub fn body_limit(&self, partners: Option<&Partners>, selects: bool) -> Option<usize> {
        let signed = partners.filter(|_| self.needs_body()).map(|partners| partners.max_body);
        let selecting = selects.then_some(MAX_SELECTING_BODY);
        match (signed, selecting) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Verifies the signatures over the body of a request that has this class.
    pub fn verify_body(
        &mut self,
        partners: &Partners,
        body: &[u8],
        class: EndpointClass,
        (unverified, verifier): (&mut Unverified, Verifier),
        host: &mut dyn Host,
    ) {
        if !self.required || self.denial.is_some() {
            return;
        }
        let candidates = std::mem::take(&mut self.candidates);
        let mut verifies = |candidate: &&Candidate| {
            let Some(partner) = partners.all.get(candidate.partner) else { return false };
            let pairs = partner.signatures.iter().zip(&candidate.signatures);
            pairs.into_iter().all(|(it, presented)| it.verify(presented, body, verifier, host))
        };
        let found = candidates.iter().find(&mut verifies).map(|candidate| candidate.partner);
        let held = self.hold.take().is_some();
        if found.is_none() {
            self.denial = Some((PARTNER_SIGNATURE, None));
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
            self.denial = Some((PARTNER_NOT_ALLOWED, None));
        }
    }

    fn known<'a>(&self, partners: &'a Partners) -> Option<&'a Partner> {
        partners.all.get(self.partner?)
    }

    /// The envelope of the partner, or of the closest one if none matches.
    pub fn envelope<'a>(&self, partners: Option<&'a Partners>) -> Option<&'a str> {
        self.known(partners?)?.envelope.as_deref()
    }

    /// The source of the partner's key, which is removed from the request.
    pub(crate) fn removed_credential<'a>(
        &self,
        partners: Option<&'a Partners>,
    ) -> Option<&'a CredentialSource> {
        self.known(partners?)?.removed_credential()
    }

    /// Headers for the upstream. They are set before the body was verified, as they cannot be set later: the
    /// request is only forwarded once it is proven.
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

    /// Publishes the partner and its proof for other filters.
    ///
    /// # Errors
    /// The gateway refused a fact.
    pub fn publish(&self, partners: Option<&Partners>, host: &mut dyn Host) -> Result<(), Fault> {
        let (Some(proof), Some(partners)) = (self.proof, partners) else { return Ok(()) };
        if let Some(partner) = self.known(partners) {
            host.publish(facts::PARTNER, &partner.name)?;
        }
        host.publish(facts::PARTNER_PROOF, proof.as_str())
    }

    /// Counts the result of a request that must be a partner's.
    pub fn count(&self, partners: Option<&Partners>, result: &str, host: &mut dyn Host) {
        let Some(partners) = partners.filter(|_| self.required) else { return };
        let name = self.known(partners).map_or(UNKNOWN_PARTNER, |partner| partner.name.as_str());
        host.count(&format!("pitboss.{NAME}.partners.partner={name}.result={result}"));
    }
}
