//! Attacks: bets that must not pass. One table, three runs: the filter natively over a fake gateway, the module in
//! wasmtime, and the module in a real Envoy for the requests that Envoy lets through.

use std::sync::{Arc, Mutex};

use abi_host::Profile;
use bytes::Bytes;
use geo_jurisdiction::plugin::GeoJurisdiction;
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use policy_kit::fake::{run, FakeHost};

use crate::fixture::{self, hello, outcome, through_the_edge, OTTER};

struct Attack {
    name: &'static str,
    target: &'static [u8],
    headers: &'static [(&'static str, &'static [u8])],
    /// The refusal where the target reaches the policy as sent.
    code: &'static str,
}

const DE: (&str, &[u8]) = ("x-geo-country", b"DE");
const UNLICENSED: &str = "jurisdiction_unlicensed";
const UNKNOWN: &str = "jurisdiction_unknown";
const UNCLASSIFIED: &str = "endpoint_unclassified";
const BETS: &[u8] = b"/api/bets";

const fn place(
    name: &'static str,
    headers: &'static [(&'static str, &'static [u8])],
    code: &'static str,
) -> Attack {
    Attack { name, target: BETS, headers, code }
}

const fn path(name: &'static str, target: &'static [u8], code: &'static str) -> Attack {
    Attack { name, target, headers: &[DE], code }
}

const ATTACKS: &[Attack] = &[
    place("own jurisdiction", &[("x-jurisdiction", b"MT"), DE], UNLICENSED),
    place("only an own jurisdiction", &[("x-jurisdiction", b"MT")], UNKNOWN),
    place("own class", &[("x-endpoint-class", b"content"), DE], UNLICENSED),
    place("the country twice", &[("x-geo-country", b"MT"), ("x-geo-country", b"MT")], UNKNOWN),
    place("two countries", &[("x-geo-country", b"MT"), DE], UNKNOWN),
    place("two countries in one", &[("x-geo-country", b"MT, DE")], UNKNOWN),
    place("lower case", &[("x-geo-country", b"mt")], UNKNOWN),
    place("no UTF-8", &[("x-geo-country", b"\xff\xfe")], UNKNOWN),
    place("no UTF-8 elsewhere", &[("x-note", b"\xff\xfe"), DE], UNLICENSED),
    place("Tor", &[("x-geo-country", b"T1")], UNKNOWN),
    place("a region elsewhere", &[("x-geo-country", b"MT"), ("x-geo-region", b"US-NJ")], UNKNOWN),
    place("a licensed state's country", &[("x-geo-country", b"US")], UNKNOWN),
    place("a state that is none", &[("x-geo-country", b"US"), ("x-geo-region", b"NJJ")], UNKNOWN),
    place("a state that is none in one", &[("x-geo-country", b"US-NJJ")], UNKNOWN),
    place("a territory", &[("x-geo-country", b"US"), ("x-geo-region", b"PR")], UNLICENSED),
    place("no country", &[], UNKNOWN),
    place("method override", &[("x-http-method-override", b"GET"), DE], UNLICENSED),
    place("original URL", &[("x-original-url", b"/api/lobby"), DE], UNLICENSED),
    place("rewritten URL", &[("x-rewrite-url", b"/api/lobby"), DE], UNLICENSED),
    path("slashes first", b"//api/bets", UNCLASSIFIED),
    path("slashes within", b"/api//bets", UNCLASSIFIED),
    path("a dot segment", b"/api/./bets", UNCLASSIFIED),
    path("a parent", b"/static/../api/bets", UNCLASSIFIED),
    path("an encoded parent", b"/static/%2e%2e/api/bets", UNCLASSIFIED),
    path("a half encoded parent", b"/static/.%2e/api/bets", UNCLASSIFIED),
    path("an encoded slash", b"/api%2fbets", UNCLASSIFIED),
    path("an encoded slash within content", b"/static/..%2fapi/bets", UNCLASSIFIED),
    path("an encoded backslash", b"/api%5cbets", UNCLASSIFIED),
    path("a backslash", b"/static/..\\api/bets", UNCLASSIFIED),
    path("a parent with parameters", b"/static/..;x/api/bets", UNCLASSIFIED),
    path("a parent with an encoded semicolon", b"/static/..%3b/api/bets", UNCLASSIFIED),
    path("a parent in parameters", b"/static/x;%2f..%2f..%2fapi%2fbets", UNCLASSIFIED),
    path("an escaped parent in parameters", b"/static/x;%252f..%252f..%252fapi", UNCLASSIFIED),
    path("NUL in parameters", b"/static/x;%00", UNCLASSIFIED),
    path("a parent and a blank", b"/static/..%20/api/bets", UNCLASSIFIED),
    path("parameters", b"/api/bets;x", UNLICENSED),
    path("parameters within", b"/api;v=1/bets", UNLICENSED),
    path("a needless escape", b"/api/%62ets", UNLICENSED),
    path("an escaped escape", b"/api/%2562ets", UNCLASSIFIED),
    path("an encoded NUL", b"/api/bets%00", UNCLASSIFIED),
    path("an overlong slash", b"/api%c0%afbets", UNCLASSIFIED),
    path("a raw high byte", b"/api/bets\xff", UNCLASSIFIED),
    path("another case", b"/API/bets", UNCLASSIFIED),
    path("a closing slash", b"/api/bets/", UNCLASSIFIED),
    path("absolute form", b"http://play.lucky-otter.example/api/bets", UNCLASSIFIED),
    path("a fragment", b"/api/bets#x", UNCLASSIFIED),
];

