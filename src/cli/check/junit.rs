//! The report as JUnit XML, for the test reports of CI systems.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Checked, Counts};
use crate::access::{CheckResult, Known};

/// Returns the runner as one test suite, with a test for each check. The failures and errors are those that cause the
/// exit codes 3 and 4. JUnit has no warnings: the text of a warning is the output of a test that passed.
///
/// # Errors
/// If the report cannot be written as XML.
pub(super) fn render(checked: &Checked) -> Result<String, quick_junit::SerializeError> {
    let subject = &checked.source.subject;
    let known = |value: &Known<String>| value.get().cloned().unwrap_or_default();
    let [org, runner] = [&subject.org, &subject.runner_id].map(known);
    let mut suite = TestSuite::new(format!("{org}/{runner}"));
    suite
        .extra
        .insert("timestamp".into(), checked.started.time().into());
    suite.set_time(checked.duration);
    let [cluster, region] = [&subject.cluster, &subject.region].map(known);
    suite.add_properties([
        ("version", env!("CARGO_PKG_VERSION")),
        ("org", &org),
        ("runner", &runner),
        ("cluster", &cluster),
        ("region", &region),
    ]);
    for result in &checked.report.checks {
        suite.add_test_case(case(result, checked));
    }
    let mut report = Report::new("eks-runner");
    report.set_time(checked.duration);
    report.add_test_suite(suite);
    report.to_string()
}

fn case(result: &CheckResult, checked: &Checked) -> TestCase {
    let CheckResult { id, outcome } = result;
    let mut status = match checked.counts(result) {
        Counts::Failure => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Counts::Incomplete => TestCaseStatus::non_success(NonSuccessKind::Error),
        Counts::Skipped => TestCaseStatus::skipped(),
        Counts::Nothing => TestCaseStatus::success(),
    };
    let is_success = matches!(status, TestCaseStatus::Success { .. });
    if !is_success {
        status.set_message(&outcome.message);
        let kind = outcome.skip.as_ref().map(|skip| skip.as_str());
        status.set_type(kind.unwrap_or(outcome.status.as_str()));
        if outcome.skip.is_none() {
            status.set_description(details(result));
        }
    }
    let mut case = TestCase::new(id.as_str(), status);
    case.set_classname(id.category().title());
    if let Some(duration) = checked.durations.get(id) {
        case.set_time(*duration);
    }
    if is_success {
        case.set_system_out(details(result));
    }
    case
}

/// Returns the message, what was expected and found, where to read about the check, and the fix.
fn details(CheckResult { id, outcome }: &CheckResult) -> String {
    let mut text = outcome.message.clone();
    for (label, value) in [("expected", outcome.expected()), ("found", outcome.found())] {
        if let Some(value) = value {
            let _ = write!(text, "\n{label}: {}", value.trim_end());
        }
    }
    if let Some(fix) = outcome.fix_text() {
        let _ = write!(text, "\nfix:\n\n{}\n", fix.trim_end());
    }
    if !outcome.is_good() || outcome.remedy.is_some() {
        let _ = write!(text, "\nsee: eks-runner explain {id}");
    }
    text
}
