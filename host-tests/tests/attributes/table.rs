//! The results by attribute and callback.
use crate::scenes::{attributes, scenes};
use std::collections::BTreeMap;

/// The callbacks, in the order of a line's letters.
const PHASES: [&str; 7] = [
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "log",
];

/// What is of the moment, the machine or the connection: only its kind is compared.
const OF_THE_MOMENT: &[&str] = &[
    "request/time",
    "request/id",
    "request/duration",
    "request/total_size",
    "response/total_size",
    "response/backend_latency",
    "connection/id",
    "connection_id",
    "upstream/local_address",
    "upstream/cx_pool_ready_duration",
];

/// Header fields that Envoy's router and connection manager add after the filters of a request and before
/// those of its answer, and whose values are of the moment.
const ADDED: &[&str] = &[
    "x-envoy-upstream-service-time",
    "x-envoy-expected-rq-timeout-ms",
    "x-request-id",
    "date",
    "server",
    "connection",
];

/// Answers by attribute, request and callback.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Table(BTreeMap<(String, String, String), String>);

impl Table {
    /// Reads the module's lines; of several callbacks of a kind the last counts.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut table = Self::default();
        for line in lines {
            let Some((_, line)) = line.split_once("attribute ") else { continue };
            let mut words = line.split_whitespace().map(str::to_owned);
            let mut word = || words.next().unwrap_or_default();
            let (phase, request, path, answer) = (word(), word(), word(), word());
            table.0.insert((path, request, phase), answer);
        }
        table
    }

    fn answer(&self, path: &str, request: &str, phase: &str) -> Option<&String> {
        self.0.get(&(path.to_owned(), request.to_owned(), phase.to_owned()))
    }

    /// One line for each attribute: its name, a letter for `configure` and `tick`, and for each request one
    /// for each callback.
    pub(crate) fn text(&self) -> String {
        let mut out = format!(
            "# One letter a callback: . none, t text, e empty text, n number, b boolean, m map, 0 empty map,\n\
             # x there but not to be had whole; a blank where the callback did not come.\n\
             # First configure and tick, then for each request {}.\n# Requests: {}\n",
            PHASES.join(", "),
            scenes().iter().map(|it| it.name).collect::<Vec<_>>().join(", "),
        );
        for attribute in attributes() {
            let path = attribute.replace(' ', "/");
            let letter = |request: &str, phase: &str| {
                self.answer(&path, request, phase).map_or(' ', |it| kind(it))
            };
            let mut line =
                format!("{path:<44} {}{}", letter("-", "configure"), letter("-", "tick"));
            for scene in scenes() {
                line.push('|');
                line.extend(PHASES.map(|phase| letter(scene.name, phase)));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// What differs from Envoy's table in value.
    pub(crate) fn differences(&self, envoys: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for (key, theirs) in &envoys.0 {
            let (path, request, phase) = key;
            let show = |answer: Option<&String>| answer.map(|it| value(path, request, it));
            let (ours, theirs) = (show(self.0.get(key)), show(Some(theirs)));
            if ours != theirs {
                out.push(format!("{path} {request} {phase}: {ours:?} but {theirs:?}"));
            }
        }
        out
    }
}

fn bytes(answer: &str) -> Vec<u8> {
    let digits = answer.as_bytes().chunks(2);
    digits.map(|it| u8::from_str_radix(std::str::from_utf8(it).unwrap(), 16).unwrap()).collect()
}

/// The letter of an answer.
fn kind(answer: &str) -> char {
    let Some(hex) = answer.strip_prefix('=') else {
        return if answer == "!1" { '.' } else { 'x' };
    };
    match bytes(hex).as_slice() {
        [] => 'e',
        [0, 0, 0, 0] => '0',
        [0 | 1] => 'b',
        text if text.iter().all(|byte| (0x20..0x7f).contains(byte)) => 't',
        [_, _, _, _, _, _, _, _] => 'n',
        _ => 'm',
    }
}

/// What of an answer is compared.
fn value(path: &str, request: &str, answer: &str) -> String {
    // Nothing listens at the address of this cluster; which one it is, is the test's choice.
    let unreachable = request == "dead" && ["upstream/address", "upstream/port"].contains(&path);
    let kind = kind(answer);
    match answer.strip_prefix('=') {
        _ if unreachable || OF_THE_MOMENT.contains(&path) => kind.to_string(),
        None => answer.to_owned(),
        Some(hex) if kind == 'm' => pairs(&bytes(hex)).join("\n"),
        Some(hex) => bytes(hex).escape_ascii().to_string(),
    }
}

/// The pairs of a map, sorted: their order is not said.
fn pairs(wire: &[u8]) -> Vec<String> {
    let number = |at: usize| -> usize {
        let bytes: [u8; 4] = wire[at..at + 4].try_into().unwrap();
        u32::from_le_bytes(bytes).try_into().unwrap()
    };
    let count = number(0);
    let mut at = 4 + count * 8;
    let mut out = Vec::new();
    for pair in 0..count {
        let mut text = |size: usize| {
            let text = wire[at..at + size].escape_ascii().to_string();
            at += size + 1;
            text
        };
        let (name, value) = (text(number(4 + pair * 8)), text(number(8 + pair * 8)));
        if !ADDED.contains(&name.as_str()) {
            out.push(format!("{name}: {value}"));
        }
    }
    out.sort();
    out
}
