//! The wallets' calls as their contracts have them, under the rules of the example that operators start
//! from: which are named and how, which pass without a name, and in what words they are refused.

use abi_host::{Answer, Chain, Profile, Request, Response, Upstream, UpstreamRequest};
use host_tests::gateway::Gateway;
use serde_json::{json, Value};

use crate::fixture::{builder, PLUGIN};

/// A wallet that always says the same, and how often it was asked.
struct Wallet {
    answer: Value,
    status: u16,
    calls: u32,
}

impl Wallet {
    fn says(status: u16, answer: Value) -> Self {
        Self { answer, status, calls: 0 }
    }
}

impl Upstream for Wallet {
    fn answer(&mut self, _: &UpstreamRequest) -> Answer {
        self.calls += 1;
        let response = Response::new(self.status).header("content-type", "application/json");
        Answer::respond(response.body(self.answer.to_string()))
    }
}

/// The module with the example's rules, endpoints and envelopes.
fn chain() -> Chain {
    let example = Gateway::example(PLUGIN).unwrap().configured(&json!({})).unwrap();
    let part = |name: &str| example[name].clone();
    let changes = json!({
        "rules": part("rules"), "endpoints": part("endpoints"), "envelopes": part("envelopes"),
    });
    builder(Profile::Envoy, &changes).start().unwrap()
}

fn call(partner: &str, path: &str, body: &Value) -> Request {
    Request::post(path, body.to_string())
        .header("content-type", "application/json")
        .header("as-partner", partner)
        .header("as-proof", "signature")
        .header("as-brand", "lucky-otter")
}

/// Status, body, and whether it is one that was kept.
fn send(chain: &mut Chain, request: Request, wallet: &mut Wallet) -> (u16, Value, bool) {
    let report = chain.run(request, wallet);
    assert_eq!(report.traps, []);
    let response = report.response.unwrap();
    let replayed = response.headers.get("idempotent-replayed").is_some();
    (response.status(), serde_json::from_slice(&response.body).unwrap(), replayed)
}

/// A betwin or a rollback of the bee's (PyPI `beexar` 1.0.2).
fn bee(kind: &str, id: &str) -> Value {
    let mut body = json!({"account_id": "player_123", "currency": "EUR", "game_id": "dice",
        "finished": false, "transactions": [{"id_provider": id, "type": kind}]});
    let rolls_back = kind == "rollback";
    body[if rolls_back { "round_id_provider" } else { "round_id" }] = json!("r-1");
    let member = if rolls_back { "original_id_provider" } else { "amount" };
    body["transactions"][0][member] = json!(if rolls_back { "bet-00000001" } else { "0.90" });
    body
}

