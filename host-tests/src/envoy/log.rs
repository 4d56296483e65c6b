//! The access log of a run: one JSON line for each request.
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One line of the access log.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct LogLine {
    /// The number from the replay header; none when the gateway refused the request's head.
    pub id: Option<String>,
    /// Start by Envoy's wall clock, in seconds since the Unix epoch.
    pub started: Option<String>,
    /// The request id that Envoy gave.
    pub request_id: Option<String>,
    /// The response code.
    pub code: Option<u16>,
    /// The response code details.
    pub details: Option<String>,
    /// The response flags.
    pub flags: Option<String>,
    /// The client's address as filters see it.
    pub source: Option<String>,
    /// Filter state entries by name; `null` where a filter wrote none.
    #[serde(flatten)]
    pub facts: BTreeMap<String, Value>,
}

impl LogLine {
    /// A filter state entry.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.get(name).and_then(Value::as_str)
    }
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("access log, line {line}: {problem}")]
pub struct LogError {
    line: usize,
    problem: serde_json::Error,
}

/// All whole lines of the log.
pub fn parse(text: &str) -> Result<Vec<LogLine>, LogError> {
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    whole
        .lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|problem| LogError { line: index + 1, problem })
        })
        .collect()
}

/// Assigns a line to each request: by the number in the replay header, or in order if the gateway refused
/// the head before it read the header.
pub fn assign(lines: Vec<LogLine>, numbers: &[usize]) -> BTreeMap<usize, LogLine> {
    let (marked, bare): (Vec<LogLine>, Vec<LogLine>) =
        lines.into_iter().partition(|line| number(line).is_some());
    let mut out: BTreeMap<usize, LogLine> =
        marked.into_iter().filter_map(|line| Some((number(&line)?, line))).collect();
    let left: Vec<usize> = numbers.iter().copied().filter(|it| !out.contains_key(it)).collect();
    out.extend(left.into_iter().zip(bare));
    out
}

fn number(line: &LogLine) -> Option<usize> {
    line.id.as_ref().and_then(|id| id.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmarked_lines_are_assigned_in_order() {
        let text = concat!(
            r#"{"id":"1","code":200,"details":"via_upstream","pitboss.class":"wager"}"#,
            "\n",
            r#"{"id":null,"code":400,"details":"http1.codec_error"}"#,
            "\n",
            r#"{"id":"4","code":200}"#,
            "\n",
            r#"{"id":null,"code":400,"details":"http.invalid_authority"}"#,
            "\n",
            r#"{"id":"5","co"#
        );
        let lines = assign(parse(text).unwrap(), &[1, 2, 3, 4, 5]);
        let details = |n: usize| lines.get(&n).and_then(|it| it.details.clone());
        assert_eq!(details(2).unwrap(), "http1.codec_error");
        assert_eq!(details(3).unwrap(), "http.invalid_authority");
        assert_eq!(lines[&1].fact("pitboss.class"), Some("wager"));
        assert!(!lines.contains_key(&5), "half a line is no line yet");
        assert_eq!(
            parse("x\n").unwrap_err().to_string().split(':').next(),
            Some("access log, line 1")
        );
    }
}
