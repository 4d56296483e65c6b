//! Writing another response over the upstream's.

use policy_wire::{Fault, MapKind};

use crate::driver::gateway::Gateway;
use crate::refusal::reply::Reply;

/// Replaces the response's headers by those of `reply`. `vary` and `access-control-*` stay: where no filter sets
/// them, the upstream does, and the replacement is for the same reader.
///
/// # Errors
/// The gateway refused.
pub(crate) fn rewrite(gw: &mut dyn Gateway, reply: &Reply) -> Result<(), Fault> {
    let host = gw.host();
    let headers = host.headers(MapKind::Response)?;
    for (name, _) in headers.iter() {
        let stays = name == b":status" || name == b"vary" || name.starts_with(b"access-control-");
        if let (false, Ok(name)) = (stays, std::str::from_utf8(name)) {
            host.remove_header(MapKind::Response, name)?;
        }
    }
    host.set_header(MapKind::Response, ":status", reply.status.to_string().as_bytes())?;
    for (name, value) in &reply.headers {
        host.set_header(MapKind::Response, name, value)?;
    }
    Ok(())
}
