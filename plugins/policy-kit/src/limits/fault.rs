//! Why a table in shared data cannot be used.

use policy_wire::Fault;

/// Why a table in shared data cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotFault {
    /// The gateway failed the call.
    Host(Fault),
    /// The value is of another form, or cut.
    Damaged,
    /// Other workers were first each time.
    Contended,
}
