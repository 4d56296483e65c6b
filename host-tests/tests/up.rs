//! `pitboss up` with the example requests of the README.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use host_tests::envoy::{find_for_test, workspace_root};
use serde_json::Value;

/// The address in the README's examples.
const README_ADDRESS: &str = "localhost:8080";

/// Members of answers that change from run to run.
const VOLATILE: [&str; 3] = ["request_id", "odds", "potential_return"];

/// A running `up`, ended by its id.
struct Up {
    child: Child,
    out: BufReader<ChildStdout>,
    gateway: SocketAddr,
}

fn up(module: &str, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pitboss"));
    let example = workspace_root().join("envoy-examples").join(module).with_extension("yaml");
    command.arg("up").arg("--gateway-config").arg(example).args(options);
    command
}

impl Up {
    fn start(module: &str) -> Self {
        host_tests::artifact::build(module).unwrap();
        let mut command = up(module, &["--port", "0", "--admin-port", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        let gateway = first.trim().strip_prefix("gateway  http://").unwrap().parse().unwrap();
        Self { child, out, gateway }
    }

    fn terminate(&mut self) -> ExitStatus {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.terminate();
        }
    }
}

/// The example requests of the README, each with its answer.
fn calls() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let section = text.split("\n## Try it by hand\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```console\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap());
    let call = |block: &str| {
        // A backslash continues a command.
        let end =
            block.match_indices('\n').find(|(at, _)| !block[..*at].ends_with('\\')).unwrap().0;
        let command = block[..end].strip_prefix("$ ").unwrap();
        (command.to_owned(), block[end..].to_owned())
    };
    blocks.map(call).collect()
}

/// An answer without changing members.
fn settled(answer: &str) -> String {
    let line = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(mut members)) => {
            for name in VOLATILE {
                members.entry(name).and_modify(|it| *it = Value::Null);
            }
            Value::Object(members).to_string()
        }
        _ => match line.split_once(": ") {
            Some((name @ ("date" | "x-envoy-upstream-service-time"), _)) => name.to_owned(),
            _ => line.to_owned(),
        },
    };
    answer.trim().lines().map(|it| line(it.trim_end())).collect::<Vec<_>>().join("\n")
}

/// Whether the test can run here; under CI it must.
fn ready() -> bool {
    let curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(curl || std::env::var_os("CI").is_none(), "curl is missing");
    if !curl {
        println!("skipped: curl is missing");
    }
    curl && find_for_test().unwrap().is_some()
}

#[test]
fn the_readme_examples_work() {
    if !ready() {
        return;
    }
    let mut up = Up::start("geo-jurisdiction");
    let calls = calls();
    assert_eq!(calls.len(), 5);
    for (call, wanted) in &calls {
        assert!(call.contains(README_ADDRESS), "{call}");
        let call = call.replace(README_ADDRESS, &up.gateway.to_string());
        let output = Command::new("sh").args(["-c", &call]).output().unwrap();
        let got = String::from_utf8(output.stdout).unwrap();
        assert_eq!(settled(&got), settled(wanted), "{call}\n{got}");
    }
    assert!(up.terminate().success());
    let mut rest = String::new();
    up.out.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("stopped\n"), "{rest}");
    assert!(TcpStream::connect(up.gateway).is_err(), "Envoy is still there");
}

/// The status and the body of a request.
fn curl(up: &Up, target: &str, forwarded: &str, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new("curl");
    command.args(["-s", "-w", "\n%{http_code}", "-H", &format!("x-forwarded-for: {forwarded}")]);
    let output = command.args(arguments).arg(format!("{}{target}", up.gateway)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn local_clients_can_set_the_client_address() {
    if !ready() {
        return;
    }
    // The place comes from the table of networks only, without headers of an edge.
    let up = Up::start("geo-jurisdiction");
    for (forwarded, status, said) in [
        ("203.0.113.200", "201", "bet_id"),
        ("198.51.100.70", "201", "bet_id"),
        ("198.51.100.70, 203.0.113.200", "201", "bet_id"),
        // Over as many proxies as the example has.
        ("203.0.113.200, 10.1.2.3", "201", "bet_id"),
        ("203.0.113.130", "451", "jurisdiction_unlicensed"),
        ("203.0.113.200, 203.0.113.130", "451", "jurisdiction_unlicensed"),
        ("203.0.113.130, 10.1.2.3", "451", "jurisdiction_unlicensed"),
        ("192.0.2.77", "403", "jurisdiction_unknown"),
    ] {
        let body = r#"{"event":"ev-1","selection":"home","stake":5}"#;
        let arguments = [
            "-H",
            "host: play.lucky-otter.example",
            "-H",
            "authorization: Bearer demo.p-alice",
            "-d",
            body,
        ];
        let got = curl(&up, "/api/bets", forwarded, &arguments);
        assert!(got.0 == status && got.1.contains(said), "{forwarded}: {got:?}");
    }
    drop(up);
    // A partner with its address only.
    let up = Up::start("player-auth");
    for (forwarded, refused) in [
        ("192.0.2.10", false),
        ("192.0.2.10, 10.1.2.3", false),
        ("192.0.2.11", true),
        ("192.0.2.10, 192.0.2.11", true),
    ] {
        let arguments = ["-H", "host: wallet.lucky-otter.example", "-d", "{}"];
        let got = curl(&up, "/wallet/win", forwarded, &arguments);
        assert_eq!(got.0 == "401", refused, "{forwarded}: {got:?}");
    }
}

#[test]
fn a_used_port_is_reported_with_its_option() {
    if !ready() {
        return;
    }
    host_tests::artifact::build("geo-jurisdiction").unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (options, option) in [
        (["--port", &port, "--admin-port", "0"], "--port"),
        (["--port", "0", "--admin-port", &port], "--admin-port"),
    ] {
        let output = up("geo-jurisdiction", &options).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let wanted = format!("error: port {port} is taken; choose another one with {option}\n");
        assert_eq!((output.status.code(), said), (Some(2), wanted));
    }
}
