//! Failed deposits (GLI-19 v3.0 A.3.6(b)): consecutive failures of one player block further deposits for a while,
//! as many more for a longer while. A success forgets them all.

use policy_kit::{invalid, member_within, ConfigError, EndpointClass, Endpoints, Host, Match};

use crate::abuse::config::{DepositConfig, OnError};
use crate::abuse::key::{Key, Keying};
use crate::abuse::record::{Event, Terms, Verdict};
use crate::abuse::statuses::{self, Ending};
use crate::abuse::table::{Table, TableFault};

const AT: &str = "abuse.deposits";
/// Longest suspension, in seconds: thirty days.
const LONGEST: u64 = 2_592_000;

/// The compiled `abuse.deposits`.
#[derive(Debug)]
pub struct DepositRules {
    statuses: Vec<u16>,
    players: Table,
    keying: Keying,
    /// What happens to a deposit that cannot be counted.
    pub on_error: OnError,
}

/// A deposit that was forwarded, to be ended by [`DepositRules::deposit_ended`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositTicket {
    player: Key,
    began: Option<u32>,
}

/// Whether a deposit may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositCheck {
    /// It is no deposit.
    NotADeposit,
    /// It is one of nobody: there is nothing to count it for.
    NoPlayer,
    /// It may.
    Allowed(DepositTicket),
    /// It may not.
    Blocked {
        /// The end of the block, in seconds since the epoch; `None` while as many deposits are pending as may
        /// still fail.
        until: Option<u32>,
        /// Whether it is the longer block, after further failures.
        suspended: bool,
    },
    /// It could not be counted; [`DepositRules::on_error`] says what happens to it.
    Fault(TableFault, DepositTicket),
}

/// What the end of a deposit changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositEnded {
    /// Nothing that blocks.
    Counted,
    /// Deposits of the player are blocked now.
    Blocked {
        /// Whether it is the longer block.
        suspended: bool,
    },
}

impl DepositRules {
    /// Compiles the configuration's `abuse.deposits`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: DepositConfig,
        endpoints: &Endpoints,
        keying: Keying,
    ) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{AT}.{name}");
        if !endpoints.written(EndpointClass::Deposit).any(|(_, is_deposit)| is_deposit) {
            return Err(invalid(AT, "no endpoint has the class `deposit`: nothing can match"));
        }
        statuses::check(&raw.statuses, &field("statuses"))?;
        member_within(raw.failures.into(), (1, 20), AT, "failures")?;
        member_within(raw.within_s.into(), (60, 86_400), AT, "within_s")?;
        member_within(raw.block_s.into(), (60, 86_400), AT, "block_s")?;
        member_within(raw.suspend_s.into(), (raw.block_s.into(), LONGEST), AT, "suspend_s")?;
        member_within(raw.slots.into(), (1_024, 262_144), AT, "slots")?;
        let terms = Terms {
            failures: usize::try_from(raw.failures).unwrap_or(usize::MAX),
            within: raw.within_s,
            lock: raw.block_s,
            again: raw.suspend_s,
            memory: raw.suspend_s,
        };
        Ok(Self {
            statuses: raw.statuses,
            players: Table::new("deposits", raw.slots, terms, &[]),
            keying,
            on_error: raw.on_error,
        })
    }

    /// Whether a deposit passes that cannot be counted.
    pub fn passes_on_error(&self) -> bool {
        self.on_error == OnError::Pass
    }

    /// Checks a request of this brand's player at `now`, in nanoseconds since the epoch. Call it once the class is
    /// known.
    pub fn deposit(
        &self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        (brand, player): (&str, Option<&[u8]>),
        now: u64,
    ) -> DepositCheck {
        if endpoint.class != EndpointClass::Deposit {
            return DepositCheck::NotADeposit;
        }
        let Some(player) = player.filter(|player| !player.is_empty()) else {
            return DepositCheck::NoPlayer;
        };
        let player = self.keying.key("deposits", &[brand.as_bytes(), player]);
        let ticket = DepositTicket { player, began: None };
        match self.players.apply(host, &player, Event::Begin, now) {
            Ok(Verdict::Open(began)) => {
                DepositCheck::Allowed(DepositTicket { began: Some(began), ..ticket })
            }
            Ok(Verdict::Crowded) => DepositCheck::Blocked { until: None, suspended: false },
            Ok(Verdict::Locked { until, again }) => {
                DepositCheck::Blocked { until: Some(until), suspended: again }
            }
            Err(fault) => DepositCheck::Fault(fault, ticket),
        }
    }

    /// Ends a deposit at `now`: by the status of the upstream's own response, or by `None` where there was none.
    /// Call it once for each ticket.
    ///
    /// # Errors
    /// It was not counted.
    pub fn deposit_ended(
        &self,
        host: &mut dyn Host,
        ticket: &DepositTicket,
        status: Option<u16>,
        now: u64,
    ) -> Result<DepositEnded, TableFault> {
        let event = match (Ending::of(status, &self.statuses), ticket.began) {
            (Ending::Failed, began) => Event::Fail(began),
            (Ending::Succeeded, _) => Event::Succeed,
            (Ending::Undecided, Some(began)) => Event::Withdraw(began),
            (Ending::Undecided, None) => return Ok(DepositEnded::Counted),
        };
        let verdict = self.players.apply(host, &ticket.player, event, now)?;
        Ok(match (event, verdict) {
            (Event::Fail(_), Verdict::Locked { again, .. }) => {
                DepositEnded::Blocked { suspended: again }
            }
            _ => DepositEnded::Counted,
        })
    }
}

#[cfg(test)]
#[path = "deposit_tests.rs"]
mod tests;
