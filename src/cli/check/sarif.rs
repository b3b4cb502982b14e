//! The report as SARIF 2.1.0, for code scanning. A result is at the line of the runner's file that the check is about.
//!
//! The properties are those of the [specification](https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Checked, ReportFormat, Results};
use crate::access::{CheckId, CheckResult, Outcome, Status};
use crate::cli::file::STANDARD_INPUT;
use crate::cli::json::{Failure, pretty};
use crate::cli::source::{LeftOut, Unread};
use crate::cli::started::Started;

/// What a path in a relative URI reference cannot contain as it is (RFC 3986, section 3.3). A colon in the first
/// segment would end a scheme.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The rule of problems with a runner's file.
const FILE_RULE: &str = "runner-file";

pub(super) static FORMAT: ReportFormat = ReportFormat {
    render: |results, _| Ok(render(results)),
    failure: |reason, _, started| Some(failure(reason, started)),
};

/// Returns one run for all runners. Each check is a rule, each failure an error, and each warning a warning. The checks
/// that could not run, and the runners that were not checked, are notifications of the run.
fn render(results: &Results) -> String {
    let found = results.checked.iter().flat_map(found);
    let incomplete = results.checked.iter().flat_map(notifications);
    let unread = results.unread.iter().map(|unread| {
        let Unread { org, id, .. } = unread;
        let text = format!("Runner {id:?} could not be checked: {}", unread.reason());
        notification("error", &text, &location_of(org, id))
    });
    let left_out = results.left_out.iter().map(|LeftOut { org, id, reason }| {
        let text = format!("Runner {id:?} is left out: {reason}.");
        notification("note", &text, &location_of(org, id))
    });
    log(
        CheckId::ALL.into_iter().map(rule).collect(),
        &json!({
            "executionSuccessful": results.are_complete(),
            "exitCode": results.exit() as u8,
            "startTimeUtc": results.started.time(),
            "toolExecutionNotifications":
                incomplete.chain(unread).chain(left_out).collect::<Vec<_>>(),
        }),
        found.collect(),
    )
}

/// Returns why there is no result. A problem with a file is a result at its line, or at the first one if it is about the
/// whole file: code scanning shows no result without a line, and no notification. Everything else is a notification, such
/// as a problem with standard input, which is not a file of the repository.
fn failure(failure: &Failure<'_>, started: Started) -> String {
    let (of_input, of_files): (Vec<_>, Vec<_>) = failure
        .problems
        .iter()
        .partition(|problem| problem.file == STANDARD_INPUT);
    let results: Vec<Value> = of_files
        .into_iter()
        .map(|problem| {
            let text = match problem.path {
                "" => problem.message.clone(),
                path => format!("{path}: {}", problem.message),
            };
            json!({
                "ruleId": FILE_RULE,
                "ruleIndex": 0,
                "level": "error",
                "message": {"text": text},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": uri(problem.file)},
                    "region": {
                        "startLine": problem.line.unwrap_or(1),
                        "startColumn": problem.column.unwrap_or(1),
                    },
                }}],
            })
        })
        .collect();
    let notification = |text: &str| json!({"level": "error", "message": {"text": text}});
    let notifications: Vec<Value> = if results.is_empty() {
        vec![notification(&failure.message)]
    } else {
        let of_input = of_input.into_iter();
        let texts = of_input.map(|problem| format!("{}: {}", problem.place, problem.message));
        texts.map(|text| notification(&text)).collect()
    };
    let rule = json!({
        "id": FILE_RULE,
        "shortDescription": {"text": "The file describes a runner"},
        "help": {"text": "`eks-runner schema` prints the JSON Schema of the file."},
    });
    log(
        vec![rule],
        &json!({
            "executionSuccessful": false,
            "exitCode": failure.exit_code,
            "startTimeUtc": started.time(),
            "toolExecutionNotifications": notifications,
        }),
        results,
    )
}

/// Returns a log with one run.
fn log(rules: Vec<Value>, invocation: &Value, results: Vec<Value>) -> String {
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "eks-runner",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [invocation],
            "results": results,
        }],
    }))
}

/// Returns the failures and the warnings of a runner.
fn found(checked: &Checked) -> impl Iterator<Item = Value> {
    checked.report.checks.iter().filter_map(|result| {
        let level = match result.outcome.status {
            Status::Failed => "error",
            Status::Warned => "warning",
            Status::Passed | Status::Skipped => return None,
        };
        Some(one(result, level, checked))
    })
}

