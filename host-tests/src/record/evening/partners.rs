//! Four partners that call back: three wallets with their own contracts, and the payment provider.
use super::client::SimulatedClient;
use super::dice::Dice;
use super::schedule::Evening;
use super::table::MARKETS;
use crate::traffic::Request;
use casino::partner::{
    sign_bee, sign_one, sign_psp, HubPartner, BEE_HEADER, HUB_HEADER, PSP_HEADER,
};
use serde_json::{json, Value};

const HUB: (&str, &str) = ("192.0.2.80", "wallet.lucky-otter.example");
const BEE: (&str, &str) = ("192.0.2.90", "wallet.river-kings.example");
const ONE: (&str, &str) = ("192.0.2.100", "wallet.blue-heron.example");
const PSP: &str = "192.0.2.110";
const HOUSE: &str = "192.0.2.10";

/// The three wallets, each with rounds of its own.
pub(super) fn add_scripts(evening: &mut Evening, dice: &mut Dice) {
    for (number, (address, host)) in [HUB, BEE, ONE].into_iter().enumerate() {
        for line in 0..2 {
            let dice = dice.split();
            evening.add(move |sender| {
                let mut guest =
                    SimulatedClient::new(sender, dice, String::new(), host, address.to_owned());
                guest.place = vec![("x-geo-country", "DE")];
                guest.agent =
                    *["hub-wallet/4", "bee/1.0", "one-wallet/3"].get(number).unwrap_or(&"");
                guest.think(60 + line * 30, 900);
                rounds(guest, number)
            });
        }
    }
}

async fn rounds(mut me: SimulatedClient, partner: usize) {
    let hub = HubPartner::demo().ok();
    for round in 1..=14_u64 {
        let market = *me.dice.pick(&MARKETS);
        let player = format!("p-{}", market.thousand * 1000 + me.dice.between(6, 59));
        let currency = match market.country {
            "GB" => "GBP",
            "US" | "CA" => "USD",
            _ => "EUR",
        };
        let (bet, win) = (me.dice.uuid(), me.dice.uuid());
        let stake = me.dice.between(1, 30) * 20;
        let mut calls: Vec<(&str, String, String, u64)> = vec![
            ("balance", me.dice.uuid(), String::new(), 0),
            ("bet", bet.clone(), String::new(), stake),
        ];
        // A lost answer, a rollback that overtakes its bet, a changed amount, a late or double win.
        match me.dice.between(1, 10) {
            1 | 2 => calls.push(("bet", bet.clone(), String::new(), stake)),
            3 => calls.push(("bet", bet.clone(), String::new(), stake + 20)),
            4 => calls.insert(1, ("rollback", me.dice.uuid(), bet.clone(), stake)),
            5 => calls.push(("rollback", me.dice.uuid(), bet.clone(), stake)),
            _ => {}
        }
        calls.push(("win", win.clone(), bet.clone(), stake * (round % 3)));
        if me.dice.chance(15) {
            calls.push(("win", win, bet, stake * (round % 3)));
        }
        for (call, id, original, amount) in calls {
            let late = call == "win" && me.dice.chance(20);
            me.think(1, if late { 1800 } else { 20 });
            let message = Message { call, id, original, amount, player: &player, currency, round };
            let request = match (partner, &hub) {
                (0, Some(hub)) => message.hub(&me, hub),
                (1, _) => message.bee(&me),
                _ => message.one(&me),
            };
            // Whitespace changed on the way: the signature over the body does not fit any more.
            let broken = me.dice.chance(3);
            let request = if broken { respaced(request) } else { request };
            me.sender.send(request).await;
        }
        me.think(60, 900);
        if me.sender.is_late() {
            return;
        }
    }
}

struct Message<'a> {
    call: &'a str,
    id: String,
    original: String,
    amount: u64,
    player: &'a str,
    currency: &'a str,
    round: u64,
}

