//! The report as SARIF 2.1.0, for code scanning. A result is at the line of the runner's file that the check is about.
//!
//! The properties are those of the [specification](https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Checked;
use crate::access::{CheckId, CheckResult, Known, Outcome, Skip, Status};
use crate::cli::json::pretty;

/// What a path in a relative URI reference cannot contain as it is (RFC 3986, section 3.3). A colon in the first
/// segment would end a scheme.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns one run. Each check is a rule, each failure an error, and each warning a warning. The checks that could not
/// run are notifications of the run.
pub(super) fn render(checked: &Checked) -> String {
    let report = &checked.report;
    let found = report.checks.iter().filter_map(|result| {
        let level = match result.outcome.status {
            Status::Failed => "error",
            Status::Warned => "warning",
            Status::Passed | Status::Skipped => return None,
        };
        Some(one(result, level, checked))
    });
    let skipped = report.with_status(Status::Skipped);
    let incomplete = skipped.filter(|result| {
        let is_incomplete = matches!(result.outcome.skip, Some(Skip::Incomplete(_)));
        is_incomplete && !result.id.only_warns()
    });
    let notifications = incomplete.map(|result| {
        json!({
            "level": "warning",
            "message": {"text": result.outcome.message},
            "associatedRule": {"id": result.id.as_str(), "index": index(result.id)},
        })
    });
    let rules: Vec<Value> = CheckId::ALL.into_iter().map(rule).collect();
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "eks-runner",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": report.is_complete(),
                "exitCode": checked.exit as u8,
                "startTimeUtc": checked.started.time(),
                "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
            }],
            "results": found.collect::<Vec<_>>(),
        }],
    }))
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
    let CheckResult { id, outcome } = result;
    let subject = &checked.source.subject;
    let known = |value: &Known<String>| value.get().cloned().unwrap_or_default();
    let runner = format!("{}/{}", known(&subject.org), known(&subject.runner_id));
    let mut location = json!({
        "logicalLocations": [{"fullyQualifiedName": runner, "kind": "resource"}],
    });
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
        "partialFingerprints": {"runnerAndCheck/v1": format!("{runner}/{id}")},
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

/// Returns the URI of a path: relative to the directory in which the command runs, or absolute.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let encoded = utf8_percent_encode(path.trim_start_matches("./"), PATH).to_string();
    if encoded.starts_with('/') {
        format!("file://{encoded}")
    } else {
        encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("./a b/c.yaml"), "a%20b/c.yaml");
        assert_eq!(uri("/a/é:c.yaml"), "file:///a/%C3%A9%3Ac.yaml");
    }
}
