//! The foreign functions of Envoy 1.40, as far as they are emulated. Tests can replace them.

mod arguments;
mod verify;

use crate::foreign::verify::NotEmulated;
use crate::status::Status;

/// Functions of Envoy that are not emulated.
const NOT_EMULATED: &[&str] = &[
    "compress",
    "uncompress",
    "declare_property",
    "expr_create",
    "expr_delete",
    "expr_evaluate",
    "set_envoy_filter_state",
    "sign",
];

/// Calls the function of this name.
pub(crate) fn call(name: &[u8], argument: &[u8]) -> Result<Result<Vec<u8>, Status>, NotEmulated> {
    let name = String::from_utf8_lossy(name);
    match name.as_ref() {
        "verify_signature" => verify::verify_signature(argument),
        // Any argument is valid. The route is computed again after the filters anyway.
        "clear_route_cache" => Ok(Ok(Vec::new())),
        name => match NOT_EMULATED.iter().find(|it| **it == name) {
            Some(_) => Err("a foreign function of Envoy's"),
            None => Ok(Err(Status::NOT_FOUND)),
        },
    }
}
