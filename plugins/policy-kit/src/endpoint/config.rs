//! Endpoints as the operator writes them.

use serde::Deserialize;

use crate::config::sorted::SortedMap;
use crate::endpoint::class::EndpointClass;

crate::settings! {
    /// One entry of `endpoints`: exactly one of `path`, `prefix`, `template`, and exactly one of `class`
    /// and `select`.
    #[derive(Clone, Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Endpoint {
        /// This path and no other: `/api/bets`.
        pub path: Option<String> = None,
        /// This path and all below it, by whole segments: `/static` takes `/static/a`, not `/statics`.
        pub prefix: Option<String> = None,
        /// A path with `{name}` for any one segment that is not empty: `/bets/{id}/cashout`.
        pub template: Option<String> = None,
        /// Methods it is for, upper case; all when left out.
        pub methods: Option<Vec<String>> = None,
        /// The class of its requests.
        pub class: Option<EndpointClass> = None,
        /// What tells the class, where one URL carries requests of several.
        pub select: Option<SelectConfig> = None,
        /// Who calls it; `partner` for what aggregators and payment providers call whatever the class,
        /// such as the balance of a wallet.
        pub caller: Option<CallerKind> = None,
        /// The product it belongs to: `casino`, `sportsbook`, `poker`, ...
        pub product: Option<String> = None,
        /// The envelope for refusals on this endpoint, a name in `envelopes`; problem details if absent.
        pub envelope: Option<String> = None,
        /// The partners that may call it, by their names; every one if absent.
        pub partners: Option<Vec<String>> = None,
    }
}

/// Who calls an endpoint, and therefore whose credential a request needs.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum CallerKind {
    /// A player, with a player token.
    #[default]
    Player,
    /// A partner, with a credential of its own.
    Partner,
}

crate::words! { CallerKind: "player" => Player, "partner" => Partner }

/// What happens to requests that match no endpoint.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Unclassified {
    /// They are refused.
    #[default]
    Refuse,
    /// They go on, treated as strictly as the policy can.
    Forward,
}

crate::words! { Unclassified: "refuse" => Refuse, "forward" => Forward }

crate::settings! {
    /// A selector: exactly one of `query` and `pointer`, and the class of each value.
    #[derive(Clone, Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SelectConfig {
        /// Name of a query parameter.
        pub query: Option<String> = None,
        /// JSON pointer (RFC 6901) into the body.
        pub pointer: Option<String> = None,
        /// The class of each value. A value that is not listed is `unclassified`.
        pub classes: SortedMap<String, EndpointClass>,
    }
}
