//! Ten thousand hostile sources against one table of budgets, in virtual time: a source that never failed is
//! served, and a trusted one stays trusted.

use super::*;
use crate::clock::MILLI;

/// As the plugins have it.
const SOURCES: usize = 16_384;
const HOSTILE: u64 = 10_000;
/// Hostile calls in a millisecond, and for how many.
const RATE: u64 = 10;
const TIME: u64 = 60_000;

/// How many sources are served of all.
#[derive(Debug, Default)]
struct Share {
    served: u32,
    all: u32,
}

impl Share {
    fn add(&mut self, served: bool) {
        self.served += u32::from(served);
        self.all += 1;
    }

    fn is_fair(&self) -> bool {
        self.all > 1_000 && self.served * 100 >= self.all * 99
    }
}

fn v4(address: u64) -> Source {
    Source::of(Some(std::net::Ipv4Addr::from(u32::try_from(address % (1 << 32)).unwrap()).into()))
}

fn v6(network: u64) -> Source {
    Source::of(Some(std::net::Ipv6Addr::from(u128::from(network) << 64).into()))
}

/// The same numbers every time.
fn scattered(n: u64) -> u64 {
    let n = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (n ^ n >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 8
}

#[test]
fn ten_thousand_hostile_sources_starve_no_other() {
    let prefix = 0x2001_0db8 << 32;
    // Where the hostile calls come from, by their number.
    let from: [(&str, &dyn Fn(u64) -> Source); 6] = [
        ("one address", &|_| v4(0xcb00_7101)),
        ("one /48", &|n| v6(prefix | (scattered(n) % 65_536))),
        ("one /32 of IPv6", &|n| v6(prefix | (scattered(n) % (1 << 32)))),
        ("10,000 /24s of IPv4", &|n| v4(scattered(n % HOSTILE) | 1)),
        ("10,000 /48s of IPv6", &|n| v6(2 << 60 | scattered(n % HOSTILE) << 20)),
        ("a new address each time", &|n| v4(scattered(n))),
    ];
    for (name, hostile) in from {
        let mut budgets = Budgets::new(30, 10, SOURCES);
        let (mut players, mut newcomers, mut attempts) =
            (Share::default(), Share::default(), Share::default());
        for n in 0..200 {
            budgets.vouch(v4(0x0a00_0000 | n << 8));
        }
        for at in 0..TIME {
            let now = 1_000_000 * MILLI + at * MILLI;
            for n in 0..RATE {
                let source = hostile(at * RATE + n);
                let served = budgets.allows(source, now).is_ok();
                if served {
                    budgets.fail(source, now);
                }
                attempts.add(served);
            }
            assert!(budgets.len() <= SOURCES, "{name}");
            if at % 20 == 0 {
                let known = v4(0x0a00_0000 | ((scattered(at) % 200) << 8));
                players.add(budgets.allows(known, now).is_ok());
                // Of all networks but private ones; some fail once, and are not asked again.
                let new = v4(0xb000_0000 | (scattered(at + (1 << 40)) % (1 << 28)));
                newcomers.add(budgets.allows(new, now).is_ok());
                if at % 500 == 0 {
                    budgets.fail(new, now);
                }
            }
        }
        println!("{name}: players {players:?} newcomers {newcomers:?} hostile {attempts:?}");
        assert!(players.is_fair() && newcomers.is_fair(), "{name}: {players:?} {newcomers:?}");
        // Not even one in five where the hostile can be told apart.
        let told_apart = name != "a new address each time" && name != "one /32 of IPv6";
        assert!(!told_apart || attempts.served * 5 < attempts.all, "{name}: {attempts:?}");
    }
}