/// Returns the checks of a runner that could not run.
fn notifications(checked: &Checked) -> impl Iterator<Item = Value> {
    let skipped = checked.report.with_status(Status::Skipped);
    let unchecked = skipped.filter(|result| result.is_unchecked());
    unchecked.map(|result| {
        let location = location_of(checked.org(), checked.id());
        let mut notification = notification("warning", &result.outcome.message, &location);
        notification["associatedRule"] = json!({"id": result.id.as_str(), "index": index(result.id)});
        notification
    })
}

fn notification(level: &str, text: &str, location: &Value) -> Value {
    json!({"level": level, "message": {"text": text}, "locations": [location]})
}

/// Returns the location of a runner, which is none in a file.
fn location_of(org: &str, runner: &str) -> Value {
    json!({
        "logicalLocations": [{"fullyQualifiedName": format!("{org}/{runner}"), "kind": "resource"}],
    })
}

fn rule(id: CheckId) -> Value {
    json!({
        "id": id.as_str(),
        "shortDescription": {"text": id.title()},
        "help": {"text": format!("`eks-runner explain {id}` explains this check.")},
        "helpUri": id.docs(),
        "properties": {"category": id.category().title()},
    })
}

/// Returns the position of a check's rule.
fn index(id: CheckId) -> Option<usize> {
    CheckId::ALL.iter().position(|other| *other == id)
}

fn one(result: &CheckResult, level: &str, checked: &Checked) -> Value {
    let CheckResult { id, outcome, .. } = result;
    let (org, runner) = (checked.org(), checked.id());
    let mut location = location_of(org, runner);
    let file = checked.source.file.as_ref();
    if let Some((path, root)) = file.and_then(|file| Some((file.path.as_ref()?, &file.root))) {
        let at = root.locate(&id.attribute().join("."));
        location["physicalLocation"] = json!({
            "artifactLocation": {"uri": uri(&path.to_string_lossy())},
            "region": {"startLine": at.line, "startColumn": at.column},
        });
    }
    json!({
        "ruleId": id.as_str(),
        "ruleIndex": index(*id),
        "level": level,
        "message": {"text": message(outcome)},
        "locations": [location],
        // The same finding of the same runner is one alert, wherever it is in the file.
        "partialFingerprints": {"runnerAndCheck/v1": format!("{org}/{runner}/{id}")},
    })
}

/// Returns the message with what was expected and found, and the fix.
fn message(outcome: &Outcome) -> String {
    let mut text = outcome.message.clone();
    for (label, value) in [("Expected", outcome.expected()), ("Found", outcome.found())] {
        text.extend(value.map(|value| format!("\n{label}: {}", value.trim_end())));
    }
    let fix = outcome.fix_text();
    text.extend(fix.map(|fix| format!("\n\nTo fix it:\n\n{}", fix.trim_end())));
    text
}

/// Returns the URI of a path of this system.
fn uri(path: &str) -> String {
    uri_on(cfg!(windows), path)
}

/// Returns the URI of a path: relative to the directory in which the command runs, or absolute. Only Windows separates
/// directories by backslashes, and has drives (RFC 8089, appendix E.2) and network shares (appendix E.3.1).
fn uri_on(is_windows: bool, path: &str) -> String {
    let encode = |path: &str| utf8_percent_encode(path, PATH).to_string();
    let path = if is_windows {
        path.replace('\\', "/")
    } else {
        path.to_owned()
    };
    match path.split_once(':') {
        Some((drive, rest)) if is_windows && drive.len() == 1 && rest.starts_with('/') => {
            format!("file:///{drive}:{}", encode(rest))
        }
        _ if is_windows && path.starts_with("//") => format!("file:{}", encode(&path)),
        _ if path.starts_with('/') => format!("file://{}", encode(&path)),
        _ => encode(path.trim_start_matches("./")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (is_windows, path, uri) in [
            (false, "./a b/c.yaml", "a%20b/c.yaml"),
            (false, "/a/é:c.yaml", "file:///a/%C3%A9%3Ac.yaml"),
            // A backslash is a character of the name.
            (false, "a\\b.yaml", "a%5Cb.yaml"),
            (false, "C:/b.yaml", "C%3A/b.yaml"),
            (true, ".\\a b\\c.yaml", "a%20b/c.yaml"),
            (true, "C:\\a\\b.yaml", "file:///C:/a/b.yaml"),
            (true, "\\\\server\\a\\b.yaml", "file://server/a/b.yaml"),
        ] {
            assert_eq!(uri_on(is_windows, path), uri, "{path}");
        }
    }
}
