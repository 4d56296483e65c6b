//! Purses: the player's money of a request.

use crate::call::Call;
use crate::casino::Casino;
use crate::keys::unverified_claims;
use crate::ledger::LedgerError;
use crate::player::{Currency, Player, PlayerState};
use crate::posting::{Entry, Kind, Posting};
use crate::reply::Refusal;
use crate::revocations::Revoked;
use crate::time::Time;

/// The player a request is for.
#[derive(Clone, Debug)]
pub(crate) struct Purse {
    pub(crate) id: String,
    pub(crate) currency: Currency,
}

impl Casino {
    /// The player a call is for: `x-player-id`, else the subject of the bearer token, else
    /// `?player=`. Believed as it stands.
    pub(crate) fn player(&mut self, call: &Call<'_>) -> Result<Purse, Refusal> {
        let id = match call.header("x-player-id") {
            Some(id) => Some(id.to_owned()),
            None => call.bearer().and_then(|token| self.subject_of(token)),
        };
        let id = id.or_else(|| call.query("player")).ok_or_else(|| {
            Refusal::unauthorized("player_missing", "no x-player-id, bearer token or ?player=")
        })?;
        self.purse(call.now, &id)
    }

    /// The purse of a player by name, opened on first sight if the name is `p-<digits>`.
    pub(crate) fn purse(&mut self, now: Time, id: &str) -> Result<Purse, Refusal> {
        if self.players.get(id).is_none() && self.players.open(id) {
            let currency = self.players.get(id).map_or(Currency::Eur, |p| p.currency);
            self.opening(now, id, currency).map_err(money_refusal)?;
        }
        let player = self.known(id)?;
        Ok(Purse { id: player.id.clone(), currency: player.currency })
    }

    pub(crate) fn known(&self, id: &str) -> Result<&Player, Refusal> {
        self.players.get(id).ok_or_else(unknown_player)
    }

    pub(crate) fn known_mut(&mut self, id: &str) -> Result<&mut Player, Refusal> {
        self.players.get_mut(id).ok_or_else(unknown_player)
    }

    pub(crate) fn balance(&self, purse: &Purse) -> i64 {
        self.ledger.balance(&purse.id, purse.currency)
    }

    /// Moves money of a player, and counts stakes of excluded players.
    pub(crate) fn post(
        &mut self,
        now: Time,
        kind: Kind,
        purse: &Purse,
        amount: i64,
        subject: &str,
        external: Option<&str>,
    ) -> Result<Posting, LedgerError> {
        let Purse { id, currency } = purse;
        let entry = Entry { kind, player: id, currency: *currency, amount, subject, external };
        let posting = self.ledger.post(now, entry)?;
        if kind == Kind::Stake && self.players.get(id).is_some_and(|p| p.state.excluded()) {
            self.stakes_while_excluded += 1;
        }
        Ok(posting)
    }

    /// Changes a player's state; one that ends sessions adds a revocation.
    pub(crate) fn change_state(
        &mut self,
        now: Time,
        purse: &Purse,
        state: PlayerState,
        until: Option<Time>,
    ) -> Result<(), Refusal> {
        let player = self.known_mut(&purse.id)?;
        player.enter(state, until);
        let id = player.id.clone();
        if state.ends_sessions() {
            self.revocations.push(now, Revoked::Player { id });
        }
        Ok(())
    }

    /// Refuses a stake above the player's own limit.
    pub(crate) fn check_stake(&self, now: Time, purse: &Purse, stake: i64) -> Result<(), Refusal> {
        match self.known(&purse.id)?.limits(now).stake_max {
            Some(max) if stake > max => Err(Refusal::unprocessable(
                "stake_limit",
                format!("the player's limit is {max} minor units"),
            )),
            _ => Ok(()),
        }
    }

    /// Posts a player's opening balance.
    pub(crate) fn opening(
        &mut self,
        now: Time,
        id: &str,
        currency: Currency,
    ) -> Result<(), LedgerError> {
        let (kind, amount, subject) = (Kind::Opening, self.settings.opening_balance, "opening");
        let entry = Entry { kind, player: id, currency, amount, subject, external: None };
        self.ledger.post(now, entry).map(|_| ())
    }

    /// The subject of a bearer token: a demo token `demo.<player>`, an opaque token given out
    /// here, or the claims of a JWT, which are read and not verified.
    fn subject_of(&self, token: &str) -> Option<String> {
        if let Some(player) = token.strip_prefix("demo.") {
            return Some(player.to_owned());
        }
        if let Some((_, session)) = self.sessions.find(token) {
            return Some(session.player.clone());
        }
        Some(unverified_claims(token)?.get("sub")?.as_str()?.to_owned())
    }
}

fn unknown_player() -> Refusal {
    Refusal::not_found("player_unknown", "no such player; p-<digits> are opened on first sight")
}

/// The ledger's refusals towards a player.
pub(crate) fn money_refusal(error: LedgerError) -> Refusal {
    let message = error.to_string();
    match error {
        LedgerError::Amount | LedgerError::Overflow => {
            Refusal::unprocessable("amount_out_of_range", message)
        }
        LedgerError::Insufficient { .. } => Refusal::unprocessable("insufficient_funds", message),
    }
}
