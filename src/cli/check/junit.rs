//! The report as JUnit XML, for the test reports of CI systems.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::checked::Counts;
use super::{Checked, ReportFormat, Results};
use crate::access::CheckResult;
use crate::cli::error::Error;
use crate::cli::json::Failure;
use crate::cli::source::LeftOut;
use crate::cli::started::Started;

pub(super) static FORMAT: ReportFormat = ReportFormat {
    render: |results, _| render(results).map_err(Error::Junit),
    failure: |reason, _, started| failure(reason, started).ok(),
};

/// Returns each runner as a test suite, with a test for each check. The failures and errors are those that cause the exit
/// codes 3 and 4. JUnit has no warnings: the text of a warning is the output of a test that passed. A runner without
/// checks has one test, which is an error if the runner could not be read, and is skipped if the runner is left out.
///
/// # Errors
/// If the report cannot be written as XML.
fn render(results: &Results) -> Result<String, quick_junit::SerializeError> {
    let time = results.started.time();
    let mut report = Report::new("eks-runner");
    report.set_time(results.duration);
    for checked in &results.checked {
        let mut suite = suite(checked, &time);
        if !results.are_several {
            suite.set_time(results.duration);
        }
        report.add_test_suite(suite);
    }
    for unread in &results.unread {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(unread.reason());
        report.add_test_suite(without_checks(&unread.org, &unread.id, status, &time));
    }
    for LeftOut { org, id, reason } in &results.left_out {
        let mut status = TestCaseStatus::skipped();
        status.set_message(reason.as_str());
        report.add_test_suite(without_checks(org, id, status, &time));
    }
    write(&report)
}

/// Returns why there is no result: a test suite for each file, with an error for each of its problems, or one suite for an
/// error that is about no file.
///
/// # Errors
/// If the report cannot be written as XML.
fn failure(failure: &Failure<'_>, started: Started) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("eks-runner");
    report.set_time(started.elapsed());
    let error = |name: String, message: &str| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(message).set_type("error");
        let mut case = TestCase::new(name, status);
        case.set_classname("Input");
        case
    };
    let mut add = |name: &str, cases: Vec<TestCase>| {
        let mut suite = TestSuite::new(name);
        suite.extra.insert("timestamp".into(), started.time().into());
        suite.add_test_cases(cases);
        report.add_test_suite(suite);
    };
    for of_file in failure.problems.chunk_by(|one, next| one.file == next.file) {
        let cases = of_file
            .iter()
            .map(|problem| error(problem.place.clone(), &problem.message));
        add(of_file[0].file, cases.collect());
    }
    if failure.problems.is_empty() {
        let case = error("eks-runner".to_owned(), &failure.message);
        add("eks-runner", vec![case]);
    }
    write(&report)
}

/// Returns the XML. The published schema of JUnit reports allows no count of the skipped tests of all suites, which
/// quick-junit writes.
fn write(report: &Report) -> Result<String, quick_junit::SerializeError> {
    let skipped = format!(" skipped=\"{}\"", report.skipped);
    Ok(report.to_string()?.replacen(&skipped, "", 1))
}

fn suite(checked: &Checked, time: &str) -> TestSuite {
    let (org, runner) = (checked.org(), checked.id());
    let mut suite = TestSuite::new(format!("{org}/{runner}"));
    suite.extra.insert("timestamp".into(), time.into());
    suite.set_time(checked.durations.whole);
    suite.add_properties([
        ("version", env!("CARGO_PKG_VERSION")),
        ("org", org),
        ("runner", runner),
        ("cluster", checked.cluster()),
        ("region", checked.region()),
    ]);
    for result in &checked.report.checks {
        suite.add_test_case(case(result, checked));
    }
    suite
}

/// Returns the test suite of a runner that has no checks.
fn without_checks(org: &str, runner: &str, status: TestCaseStatus, time: &str) -> TestSuite {
    let mut suite = TestSuite::new(format!("{org}/{runner}"));
    suite.extra.insert("timestamp".into(), time.into());
    let mut case = TestCase::new("runner", status);
    case.set_classname("Orchestrator");
    suite.add_test_case(case);
    suite
}

fn case(result: &CheckResult, checked: &Checked) -> TestCase {
    let CheckResult { id, outcome, .. } = result;
    let mut status = match checked.policy.counts(result) {
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
    if let Some(duration) = checked.durations.checks.get(id) {
        case.set_time(*duration);
    }
    if is_success {
        case.set_system_out(details(result));
    }
    case
}

/// Returns the message, what was expected and found, where to read about the check, and the fix.
fn details(CheckResult { id, outcome, .. }: &CheckResult) -> String {
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