#[test]
fn attacks_are_refused_natively() {
    let configuration = fixture::configuration(&serde_json::json!({}));
    for attack in ATTACKS {
        let mut headers: Vec<(&str, &[u8])> = vec![
            (":method", b"POST"),
            (":path", attack.target),
            (":authority", OTTER.as_bytes()),
            ("x-forwarded-for", b"198.51.100.23"),
        ];
        headers.extend_from_slice(attack.headers);
        let mut host = FakeHost::request(&headers);
        host.properties.insert("source.address".into(), b"10.0.0.1:40000".to_vec());
        let (_, host) = run::<GeoJurisdiction>(&configuration, host).unwrap();
        assert_eq!(host.replied.map(|r| r.code), Some(attack.code), "{}", attack.name);
    }
}

#[test]
fn attacks_are_refused_as_wasm() {
    for profile in [Profile::Envoy, Profile::Wasmx] {
        let mut chain = fixture::chain(profile);
        for attack in ATTACKS {
            let request = through_the_edge("POST", attack.target, attack.headers);
            let report = chain.run(request, &mut hello);
            assert_eq!(outcome(&report), attack.code, "{} under {profile:?}", attack.name);
            assert_eq!(report.upstream, None, "{} under {profile:?}", attack.name);
        }
        let fair = through_the_edge("POST", BETS, &[("x-geo-country", b"MT")]);
        assert_eq!(outcome(&chain.run(fair, &mut hello)), "allow", "{profile:?}");
    }
}

