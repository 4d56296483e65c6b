//! The foreign function `verify_signature`, in abi-host as in the real Envoy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "probe/gateway.rs"]
mod gateway;
mod probe;

use std::fmt::Write as _;

use abi_host::{Fault, Faults, Status};
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use serde_json::json;

/// A call, and the result in Envoy 1.40: `=` and the answer in hex, or `!` and the status.
struct Case {
    name: String,
    function: &'static str,
    argument: Vec<u8>,
    seen: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn field(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    let mut length = bytes.len();
    while length > 0x7f {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend(bytes);
}

/// Keys and signatures that OpenSSL made; their private keys are nowhere.
fn signatures() -> Vec<Case> {
    let case = |line: &'static str| {
        let parts: Vec<_> = line.split(';').collect();
        let mut argument = Vec::new();
        field(1, parts[1].as_bytes(), &mut argument);
        for number in 2..=4 {
            field(number, &bytes(parts[usize::from(number)]), &mut argument);
        }
        let seen = format!("foreign{}", parts[5]);
        Case { name: parts[0].to_owned(), function: "verify_signature", argument, seen }
    };
    include_str!("probe/signatures.txt").lines().map(case).collect()
}

/// Variations of valid arguments, and other names.
fn oddities() -> Vec<Case> {
    let valid = signatures().into_iter().find(|it| it.name == "prime256v1 sha256").unwrap();
    let after = |more: &str, seen: &str| {
        let argument = [valid.argument.clone(), bytes(more)].concat();
        (valid.function, argument, seen.to_owned())
    };
    let no = |text: &str| {
        let mut answer = Vec::new();
        field(2, text.as_bytes(), &mut answer);
        format!("foreign={}", hex(&answer))
    };
    let named =
        |name: &'static str, argument: &str, seen: &str| (name, bytes(argument), seen.to_owned());
    let cases = [
        after("", "foreign=0801"),
        // Unknown fields of every kind, and known ones of another kind.
        after("2801aa0100", "foreign=0801"),
        after("290102030405060708", "foreign=0801"),
        after("2d01020304", "foreign=0801"),
        after("2b28012c", "foreign=0801"),
        after("0801", "foreign=0801"),
        after("28ffffffffffffffffff01", "foreign=0801"),
        // The last one counts.
        after("0a036d6435", &no("md5 is not supported.")),
        after("8a00036d6435", &no("md5 is not supported.")),
        after("2200", &no("Failed to verify digest. Error code: 0")),
        after("1200", "foreign!2"),
        // No protocol buffers.
        after("2b2801", "foreign!2"),
        after("2c", "foreign!2"),
        after("2f01", "foreign!2"),
        after("28ffffffffffffffffffff01", "foreign!2"),
        after("0a02fffe", "foreign!2"),
        after("0a7f", "foreign!2"),
        named("verify_signature", "", "foreign!2"),
        named("verify_signature", "0a06736861323536", "foreign!2"),
        named("verify_signature", "12021234", &no(" is not supported.")),
        named("clear_route_cache", "", "foreign="),
        named("clear_route_cache", "00", "foreign="),
        named("nobody", "", "foreign!1"),
        named("", "", "foreign!1"),
        named("Verify_signature", "", "foreign!1"),
    ];
    let case = |(function, argument, seen): (_, Vec<u8>, _)| {
        let end = hex(&argument[argument.len().saturating_sub(12)..]);
        Case { name: format!("{function} ..{end}"), function, argument, seen }
    };
    cases.into_iter().map(case).collect()
}

fn cases() -> Vec<Case> {
    signatures().into_iter().chain(oddities()).collect()
}

fn script(case: &Case) -> String {
    format!("foreign:{}={}", case.function, hex(&case.argument))
}

#[test]
fn the_emulation_matches_the_table() {
    let mut chain = probe::chain(probe::PROFILES[0], "", &Faults::new());
    for case in cases() {
        let report = chain.run(probe::scripted(&script(&case)), &mut probe::hello);
        assert_eq!(probe::seen(&report), case.seen, "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_matches_the_table() {
    let Some(binary) = find_for_test().unwrap() else { return };
    host_tests::artifact::build(probe::PLUGIN).unwrap();
    let server = Server::start(|_| http::Response::new("hello".into())).await.unwrap();
    let options = Options::new(binary, host_tests::artifact::wasm_dir(), server.address);
    let envoy = EnvoyProcess::start(&gateway::gateway(&json!({})), options).await.unwrap();
    for case in cases() {
        let request = Request::new("GET", "/").header("x-script", script(&case));
        let answer = send(envoy.address, Some(envoy.listener_port), &request).await.unwrap();
        assert_eq!(answer.header("x-seen"), Some(case.seen), "{}", case.name);
    }
}

/// Unsupported functions of Envoy are reported.
#[test]
fn unemulated_functions_are_reported() {
    for name in ["sign", "compress", "expr_evaluate"] {
        let mut chain = probe::chain(probe::PROFILES[0], "", &Faults::new());
        let report = chain.run(probe::scripted(&format!("foreign:{name}=")), &mut probe::hello);
        assert_eq!(chain.traps(), [], "{name}");
        assert!(!report.not_emulated.is_empty(), "{name}");
    }
}

/// Functions of a test take precedence, and can return every status.
#[test]
fn foreign_functions_can_be_replaced() {
    let valid = "foreign:verify_signature=";
    for status in probe::STATUSES {
        let answer = move |_: &[u8]| if status == 0 { Ok(vec![8, 1]) } else { Err(Status(status)) };
        let builder = probe::builder(probe::PROFILES[0], "", "");
        let mut chain = builder.foreign_function("verify_signature", answer).start().unwrap();
        let want = if status == 0 { "foreign=0801".into() } else { format!("foreign!{status}") };
        assert_eq!(probe::seen(&chain.run(probe::scripted(valid), &mut probe::hello)), want);
        let faults = Faults::new();
        let mut chain = probe::chain(probe::PROFILES[0], "", &faults);
        faults.inject(Fault::new("proxy_call_foreign_function", status));
        let want = if status == 0 { "foreign=".into() } else { format!("foreign!{status}") };
        assert_eq!(probe::seen(&chain.run(probe::scripted(valid), &mut probe::hello)), want);
    }
}
