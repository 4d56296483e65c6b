//! The recording through the deployed example: golden decisions, and wasmtime against the real Envoy.
#![allow(clippy::unwrap_used)] // helpers of a test

use host_tests::envoy::{find_for_test, workspace_root};
use host_tests::gateway::Gateway;
use host_tests::golden::{check, Golden};
use host_tests::replay::{lines, run_emulated, run_real, Comparison, Outcome};
use host_tests::traffic::Request;
use host_tests::{artifact, har, record};
use serde_json::Value;

fn example() -> Gateway {
    Gateway::example("geo-jurisdiction").unwrap()
}

fn recording() -> Vec<Request> {
    let path = workspace_root().join("host-tests/recordings/first-light.har");
    har::read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn emulate(gateway: &Gateway, requests: &[Request]) -> Vec<Outcome> {
    for wasm in gateway.wasm() {
        artifact::build(&wasm.file.trim_end_matches(".wasm").replace('_', "-")).unwrap();
    }
    run_emulated(gateway, requests, &artifact::wasm_dir()).unwrap()
}

#[test]
fn the_recording_matches_the_script() {
    assert_eq!(recording(), record::first_light());
}

#[test]
fn decisions_match_the_golden_file() {
    let requests = recording();
    let now = lines(&requests, &emulate(&example(), &requests));
    let golden = workspace_root().join("host-tests/recordings/first-light.geo-jurisdiction.golden");
    match check(&golden, &now, false).unwrap() {
        Golden::Differs { diff } => panic!("`make golden` rewrites them:\n{diff}"),
        same => assert_eq!(same, Golden::Same),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_halves_agree() {
    let Some(envoy) = find_for_test().unwrap() else { return };
    let (gateway, requests) = (example(), recording());
    let emulated = emulate(&gateway, &requests);
    let real = run_real(&gateway, &requests, &artifact::wasm_dir(), envoy).await.unwrap();
    let comparison = Comparison::new(&requests, &emulated, &real);
    assert!(comparison.differing.is_empty(), "{}", comparison.differing.join("\n\n"));
    let count = requests.len();
    let summary = format!("replayed {count} requests, {count} agree, 0 differ");
    assert_eq!(comparison.summary(), summary);
}

#[test]
fn differences_are_counted_and_shown() {
    let requests = [Request::new("GET", "/a"), Request::new("GET", "/b")];
    let ours = [Outcome { status: 200, ..Outcome::default() }, Outcome::default()];
    let theirs = [Outcome { status: 403, ..Outcome::default() }, Outcome::default()];
    let comparison = Comparison::new(&requests, &ours, &theirs);
    assert_eq!(comparison.summary(), "replayed 2 requests, 1 agree, 1 differ");
    assert!(comparison.differing.concat().contains("status: \"200\" but \"403\""));
}

/// Each case takes one option of the deployed gateway away; the emulation must follow.
#[test]
fn gateway_options_apply() {
    let request = |target: &str| Request::new("POST", target).body("{}");
    let decide = |change: &dyn Fn(&mut Value), target: &str| {
        let mut document = example().document;
        let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
        change(document.pointer_mut(manager).unwrap());
        let gateway = Gateway::from_document(document).unwrap();
        let outcome = emulate(&gateway, &[request(target)]).remove(0);
        (outcome.decision, outcome.class, outcome.status)
    };
    let keep = |_: &mut Value| {};
    let deny = |class: &str| ("deny".to_owned(), class.to_owned());
    let wager = decide(&keep, "/api/./bets");
    assert_eq!((wager.0, wager.1), deny("wager"));
    let raw = decide(&|it| it["normalize_path"] = false.into(), "/api/./bets");
    assert_ne!(raw.1, "wager", "the plugin sees the raw path");
    let redirected = decide(&keep, "/api%2fbets");
    assert_eq!((redirected.0.as_str(), redirected.2), ("gateway", 307));
    let kept = |it: &mut Value| it["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED".into();
    assert_ne!(decide(&kept, "/api%2fbets").0, "gateway");
}

#[test]
fn errors_name_the_field() {
    emulate(&example(), &[]);
    let wasm_dir = std::path::absolute(artifact::wasm_dir()).unwrap();
    let run = |config: &str, traffic: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("g.yaml"), config).unwrap();
        std::fs::write(folder.path().join("t.har"), traffic).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pitboss"))
            .current_dir(folder.path())
            .args(["replay", "--via", "wasmtime", "--wasm-dir", wasm_dir.to_str().unwrap()])
            .args(["--gateway-config", "g.yaml", "--traffic", "t.har"])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let example = workspace_root().join("envoy-examples/geo-jurisdiction.yaml");
    let example = std::fs::read_to_string(example).unwrap();
    let refused = example.replacen("brands:", "brandz:", 1);
    let refused = refused.replacen("\"brands\"", "\"brandz\"", 1);
    for (config, traffic, wanted) in [
        ("a: [", "{}", "error: g.yaml: not YAML: line 1"),
        ("static_resources: {}", "{}", "error: g.yaml: static_resources: `listeners` is missing"),
        (&example, "{}", "error: t.har: log: is missing"),
        (
            &example,
            r#"{"log": {"version": "1.2", "entries": [{}]}}"#,
            "error: t.har: nothing to replay: 1 entries, all skipped; most often (1): request",
        ),
        (
            &example,
            r#"{"log": {"version": "1.2", "entries": []}}"#,
            "error: t.har: nothing to replay: no entries\n",
        ),
        (
            &example,
            r#"{"log": {"version": "1.2", "entries":
                [{"request": {"method": "GET", "url": "ws://h.example/"}}]}}"#,
            "error: t.har: nothing to replay: 1 entries, all skipped; most often (1): a WebSocket\n",
        ),
        (
            &refused,
            r#"{"log": {"version": "1.2", "entries":
                [{"request": {"method": "GET", "url": "http://h.example/"}}]}}"#,
            "error: g.yaml: plugin geo-jurisdiction did not start: ",
        ),
    ] {
        let (code, said) = run(config, traffic);
        assert!(said.starts_with(wanted), "{said}");
        assert!(said.matches("did not start").count() <= 1, "told twice: {said}");
        assert_eq!(code, Some(2), "{said}");
    }
}