/// A partner, a path, a message; how often the wallet hears it if it is sent twice.
#[test]
fn reads_keys_by_contract() {
    let hub = |more: Value| {
        let mut body = json!({"user": "john12345", "token": "t-1", "game_code": "clt_dice",
            "request_uuid": "583c985f-fee6-4c0e-bbf5-308aad6265af"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let transaction = json!({"transaction_uuid": "16d2dcfe-b89e-11e7-854a-58404eea6d16",
        "supplier_transaction_id": "41ecc3ad", "supplier_user": null, "round": "rNEMwgzJAOZ6eR3V",
        "round_closed": true});
    let rollback = {
        let mut body = hub(transaction.clone());
        body["reference_transaction_uuid"] = json!("16d2dcfe-b89e-11e7-854a-58404eea6d17");
        body
    };
    let bet = {
        let mut body = hub(transaction);
        body["currency"] = json!("EUR");
        body["amount"] = json!(10_000);
        body
    };
    let finish = json!({"account_id": "player_123", "currency": "EUR", "round_id": "r-1"});
    let balance = json!({"account_id": "player_123", "currency": "EUR", "game_id": "dice"});
    let one = |kind: &str| {
        json!({"type": kind, "userid": "p-1", "currency": "EUR", "amount": "0.90", "i_gameid": "7",
            "tid": "0123456789abcdef0123456789abcdef", "hmac": "00"})
    };
    let info = json!({"user": "john12345", "request_uuid": "583c985f-fee6-4c0e-bbf5-308aad6265af"});
    for (partner, path, body, calls) in [
        ("hub", "/wallet/hub/user/info", info, 2),
        ("hub", "/wallet/hub/user/balance", hub(json!({})), 2),
        ("hub", "/wallet/hub/transaction/bet", bet.clone(), 1),
        ("hub", "/wallet/hub/transaction/win", bet, 1),
        ("hub", "/wallet/hub/transaction/rollback", rollback, 1),
        ("bee", "/wallet/bee/balance", balance, 2),
        ("bee", "/wallet/bee/betwin", bee("bet", "bet-00000001"), 1),
        ("bee", "/wallet/bee/betwin", bee("win", "win-00000001"), 1),
        ("bee", "/wallet/bee/rollback", bee("rollback", "rol-00000001"), 1),
        // The end of a round: it names no transaction, and moves nothing.
        ("bee", "/wallet/bee/finish", finish, 2),
        ("one", "/wallet/one", json!({"type": "ping", "hmac": "00"}), 2),
        ("one", "/wallet/one", json!({"type": "balance", "userid": "p-1", "hmac": "00"}), 2),
        ("one", "/wallet/one", json!({"type": "roundinfo", "i_gameid": "7", "hmac": "00"}), 2),
        ("one", "/wallet/one", one("debit"), 1),
        ("one", "/wallet/one", one("credit"), 1),
    ] {
        let answer = json!({"status": "RS_OK", "balance": "99.70"});
        let (mut chain, mut wallet) = (chain(), Wallet::says(200, answer.clone()));
        for again in [false, true] {
            let got = send(&mut chain, call(partner, path, &body), &mut wallet);
            assert_eq!(got, (200, answer.clone(), again && calls == 1), "{path} {body}");
        }
        assert_eq!(wallet.calls, calls, "{path} {body}");
    }
}

/// What the hub's wallet answers to a win; whether it is carried out when it comes again.
#[test]
fn a_win_refused_for_its_session_is_retryable() {
    let win = json!({"user": "john12345", "token": "t-1", "currency": "EUR", "amount": 10_000,
        "request_uuid": "583c985f-fee6-4c0e-bbf5-308aad6265af", "round": "r-1", "game_code": "dice",
        "transaction_uuid": "16d2dcfe-b89e-11e7-854a-58404eea6d16",
        "reference_transaction_uuid": "16d2dcfe-b89e-11e7-854a-58404eea6d17"});
    for (status, calls) in [
        ("RS_OK", 1),
        ("RS_ERROR_NOT_ENOUGH_MONEY", 1),
        ("RS_ERROR_LIMIT_REACHED", 1),
        ("RS_ERROR_DUPLICATE_TRANSACTION", 1),
        ("RS_ERROR_TOKEN_EXPIRED", 2),
        ("RS_ERROR_INVALID_TOKEN", 2),
        ("RS_ERROR_USER_DISABLED", 2),
        ("RS_ERROR_INVALID_GAME", 2),
        ("RS_ERROR_INVALID_PARTNER", 2),
        ("RS_ERROR_WRONG_TYPES", 2),
        // Nobody can tell what became of it.
        ("RS_ERROR_UNKNOWN", 1),
    ] {
        let (mut chain, mut wallet) = (chain(), Wallet::says(200, json!({"status": status})));
        for _ in 0..2 {
            let request = call("hub", "/wallet/hub/transaction/win", &win);
            assert_eq!(send(&mut chain, request, &mut wallet).0, 200, "{status}");
        }
        assert_eq!(wallet.calls, calls, "{status}");
    }
}

/// The bee takes a 400 as final, and tries a 5xx again with the same id: what may still come to something is
/// a 500 to it, what cannot is a 400.
#[test]
fn the_bee_gets_no_final_code_for_a_retryable_refusal() {
    let (mut chain, mut wallet) = (chain(), Wallet::says(500, json!({})));
    let win = bee("win", "win-00000001");
    send(&mut chain, call("bee", "/wallet/bee/betwin", &win), &mut wallet);
    let (status, body, _) = send(&mut chain, call("bee", "/wallet/bee/betwin", &win), &mut wallet);
    let meta = json!({"api_code": "503", "api_message": "outcome_unknown"});
    assert_eq!((status, &body["code"], &body["meta"]), (500, &json!("internal"), &meta));
    let mut other = win.clone();
    other["transactions"][0]["amount"] = json!("9.00");
    let (status, body, _) =
        send(&mut chain, call("bee", "/wallet/bee/betwin", &other), &mut wallet);
    let meta = json!({"api_code": "403", "api_message": "idempotency_key_reused"});
    assert_eq!((status, &body["code"], &body["meta"]), (400, &json!("invalid_argument"), &meta));
    assert_eq!(wallet.calls, 1);
}
