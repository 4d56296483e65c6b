//! Polls a condition.

use std::future::Future;

/// Waits until a condition holds.
///
/// # Panics
/// On a timeout.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    for _ in 0..20_000 {
        if holds().await {
            return;
        }
    }
    panic!("never: {what}");
}
