//! Four partners that call back: three wallets with their own contracts, and the payment provider.
use super::guest::Guest;
use super::table::MARKETS;
use super::{Dice, Evening};
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
pub(super) fn connect(evening: &mut Evening, dice: &mut Dice) {
    for (number, (address, host)) in [HUB, BEE, ONE].into_iter().enumerate() {
        for line in 0..2 {
            let dice = dice.split();
            evening.add(move |door| {
                let mut guest = Guest::new(door, dice, String::new(), host, address.to_owned());
                guest.place = vec![("x-geo-country", "DE")];
                guest.agent =
                    *["hub-wallet/4", "bee/1.0", "one-wallet/3"].get(number).unwrap_or(&"");
                guest.think(60 + line * 30, 900);
                rounds(guest, number)
            });
        }
    }
}

async fn rounds(mut me: Guest, partner: usize) {
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
            4 => calls.insert(1, ("rollback", me.dice.uuid(), bet.clone(), 0)),
            5 => calls.push(("rollback", me.dice.uuid(), bet.clone(), 0)),
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
            me.door.send(request).await;
        }
        me.think(60, 900);
        if me.door.is_late() {
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
    fn hub(&self, me: &Guest, partner: &HubPartner) -> Request {
        let mut body = json!({"user": self.player, "request_uuid": self.id, "currency": self.currency,
            "transaction_uuid": self.id, "amount": self.amount, "round": self.round.to_string(),
            "game_code": "hub-dice"});
        if let (Some(fields), false) = (body.as_object_mut(), self.original.is_empty()) {
            fields.insert("reference_transaction_uuid".to_owned(), json!(self.original));
        }
        let target = match self.call {
            "balance" => "/wallet/hub/user/balance".to_owned(),
            call => format!("/wallet/hub/transaction/{call}"),
        };
        let signature = partner.sign(body.to_string().as_bytes());
        me.json("POST", &target, &body).header(HUB_HEADER, signature)
    }

    fn bee(&self, me: &Guest) -> Request {
        let mut action = json!({"id_provider": self.id, "type": self.call});
        if let Some(fields) = action.as_object_mut() {
            if self.call == "rollback" {
                fields.insert("original_id_provider".to_owned(), json!(self.original));
            } else {
                fields.insert("amount".to_owned(), json!(decimal(self.amount.max(1))));
            }
        }
        let list = if self.call == "balance" { json!([]) } else { json!([action]) };
        let body = json!({"account_id": self.player, "currency": self.currency,
            "round_id": self.round.to_string(), "transactions": list});
        let target = match self.call {
            "balance" => "/wallet/bee/balance",
            "rollback" => "/wallet/bee/rollback",
            "win" if self.amount == 0 => "/wallet/bee/finish",
            _ => "/wallet/bee/betwin",
        };
        let signature = sign_bee(body.to_string().as_bytes());
        me.json("POST", target, &body).header(BEE_HEADER, signature)
    }

    fn one(&self, me: &Guest) -> Request {
        let mut body = json!({"userid": self.player, "currency": self.currency, "tid": self.id,
            "amount": decimal(self.amount), "i_gameid": self.round.to_string()});
        let (kind, rolls_back) = match self.call {
            "bet" => ("debit", false),
            "win" => ("credit", false),
            "rollback" => ("debit", true),
            _ if self.round.is_multiple_of(5) => ("jackpot", false),
            _ if self.round.is_multiple_of(3) => ("roundinfo", false),
            _ if self.round.is_multiple_of(2) => ("ping", false),
            other => (other, false),
        };
        if let Some(fields) = body.as_object_mut() {
            fields.insert("type".to_owned(), json!(kind));
            if rolls_back {
                fields.insert("i_rollback".to_owned(), json!(self.original));
            }
            let signature = sign_one(fields).unwrap_or_default();
            fields.insert("hmac".to_owned(), Value::String(signature));
        }
        me.json("POST", "/wallet/one", &body)
    }
}

fn decimal(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn respaced(mut request: Request) -> Request {
    request.headers.retain(|(name, _)| name != b"content-length");
    let body = String::from_utf8_lossy(&request.body).replace("\":", "\": ");
    request.body(body)
}

/// The house's own feed pays a bet that won; one in eight is told twice.
pub(super) async fn settle(me: &mut Guest, bet: &str) {
    let (number, win) = (me.dice.uuid(), me.dice.between(10, 4000));
    let body = json!({"player": me.player, "amount": win, "transaction_id": number, "bet_id": bet});
    let mut request = beside(me, HOUSE, "/wallet/win", &body);
    request.headers.retain(|(name, _)| name != b"x-geo-vpn");
    me.door.send(request.clone()).await;
    if me.dice.chance(12) {
        me.door.wait(5_000);
        me.door.send(request).await;
    }
}

/// The payment provider calls back: soon, late, or twice.
pub(super) async fn confirm(me: &mut Guest, deposit: &str) {
    let late = me.dice.chance(15);
    me.think(4, if late { 1500 } else { 30 });
    let status = if me.dice.chance(85) { "approved" } else { "declined" };
    let number = me.dice.uuid();
    let body = json!({"deposit_id": deposit, "status": status, "transaction_id": number});
    let request = beside(me, PSP, "/psp/callback", &body);
    let request = request.header(PSP_HEADER, sign_psp(body.to_string().as_bytes()));
    me.door.send(request.clone()).await;
    if me.dice.chance(15) {
        me.door.wait(30_000);
        me.door.send(request).await;
    }
}

/// A server's call about this player: from its own address, without the player's token.
fn beside(me: &Guest, address: &str, target: &str, body: &Value) -> Request {
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
