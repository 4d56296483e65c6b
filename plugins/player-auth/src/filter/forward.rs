//! Changes to the headers of a request that is forwarded.

use policy_kit::{peer, Fault, Headers, Host, MapKind, FORWARDED_HEADERS};

use super::auth::AuthFilter;
use crate::names::{BRAND_HEADER, KYC_HEADER, PLAYER_HEADER, SESSION_HEADER, STATE_HEADER};
use crate::token::removal::{removal, Edit};

impl AuthFilter {
    /// Strips headers from every request, whatever the decision: a client must not set the headers of this
    /// plugin, or change the request's class after it was classified.
    pub(super) fn strip(&self, host: &mut dyn Host, headers: &Headers) -> Result<(), Fault> {
        policy_kit::strip(host, headers, &self.policy.stripped)?;
        // The brand is that of `:authority`; only a trusted proxy may name another host.
        let forwarded = FORWARDED_HEADERS.iter().any(|name| headers.has(name));
        if forwarded && !self.policy.trusts(headers, peer(host)?) {
            for name in FORWARDED_HEADERS.into_iter().filter(|name| headers.has(name)) {
                host.remove_header(MapKind::Request, name)?;
            }
        }
        Ok(())
    }

    /// Removes the credentials and sets the headers for the upstream.
    pub(super) fn forward(&self, host: &mut dyn Host) -> Result<(), Fault> {
        let partners = self.policy.partners.as_ref();
        let players = if self.removes_credential { self.policy.credentials.all() } else { &[] };
        let own = self.partner.removed_credential(partners);
        for edit in removal(players, own, Headers::kept(&self.headers)) {
            match &edit {
                Edit::Remove(name) => host.remove_header(MapKind::Request, name)?,
                Edit::Set(name, value) => host.set_header(MapKind::Request, name, value)?,
            }
        }
        let mut set = |name: &str, value: Option<&str>| match value {
            Some(value) => host.set_header(MapKind::Request, name, value.as_bytes()),
            None => Ok(()),
        };
        for (name, value) in self.partner.headers(partners) {
            set(name, value)?;
        }
        let Some(identity) = self.identity() else {
            return set(BRAND_HEADER, self.facts.brand.as_deref());
        };
        set(BRAND_HEADER, Some(&identity.brand))?;
        set(PLAYER_HEADER, Some(&identity.player))?;
        set(SESSION_HEADER, identity.session.as_deref())?;
        set(KYC_HEADER, identity.kyc.as_deref())?;
        set(STATE_HEADER, self.states.as_deref())?;
        identity.headers.iter().try_for_each(|(name, value)| set(name, Some(value)))
    }
}
