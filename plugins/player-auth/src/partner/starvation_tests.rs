//! Ten thousand hostile addresses that send empty requests and bodies that never end, in virtual time:
//! settlements of partners pass all the same.

use std::collections::VecDeque;

use policy_kit::Action;

use crate::names::SECOND;
use crate::tests::partner_gateway::{config, digits, mac, PartnerGateway, BODY, HOME, NOW};

const MILLI: u64 = 1_000_000;

/// The hostile address of a number: each in a /24 of its own, or all in one /48.
fn address(n: u64, near: bool) -> String {
    match near {
        true => format!("2001:db8:1:{:x}::1", n * 7_919 % 65_536),
        false => format!("{}.{}.{}.7", 100 + n % 80, n / 80 % 125, n * 7 % 250),
    }
}

#[test]
fn settlements_pass_under_attack() {
    let [bee, psp] = ["bee-secret", "psp-secret"].map(|secret| digits(&mac(secret, BODY)));
    let forged = digits(&mac("guess", BODY));
    for near in [false, true] {
        let mut gateway = PartnerGateway::new(&config());
        let mut held = VecDeque::new();
        let (mut passed, mut all, mut newcomers) = (0, 0, 0);
        // The payment provider has sent from this address before.
        let psp_from = "233.252.0.9";
        assert_eq!(gateway.ask(psp_from, "/psp", &[("x-psp", &psp)], BODY), "pass");
        for at in 0..10_000u64 {
            gateway.host.now = NOW * SECOND + at * MILLI;
            while held.front().is_some_and(|(until, _)| *until <= at) {
                held.pop_front();
            }
            for n in 0..4 {
                let client = address(at * 4 + n, near);
                if n % 2 == 0 {
                    gateway.ask(&client, "/win", &[], "");
                    continue;
                }
                let (driver, action) = gateway.begin(&client, "/psp", &[("x-psp", &forged)]);
                if action == Action::Continue && gateway.host.replied.is_none() {
                    held.push_back((at + 5_000, driver));
                }
            }
            if at % 20 == 0 {
                for outcome in [
                    gateway.ask(HOME, "/win", &[("x-sign", &bee)], BODY),
                    gateway.ask(psp_from, "/psp", &[("x-psp", &psp)], BODY),
                ] {
                    all += 1;
                    passed += u32::from(outcome == "pass");
                }
                // The key expires after a second.
                let key = [("x-api-key", "live")];
                let new = format!("198.51.{}.{}", at / 20 % 250, at / 5_000);
                newcomers += u32::from(gateway.ask(&new, "/win", &key, BODY) == "pass");
            }
        }
        assert!(held.len() > 500, "{}: the hostile addresses hold all that they may", held.len());
        assert!(passed * 100 >= all * 99, "near {near}: {passed} of {all}");
        assert_eq!(newcomers, 50, "near {near}: newcomers with a key");
    }
}
