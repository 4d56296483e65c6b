//! Logins at a gateway that fails, or whose workers are in each other's way.

use super::*;
use crate::rival::RivalHost;

#[test]
fn every_host_call_may_fail() {
    for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        for status in 1..=12 {
            let rules = compile(json!({}));
            let mut host = FakeHost::default().failing(call, status);
            let LoginCheck::Fault(fault, ticket) = check(&rules, &mut host, OTTER) else {
                panic!("{call} {status}")
            };
            assert_eq!(fault.as_str(), "shared_data");
            assert!(rules.login_ended(&mut host, &ticket, Some(401), T0).is_err());
            assert_eq!(
                rules.login_ended(&mut host, &ticket, Some(503), T0),
                Ok(LoginEnded::default())
            );
            // The gateway has recovered: the failure counts although its beginning did not.
            host.faults.clear();
            for _ in 0..3 {
                rules.login_ended(&mut host, &ticket, Some(401), T0).unwrap();
            }
            assert_eq!(attempt(&rules, &mut host, OTTER, 401), "account");
            // Locked, and what is counted cannot be written: it stays locked.
            let mut host = host.failing("proxy_set_shared_data", status);
            assert_eq!(attempt(&rules, &mut host, OTTER, 401), "account");
        }
    }
}

/// Many attempts at once, on all workers, are not worth more guesses.
#[test]
fn contention_refuses() {
    for (wins, want) in [(0, "allowed"), (3, "allowed"), (4, "contended")] {
        let rules = compile(json!({}));
        // Another worker's attempt of the same account begins and ends without a result.
        let act = |host: &mut FakeHost| {
            let rules = compile(json!({"address": null}));
            let LoginCheck::Allowed(ticket) = check(&rules, host, OTTER) else { panic!() };
            rules.login_ended(host, &ticket, None, T0).unwrap();
        };
        // The first read is of the address.
        let mut host = RivalHost::new(FakeHost::default(), wins, Box::new(act));
        let got = match check(&rules, &mut host, OTTER) {
            LoginCheck::Locked { until: None, by, .. } => by.as_str(),
            LoginCheck::Allowed(_) => "allowed",
            other => panic!("{other:?}"),
        };
        assert_eq!(got, want, "{wins}");
    }
}
