//! The reports against the published schemas of their formats.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use jsonschema::Validator;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus, TestSuite};
use serde_json::Value;

/// The schema of the OASIS committee, with its formats, such as `uri-reference` and `date-time`.
static SARIF: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(include_str!("schemas/sarif-2.1.0.json")).expect("JSON");
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).expect("a schema")
});

/// Returns a SARIF log, which must match the schema of SARIF 2.1.0.
#[track_caller]
pub(crate) fn sarif(text: &str) -> Value {
    let log: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let errors: Vec<String> = SARIF
        .iter_errors(&log)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    log
}

/// A validator of XML Schema, in Python.
const VALIDATE: &str = "\
import sys, xmlschema
for error in xmlschema.XMLSchema(sys.argv[1]).iter_errors(sys.stdin.read()):
    print(f'{error.path}: {error.reason}')
";

/// Returns what is wrong with a JUnit report by the schema of Jenkins.
fn errors_in_junit(text: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Command::new(root.join("tools/build")).arg("xmlschema").output();
    let built = built.expect("tools/build starts").stdout;
    let environment = PathBuf::from(String::from_utf8_lossy(&built).trim());
    let mut python = Command::new(environment.join("bin/python"))
        .args(["-c", VALIDATE])
        .arg(root.join("tests/cli/schemas/junit-10.xsd"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = python.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("Python reads");
    drop(stdin);
    let output = python.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "see standard error");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns a JUnit report, which must match the schema of Jenkins. What the schema does not say must hold as well: names
/// that are unique, times, and counts that are those of the tests.
#[track_caller]
pub(crate) fn junit(text: &str) -> Report {
    assert_eq!(errors_in_junit(text), "", "{text}");
    let report = Report::deserialize_from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let sum = |count: fn(&TestSuite) -> usize| report.test_suites.iter().map(count).sum::<usize>();
    assert_eq!(report.tests, sum(|suite| suite.tests), "{text}");
    assert_eq!(report.failures, sum(|suite| suite.failures), "{text}");
    assert_eq!(report.errors, sum(|suite| suite.errors), "{text}");
    let names: BTreeSet<&str> = report.test_suites.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names.len(), report.test_suites.len(), "{text}");
    for suite in &report.test_suites {
        assert!(suite.timestamp.is_some(), "{text}");
        let count = |is: fn(&TestCaseStatus) -> bool| {
            let cases = suite.test_cases.iter();
            cases.filter(|case| is(&case.status)).count()
        };
        let with = |expected: NonSuccessKind| {
            let cases = suite.test_cases.iter();
            let kinds = cases.filter_map(|case| match &case.status {
                TestCaseStatus::NonSuccess { kind, .. } => Some(*kind),
                _ => None,
            });
            kinds.filter(|kind| *kind == expected).count()
        };
        assert_eq!(suite.tests, suite.test_cases.len(), "{text}");
        assert_eq!(suite.failures, with(NonSuccessKind::Failure), "{text}");
        assert_eq!(suite.errors, with(NonSuccessKind::Error), "{text}");
        let is_skipped = |status: &TestCaseStatus| matches!(status, TestCaseStatus::Skipped { .. });
        assert_eq!(suite.skipped, count(is_skipped), "{text}");
        let cases: BTreeSet<&str> = suite.test_cases.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(cases.len(), suite.tests, "{text}");
        assert!(suite.test_cases.iter().all(|case| case.classname.is_some()), "{text}");
    }
    report
}
