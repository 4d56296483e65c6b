//! Endpoint classes: what kind of request a request is, and what follows from that.

use serde::Deserialize;

use crate::config::field::{Field, FieldError};
use crate::config::setting::Setting;

/// What kind of request a request is. The defaults of every policy depend on the class.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Read as a string, so that a class that is a map's key is named in an error's path.
#[serde(try_from = "String")]
pub enum EndpointClass {
    /// Lobby, images, promotions.
    Content,
    /// Bet history, statements.
    History,
    /// Prices and markets.
    Odds,
    /// Balance, slip validation, profile.
    Account,
    /// Start of a game session.
    Launch,
    /// Start of a deposit.
    Deposit,
    /// Payment to the player.
    Withdrawal,
    /// Login, refresh, logout.
    Session,
    /// Bet, spin, new round: puts money at risk.
    Wager,
    /// Hit, free spin, close: a round already paid for goes on.
    Round,
    /// Cash-out of an open bet.
    Cashout,
    /// Limits, self-exclusion, location check: must work whenever a player wants it.
    SaferGambling,
    /// Win, rollback, settle and PSP callbacks: money already owed.
    Settlement,
    /// No endpoint matched. Never written by an operator; gets the strictest treatment.
    #[default]
    Unclassified,
}

/// Which credential a class needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// No player token: logging in is how one gets it.
    None,
    /// Anonymous requests pass; an invalid token is still refused.
    Optional,
    /// A valid player token.
    Required,
    /// A valid player token with a recent strong authentication (GLI-19 A.3.6(c)).
    StepUp,
    /// The partner's own credential, never a player token.
    Partner,
}

/// Whether a class needs the player's location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// Allowed from outside the market unless the operator says otherwise.
    NotNeeded,
    /// Needed by default; operators commonly relax it.
    Configurable,
    /// A fresh, passed location (GLI-19 v3.0 2.7.4).
    Fresh,
    /// Never checked: blocking it would hurt the player or lose money owed.
    Never,
}

/// Whether a class is written to the audit record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// Not recorded.
    No,
    /// A sample is recorded.
    Sampled,
    /// Every request is recorded.
    Yes,
}

/// The defaults of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassDefaults {
    /// Credential needed.
    pub token: Token,
    /// Location needed.
    pub location: Location,
    /// Position in the shedding order, 1 is shed first; `None` is never shed.
    pub shed_order: Option<u8>,
    /// Whether an idempotency key is required.
    pub idempotency: bool,
    /// Whether it is audited.
    pub audit: Audit,
}

impl EndpointClass {
    /// Every class an operator can name, in shedding order, then [`EndpointClass::Unclassified`].
    pub const ALL: [EndpointClass; 14] = [
        Self::Content,
        Self::History,
        Self::Odds,
        Self::Account,
        Self::Launch,
        Self::Deposit,
        Self::Withdrawal,
        Self::Session,
        Self::Wager,
        Self::Round,
        Self::Cashout,
        Self::SaferGambling,
        Self::Settlement,
        Self::Unclassified,
    ];

