//! The configuration's `market` as the operator writes it.

use policy_kit::{settings, EndpointClass};

settings! {
    /// Which markets take bets, and how many at a time.
    #[derive(Debug)]
    pub struct MarketConfig {
        /// Where a request names its market.
        pub id: MarketIdConfig,
        /// Classes that this is for. Never `settlement`, `round` and `safer-gambling`: a bet that was accepted is
        /// settled whatever its market does.
        pub classes: Vec<EndpointClass> = default_classes(),
        /// Products that this is for, as endpoints name them; all if empty.
        pub products: Vec<String> = Vec::new(),
        /// Markets that are suspended, besides those of the surge switch; up to 10000.
        pub suspended: Vec<String> = Vec::new(),
        /// Requests of one market that one worker forwards at a time, 1 to 10000; no limit if absent.
        pub in_flight: Option<u32> = None,
    }
}

settings! {
    /// Where a request names its market: exactly one of `pointer`, `variable` and `query`.
    #[derive(Debug)]
    pub struct MarketIdConfig {
        /// JSON pointer into the body: to a text or a number, or to a list of them.
        pub pointer: Option<String> = None,
        /// JSON pointer from each item of the list that `pointer` names: `/market` for
        /// `{"legs": [{"market": "m-1"}]}` with the pointer `/legs`.
        pub each: Option<String> = None,
        /// A variable of the endpoint's template: `id` for `/markets/{id}/bets`.
        pub variable: Option<String> = None,
        /// A query parameter.
        pub query: Option<String> = None,
    }
}

fn default_classes() -> Vec<EndpointClass> {
    vec![EndpointClass::Wager, EndpointClass::Cashout]
}