impl Message<'_> {
    /// As docs.hub88.io has it (Operator API, Wallet API): a question for the balance names no
    /// transaction, a rollback no amount.
    fn hub(&self, me: &SimulatedClient, partner: &HubPartner) -> Request {
        let mut body = json!({"user": self.player, "request_uuid": request_uuid(&self.id),
            "token": format!("{}-session", self.player), "game_code": "hub-dice"});
        let mut add = |more: Value| {
            if let (Some(fields), Value::Object(more)) = (body.as_object_mut(), more) {
                fields.extend(more);
            }
        };
        if self.call != "balance" {
            add(json!({"transaction_uuid": self.id, "supplier_transaction_id": self.id,
                "supplier_user": null, "round": self.round.to_string(),
                "round_closed": self.call == "win"}));
        }
        if ["bet", "win"].contains(&self.call) {
            add(json!({"currency": self.currency, "amount": self.amount, "is_free": false,
                "is_aggregated": false, "reward_uuid": null}));
        }
        if !self.original.is_empty() {
            add(json!({"reference_transaction_uuid": self.original}));
        }
        let target = match self.call {
            "balance" => "/wallet/hub/user/balance".to_owned(),
            call => format!("/wallet/hub/transaction/{call}"),
        };
        let signature = partner.sign(body.to_string().as_bytes());
        me.json("POST", &target, &body).header(HUB_HEADER, signature)
    }

    /// As PyPI `beexar` 1.0.2 has it: each of the four calls has its own members, an amount is more than
    /// zero, and ids are of any length.
    fn bee(&self, me: &SimulatedClient) -> Request {
        let (account, currency, round) = (self.player, self.currency, self.round.to_string());
        let session = format!("{account}-session");
        let (id, original) = (short(&self.id), short(&self.original));
        let finished = self.call == "win";
        let (target, body) = match self.call {
            "balance" => (
                "/wallet/bee/balance",
                json!({"account_id": account, "currency": currency, "game_id": "bee-dice",
                    "session_id": session}),
            ),
            "rollback" => (
                "/wallet/bee/rollback",
                json!({"account_id": account, "currency": currency, "game_id": "bee-dice",
                    "round_id_provider": round, "finished": finished, "session_id": session,
                    "transactions": [{"id_provider": id, "type": "rollback",
                        "original_id_provider": original}]}),
            ),
            "win" if self.amount == 0 => (
                "/wallet/bee/finish",
                json!({"account_id": account, "currency": currency, "round_id": round,
                    "session_id": session}),
            ),
            kind => (
                "/wallet/bee/betwin",
                json!({"account_id": account, "currency": currency, "game_id": "bee-dice",
                    "round_id": round, "finished": finished, "session_id": session,
                    "transactions": [{"id_provider": id, "type": kind,
                        "amount": decimal(self.amount)}]}),
            ),
        };
        let signature = sign_bee(body.to_string().as_bytes());
        me.json("POST", target, &body).header(BEE_HEADER, signature)
    }

    /// As public implementations of OneWallet have it: a name of a transaction is up to 32 letters and
    /// digits, a `ping` carries nothing, and a credit gives back the debit that `i_rollback` names.
    fn one(&self, me: &SimulatedClient) -> Request {
        let (user, currency, game) = (self.player, self.currency, "998:dice");
        let (tid, round) = (self.id.replace('-', ""), self.round.to_string());
        let money = |kind: &str| {
            json!({"type": kind, "userid": user, "currency": currency, "tid": tid,
                "amount": decimal(self.amount), "i_gameid": round, "i_actionid": short(&tid),
                "i_gamedesc": game})
        };
        let mut body = match self.call {
            "bet" => money("debit"),
            "win" | "rollback" => money("credit"),
            // A word that is none of the contract's.
            _ if self.round.is_multiple_of(5) => money("jackpot"),
            _ if self.round.is_multiple_of(3) => {
                json!({"type": "roundinfo", "userid": user, "i_gameid": round, "i_gamedesc": game})
            }
            _ if self.round.is_multiple_of(2) => json!({"type": "ping"}),
            _ => json!({"type": "balance", "userid": user, "currency": currency,
                "i_gamedesc": game}),
        };
        if let Some(fields) = body.as_object_mut() {
            if self.call == "rollback" {
                fields.insert("i_rollback".to_owned(), json!(self.original.replace('-', "")));
            }
            let signature = sign_one(fields).unwrap_or_default();
            fields.insert("hmac".to_owned(), Value::String(signature));
        }
        me.json("POST", "/wallet/one", &body)
    }
}

/// The id of a message about a transaction, another UUID: a message that is sent again has the same one.
fn request_uuid(id: &str) -> String {
    let (head, tail) = id.split_at_checked(24).unwrap_or((id, ""));
    format!("{head}{}", tail.chars().rev().collect::<String>())
}

/// An id as short as platforms may choose them.
fn short(id: &str) -> String {
    id.chars().take(6).collect()
}

fn decimal(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn respaced(mut request: Request) -> Request {
    request.headers.retain(|(name, _)| name != b"content-length");
    let body = String::from_utf8_lossy(&request.body).replace("\":", "\": ");
    request.body(body)
}

/// The casino's own feed pays a won bet; one in eight is sent twice.
pub(super) async fn settle(me: &mut SimulatedClient, bet: &str) {
    let (number, win) = (me.dice.uuid(), me.dice.between(10, 4000));
    let body = json!({"player": me.player, "amount": win, "transaction_id": number, "bet_id": bet});
    let mut request = beside(me, HOUSE, "/wallet/win", &body);
    request.headers.retain(|(name, _)| name != b"x-geo-vpn");
    me.sender.send(request.clone()).await;
    if me.dice.chance(12) {
        me.sender.wait(5_000);
        me.sender.send(request).await;
    }
}

/// The payment provider calls back: soon, late, or twice.
pub(super) async fn confirm(me: &mut SimulatedClient, deposit: &str) {
    let late = me.dice.chance(15);
    me.think(4, if late { 1500 } else { 30 });
    let status = if me.dice.chance(85) { "approved" } else { "declined" };
    let number = me.dice.uuid();
    let body = json!({"deposit_id": deposit, "status": status, "transaction_id": number});
    let request = beside(me, PSP, "/psp/callback", &body);
    let request = request.header(PSP_HEADER, sign_psp(body.to_string().as_bytes()));
    me.sender.send(request.clone()).await;
    if me.dice.chance(15) {
        me.sender.wait(30_000);
        me.sender.send(request).await;
    }
}

/// A server's call about this player: from its own address, without the player's token.
fn beside(me: &SimulatedClient, address: &str, target: &str, body: &Value) -> Request {
    let mut request = me.json("POST", target, body);
    for (name, value) in &mut request.headers {
        match name.as_slice() {
            b"x-forwarded-for" => *value = address.as_bytes().to_vec(),
            b"user-agent" => *value = b"callback/1".to_vec(),
            _ => {}
        }
    }
    let players = |name: &[u8]| name == b"authorization" || name.starts_with(b"x-geo");
    request.headers.retain(|(name, _)| !players(name));
    request
}
