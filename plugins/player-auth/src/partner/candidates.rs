//! The partners that may have sent a request, by its headers.

use std::net::IpAddr;

use policy_kit::{Denial, Headers, Match};

use super::certificate::ClientCertificate;
use super::partners::{Partner, Partners};
use super::presented::Presence;
use super::signature::PresentedSignatures;
use crate::denials::{
    CONFLICT, PARTNER_ENVIRONMENT, PARTNER_NETWORK, PARTNER_NOT_ALLOWED, PARTNER_UNKNOWN,
};
use crate::names::SECOND;

/// A request that must be a partner's.
#[derive(Debug)]
pub struct PartnerRequest<'a> {
    /// Its headers as they were received.
    pub headers: &'a Headers,
    /// The endpoint.
    pub endpoint: &'a Match<'a>,
    /// The path as it was classified.
    pub path: &'a str,
    /// The brand of the host.
    pub brand: Option<&'a str>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The client's certificate.
    pub certificate: Option<ClientCertificate>,
    /// Nanoseconds since the epoch.
    pub now: u64,
}

/// A partner that may be the sender, by position, and the signatures that the body has to confirm.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) partner: usize,
    pub(super) signatures: Vec<PresentedSignatures>,
}

/// No partner matches: the denial of the one that came closest, and its position.
#[derive(Debug)]
pub(super) struct NoCandidate {
    pub(super) denial: Denial,
    pub(super) partner: Option<usize>,
}

impl Partners {
    /// Finds the candidates: more than one only if nothing but their signatures distinguishes them.
    pub(super) fn find(&self, request: &PartnerRequest<'_>) -> Result<Vec<Candidate>, NoCandidate> {
        let mut closest = (0, NoCandidate { denial: PARTNER_UNKNOWN, partner: None });
        let (mut named, mut signed, mut near) = (Vec::new(), Vec::new(), Vec::new());
        let mut tried = false;
        // All partners are checked, even after a match: the response time must not reveal keys.
        for (i, partner) in self.all.iter().enumerate() {
            tried |= partner.may_reach(request) && partner.is_tried(request.headers);
            match self.check_partner(partner, request) {
                Ok(signatures) => {
                    let candidate = Candidate { partner: i, signatures };
                    match (partner.network_only, partner.is_named()) {
                        (true, _) => near.push(candidate),
                        (false, true) => named.push(candidate),
                        (false, false) => signed.push(candidate),
                    }
                }
                Err((how_far, denial)) if how_far > closest.0 => {
                    closest = (how_far, NoCandidate { denial, partner: Some(i) });
                }
                Err(_) => {}
            }
        }
        // A credential takes precedence over the network; credentials of two partners are a conflict.
        let presented: &[Candidate] = if named.is_empty() { &signed } else { &named };
        let one = presented.first().is_none_or(|one| signed.iter().all(|it| self.shares(one, it)));
        match (named.len(), signed.len(), near.len()) {
            (0, 0, 0) => Err(closest.1),
            (1, _, _) if one => Ok(named),
            (0, 1.., _) if one => Ok(signed),
            // After a failed credential, the network does not make the sender another partner.
            (0, 0, 1..) if tried => Err(closest.1),
            (0, 0, 1) => Ok(near),
            _ => Err(NoCandidate { denial: CONFLICT, partner: None }),
        }
    }

    /// Whether all signatures of the other candidate are in headers of the one, too.
    fn shares(&self, one: &Candidate, other: &Candidate) -> bool {
        let of = |it: &Candidate| self.all.get(it.partner).map(|partner| &partner.signatures);
        let (Some(one), Some(other)) = (of(one), of(other)) else { return false };
        other.iter().all(|signature| one.iter().any(|own| own.shares_header(signature)))
    }

    /// Checks whether a request may be this partner's. Returns its signatures.
    ///
    /// # Errors
    /// The denial, and how many steps of the check the request has passed.
    fn check_partner(
        &self,
        partner: &Partner,
        request: &PartnerRequest<'_>,
    ) -> Result<Vec<PresentedSignatures>, (u8, Denial)> {
        let now = request.now / SECOND;
        let client = request.client;
        let inside = partner.networks.is_none() || client.is_some_and(|ip| partner.is_home(ip));
        let presented = partner.key.iter().chain(&partner.id);
        let presented = presented.map(|it| it.presence(request.headers, now));
        let signed = partner.signatures.iter().map(|it| it.presence(request.headers));
        let (mut matches, mut repeated) = (true, false);
        for presence in presented.chain(signed) {
            matches &= presence == Presence::Match;
            repeated |= presence == Presence::Repeated;
        }
        let certificate = partner.certificate.as_ref();
        let certified = certificate.is_none_or(|c| c.matches(request.certificate.as_ref()));
        if repeated {
            return Err((1, CONFLICT));
        }
        if !matches || !certified || (partner.network_only && !inside) {
            return Err((0, PARTNER_UNKNOWN));
        }
        let class = request.endpoint.candidates().any(|class| partner.may_call(class));
        if !class || !partner.may_reach(request) {
            return Err((2, PARTNER_NOT_ALLOWED));
        }
        if partner.environment != self.environment {
            return Err((3, PARTNER_ENVIRONMENT));
        }
        if !inside {
            return Err((4, PARTNER_NETWORK));
        }
        let signatures = partner.signatures.iter().map(|s| s.read(request.headers, now));
        signatures.collect::<Result<_, _>>().map_err(|denial| (5, denial))
    }
}

impl Partner {
    /// Whether it has a credential that no other partner has.
    fn is_named(&self) -> bool {
        self.key.is_some() || self.id.is_some() || self.certificate.is_some()
    }

    /// Whether a request has any value, valid or not, where this partner's credentials are.
    fn is_tried(&self, headers: &Headers) -> bool {
        self.key.iter().chain(&self.id).any(|it| it.is_present(headers))
            || self.signatures.iter().any(|it| it.presence(headers) != Presence::NoMatch)
    }

    /// Whether it may use the endpoint, the path and the brand of a request.
    fn may_reach(&self, request: &PartnerRequest<'_>) -> bool {
        let named = request.endpoint.partners;
        let brand =
            |brands: &Vec<String>| brands.iter().any(|one| Some(one.as_str()) == request.brand);
        named.is_none_or(|names| names.contains(&self.name))
            && self.brands.as_ref().is_none_or(brand)
            && self.has_path(request.path)
    }

    /// Whether one of its `paths` contains this path, by whole segments.
    fn has_path(&self, path: &str) -> bool {
        self.paths.iter().any(|prefix| {
            let rest = path.strip_prefix(prefix.strip_suffix('/').unwrap_or(prefix));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}
