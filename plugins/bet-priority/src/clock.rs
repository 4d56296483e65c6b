//! The gateway's clock.

use policy_kit::{Fault, Host};

/// The time in nanoseconds since the epoch.
///
/// # Errors
/// The gateway gives none, or says that it is 1970: a limit would be paid off when the clock is right again.
pub(crate) fn now(host: &mut dyn Host) -> Result<u64, Fault> {
    match host.now()? {
        0 => Err(Fault { call: "proxy_get_current_time_nanoseconds", status: Some(0) }),
        now => Ok(now),
    }
}
