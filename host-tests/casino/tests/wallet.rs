//! The three wallet contracts, with and without deduplication.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use casino::{partner, Settings};
use common::{Answer, Desk};
use serde_json::{json, Map, Value};

fn desk(wallet_dedup: bool) -> Desk {
    Desk::with(Settings { wallet_dedup, verify_partners: true, ..Settings::default() })
}

fn hub(desk: &mut Desk, path: &str, body: &Value) -> Answer {
    let bytes = body.to_string();
    let signature = partner::HubPartner::demo().unwrap().sign(bytes.as_bytes());
    let path = format!("/wallet/hub/{path}");
    desk.send("POST", &path, &[(partner::HUB_HEADER, &signature)], bytes.as_bytes())
}

fn bee(desk: &mut Desk, path: &str, body: &Value) -> Answer {
    let bytes = body.to_string();
    let signature = partner::sign_bee(bytes.as_bytes());
    let path = format!("/wallet/bee/{path}");
    desk.send("POST", &path, &[(partner::BEE_HEADER, &signature)], bytes.as_bytes())
}

fn one(desk: &mut Desk, fields: &Value) -> Value {
    let mut fields: Map<String, Value> = fields.as_object().unwrap().clone();
    let hmac = partner::sign_one(&fields).unwrap();
    fields.insert("hmac".to_owned(), hmac.into());
    let body = Value::Object(fields).to_string();
    let answer = desk.send("POST", "/wallet/one", &[], body.as_bytes());
    assert_eq!(answer.status, 200, "errors too");
    let told = answer.body.as_object().unwrap();
    assert_eq!(told["hmac"], json!(partner::sign_one(told).unwrap()), "answers are signed");
    answer.body
}

fn hub_bet(request: &str, transaction: &str, amount: i64) -> Value {
    json!({
        "user": "p-1", "token": "long expired", "currency": "EUR", "request_uuid": request,
        "transaction_uuid": transaction, "round": "r-1", "game_code": "g", "amount": amount,
    })
}

fn hub_win(request: &str, transaction: &str, reference: &str, amount: i64) -> Value {
    let mut body = hub_bet(request, transaction, amount);
    body["reference_transaction_uuid"] = json!(reference);
    body
}

fn bee_body(list: Value) -> Value {
    json!({
        "account_id": "p-1", "currency": "EUR", "game_id": "g", "round_id": "r-1",
        "round_id_provider": "r-1", "transactions": list,
    })
}

/// A message without some of its members.
fn bee_without(members: &[&str]) -> Value {
    let mut body = bee_body(json!([]));
    body.as_object_mut().unwrap().retain(|name, _| !members.contains(&name.as_str()));
    body
}

fn bee_bet(id: &str, amount: &str) -> Value {
    bee_body(json!([{ "id_provider": id, "type": "bet", "amount": amount }]))
}

fn bee_rollback(id: &str, original: &str) -> Value {
    bee_body(json!([{ "id_provider": id, "type": "rollback", "original_id_provider": original }]))
}

fn one_call(kind: &str, tid: &str, amount: &str) -> Value {
    json!({ "type": kind, "tid": tid, "userid": "p-1", "currency": "EUR", "amount": amount })
}

#[test]
fn hub_errors_are_200_with_a_status() {
    let cases = [
        ("user/info", json!({ "user": "p-1", "request_uuid": "q" }), "RS_OK"),
        ("user/balance", hub_bet("q", "", 0), "RS_OK"),
        ("transaction/bet", hub_bet("q", "t", 100), "RS_OK"),
        ("transaction/bet", hub_bet("q", "t", 0), "RS_ERROR_WRONG_SYNTAX"),
        ("transaction/bet", hub_bet("q", "", 5), "RS_ERROR_WRONG_SYNTAX"),
        ("transaction/bet", hub_bet("q", "t", 100_001), "RS_ERROR_NOT_ENOUGH_MONEY"),
        ("transaction/bet", json!({ "user": "p-1" }), "RS_ERROR_WRONG_SYNTAX"),
        ("transaction/win", hub_win("q", "t", "b", 0), "RS_OK"),
        ("transaction/win", hub_bet("q", "t", 5), "RS_ERROR_WRONG_SYNTAX"),
        ("transaction/rollback", hub_win("q", "t", "b", 0), "RS_ERROR_TRANSACTION_DOES_NOT_EXIST"),
    ];
    for (path, body, want) in cases {
        let mut desk = desk(false);
        let answer = hub(&mut desk, path, &body);
        assert_eq!((answer.status, &answer.body["status"]), (200, &json!(want)), "{path} {body}");
        assert_eq!(desk.ledger()["invariants"], "hold");
    }
    let mut desk = desk(false);
    for (field, value, want) in
        [("user", "p-nobody", "RS_ERROR_UNKNOWN"), ("currency", "USD", "RS_ERROR_WRONG_CURRENCY")]
    {
        let mut body = hub_bet("q", "t", 5);
        body[field] = json!(value);
        assert_eq!(hub(&mut desk, "transaction/bet", &body).body["status"], want);
    }
}

