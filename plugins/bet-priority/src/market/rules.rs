//! The compiled `market`: whether a request's markets take bets, and have room.

use policy_kit::{invalid, member_within, ConfigError, Content, EndpointClass, Endpoints, Match};

use crate::market::config::MarketConfig;
use crate::market::id::{MarketId, MAX_NAME};
use crate::market::permit::{MarketPermit, MarketPermits};
use crate::market::source::{MarketSource, Named};
use crate::market::suspended::{Suspended, MAX_SUSPENDED};
use crate::rate::caller::is_bodiless;

const AT: &str = "market";

/// The compiled `market`.
#[derive(Debug)]
pub struct MarketRules {
    source: MarketSource,
    classes: Vec<EndpointClass>,
    products: Vec<String>,
    suspended: Suspended,
    in_flight: Option<usize>,
}

/// Whether a request may go on.
#[derive(Debug)]
pub enum MarketCheck {
    /// The rules are not for it, or it names no market, or nothing is limited now.
    NotConcerned,
    /// Only the body tells.
    NeedsBody,
    /// It may; with a permit to be kept until it ends, where markets have a limit.
    Open(Option<MarketPermit>),
    /// Its markets cannot be read, and none is suspended: it goes on and is not counted. Why, in one word.
    Unread(&'static str),
    /// One of its markets is suspended, or may be: why, in one word.
    Suspended(&'static str),
    /// One of its markets has as many requests in flight as it may.
    Busy,
}

impl MarketRules {
    /// Compiles the configuration's `market`. `switched` where a surge switch suspends markets.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: MarketConfig,
        endpoints: &Endpoints,
        switched: bool,
    ) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{AT}.{name}");
        let source = MarketSource::compile(raw.id, &field("id"))?;
        if raw.classes.is_empty() {
            return Err(invalid(field("classes"), "must name at least one class"));
        }
        for (i, class) in raw.classes.iter().enumerate() {
            let at = format!("{AT}.classes[{i}]");
            if is_owed(*class) {
                let problem = "is never stopped by a market: the bet was accepted before";
                return Err(invalid(at, problem));
            }
            if raw.classes.iter().take(i).any(|other| other == class) {
                return Err(invalid(at, "is given twice"));
            }
            let mut of_class = endpoints.written(*class).filter(|(_, may_have)| *may_have);
            let named = of_class.by_ref().find(|(written, _)| source.fits(written));
            if named.is_none() {
                let problem = "no endpoint of this class names a market so: nothing can match";
                return Err(invalid(at, problem));
            }
        }
        if let Some(i) = raw.products.iter().position(|it| !endpoints.has_product(it)) {
            let at = format!("{AT}.products[{i}]");
            return Err(invalid(at, "no endpoint has this product: nothing can match"));
        }
        if raw.suspended.len() > MAX_SUSPENDED {
            return Err(invalid(field("suspended"), format!("expected at most {MAX_SUSPENDED}")));
        }
        let bad = |name: &String| name.is_empty() || name.len() > MAX_NAME;
        if let Some(i) = raw.suspended.iter().position(bad) {
            let problem = format!("expected a name of up to {MAX_NAME} bytes");
            return Err(invalid(format!("{AT}.suspended[{i}]"), problem));
        }
        if let Some(most) = raw.in_flight {
            member_within(most.into(), (1, 10_000), AT, "in_flight")?;
        }
        if !switched && raw.suspended.is_empty() && raw.in_flight.is_none() {
            let problem = "has no effect: give `suspended`, `in_flight` or `surge.switch`";
            return Err(invalid(AT, problem));
        }
        Ok(Self {
            source,
            classes: raw.classes,
            products: raw.products,
            suspended: Suspended::new(raw.suspended.iter().map(|it| MarketId::of(it)).collect()),
            in_flight: raw.in_flight.and_then(|most| usize::try_from(most).ok()),
        })
    }

    /// Whether the body of a request may name its market.
    pub fn needs_body(&self, endpoint: &Match<'_>, method: &[u8]) -> bool {
        self.source.is_in_body() && !is_bodiless(method) && self.is_for(endpoint)
    }

    /// Checks a request at `now`, in nanoseconds since the epoch. `switched` are the markets that the surge switch
    /// suspends. An empty `body` stands for one that is too long or cannot be read.
    pub fn check(
        &self,
        permits: &MarketPermits,
        switched: &Suspended,
        (endpoint, target): (&Match<'_>, &[u8]),
        body: Option<&Content<'_>>,
        now: u64,
    ) -> MarketCheck {
        let none_suspended = switched.is_empty() && self.suspended.is_empty();
        if none_suspended && self.in_flight.is_none() || !self.is_for(endpoint) {
            return MarketCheck::NotConcerned;
        }
        if endpoint.needs_body() {
            return MarketCheck::NeedsBody;
        }
        let markets = match self.source.read(endpoint, target, body) {
            Named::NeedsBody => return MarketCheck::NeedsBody,
            Named::Markets(markets) if markets.is_empty() => return MarketCheck::NotConcerned,
            Named::Markets(markets) => markets,
            Named::Unclear(why) if none_suspended => return MarketCheck::Unread(why),
            // It may be one that is: whoever hides the market gains nothing.
            Named::Unclear(why) => return MarketCheck::Suspended(why),
        };
        let is_suspended = |market: &MarketId| self.suspended.has(*market) || switched.has(*market);
        if markets.iter().any(is_suspended) {
            return MarketCheck::Suspended("market");
        }
        match self.in_flight {
            None => MarketCheck::Open(None),
            Some(most) => match permits.take(markets, most, now) {
                Some(permit) => MarketCheck::Open(Some(permit)),
                None => MarketCheck::Busy,
            },
        }
    }

    fn is_for(&self, endpoint: &Match<'_>) -> bool {
        let product = endpoint.product.unwrap_or_default();
        let of_product = self.products.is_empty() || self.products.iter().any(|it| it == product);
        of_product && endpoint.candidates().any(|class| self.classes.contains(&class))
    }
}

/// Whether a class is about bets that were accepted already, or must always work.
fn is_owed(class: EndpointClass) -> bool {
    matches!(class, EndpointClass::Settlement | EndpointClass::Round | EndpointClass::SaferGambling)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