/// Unavailable inputs are reported.
#[test]
fn invalid_arguments_are_refused() {
    emulate(&example(), &[]);
    for (args, named, wanted) in [
        (
            &["--via", "wasmtime", "--json", "-", "--junit", "-"][..],
            "",
            "error: --json and --junit",
        ),
        (
            &["--via", "wasmtime", "--golden", "no.golden"],
            "",
            "error: no.golden: is missing; UPDATE",
        ),
        (&["--via", "both"], "no/envoy", "error: PITBOSS_ENVOY names no file: no/envoy"),
        (&["--header", "a: b\nc: d"], "", "error: invalid value"),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pitboss"))
            .current_dir(workspace_root())
            .args(["replay", "--gateway-config", "envoy-examples/geo-jurisdiction.yaml"])
            .args(["--traffic", "host-tests/recordings/first-light.har"])
            .args(args)
            .env("PITBOSS_ENVOY", named)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with(wanted), "{args:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    }
}

#[test]
fn reports_to_the_standard_output_stand_alone() {
    emulate(&example(), &[]);
    for (format, start) in [("--junit", "<?xml "), ("--json", "{")] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pitboss"))
            .current_dir(workspace_root())
            .args(["replay", "--via", "wasmtime", format, "-"])
            .args(["--gateway-config", "envoy-examples/geo-jurisdiction.yaml"])
            .args(["--traffic", "host-tests/recordings/first-light.har"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with(start) && said.ends_with(['}', '>', '\n']), "{said}");
        assert!(!said.contains("replayed 68"), "{said}");
    }
}

/// A changed decision ends in exit code 1 and shows the line; `UPDATE_GOLDEN=1` writes it.
#[test]
fn runs_are_compared_with_the_golden_file() {
    emulate(&example(), &[]);
    let root = workspace_root();
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("x.golden");
    let right = std::fs::read_to_string(
        root.join("host-tests/recordings/first-light.geo-jurisdiction.golden"),
    )
    .unwrap();
    std::fs::write(&golden, right.replacen("deny ", "allow", 1)).unwrap();
    let run = |update: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pitboss"))
            .current_dir(&root)
            .args(["replay", "--via", "wasmtime", "--golden", golden.to_str().unwrap()])
            .args(["--gateway-config", "envoy-examples/geo-jurisdiction.yaml"])
            .args(["--traffic", "host-tests/recordings/first-light.har"])
            .env("UPDATE_GOLDEN", update)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = run("");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("\ngolden ") && said.contains("\nnow    "), "{said}");
    let (code, said) = run("1");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(std::fs::read_to_string(&golden).unwrap(), right);
    assert_eq!(run("").0, Some(0));
}

/// Without an Envoy `both` is an error, unless wasmtime may run alone; under CI it may not.
#[test]
fn a_missing_envoy_is_reported_and_under_ci_an_error() {
    emulate(&example(), &[]);
    let root = workspace_root();
    let wasm_dir = std::path::absolute(artifact::wasm_dir()).unwrap();
    // A workspace without an Envoy.
    let bare = tempfile::tempdir().unwrap();
    std::fs::write(bare.path().join("Cargo.lock"), "").unwrap();
    let alone = "--allow-missing-envoy";
    for (args, ci, wanted, line) in [
        (&["both", alone][..], false, 0, "no Envoy here: "),
        (&["both", alone], true, 2, ""),
        (&["both"], false, 2, ""),
        (&["envoy"], false, 2, ""),
        (&["envoy", alone], false, 2, ""),
        (&["wasmtime"], true, 0, ""),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pitboss"));
        command
            .current_dir(bare.path())
            .args(["replay", "--via"])
            .args(args)
            .arg("--gateway-config")
            .arg(root.join("envoy-examples/geo-jurisdiction.yaml"))
            .arg("--traffic")
            .arg(root.join("host-tests/recordings/first-light.har"))
            .arg("--wasm-dir")
            .arg(&wasm_dir)
            .env_remove("PITBOSS_ENVOY")
            .env_remove("CI");
        if ci {
            command.env("CI", "true");
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(wanted), "{args:?}, CI {ci}: {said}");
        let error = String::from_utf8(output.stderr).unwrap();
        let remedy = error.contains("; --allow-missing-envoy runs wasmtime alone");
        assert_eq!(remedy, args == ["both"], "{error}");
        assert!(said.starts_with(line), "{said}");
        assert_eq!(said.ends_with(" requests\n"), wanted == 0, "{said}");
    }
}

/// The program ends quietly when the output is closed, and reports are complete.
#[test]
fn a_closed_output_is_not_a_panic() {
    emulate(&example(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let root = workspace_root();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_pitboss"))
        .current_dir(&root)
        .args(["replay", "--via", "wasmtime", "--gateway-config"])
        .arg(root.join("envoy-examples/geo-jurisdiction.yaml"))
        .arg("--traffic")
        .arg(root.join("host-tests/recordings/first-light.har"))
        .arg("--wasm-dir")
        .arg(std::path::absolute(artifact::wasm_dir()).unwrap())
        .arg("--json")
        .arg(&report)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(141), "{said}");
    assert!(!said.contains("panicked") && !said.contains("error"), "{said}");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(report["replayed"], 68);
}
