//! Names that all plugins share.

use super::*;
use policy_kit::facts;

#[test]
fn facts_are_named_as_in_every_plugin() {
    assert_eq!(DECISION, facts::decision(NAME));
    assert_eq!(EVIDENCE, facts::evidence(NAME));
}
