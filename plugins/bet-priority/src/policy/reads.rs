//! What has to be known of the caller of a request: each fact that is read costs a call of the gateway.

use policy_kit::EndpointClass;

use crate::rate::config::part::KeyPart;
use crate::rate::descriptors::Descriptors;
use crate::rate::limits::Limits;

/// The facts that rules read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// The player.
    pub(crate) player: bool,
    /// The session.
    pub(crate) session: bool,
    /// The partner and its proof.
    pub(crate) partner: bool,
    /// The brand, where the host does not tell it.
    pub(crate) brand: bool,
}

impl Reads {
    /// What rate limits and descriptors read about requests of a class.
    pub(crate) fn of(limits: &Limits, descriptors: &Descriptors, class: EndpointClass) -> Self {
        let mut reads = Self::default();
        for part in limits.key_parts(class).chain(descriptors.key_parts()) {
            match part {
                // Players and sessions count within their brand.
                KeyPart::Player => (reads.player, reads.brand) = (true, true),
                KeyPart::Session => (reads.session, reads.brand) = (true, true),
                KeyPart::Partner => reads.partner = true,
                KeyPart::Brand => reads.brand = true,
                _ => {}
            }
        }
        reads
    }

    /// What either reads.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            player: self.player | other.player,
            session: self.session | other.session,
            partner: self.partner | other.partner,
            brand: self.brand | other.brand,
        }
    }
}
