//! How the gateways report exchanges.

use super::*;
use policy_kit::fake::FakeHost;

#[test]
fn exchanges_of_envoy() {
    let upstream = |status, attempt| Exchange::Upstream { status, attempt };
    for (details, attempts, flags, status, want) in [
        ("via_upstream", Some(1), 0, "200", upstream(200, Attempt::Only)),
        ("via_upstream", Some(2), 0, "422", upstream(422, Attempt::Later)),
        ("via_upstream", Some(1), 0, "OK", Exchange::Other),
        ("geo-jurisdiction:geo_required", None, 0, "403", Exchange::Refused),
        ("request_payload_too_large", Some(0), 0, "413", Exchange::Refused),
        (
            "upstream_reset_before_response_started{x}",
            Some(1),
            0x20,
            "503",
            Exchange::NotConnected(Attempt::Only),
        ),
        ("no_healthy_upstream", Some(1), 0x2, "503", Exchange::NotConnected(Attempt::Only)),
        (
            "upstream_reset_before_response_started{x}",
            Some(2),
            0x8020,
            "503",
            Exchange::NotConnected(Attempt::Later),
        ),
        ("upstream_reset_before_response_started{x}", Some(1), 0x40, "503", Exchange::Other),
        ("upstream_reset_before_response_started{x}", Some(1), 0x60, "503", Exchange::Other),
        ("response_timeout", Some(1), 0x4, "504", Exchange::Other),
        ("downstream_remote_disconnect", Some(1), 0x4000, "", Exchange::Other),
        ("downstream_remote_disconnect", None, 0x4000, "", Exchange::Refused),
        ("via_upstream", None, 0, "200", upstream(200, Attempt::Later)),
        ("geo-jurisdiction:late", Some(1), 0, "403", Exchange::Other),
    ] {
        let mut host = FakeHost::default();
        let mut report = |path: &str, value: &[u8]| {
            host.properties.insert(path.to_owned(), value.to_vec());
        };
        report("response.code_details", details.as_bytes());
        report("response.flags", &u64::to_le_bytes(flags));
        if let Some(attempts) = attempts {
            report("upstream.request_attempt_count", &u64::to_le_bytes(attempts));
        }
        host.response = vec![(b":status".to_vec(), status.as_bytes().to_vec())];
        assert_eq!(exchange(&mut host, Profile::Envoy), want, "{details} {attempts:?} {flags:x}");
        if want == Exchange::Refused {
            let address = ("upstream.address".to_owned(), b"192.0.2.1:80".to_vec());
            host.properties.extend([address]);
            let reported = exchange(&mut host, Profile::Envoy);
            assert_eq!(reported, Exchange::Other, "{details}: an upstream was asked");
        }
        host.faults.insert("proxy_get_property", 2);
        assert_eq!(exchange(&mut host, Profile::Envoy), Exchange::Other, "unreadable");
    }
}

#[test]
fn exchanges_of_wasmx() {
    let mut host = FakeHost::default();
    assert_eq!(exchange(&mut host, Profile::Wasmx), Exchange::Other);
    host.response = vec![(b":status".to_vec(), b"502".to_vec())];
    let want = Exchange::Upstream { status: 502, attempt: Attempt::Only };
    assert_eq!(exchange(&mut host, Profile::Wasmx), want);
}