    /// The name used in configurations, headers, metrics and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::History => "history",
            Self::Odds => "odds",
            Self::Account => "account",
            Self::Launch => "launch",
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Session => "session",
            Self::Wager => "wager",
            Self::Round => "round",
            Self::Cashout => "cashout",
            Self::SaferGambling => "safer-gambling",
            Self::Settlement => "settlement",
            Self::Unclassified => "unclassified",
        }
    }

    /// The class that an operator can name so.
    fn named(name: &str) -> Option<Self> {
        let is_it = |class: &Self| class.as_str() == name && *class != Self::Unclassified;
        Self::ALL.into_iter().find(is_it)
    }

    /// Rank of a class among those that a request may turn out to have: higher is stricter. A class that is
    /// exempt from checks ranks lowest, so that a request gains nothing by being possibly exempt.
    pub const fn strictness(self) -> u8 {
        match self {
            Self::Settlement => 0,
            Self::SaferGambling => 1,
            Self::Content => 2,
            Self::Odds => 3,
            Self::Session => 4,
            Self::History => 5,
            Self::Account => 6,
            Self::Round => 7,
            Self::Withdrawal => 8,
            Self::Deposit => 9,
            Self::Cashout => 10,
            Self::Launch => 11,
            Self::Wager => 12,
            Self::Unclassified => 13,
        }
    }

    /// The class's defaults, as every policy reads them.
    pub const fn defaults(self) -> ClassDefaults {
        use {Audit as A, Location as L, Token as T};
        let (token, location, shed_order, idempotency, audit) = match self {
            Self::Content => (T::Optional, L::NotNeeded, Some(1), false, A::Sampled),
            Self::History => (T::Required, L::NotNeeded, Some(2), false, A::Yes),
            Self::Odds => (T::Optional, L::NotNeeded, Some(3), false, A::No),
            Self::Account => (T::Required, L::NotNeeded, Some(4), false, A::Yes),
            Self::Launch => (T::Required, L::Fresh, Some(5), false, A::Yes),
            Self::Deposit => (T::Required, L::Configurable, Some(6), true, A::Yes),
            Self::Withdrawal => (T::StepUp, L::NotNeeded, Some(7), true, A::Yes),
            Self::Session => (T::None, L::NotNeeded, Some(8), false, A::Yes),
            Self::Wager => (T::Required, L::Fresh, Some(9), true, A::Yes),
            Self::Round => (T::Required, L::NotNeeded, Some(10), true, A::Yes),
            Self::Cashout => (T::Required, L::Configurable, Some(11), true, A::Yes),
            Self::SaferGambling => (T::Required, L::Never, None, false, A::Yes),
            Self::Settlement => (T::Partner, L::Never, None, true, A::Yes),
            // The strictest of everything, and among the first to be shed. No idempotency key is required of
            // a request whose meaning is unknown.
            Self::Unclassified => (T::Required, L::Fresh, Some(1), false, A::Yes),
        };
        ClassDefaults { token, location, shed_order, idempotency, audit }
    }
}

impl TryFrom<String> for EndpointClass {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        // The name itself is not repeated; what follows `expected` is shown to the operator.
        Self::named(&name).ok_or_else(|| ["unknown class, expected ", &writable()].concat())
    }
}

impl Setting for EndpointClass {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        let name = field.text().ok_or_else(|| FieldError::expected("a string"))?;
        *self = Self::named(name).ok_or_else(|| FieldError::expected(&writable()))?;
        Ok(())
    }
}

/// The names that an operator can write.
#[cold]
fn writable() -> String {
    let mut all = "one of ".to_owned();
    for class in EndpointClass::ALL {
        if class != EndpointClass::Unclassified {
            let comma = if all.ends_with('`') { ", `" } else { "`" };
            all.push_str(comma);
            all.push_str(class.as_str());
            all.push('`');
        }
    }
    all
}

impl std::fmt::Display for EndpointClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_are_read_and_printed_alike() {
        for class in EndpointClass::ALL {
            let read = serde_json::from_str::<EndpointClass>(&format!("\"{class}\"")).ok();
            let writable = class != EndpointClass::Unclassified;
            assert_eq!(read, writable.then_some(class), "{class}");
        }
    }

    #[test]
    fn exempt_classes_are_never_blocked_or_shed() {
        for class in EndpointClass::ALL {
            let d = class.defaults();
            let protected =
                matches!(class, EndpointClass::SaferGambling | EndpointClass::Settlement);
            assert_eq!(d.shed_order.is_none(), protected, "{class}");
            assert_eq!(d.location == Location::Never, protected, "{class}");
        }
    }

    #[test]
    fn strictness_is_an_order_with_the_exempt_last() {
        let mut classes = EndpointClass::ALL;
        classes.sort_by_key(|c| std::cmp::Reverse(c.strictness()));
        assert_eq!(classes[..2], [EndpointClass::Unclassified, EndpointClass::Wager]);
        assert_eq!(classes[12..], [EndpointClass::SaferGambling, EndpointClass::Settlement]);
        let ranks: std::collections::BTreeSet<_> = classes.map(EndpointClass::strictness).into();
        assert_eq!(ranks.len(), 14);
    }

    #[test]
    fn the_shedding_order_is_the_catalogue_order() {
        let order: Vec<_> =
            EndpointClass::ALL[..13].iter().filter_map(|c| c.defaults().shed_order).collect();
        assert_eq!(order, (1..=11).collect::<Vec<u8>>());
    }
}
