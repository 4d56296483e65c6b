//! An impostor: false wins in the formats of partners.
use super::client::SimulatedClient;
use super::dice::Dice;
use super::schedule::Evening;
use super::table::{KINGS, OTTER};
use crate::traffic::Request;
use casino::partner::{sign_bee, sign_psp, HubPartner, BEE_HEADER, HUB_HEADER, PSP_HEADER};
use serde_json::{json, Value};

/// Larger than a body that a gateway holds before it checks the signature.
const TOO_LONG: usize = 66 << 10;

/// One impostor, from an address of no partner.
pub(super) fn add_scripts(evening: &mut Evening, dice: &mut Dice) {
    let dice = dice.split();
    evening.add(move |mut sender| {
        sender.wait(145 * 60_000);
        let address = "198.18.20.6".to_owned();
        let mut guest = SimulatedClient::new(sender, dice, String::new(), OTTER, address);
        guest.agent = "hub-wallet/4";
        claims(guest)
    });
}

async fn claims(mut me: SimulatedClient) {
    let hub = json!({"user": "p-1001", "request_uuid": me.dice.uuid(), "currency": "EUR",
        "transaction_uuid": me.dice.uuid(), "amount": 900_000, "round": "1", "game_code": "hub-dice"});
    let bee = json!({"account_id": "p-4001", "currency": "EUR", "game_id": "bee-dice",
        "round_id": "1", "finished": true,
        "transactions": [{"id_provider": me.dice.uuid(), "type": "win", "amount": "9000.00"}]});
    let psp = json!({"deposit_id": "d-1", "status": "approved", "transaction_id": me.dice.uuid()});
    let house = json!({"player": "p-1001", "amount": 900_000, "transaction_id": me.dice.uuid()});
    let long = json!({"deposit_id": "d".repeat(TOO_LONG), "status": "approved"});
    let Ok(partner) = HubPartner::demo() else { return };
    let text = |body: &Value| body.to_string().into_bytes();
    let signed = partner.sign(&text(&hub));
    let win = "/wallet/hub/transaction/win";
    let sent = |me: &SimulatedClient, target, body: &Value, header, value: String| {
        me.json("POST", target, body).header(header, value)
    };
    let mut all = vec![
        // No signature; one of something else; another partner's; one of a body with a bit flipped.
        me.json("POST", win, &hub),
        sent(&me, win, &hub, HUB_HEADER, partner.sign(b"{}")),
        sent(&me, win, &hub, HUB_HEADER, sign_bee(&text(&hub))),
        flipped(sent(&me, win, &hub, HUB_HEADER, signed.clone())),
        sent(&me, win, &hub, HUB_HEADER, format!("{signed}=")),
        me.json("POST", "/psp/callback", &psp),
        sent(&me, "/psp/callback", &psp, PSP_HEADER, sign_bee(&text(&psp))),
        sent(&me, "/psp/callback", &long, PSP_HEADER, sign_psp(&text(&long))),
        me.json("POST", "/wallet/win", &house),
        me.json(
            "POST",
            "/wallet/one",
            &json!({"type": "credit", "userid": "p-1", "amount": "9.00"}),
        ),
    ];
    me.host = KINGS;
    all.push(me.json("POST", "/wallet/bee/betwin", &bee));
    all.push(sent(&me, "/wallet/bee/betwin", &bee, BEE_HEADER, sign_psp(&text(&bee))));
    all.push(sent(&me, "/wallet/bee/betwin", &bee, "x-partner-id", "bee".to_owned()));
    for request in all {
        me.think(1, 5);
        me.sender.send(request).await;
    }
}

/// The same with another amount, which is one bit away.
fn flipped(mut request: Request) -> Request {
    let text = String::from_utf8_lossy(&request.body).replace("900000", "900001");
    request.body = text.into_bytes();
    request
}
