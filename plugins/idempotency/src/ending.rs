//! How the gateway says that a call ended.

use policy_kit::{Host, MapKind, Profile};

use crate::{Attempt, Ending};

/// `response.flags` of calls that never left: no healthy upstream, connection failure, overflow of the
/// circuit breaker; and that retries were used up, which says nothing by itself.
const NOT_CONNECTED: u64 = 0x2 | 0x20 | 0x80;
const RETRIES_USED_UP: u64 = 0x8000;

/// Reads it, in the answer's header phase or when all is over. What cannot be read is
/// [`Ending::Other`]: nobody can tell.
pub(crate) fn read(host: &mut dyn Host, profile: Profile) -> Ending {
    match profile {
        // WasmX does not say whose answer it is. Its own are 5xx, whose outcome is unknown anyway.
        Profile::Wasmx => match status(host) {
            Some(status) => Ending::Upstream { status, attempt: Attempt::Only },
            None => Ending::Other,
        },
        Profile::Envoy => on_envoy(host).unwrap_or(Ending::Other),
    }
}

fn on_envoy(host: &mut dyn Host) -> Option<Ending> {
    let details = host.property(&["response", "code_details"]).ok()?;
    let attempts = number(host, &["upstream", "request_attempt_count"])?;
    let attempt = if attempts == 1 { Attempt::Only } else { Attempt::Later };
    if details.as_deref() == Some(b"via_upstream") {
        return Some(Ending::Upstream { status: status(host)?, attempt });
    }
    if attempts == 0 {
        // Whoever was never asked has no address either. One of the two alone may be what the gateway
        // failed to tell, and that must not free a key.
        let address = host.property(&["upstream", "address"]).ok()?;
        return address.is_none().then_some(Ending::Refused);
    }
    let flags = number(host, &["response", "flags"])?;
    let others = flags & !(NOT_CONNECTED | RETRIES_USED_UP);
    let connected = flags & NOT_CONNECTED == 0 || others != 0;
    Some(if connected { Ending::Other } else { Ending::NotConnected(attempt) })
}

fn status(host: &mut dyn Host) -> Option<u16> {
    let headers = host.headers(MapKind::Response).ok()?;
    std::str::from_utf8(headers.single(":status")?).ok()?.parse().ok()
}

/// A number, little-endian; 0 where there is none.
fn number(host: &mut dyn Host, path: &[&str]) -> Option<u64> {
    match host.property(path).ok()? {
        None => Some(0),
        Some(bytes) => Some(u64::from_le_bytes(bytes.as_slice().try_into().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::FakeHost;

    #[test]
    fn what_envoy_says() {
        let upstream = |status, attempt| Ending::Upstream { status, attempt };
        for (details, attempts, flags, status, want) in [
            ("via_upstream", Some(1), 0, "200", upstream(200, Attempt::Only)),
            ("via_upstream", Some(2), 0, "422", upstream(422, Attempt::Later)),
            ("via_upstream", Some(1), 0, "OK", Ending::Other),
            ("geo-jurisdiction:geo_required", None, 0, "403", Ending::Refused),
            ("request_payload_too_large", Some(0), 0, "413", Ending::Refused),
            (
                "upstream_reset_before_response_started{x}",
                Some(1),
                0x20,
                "503",
                Ending::NotConnected(Attempt::Only),
            ),
            ("no_healthy_upstream", Some(1), 0x2, "503", Ending::NotConnected(Attempt::Only)),
            (
                "upstream_reset_before_response_started{x}",
                Some(2),
                0x8020,
                "503",
                Ending::NotConnected(Attempt::Later),
            ),
            ("upstream_reset_before_response_started{x}", Some(1), 0x40, "503", Ending::Other),
            ("upstream_reset_before_response_started{x}", Some(1), 0x60, "503", Ending::Other),
            ("response_timeout", Some(1), 0x4, "504", Ending::Other),
            ("downstream_remote_disconnect", Some(1), 0x4000, "", Ending::Other),
            ("downstream_remote_disconnect", None, 0x4000, "", Ending::Refused),
            ("via_upstream", None, 0, "200", upstream(200, Attempt::Later)),
            ("geo-jurisdiction:late", Some(1), 0, "403", Ending::Other),
        ] {
            let mut host = FakeHost::default();
            let mut tell = |path: &str, value: &[u8]| {
                host.properties.insert(path.to_owned(), value.to_vec());
            };
            tell("response.code_details", details.as_bytes());
            tell("response.flags", &u64::to_le_bytes(flags));
            if let Some(attempts) = attempts {
                tell("upstream.request_attempt_count", &u64::to_le_bytes(attempts));
            }
            host.response = vec![(b":status".to_vec(), status.as_bytes().to_vec())];
            assert_eq!(read(&mut host, Profile::Envoy), want, "{details} {attempts:?} {flags:x}");
            if want == Ending::Refused {
                let address = ("upstream.address".to_owned(), b"192.0.2.1:80".to_vec());
                host.properties.extend([address]);
                let told = read(&mut host, Profile::Envoy);
                assert_eq!(told, Ending::Other, "{details}: somebody was asked");
            }
            host.faults.insert("proxy_get_property", 2);
            assert_eq!(read(&mut host, Profile::Envoy), Ending::Other, "nobody tells");
        }
    }

    #[test]
    fn what_wasmx_says() {
        let mut host = FakeHost::default();
        assert_eq!(read(&mut host, Profile::Wasmx), Ending::Other);
        host.response = vec![(b":status".to_vec(), b"502".to_vec())];
        let want = Ending::Upstream { status: 502, attempt: Attempt::Only };
        assert_eq!(read(&mut host, Profile::Wasmx), want);
    }
}