/// Headers that change the meaning of a request never reach the upstream.
#[test]
fn headers_that_change_the_meaning_are_stripped() {
    // WasmX shows names as the client wrote them.
    for (profile, upper) in
        [(Profile::Envoy, false), (Profile::Wasmx, false), (Profile::Wasmx, true)]
    {
        let mut chain = fixture::chain(profile);
        let forged: &[(&str, &[u8])] = &[
            ("x-http-method-override", b"POST"),
            ("x-http-method", b"POST"),
            ("x-method-override", b"POST"),
            ("x-original-url", b"/api/bets"),
            ("x-rewrite-url", b"/api/bets"),
            ("x-jurisdiction", b"MT"),
            ("x-jurisdiction", b"GB"),
            ("x-endpoint-class", b"wager"),
            ("x_jurisdiction", b"GB"),
            DE,
        ];
        let mut request = through_the_edge("GET", b"/api/account/balance", &[]);
        for (name, value) in forged {
            let name = if upper { name.to_ascii_uppercase() } else { (*name).to_owned() };
            request.headers.add_as_written(name, value);
        }
        let upstream = chain.run(request, &mut hello).upstream.unwrap();
        for (name, _) in forged[..5].iter().chain(&[("x_jurisdiction", &b"GB"[..])]) {
            assert_eq!(upstream.headers.get(name), None, "{name} under {profile:?}, {upper}");
        }
        let all = |name| upstream.headers.get_all(name).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(all("x-jurisdiction"), [b"DE"], "{profile:?}");
        assert_eq!(all("x-endpoint-class"), [b"account"], "{profile:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_are_refused_through_envoy() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let arrived: Arc<Mutex<Vec<http::Request<Bytes>>>> = Arc::default();
    let log = Arc::clone(&arrived);
    let upstream = Server::start(move |request: http::Request<Bytes>| {
        log.lock().unwrap().push(request);
        http::Response::new(Bytes::from_static(b"hello"))
    })
    .await
    .unwrap();
    let options = Options::new(binary, fixture::wasm_dir(), upstream.address);
    let envoy = EnvoyProcess::start(&fixture::example().document, options).await.unwrap();
    let ask = |target: &'static [u8], headers: &'static [(&'static str, &'static [u8])]| {
        let mut request = Request::new("POST", target).from(fixture::edge());
        request.headers = vec![(b"host".to_vec(), OTTER.into())];
        request = request.header("x-forwarded-for", "198.51.100.23").body("{}");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let (address, port) = (envoy.address, envoy.listener_port);
        async move { send(address, Some(port), &request).await.unwrap() }
    };
    for attack in ATTACKS {
        let answer = ask(attack.target, attack.headers).await;
        // Envoy may refuse or redirect by itself, or hand on a path that it has normalised.
        let refused = matches!(answer.status, 307 | 400 | 403 | 404 | 451);
        assert!(refused, "{}: {}", attack.name, answer.status);
        if attack.target == BETS {
            assert_eq!(
                fixture::code(&answer.body).as_deref(),
                Some(attack.code),
                "{}",
                attack.name
            );
        }
    }
    assert_eq!(arrived.lock().unwrap().len(), 0);
    // A call that passes carries nothing of what the client forged.
    assert_eq!(ask(BETS, FORGED).await.status, 200);
    let arrived = arrived.lock().unwrap();
    let [request] = arrived.as_slice() else { panic!("{} requests", arrived.len()) };
    let all = |name: &str| request.headers().get_all(name).iter().cloned().collect::<Vec<_>>();
    assert_eq!((all("x-jurisdiction"), all("x-endpoint-class")), (vec![MT], vec![WAGER]));
    for (name, _) in FORGED {
        if !name.starts_with("x-geo") && !["x-jurisdiction", "x-endpoint-class"].contains(name) {
            assert_eq!(all(name), Vec::<http::HeaderValue>::new(), "{name}");
        }
    }
}

const MT: http::HeaderValue = http::HeaderValue::from_static("MT");
const WAGER: http::HeaderValue = http::HeaderValue::from_static("wager");
const FORGED: &[(&str, &[u8])] = &[
    ("x-geo-country", b"MT"),
    ("x-jurisdiction", b"GB"),
    ("x-jurisdiction", b"SE"),
    ("x-endpoint-class", b"content"),
    ("x-http-method-override", b"GET"),
    ("x-http-method", b"GET"),
    ("x-method-override", b"GET"),
    ("x-original-url", b"/api/lobby"),
    ("x-original-uri", b"/api/lobby"),
    ("x-rewrite-url", b"/api/lobby"),
];
