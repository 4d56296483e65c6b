//! How often faults are logged.

use super::*;
use policy_kit::fake::FakeHost;

#[test]
fn logs_one_line_a_minute_of_each_kind() {
    let (lines, mut host) = (FaultLog::default(), FakeHost::default());
    for (at, kind) in [
        (0, FaultKind::Full),
        (1, FaultKind::Full),
        (1, FaultKind::Store),
        (59, FaultKind::Full),
        (60, FaultKind::Full),
        (61, FaultKind::Store),
    ] {
        let line = || format!("{kind:?} at {at}");
        lines.write(&mut host, kind, at * 1_000_000_000, line);
    }
    let want = ["Full at 0", "Store at 1", "Full at 60", "Store at 61"];
    assert_eq!(host.logs, want.map(|line| format!("idempotency: {line}")));
}