#[test]
fn altered_bodies_are_refused_by_all_contracts() {
    let mut desk = desk(false);
    let body = hub_bet("q", "t", 100).to_string();
    let signature = partner::HubPartner::demo().unwrap().sign(body.as_bytes());
    let spaced = body.replace(':', ": ");
    let headers = [(partner::HUB_HEADER, signature.as_str())];
    let answer = desk.send("POST", "/wallet/hub/transaction/bet", &headers, spaced.as_bytes());
    assert_eq!(answer.body["status"], "RS_ERROR_INVALID_SIGNATURE");

    let body = bee_bet("t", "1.00").to_string();
    let signature = partner::sign_bee(body.as_bytes());
    let headers = [(partner::BEE_HEADER, signature.as_str())];
    let spaced = body.replace(':', ": ");
    let answer = desk.send("POST", "/wallet/bee/betwin", &headers, spaced.as_bytes());
    assert_eq!((answer.status, &answer.body["meta"]["api_code"]), (400, &json!("403")));

    let mut fields = one_call("debit", "t", "1.00");
    fields["hmac"] = json!("00");
    let answer = desk.send("POST", "/wallet/one", &[], fields.to_string().as_bytes());
    assert_eq!((answer.status, &answer.body["error"]), (200, &json!("INVALID_HMAC")));

    let body = json!({ "deposit_id": "d-1", "status": "approved", "transaction_id": "t" });
    let psp = desk.ask("POST", "/psp/callback", None, &body);
    assert_eq!(psp.code(), Some("signature_invalid"));
    assert_eq!(desk.ledger()["stakes"], 0);
}

