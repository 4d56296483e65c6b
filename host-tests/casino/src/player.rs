//! Players: who they are, what state they are in, what limits they have set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A currency with two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro.
    Eur,
    /// Pound sterling.
    Gbp,
    /// US dollar.
    Usd,
}

/// The state of an account in the player account management system. The casino never
/// refuses a call because of it: that is the gateway's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlayerState {
    /// Nothing in the way.
    Active,
    /// Identity not verified yet.
    KycPending,
    /// A break of the player's own choosing, with an end.
    CoolOff,
    /// Excluded by the player: no wagers, no deposits, withdrawals stay open (GLI-19 A.3.8).
    SelfExcluded,
    /// The time that the player may play is used up.
    TimeLimit,
    /// The amount that the player may deposit is used up.
    DepositLimit,
    /// Frozen by the operator.
    Suspended,
    /// Gone.
    Closed,
}

impl PlayerState {
    /// Whether a wager of a player in this state should have been stopped before it came here.
    pub fn excluded(self) -> bool {
        !matches!(self, Self::Active | Self::KycPending | Self::DepositLimit)
    }

    /// Whether entering this state logs the player out. Who is excluded or out of time may still
    /// withdraw, and need not log in again for it; who is verified at last even less so.
    pub(crate) fn ends_sessions(self) -> bool {
        matches!(self, Self::Suspended | Self::Closed)
    }
}

/// Limits a player has set, in minor units; none means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// The largest single stake.
    pub(crate) stake_max: Option<i64>,
    /// The sum of deposits of one UTC day.
    pub(crate) deposit_daily: Option<i64>,
    /// Minutes of play in one session; published, not enforced here.
    pub(crate) session_minutes: Option<i64>,
}

/// How long a looser limit waits before it counts, in seconds (GLI-19 A.3.7: 24 hours).
pub(crate) const LOOSENING_DELAY_SECS: i64 = 24 * 3600;

/// One player.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Player {
    pub(crate) id: String,
    pub(crate) brand: String,
    pub(crate) currency: Currency,
    pub(crate) jurisdiction: String,
    pub(crate) state: PlayerState,
    /// Grows with every change of state, so that copies can be ordered.
    pub(crate) state_version: u64,
    pub(crate) kyc_level: u8,
    pub(crate) excluded_until: Option<Time>,
    limits: Limits,
    pending: Option<(Time, Limits)>,
    pub(crate) failed_logins: u32,
    pub(crate) locked_until: Option<Time>,
}

impl Player {
    fn new(id: &str, brand: &str, currency: Currency, jurisdiction: &str) -> Self {
        Self {
            id: id.to_owned(),
            brand: brand.to_owned(),
            currency,
            jurisdiction: jurisdiction.to_owned(),
            state: PlayerState::Active,
            state_version: 1,
            kyc_level: 2,
            excluded_until: None,
            limits: Limits::default(),
            pending: None,
            failed_logins: 0,
            locked_until: None,
        }
    }

    /// Moves to another state and counts the change.
    pub(crate) fn enter(&mut self, state: PlayerState, until: Option<Time>) {
        self.state = state;
        self.excluded_until = until;
        self.state_version += 1;
    }

    /// The limits that count at a time.
    pub(crate) fn limits(&self, now: Time) -> Limits {
        match self.pending {
            Some((from, limits)) if from <= now => limits,
            _ => self.limits,
        }
    }

    /// The looser limits that wait, and from when they count.
    pub(crate) fn pending_limits(&self, now: Time) -> Option<(Time, Limits)> {
        self.pending.filter(|(from, _)| *from > now)
    }

    /// Sets new limits: tighter ones apply at once, looser ones after a day.
    pub(crate) fn set_limits(&mut self, now: Time, wanted: Limits) {
        let current = self.limits(now);
        let tighter = |old: Option<i64>, new: Option<i64>| match (old, new) {
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        };
        self.limits = Limits {
            stake_max: tighter(current.stake_max, wanted.stake_max),
            deposit_daily: tighter(current.deposit_daily, wanted.deposit_daily),
            session_minutes: tighter(current.session_minutes, wanted.session_minutes),
        };
        let waits = self.limits != wanted;
        self.pending = waits.then(|| (now.plus_secs(LOOSENING_DELAY_SECS), wanted));
    }
}

