//! The run as JUnit XML: one test case for each request, and one for the golden decisions.
use super::run::Run;
use crate::golden::Golden;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// The run as JUnit XML; `name` is the recording's.
pub fn junit(run: &Run<'_>, name: &str) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(name);
    for (index, (request, outcome)) in run.requests.iter().zip(run.outcomes).enumerate() {
        let (method, target) = (request.method.escape_ascii(), request.shown_target());
        let status = status(run, index, request.number);
        let mut case = TestCase::new(format!("{:03} {method} {target}", request.number), status);
        case.set_classname(outcome.class.as_str());
        case.set_system_out(outcome.line(request));
        suite.add_test_case(case);
    }
    for skipped in run.skipped {
        let mut status = TestCaseStatus::skipped();
        status.set_message(&*skipped.reason);
        suite.add_test_case(TestCase::new(format!("{:03}", skipped.entry), status));
    }
    match run.golden {
        None => {}
        Some(Golden::Differs { diff }) => {
            let mut status = failure("golden", "differs from the golden decisions");
            status.set_description(diff.as_str());
            suite.add_test_case(TestCase::new("golden decisions", status));
        }
        Some(Golden::Same | Golden::Updated) => {
            suite.add_test_case(TestCase::new("golden decisions", TestCaseStatus::success()));
        }
    }
    let mut report = Report::new("pitboss replay");
    report.add_test_suite(suite);
    report.to_string()
}

fn status(run: &Run<'_>, index: usize, number: usize) -> TestCaseStatus {
    let differences = run.differences(index);
    if !differences.is_empty() {
        let mut status = failure("envoy", "wasmtime and Envoy differ");
        status.set_description(differences.join("\n"));
        return status;
    }
    let changes = run.what_if.filter(|_| run.fail_on_change).map(|it| it.changes.as_slice());
    match changes.unwrap_or_default().iter().find(|it| it.number == number) {
        None => TestCaseStatus::success(),
        Some(change) => failure("policy", &format!("{} -> {}", change.now, change.then)),
    }
}

fn failure(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(message);
    status
}
