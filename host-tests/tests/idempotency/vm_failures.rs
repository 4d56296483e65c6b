//! What becomes of keys when a VM fails, and how much memory one needs.

use std::time::Duration;

use abi_host::{Engine, EngineOptions, FailurePolicy, PluginConfig, Profile};
use serde_json::{json, Value};

use crate::fixture::{bare, bet, chain, document, send, set, summary, Ledger, PLUGIN, PROFILES};

/// Most that a callback may take, in units of fuel: far more than an ordinary bet, far less than a body of
/// a megabyte.
const FUEL: u64 = 8_000_000;

fn short_lived(changes: &Value) -> abi_host::Chain {
    let options = EngineOptions { fuel: true, fuel_per_callback: FUEL, ..EngineOptions::default() };
    let engine = Engine::new(options).unwrap();
    let module = engine.load(host_tests::artifact::build(PLUGIN).unwrap()).unwrap();
    let plugin = PluginConfig::new(PLUGIN, document(Profile::Envoy, changes));
    let plugin = plugin.failure_policy(FailurePolicy::Reload);
    bare(Profile::Envoy).buffer_limit(2 << 20).wasm(&module, plugin).start().unwrap()
}

/// A VM fails while a bet is with the casino. Nobody hears of how that bet ends: its key is in progress
/// until its deadline and unknown then, and the VM that comes after does not run it again.
#[test]
fn a_failed_vm_leaves_keys_unknown() {
    let changes = json!({"requests": {"max_bytes": 1 << 20}});
    let mut chain = short_lived(&changes);
    let mut ledger = Ledger::new(&["200", "late"]);
    let before = set(bet(), "idempotency-key", "key-00000009");
    assert_eq!(send(&mut chain, before.clone(), &mut ledger), "200");
    let stream = chain.open(0, bet());
    chain.run_for(Duration::from_secs(1), &mut ledger);
    assert_eq!(ledger.effects, 2);
    let mut huge = set(bet(), "idempotency-key", "key-00000002");
    huge = set(huge, "content-length", &(1 << 20).to_string());
    huge.chunks = vec![vec![b'x'; 1 << 20]];
    let failed = chain.run(huge, &mut ledger);
    assert_eq!((failed.status(), failed.traps.len()), (503, 1));
    let lost = chain.finish(stream, &mut ledger);
    assert_ne!(lost.status(), 200, "its filter is gone: {:?}", lost.ending);
    // The VM is there again, and the store was never in it.
    chain.run_for(Duration::from_secs(5), &mut ledger);
    assert_eq!(send(&mut chain, before, &mut ledger), "200 replayed");
    assert_eq!(send(&mut chain, bet(), &mut ledger), "409 idempotency_in_progress");
    chain.run_for(Duration::from_secs(15), &mut ledger);
    assert_eq!(send(&mut chain, bet(), &mut ledger), "409 outcome_unknown");
    assert_eq!(ledger.effects, 2);
}

/// What one VM keeps does not grow with what it has seen.
#[test]
fn memory_is_bounded() {
    for profile in PROFILES {
        let quota =
            json!({"store": {"single_node": true, "slots": 2048}, "quota": {"player": 512}});
        let mut chain = chain(profile, &quota);
        let mut ledger = Ledger::default();
        let turn = |chain: &mut abi_host::Chain, ledger: &mut Ledger, n: u32| {
            let bet = set(bet(), "idempotency-key", &format!("key-{n:08}"));
            let bet = set(bet, "as-player", &format!("p-{}", n % 50));
            assert_eq!(summary(&chain.run(bet.clone(), ledger)), "200", "{n}");
            assert_eq!(summary(&chain.run(bet, ledger)), "200 replayed", "{n}");
        };
        (0..20).for_each(|n| turn(&mut chain, &mut ledger, n));
        let early = chain.memory(PLUGIN);
        (20..320).for_each(|n| turn(&mut chain, &mut ledger, n));
        let later = chain.memory(PLUGIN);
        assert!(later < 4 << 20, "{later} bytes under {profile:?}");
        assert!(later <= early + (1 << 20), "{early}, then {later} under {profile:?}");
    }
}
