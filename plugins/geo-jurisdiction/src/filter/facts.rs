//! Who sends a request, as the filter that authenticates requests reports it: in headers on WasmX, in facts
//! elsewhere.

use policy_kit::{
    facts, CallerKind, EndpointClass, Fault, Headers, Host, Location, Match, Profile,
};

use crate::filter::request::GeoFilter;
use crate::location::check::TokenCheck;
use crate::names::{PARTNER_HEADER, PLAYER_HEADER, SESSION_HEADER};
use crate::policy::compile::Policy;

impl GeoFilter {
    /// WasmX: player, session and partner, from the headers.
    pub(super) fn learn_headers(
        &mut self,
        policy: &Policy,
        headers: &Headers,
        endpoint: &Match<'_>,
    ) {
        if policy.profile != Profile::Wasmx {
            return;
        }
        if policy.location.is_some() {
            self.case.player = headers.single(PLAYER_HEADER).map(<[u8]>::to_vec);
            self.case.session = headers.single(SESSION_HEADER).map(<[u8]>::to_vec);
        }
        if policy.knows_partners {
            let partner = headers.single(PARTNER_HEADER);
            self.case.partner = partner.is_some_and(|name| endpoint.is_for(name));
        }
    }

    /// Elsewhere: whether a partner sends a request to an endpoint of partners. A partner that only the body can
    /// authenticate is reported before that; the filter that reports it refuses the request if the body does not.
    pub(super) fn learn_partner(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<(), Fault> {
        let located = |class: EndpointClass| class.defaults().location != Location::Never;
        let partners = endpoint.caller == CallerKind::Partner && endpoint.candidates().any(located);
        if partners && policy.profile == Profile::Envoy {
            self.case.partner =
                host.fact(facts::PARTNER)?.is_some_and(|name| endpoint.is_for(&name));
        }
        Ok(())
    }

    /// Elsewhere: player and session, read when they are needed, because they may be known no sooner than
    /// the body.
    pub(super) fn learn_player(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<(), Fault> {
        let genuine = matches!(self.case.location, TokenCheck::Genuine(_));
        if genuine
            && policy.profile == Profile::Envoy
            && policy.needs_location(endpoint, &self.case)
        {
            self.case.player = host.fact(facts::PLAYER)?;
            self.case.session = host.fact(facts::SESSION)?;
        }
        Ok(())
    }
}
