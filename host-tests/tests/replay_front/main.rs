//! The emulated front and the real Envoy, request by request: the upstream request, or the reply to the client,
//! must be the same.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

mod dice;
mod odd;
mod table;

use abi_host::{grpc, Headers, LocalReply};
use bytes::Bytes;
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, LogLine, Options};
use host_tests::front::{receive, request_id, upstream_fields};
use host_tests::gateway::{policyless, Gateway};
use host_tests::traffic::{Answer, Fields, Request};
use host_tests::upstream::Server;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use table::{table, variants};

/// The result of one half as text: the upstream request, or the reply to the client.
fn shown(answer: &Answer, details: &str, source: &str) -> String {
    let told = |name: &str, word: &str| {
        answer.header(name).map_or_else(String::new, |it| format!(" {word} {it}"))
    };
    let location = told("location", "to") + &told("grpc-status", "grpc");
    let body = answer.body.iter().map(|byte| char::from(*byte)).collect::<String>();
    format!("{} {details} {source}{location}\n{body}", answer.status)
}

/// What an echo upstream answers: the head it got, request ids made equal.
fn echoed(method: &str, target: &str, headers: &http::HeaderMap, body: &[u8]) -> String {
    let mut out = format!("{method} {target}\n");
    for (name, value) in headers {
        let mut value: String = value.as_bytes().iter().map(|it| char::from(*it)).collect();
        if name == "x-request-id" && value.len() == 36 {
            value = request_id(0);
        }
        out += &format!("{name}: {value}\n");
    }
    out + &body.iter().map(|it| char::from(*it)).collect::<String>()
}

fn header_map(fields: &Fields) -> http::HeaderMap {
    let pair = |(name, value): &(Vec<u8>, Vec<u8>)| {
        (http::HeaderName::from_bytes(name).unwrap(), http::HeaderValue::from_bytes(value).unwrap())
    };
    let mut map = http::HeaderMap::new();
    fields.iter().map(pair).for_each(|(name, value)| {
        map.append(name, value);
    });
    map
}

fn emulated(gateway: &Gateway, request: &Request) -> String {
    match receive(gateway, request) {
        Err(refusal) => shown(&refusal.answer(request), refusal.details, ""),
        Ok(accepted) => {
            let headers: Headers = accepted.headers.iter().cloned().collect();
            if let Some(answer) = gateway.destination(&headers).answer {
                return answered(&headers, &answer.reply);
            }
            let text = |name: &str| {
                let found = accepted.headers.iter().find(|(it, _)| it == name.as_bytes());
                String::from_utf8(found.unwrap().1.clone()).unwrap()
            };
            let fields =
                upstream_fields(&accepted.headers, accepted.has_body, Duration::from_secs(15));
            let (method, path) = (text(":method"), text(":path"));
            let mut body = echoed(&method, &path, &header_map(&fields), &accepted.body);
            if method == "HEAD" {
                body.clear();
            }
            let mut body: Vec<u8> = body.chars().map(|it| u32::from(it) as u8).collect();
            let mut status = 200;
            if path.parse::<http::Uri>().is_err() {
                // The server behind the gateway, hyper, takes no such path.
                (status, body) = (400, Vec::new());
            }
            let answer = Answer { status, headers: Vec::new(), body };
            shown(&answer, "via_upstream", &accepted.source.to_string())
        }
    }
}

/// An answer of the route table's.
fn answered(request: &Headers, reply: &LocalReply) -> String {
    let head = request.get(":method") == Some(b"HEAD");
    let mut answer = Answer { status: reply.status, ..Answer::default() };
    if grpc::is_call(request) {
        let headers = grpc::reply(reply.status, Headers::new(), &reply.body, head);
        answer = Answer { status: 200, headers: headers.into_pairs(), ..answer };
    } else if !head {
        answer.body.clone_from(&reply.body);
    }
    shown(&answer, &reply.details, "")
}

fn real(answer: &Answer, line: &LogLine) -> String {
    let details = line.details.clone().unwrap_or_default();
    let source = if details == "via_upstream" { line.source.clone() } else { None };
    shown(answer, &details, &source.unwrap_or_default())
}

/// Sends the requests through both; returns the differences.
async fn compared(
    binary: &Path,
    (variant, options): &(&str, Value),
    requests: &[Request],
) -> Vec<String> {
    let server = echo().await;
    let document = policyless(options);
    let gateway = Gateway::from_document(document.clone()).unwrap();
    let envoy = Options::new(binary.to_owned(), "target".into(), server.address);
    let envoy = EnvoyProcess::start(&document, envoy).await.unwrap();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(send(envoy.address, Some(envoy.listener_port), request).await);
    }
    let numbers: Vec<usize> = requests.iter().map(|it| it.number).collect();
    let log = envoy.access_log(requests.len()).await.unwrap();
    let log = host_tests::envoy::assign(log, &numbers);
    let mut differences = Vec::new();
    for (request, answer) in requests.iter().zip(&answers) {
        let line = log.get(&request.number).cloned().unwrap_or_default();
        let envoys = match answer {
            Ok(answer) => real(answer, &line),
            Err(error) => format!("{error}; the log says {:?}", line.details),
        };
        let ours = emulated(&gateway, request);
        if ours != envoys {
            let wire = String::from_utf8_lossy(&host_tests::raw::bytes_of(request))
                .chars()
                .take(300)
                .collect::<String>();
            let peer = request.client.ip();
            differences.push(format!(
                "{variant} {} from {peer}: {wire:?}\n  ours:    {ours:?}\n  envoy's: {envoys:?}",
                request.number
            ));
        }
    }
    differences
}

/// An upstream that answers what it got.
async fn echo() -> Server {
    let server = Server::start(|request: http::Request<Bytes>| {
        let target = request.uri().to_string();
        let (head, body) = request.into_parts();
        let text = echoed(head.method.as_str(), &target, &head.headers, &body);
        let bytes: Vec<u8> = text.chars().map(|it| u32::from(it) as u8).collect();
        http::Response::new(Bytes::from(bytes))
    });
    server.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emulated_front_matches_envoy() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let table = table();
    let mut differences = Vec::new();
    for variant in variants() {
        differences.extend(compared(&binary, &variant, &table).await);
    }
    for variant in table::routed() {
        differences.extend(compared(&binary, &variant, &odd::upgrades()).await);
    }
    let count = differences.len();
    assert!(count == 0, "{count} differ\n{}", differences.join("\n"));
}

/// Random requests: `PITBOSS_ODD` of them, by `PITBOSS_SEED`, under all options.
#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_match_envoy() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let seed = number("PITBOSS_SEED").unwrap_or(1);
    let count = usize::try_from(number("PITBOSS_ODD").unwrap_or(300)).unwrap();
    let requests = dice::requests(seed, count);
    let variants = table::routed();
    let size = count.div_ceil(variants.len());
    let mut differences = Vec::new();
    for (variant, requests) in variants.iter().zip(requests.chunks(size)) {
        differences.extend(compared(&binary, variant, requests).await);
    }
    println!("seed {seed}: {count} odd requests, {} differ", differences.len());
    let shown: Vec<_> = differences.iter().take(60).map(String::as_str).collect();
    assert!(differences.is_empty(), "seed {seed}\n{}", shown.join("\n"));
}
