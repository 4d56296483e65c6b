//! The variants to compare. Variants of a new policy go at the end of [`variants`].
use super::build::Build;
use super::error::BenchError;
use super::names::{LEAN, LOCATED};
use super::variant::{bet, deployed, wasm, Variant, PLAYER_ADDRESS};
use super::{bet_priority, idempotency, player_auth};

/// All variants of a build, or those of one policy. The first is the gateway without any filter, the
/// second the no-op that a filter is compared with.
pub fn variants(build: &Build, policy: Option<&str>) -> Result<Vec<Variant>, BenchError> {
    let asks = |country| vec![bet(&"e".repeat(400), country, PLAYER_ADDRESS)];
    let plain = |name, filters| Variant::new(name, filters, asks("MT"), 200);
    let mut all =
        vec![plain("no filter", vec![]), plain("no-op, every callback", vec![wasm("noop")])];
    let wanted = |name: &str| policy.is_none_or(|policy| policy == name);
    if wanted("geo-jurisdiction") {
        let geo = || deployed(build, "geo-jurisdiction");
        all.extend([
            plain(LEAN, vec![wasm("noop_lean")]),
            plain(LOCATED, geo()?),
            Variant::new("geo-jurisdiction, refused", geo()?, asks("DE"), 451),
        ]);
    }
    if wanted("bet-priority") && bet_priority::is_in(build) {
        all.extend(bet_priority::variants(build)?);
    }
    if wanted("player-auth") {
        all.extend(player_auth::variants(build)?);
    }
    if wanted("idempotency") {
        all.extend(idempotency::variants(build)?);
    }
    for variant in &mut all {
        variant.wasm_dir.clone_from(&build.modules);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Gateway;

    #[test]
    fn every_variant_is_a_valid_gateway() {
        let all = variants(&Build::here().unwrap(), None).unwrap();
        for variant in &all {
            let modules = variant.modules().count();
            let native = variant.filters.len() - modules;
            // The replayer need not know what a policy is compared with.
            if native == 0 {
                let gateway = Gateway::from_document(variant.document()).unwrap();
                assert_eq!(gateway.wasm().count(), modules, "{}", variant.name);
            }
            // jwt_authn, and what hands its claims on.
            assert!(native < 3, "{}", variant.name);
            let ends = |it: &Vec<u8>| it.ends_with(b"\r\n\r\n") || it.ends_with(b"}");
            assert!(variant.requests.iter().all(ends), "{}", variant.name);
        }
        assert!(all[0].filters.is_empty() && all[3].filters.len() == 1);
        assert_eq!(variants(&Build::here().unwrap(), Some("geo-jurisdiction")).unwrap().len(), 5);
    }
}
