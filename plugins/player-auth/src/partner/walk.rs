//! Who may be calling, as far as headers tell.

use policy_kit::{Denial, EndpointClass, Headers};

use super::shown::Sight;
use super::signature::Carried;
use super::{Call, Partner, Partners};
use crate::denials::{
    CONFLICT, PARTNER_ENVIRONMENT, PARTNER_NETWORK, PARTNER_NOT_ALLOWED, PARTNER_UNKNOWN,
};

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// A partner that may be the caller, and what it has shown that only the body can prove.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) partner: usize,
    pub(super) carried: Vec<Carried>,
}

/// Nobody is, and how far whoever came closest got.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) denial: Denial,
    pub(super) partner: Option<usize>,
}

impl Partners {
    /// Finds who may be calling. More than one only where nothing but their signatures tells them
    /// apart.
    pub(super) fn find(&self, call: &Call<'_>) -> Result<Vec<Claim>, Refused> {
        let mut closest = (0, Refused { denial: PARTNER_UNKNOWN, partner: None });
        let (mut named, mut signed, mut near) = (Vec::new(), Vec::new(), Vec::new());
        let mut tried = false;
        // All of them are looked at, whoever is found: an answer's time tells nothing of keys.
        for (i, partner) in self.all.iter().enumerate() {
            tried |= partner.may_be_here(call) && partner.is_tried(call.headers);
            match self.weigh(partner, call) {
                Ok(carried) => {
                    let claim = Claim { partner: i, carried };
                    match (partner.network_only, partner.is_named()) {
                        (true, _) => near.push(claim),
                        (false, true) => named.push(claim),
                        (false, false) => signed.push(claim),
                    }
                }
                Err((how_far, denial)) if how_far > closest.0 => {
                    closest = (how_far, Refused { denial, partner: Some(i) });
                }
                Err(_) => {}
            }
        }
        // Whoever shows something is judged by it, wherever it calls from; two who show something of
        // their own are a conflict.
        let shown: &[Claim] = if named.is_empty() { &signed } else { &named };
        let one = shown.first().is_none_or(|one| signed.iter().all(|it| self.shares(one, it)));
        match (named.len(), signed.len(), near.len()) {
            (0, 0, 0) => Err(closest.1),
            (1, _, _) if one => Ok(named),
            (0, 1.., _) if one => Ok(signed),
            // Whoever fails to be one partner is not another by where it is.
            (0, 0, 1..) if tried => Err(closest.1),
            (0, 0, 1) => Ok(near),
            _ => Err(Refused { denial: CONFLICT, partner: None }),
        }
    }

    /// Whether all that the other claim has shown belongs to the one as well.
    fn shares(&self, one: &Claim, other: &Claim) -> bool {
        let of = |claim: &Claim| self.all.get(claim.partner).map(|partner| &partner.signatures);
        let (Some(one), Some(other)) = (of(one), of(other)) else { return false };
        other.iter().all(|signature| one.iter().any(|own| own.is_where(signature)))
    }

    /// Whether a call may be this partner's: what it has shown, or how far it got and why no further.
    fn weigh(&self, partner: &Partner, call: &Call<'_>) -> Result<Vec<Carried>, (u8, Denial)> {
        let now = call.now / SECOND;
        let inside =
            partner.networks.is_none() || call.client.is_some_and(|client| partner.is_home(client));
        let shown = partner.key.iter().chain(&partner.id).map(|shown| shown.see(call.headers, now));
        let signed = partner.signatures.iter().map(|signature| signature.see(call.headers));
        let (mut good, mut twice) = (true, false);
        for sight in shown.chain(signed) {
            good &= sight == Sight::Good;
            twice |= sight == Sight::Twice;
        }
        let certificate = partner.certificate.as_ref();
        let certified = certificate.is_none_or(|c| c.is(call.certificate.as_ref()));
        if twice {
            return Err((1, CONFLICT));
        }
        if !good || !certified || (partner.network_only && !inside) {
            return Err((0, PARTNER_UNKNOWN));
        }
        let class = call.endpoint.candidates().any(|class| partner.may_call(class));
        if !class || !partner.may_be_here(call) {
            return Err((2, PARTNER_NOT_ALLOWED));
        }
        if partner.environment != self.environment {
            return Err((3, PARTNER_ENVIRONMENT));
        }
        if !inside {
            return Err((4, PARTNER_NETWORK));
        }
        let signatures = partner.signatures.iter().map(|s| s.read(call.headers, now));
        signatures.collect::<Result<_, _>>().map_err(|denial| (5, denial))
    }
}

impl Partner {
    /// Whether it shows something that no other partner does.
    fn is_named(&self) -> bool {
        self.key.is_some() || self.id.is_some() || self.certificate.is_some()
    }

    /// Whether a request shows anything, good or bad, where this partner's credentials are.
    fn is_tried(&self, headers: &Headers) -> bool {
        self.key.iter().chain(&self.id).any(|shown| shown.is_there(headers))
            || self.signatures.iter().any(|signature| signature.see(headers) != Sight::Bad)
    }

    /// Whether its calls may have this class.
    pub(super) fn may_call(&self, class: EndpointClass) -> bool {
        self.classes.contains(&class)
    }

    /// Whether the endpoint, the path and the brand of a call are its to call.
    fn may_be_here(&self, call: &Call<'_>) -> bool {
        let named = call.endpoint.partners;
        let ours = |brands: &Vec<String>| brands.iter().any(|one| Some(one.as_str()) == call.brand);
        named.is_none_or(|names| names.contains(&self.name))
            && self.brands.as_ref().is_none_or(ours)
            && self.may_reach(call.path)
    }

    /// Whether it may call this path.
    fn may_reach(&self, path: &str) -> bool {
        self.paths.iter().any(|prefix| {
            let rest = path.strip_prefix(prefix.strip_suffix('/').unwrap_or(prefix));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}
