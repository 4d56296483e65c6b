//! Waiting for what another task does.

use std::future::Future;

/// Waits until something holds.
///
/// # Panics
/// When it never does.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    for _ in 0..20_000 {
        if holds().await {
            return;
        }
    }
    panic!("never: {what}");
}
