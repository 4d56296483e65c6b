//! Names of the variants in ratios.

/// Built like the policies, for the callbacks that they use.
pub(super) const LEAN: &str = "no-op, only what it uses";
/// A bet that geo-jurisdiction allows.
pub(super) const LOCATED: &str = "geo-jurisdiction, allowed";

pub(super) const JWT_HIT_AND_NO_OP: &str = "jwt_authn, hit + no-op";
/// With the claims in metadata for later filters and the access log.
pub(super) const JWT_CLAIMS_AND_NO_OP: &str = "jwt_authn, hit + claims + no-op";
/// With the facts for later filters and the access log.
pub(super) const JWT_FACTS_AND_NO_OP: &str = "jwt_authn, hit + facts + no-op";
pub(super) const HIT: &str = "player-auth, hit";
/// The host calls of a hit, without the work of the module.
pub(super) const CALLS: &str = "a hit's host calls alone";
pub(super) const COLD: [(&str, &str, &str); 3] = [
    ("RS256", "jwt_authn, RS256", "player-auth, RS256"),
    ("ES256", "jwt_authn, ES256", "player-auth, ES256"),
    ("EdDSA", "jwt_authn, EdDSA", "player-auth, EdDSA"),
];
pub(super) const CALM: &str = "player-auth, 16 players";
pub(super) const ATTACKED: &str = "the same, attacked";

pub(super) const ANSWERED: &str = "facts and no-op, an upstream";
pub(super) const CLAIM: &str = "idempotency, claim";
pub(super) const DIRECT: &str = "facts and no-op, no upstream";
pub(super) const REPLAY: &str = "idempotency, replay";
pub(super) const MISMATCH: &str = "idempotency, mismatch";

/// A bet that three of ten rate limits are for.
pub(super) const TEN_RULES: &str = "bet-priority, ten rules";
/// A bet that all ten are for.
pub(super) const TEN_MATCH: &str = "bet-priority, all ten match";
