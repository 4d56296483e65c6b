//! Test kits: configurations, tokens, and fake gateways that send whole requests.

pub(crate) mod gateway;
pub(crate) mod partner_gateway;
pub(crate) mod player_states;