#[test]
fn hub_deduplicates() {
    // Each step, the status and the balance with the flag on and with it off.
    type Step = (&'static str, Value, (&'static str, i64), (&'static str, i64));
    let steps: Vec<Step> = vec![
        ("bet", hub_bet("q1", "t1", 100), ("RS_OK", 99_900), ("RS_OK", 99_900)),
        ("bet", hub_bet("q1", "t1", 100), ("RS_OK", 99_900), ("RS_OK", 99_800)),
        ("bet", hub_bet("q2", "t1", 100), ("RS_OK", 99_900), ("RS_OK", 99_700)),
        (
            "bet",
            hub_bet("q3", "t1", 200),
            ("RS_ERROR_DUPLICATE_TRANSACTION", 99_900),
            ("RS_OK", 99_500),
        ),
        ("win", hub_win("q4", "w1", "t1", 50), ("RS_OK", 99_950), ("RS_OK", 99_550)),
        ("win", hub_win("q4", "w1", "t1", 50), ("RS_OK", 99_950), ("RS_OK", 99_600)),
        ("rollback", hub_win("q5", "r1", "t1", 0), ("RS_OK", 100_050), ("RS_OK", 99_700)),
        ("rollback", hub_win("q6", "r2", "t1", 0), ("RS_OK", 100_050), ("RS_OK", 99_800)),
        ("rollback", hub_win("q7", "r3", "w1", 0), ("RS_OK", 100_000), ("RS_OK", 99_750)),
    ];
    let (mut on, mut off) = (desk(true), desk(false));
    for (path, body, with, without) in steps {
        for (desk, (status, balance)) in [(&mut on, with), (&mut off, without)] {
            let answer = hub(desk, &format!("transaction/{path}"), &body);
            assert_eq!(answer.body["status"], status, "{path} {body}");
            let ledger = desk.ledger();
            assert_eq!(ledger["players"]["p-1"]["balance"], balance, "{path} {body}");
            assert_eq!(ledger["invariants"], "hold", "{path} {body}");
        }
    }
    assert_eq!(on.ledger()["double_effects"], json!({}));
    assert_eq!(off.ledger()["double_effects"], json!({ "hub:t1": 4, "hub:w1": 2 }));
}

#[test]
fn hub_repeats_the_first_answer() {
    let mut desk = desk(true);
    let first = hub(&mut desk, "transaction/bet", &hub_bet("q1", "t1", 100));
    hub(&mut desk, "transaction/bet", &hub_bet("q2", "t2", 100));
    let again = hub(&mut desk, "transaction/bet", &hub_bet("q1", "t1", 100));
    assert_eq!(first.raw, again.raw, "the balance of then");
    let balance = hub(&mut desk, "user/balance", &hub_bet("q1", "", 0));
    assert_eq!(balance.body["balance"], 99_800, "a balance is always of now");
}

#[test]
fn bee_deduplicates_and_keeps_tombstones() {
    // Each step; api_code ("" when fine) and the balance, with the flag on and off.
    type Step = (&'static str, Value, (&'static str, &'static str), (&'static str, &'static str));
    let steps: Vec<Step> = vec![
        ("betwin", bee_bet("t1", "1.00"), ("", "999.00"), ("", "999.00")),
        ("betwin", bee_bet("t2", "2.00"), ("", "997.00"), ("", "997.00")),
        ("betwin", bee_bet("t1", "1.00"), ("", "999.00"), ("", "996.00")),
        ("rollback", bee_rollback("r1", "t1"), ("", "998.00"), ("", "997.00")),
        ("rollback", bee_rollback("r1", "t1"), ("", "998.00"), ("", "998.00")),
        ("rollback", bee_rollback("r2", "t1"), ("", "998.00"), ("", "999.00")),
        ("betwin", bee_bet("t1", "1.00"), ("409", ""), ("", "998.00")),
        ("rollback", bee_rollback("r3", "t9"), ("", "998.00"), ("", "998.00")),
        ("betwin", bee_bet("t9", "1.00"), ("409", ""), ("", "997.00")),
        ("betwin", bee_bet("t10", "5000"), ("100", ""), ("100", "")),
        ("betwin", bee_bet("t11", "-1"), ("400", ""), ("400", "")),
        ("betwin", bee_body(json!([])), ("400", ""), ("400", "")),
        ("finish", bee_without(&["transactions", "game_id"]), ("", "998.00"), ("", "997.00")),
        ("finish", bee_without(&["round_id"]), ("400", ""), ("400", "")),
        ("balance", bee_without(&["transactions", "round_id"]), ("", "998.00"), ("", "997.00")),
        ("balance", bee_without(&["game_id"]), ("400", ""), ("400", "")),
        ("betwin", bee_bet("", "1.00"), ("400", ""), ("400", "")),
        ("rollback", bee_rollback("r4", ""), ("400", ""), ("400", "")),
    ];
    let (mut on, mut off) = (desk(true), desk(false));
    for (path, body, with, without) in steps {
        for (desk, (code, balance)) in [(&mut on, with), (&mut off, without)] {
            let answer = bee(desk, path, &body);
            assert_eq!(answer.status, if code.is_empty() { 200 } else { 400 }, "{path} {body}");
            let told = answer.body["meta"]["api_code"].as_str().unwrap_or_default();
            assert_eq!(told, code, "{path} {body}");
            assert_eq!(
                answer.body["balance"].as_str().unwrap_or_default(),
                balance,
                "{path} {body}"
            );
            assert_eq!(desk.ledger()["invariants"], "hold", "{path} {body}");
        }
    }
    assert_eq!(on.ledger()["double_effects"], json!({}));
}

#[test]
fn bee_applies_all_transactions_or_none() {
    let mut desk = desk(true);
    let list = json!([
        { "id_provider": "a", "type": "bet", "amount": "600.00" },
        { "id_provider": "b", "type": "bet", "amount": "600.00" },
        { "id_provider": "c", "type": "win", "amount": "600.00" },
    ]);
    let answer = bee(&mut desk, "betwin", &bee_body(list));
    let meta = &answer.body["meta"];
    assert_eq!((&meta["api_code"], &meta["balance"]), (&json!("100"), &json!("1000.00")));
    assert_eq!(desk.ledger()["stakes"], 0);
    let list = json!([
        { "id_provider": "a", "type": "bet", "amount": "600.00" },
        { "id_provider": "c", "type": "win", "amount": "600.00" },
        { "id_provider": "b", "type": "bet", "amount": "600.00" },
    ]);
    let answer = bee(&mut desk, "betwin", &bee_body(list));
    assert_eq!(answer.body["balance"], "400.00");
    let last = json!({ "id_provider": "b", "id": "bee-3", "bonus_amount": "0.00" });
    assert_eq!(answer.body["transactions"][2], last);
    // What was taken back, and what there was not to take back.
    for (id, original, own) in [("r1", "a", "bee-4"), ("r2", "a", ""), ("r3", "z", "")] {
        let answer = bee(&mut desk, "rollback", &bee_rollback(id, original));
        let want = json!([{ "id_provider": id, "id": own }]);
        assert_eq!(answer.body["transactions"], want, "{id}");
    }
}

#[test]
fn one_deduplicates_and_reverses() {
    let with = |mut call: Value, original: &str| {
        call["i_rollback"] = json!(original);
        call
    };
    // Each step; error ("" when fine) and the balance, with the flag on and off.
    type Step = (Value, (&'static str, &'static str), (&'static str, &'static str));
    let steps: Vec<Step> = vec![
        (one_call("debit", "t1", "1.00"), ("", "999.00"), ("", "999.00")),
        (one_call("debit", "t1", "1.00"), ("", "999.00"), ("", "998.00")),
        (one_call("debit", "t1", "2.00"), ("TID_MISMATCH", ""), ("", "996.00")),
        (one_call("credit", "t2", "3.00"), ("", "1002.00"), ("", "999.00")),
        (with(one_call("credit", "t3", "1.00"), "t1"), ("", "1003.00"), ("", "1000.00")),
        (with(one_call("credit", "t4", "1.00"), "t1"), ("", "1003.00"), ("", "1001.00")),
        (with(one_call("debit", "t5", "3.00"), "t2"), ("", "1000.00"), ("", "998.00")),
        (with(one_call("debit", "t6", "3.00"), "t1"), ("", "1000.00"), ("TRANSACTION_UNKNOWN", "")),
        (
            with(one_call("credit", "t7", "1.00"), "none"),
            ("TRANSACTION_UNKNOWN", ""),
            ("TRANSACTION_UNKNOWN", ""),
        ),
        (one_call("debit", "t8", "5000"), ("INSUFFICIENT_FUNDS", ""), ("INSUFFICIENT_FUNDS", "")),
        (one_call("debit", "", "1"), ("SYNTAX", ""), ("SYNTAX", "")),
        (one_call("debit", "t9", "0"), ("SYNTAX", ""), ("SYNTAX", "")),
        (one_call("credit", "t10", "0"), ("", "1000.00"), ("", "998.00")),
        (one_call("dance", "t11", "1"), ("TYPE_UNKNOWN", ""), ("TYPE_UNKNOWN", "")),
        (one_call("balance", "t12", ""), ("", "1000.00"), ("", "998.00")),
        (json!({ "type": "ping" }), ("", ""), ("", "")),
        (json!({ "type": "roundinfo", "userid": "p-1", "i_gameid": "r1" }), ("", ""), ("", "")),
    ];
    let (mut on, mut off) = (desk(true), desk(false));
    for (body, with, without) in steps {
        for (desk, (error, balance)) in [(&mut on, with), (&mut off, without)] {
            let answer = one(desk, &body);
            assert_eq!(answer["error"].as_str().unwrap_or_default(), error, "{body}");
            assert_eq!(answer["balance"].as_str().unwrap_or_default(), balance, "{body}");
            assert_eq!(desk.ledger()["invariants"], "hold", "{body}");
        }
    }
    assert_eq!(on.ledger()["double_effects"], json!({}));
    assert_eq!(off.ledger()["double_effects"], json!({ "one:t1": 3 }));
}
