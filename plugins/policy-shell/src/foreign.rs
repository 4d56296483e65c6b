//! Foreign functions: what a gateway offers beside the ABI. Only a module that says so in
//! [`export!`](crate::export) has them, so that the others do not import the call.

use policy_kit::{Fault, Profile};

use crate::vm::Foreign;
use crate::{quirks, sys, vm};

/// Lets the module use them.
pub(crate) fn allow() {
    vm::with(|vm| vm.foreign = Some(sys::foreign));
}

fn allowed() -> Option<Foreign> {
    vm::with(|vm| vm.foreign).flatten()
}

/// Calls one.
pub(crate) fn call(profile: Profile, function: &str, argument: &[u8]) -> Result<Vec<u8>, Fault> {
    match allowed().filter(|_| quirks::has_foreign_functions(profile)) {
        Some(foreign) => foreign(function, argument),
        None => Err(Fault { call: "proxy_call_foreign_function", status: None }),
    }
}
