//! Foreign functions: what a gateway offers beside the ABI. Only a module that says so in
//! [`export!`](crate::export) has them, so that the others neither import the call nor carry what
//! finds out, while a configuration is still being read, whether the gateway has any.

use policy_kit::{Fault, Profile};

use crate::{quirks, sys, vm};

/// How they are reached.
#[derive(Clone, Copy)]
pub(crate) struct Foreign {
    profile_in: fn(&[u8]) -> Profile,
    call: fn(&str, &[u8]) -> Result<Vec<u8>, Fault>,
}

/// Lets the module use them.
pub(crate) fn allow() {
    let foreign = Foreign { profile_in: quirks::profile_in, call: sys::foreign };
    vm::with(|vm| vm.foreign = Some(foreign));
}

fn allowed() -> Option<Foreign> {
    vm::with(|vm| vm.foreign).flatten()
}

/// The gateway that a document is for, which the plugin has not read yet.
pub(crate) fn profile_in(document: &[u8]) -> Profile {
    allowed().map_or(Profile::default(), |foreign| (foreign.profile_in)(document))
}

/// Calls one.
pub(crate) fn call(profile: Profile, function: &str, argument: &[u8]) -> Result<Vec<u8>, Fault> {
    match allowed().filter(|_| quirks::has_foreign_functions(profile)) {
        Some(foreign) => (foreign.call)(function, argument),
        None => Err(Fault { call: "proxy_call_foreign_function", status: None }),
    }
}
