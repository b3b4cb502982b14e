//! The report as JSON.

use serde::Serialize;

use super::Checked;
use crate::access::{CheckResult, Skip, Status};
use crate::cli::json::{About, Envelope, milliseconds, pretty};

#[derive(Serialize)]
struct Document<'a> {
    /// `ok`: whether no check failed and the run is complete.
    #[serde(flatten)]
    envelope: Envelope<'a>,
    #[serde(flatten)]
    about: About<'a>,
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
    /// How long the check took. `None` if its result was known without running it.
    duration_ms: Option<u64>,
}

/// Returns every check, and the names that the runner has.
pub(super) fn render(checked: &Checked) -> String {
    let report = &checked.report;
    let count = |status| report.with_status(status).count();
    let document = Document {
        envelope: Envelope::new("check", checked.started, report.is_ok()),
        about: About::from(&checked.source.subject),
        complete: report.is_complete(),
        reason: report.incomplete_reason(),
        summary: Summary {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            warned: count(Status::Warned),
            skipped: count(Status::Skipped),
        },
        checks: report
            .checks
            .iter()
            .map(|result| check(result, checked))
            .collect(),
        kubernetes_user: report.kubernetes_user.as_deref(),
        oidc_subject: report.oidc_subject.as_deref(),
        session_name: report.session_name.as_deref(),
    };
    pretty(&document)
}

fn check<'a>(CheckResult { id, outcome }: &'a CheckResult, checked: &Checked) -> Check<'a> {
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
        duration_ms: checked.durations.get(id).copied().map(milliseconds),
    }
}