/// Where numbered players are at home, by the thousands of their number: brand, currency, licence.
const HOMES: [(&str, Currency, &str); 7] = [
    ("lucky-otter", Currency::Eur, "MT"),
    ("lucky-otter", Currency::Eur, "MT"),
    ("lucky-otter", Currency::Gbp, "GB"),
    ("lucky-otter", Currency::Usd, "US-NJ"),
    ("river-kings", Currency::Eur, "SE"),
    ("blue-heron", Currency::Eur, "DK"),
    ("blue-heron", Currency::Usd, "CA-ON"),
];

/// All players. Six with names and histories, and `p-<digits>` made on first sight.
#[derive(Clone, Debug)]
pub(crate) struct Players {
    players: BTreeMap<String, Player>,
}

impl Players {
    /// The six named players of the demo.
    pub(crate) fn demo() -> Self {
        let mut players = BTreeMap::new();
        for (id, brand, currency, jurisdiction, state, kyc_level) in [
            ("p-alice", "lucky-otter", Currency::Eur, "MT", PlayerState::Active, 2),
            ("p-bob", "lucky-otter", Currency::Gbp, "GB", PlayerState::Active, 2),
            ("p-carol", "lucky-otter", Currency::Usd, "US-NJ", PlayerState::Active, 2),
            ("p-dave", "lucky-otter", Currency::Eur, "MT", PlayerState::KycPending, 0),
            ("p-erin", "lucky-otter", Currency::Eur, "MT", PlayerState::SelfExcluded, 2),
            ("p-frank", "lucky-otter", Currency::Usd, "US-NJ", PlayerState::Suspended, 1),
        ] {
            let mut player = Player::new(id, brand, currency, jurisdiction);
            player.state = state;
            player.kyc_level = kyc_level;
            players.insert(id.to_owned(), player);
        }
        Self { players }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Player> {
        self.players.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Player> {
        self.players.get_mut(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Player> {
        self.players.values()
    }

    /// Adds `p-<digits>` (at most 9 of them); false for any other name.
    pub(crate) fn open(&mut self, id: &str) -> bool {
        let digits = id.strip_prefix("p-").unwrap_or_default();
        let numbered =
            (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if numbered {
            let thousands = digits.parse::<usize>().unwrap_or_default() / 1000;
            let (brand, currency, jurisdiction) =
                HOMES.get(thousands).copied().unwrap_or(("lucky-otter", Currency::Eur, "MT"));
            self.players.insert(id.to_owned(), Player::new(id, brand, currency, jurisdiction));
        }
        numbered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_players_are_created() {
        for (id, want) in [
            ("p-1", true),
            ("p-123456789", true),
            ("p-1234567890", false),
            ("p-", false),
            ("p-x", false),
            ("p-\u{661}", false),
            ("", false),
            ("alice", false),
        ] {
            assert_eq!(Players::demo().open(id), want, "{id}");
        }
    }

    #[test]
    fn tighter_limits_apply_at_once_and_looser_after_a_day() {
        let limit = |stake_max| Limits { stake_max, ..Limits::default() };
        let now = Time::from_secs(1_000_000);
        let later = now.plus_secs(LOOSENING_DELAY_SECS);
        // Old, wanted, at once, after a day.
        for (old, wanted, at_once, after) in [
            (None, Some(100), Some(100), Some(100)),
            (Some(100), Some(50), Some(50), Some(50)),
            (Some(100), Some(200), Some(100), Some(200)),
            (Some(100), None, Some(100), None),
            (None, None, None, None),
        ] {
            let mut player = Player::new("p-1", "lucky-otter", Currency::Eur, "MT");
            player.set_limits(Time::default(), limit(old));
            player.set_limits(now, limit(wanted));
            assert_eq!(player.limits(now).stake_max, at_once, "{old:?} {wanted:?}");
            assert_eq!(player.limits(later).stake_max, after, "{old:?} {wanted:?}");
        }
    }
}
