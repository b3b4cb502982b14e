//! The report as JSON. Its shape is an interface: fields can be added, but never changed.

use serde::Serialize;

use crate::access::{CheckResult, Report, Skip, Status};

#[derive(Serialize)]
struct Document<'a> {
    /// Whether no check failed and the run is complete.
    ok: bool,
    /// Whether every check that applies has run.
    complete: bool,
    /// Why the run is not complete. `None` if it is complete.
    reason: Option<String>,
    summary: Summary,
    checks: Vec<Check<'a>>,
    kubernetes_user: Option<&'a str>,
    oidc_subject: Option<&'a str>,
    session_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    passed: usize,
    failed: usize,
    warned: usize,
    skipped: usize,
}

#[derive(Serialize)]
struct Check<'a> {
    id: &'static str,
    status: &'static str,
    /// The kind of skip, if the check was skipped.
    skip: Option<&'static str>,
    title: &'static str,
    category: &'static str,
    message: &'a str,
    expected: Option<&'a str>,
    found: Option<&'a str>,
    fix: Option<String>,
    docs: String,
}

/// Returns every check, and the names that the runner has.
pub(super) fn render(report: &Report) -> String {
    let count = |status| report.with_status(status).count();
    let document = Document {
        ok: report.is_ok(),
        complete: report.is_complete(),
        reason: report.incomplete_reason(),
        summary: Summary {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            warned: count(Status::Warned),
            skipped: count(Status::Skipped),
        },
        checks: report.checks.iter().map(check).collect(),
        kubernetes_user: report.kubernetes_user.as_deref(),
        oidc_subject: report.oidc_subject.as_deref(),
        session_name: report.session_name.as_deref(),
    };
    pretty(&document)
}

fn check(CheckResult { id, outcome }: &CheckResult) -> Check<'_> {
    Check {
        id: id.as_str(),
        status: outcome.status.as_str(),
        skip: outcome.skip.as_ref().map(Skip::as_str),
        title: id.title(),
        category: id.category().title(),
        message: &outcome.message,
        expected: outcome.expected(),
        found: outcome.found(),
        fix: outcome.fix_text(),
        docs: id.docs(),
    }
}

/// Returns a document as indented JSON.
pub(super) fn pretty(document: &impl Serialize) -> String {
    // Serializing fails only for maps whose keys are not strings, and the documents have none.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
