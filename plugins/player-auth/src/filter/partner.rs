//! The partner's part of a request.

use policy_kit::{canonical_path, peer, Denial, Fault, Headers, Host, Match};

use super::auth::AuthFilter;
use crate::partner::auth::PartnerAuth;
use crate::partner::candidates::PartnerRequest;
use crate::policy::compile::Policy;
use crate::policy::decide::Decision;

impl AuthFilter {
    /// Authenticates the partner by the headers, if the request must be one's.
    pub(super) fn authenticate_partner(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        endpoint: &Match<'_>,
        headers: &Headers,
    ) -> Result<(), Fault> {
        let Some(partners) = policy.partners_for(endpoint, &self.facts) else { return Ok(()) };
        self.facts.source = policy.source(headers, peer(host)?);
        let path = canonical_path(headers.single(":path").unwrap_or_default()).unwrap_or_default();
        let (client, now) = (self.facts.source, self.now);
        let certificate = partners.certificate(host)?;
        let brand = self.facts.brand.as_deref();
        let request =
            PartnerRequest { headers, endpoint, path: &path, brand, client, certificate, now };
        let Ok(mut state) = self.state.try_borrow_mut() else {
            self.partner = PartnerAuth::denied(Denial::POLICY_UNAVAILABLE);
            return Ok(());
        };
        self.partner = PartnerAuth::authenticate(partners, &request, &mut state.unverified);
        Ok(())
    }

    /// Verifies the partner's signatures over the body.
    pub(super) fn verify_partner_body(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        endpoint: &Match<'_>,
        body: &[u8],
    ) {
        let Some(partners) = &policy.partners else { return };
        let Ok(mut state) = self.state.try_borrow_mut() else {
            self.partner = PartnerAuth::denied(Denial::POLICY_UNAVAILABLE);
            return;
        };
        let verifier = state.tokens.verifier;
        let means = (&mut state.unverified, verifier);
        self.partner.verify_body(partners, body, endpoint.class, means, host);
    }

    /// The decision, or the denial of the partner if the decision is to pass.
    pub(super) fn with_partner(&self, decision: Decision) -> Decision {
        match self.partner.denial() {
            Some((denial, retry)) if decision.denial.is_none() => {
                Decision { retry, ..Decision::deny(denial) }
            }
            _ => decision,
        }
    }
}
