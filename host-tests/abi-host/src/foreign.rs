//! The functions that Envoy 1.40 offers beside the ABI, as far as they are emulated. A test may put
//! its own in their place.

mod question;
mod verify;

use crate::Status;

/// What Envoy has and this crate does not: a made-up answer would only look like Envoy's.
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

/// Envoy would answer, but this crate does not know what; the text says which function it is.
pub(crate) type NotEmulated = &'static str;

/// What the function of this name answers.
pub(crate) fn call(name: &[u8], argument: &[u8]) -> Result<Result<Vec<u8>, Status>, NotEmulated> {
    let name = String::from_utf8_lossy(name);
    match name.as_ref() {
        "verify_signature" => verify::verify_signature(argument),
        // Any argument will do. The routes are not this crate's business.
        "clear_route_cache" => Ok(Ok(Vec::new())),
        name => match NOT_EMULATED.iter().find(|it| **it == name) {
            Some(_) => Err("a foreign function of Envoy's"),
            None => Ok(Err(Status::NOT_FOUND)),
        },
    }
}
