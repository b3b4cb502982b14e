//! The report as JSON.

use serde::Serialize;

use super::{Checked, ReportFormat, Results};
use crate::access::{CheckResult, Skip, Status};
use crate::cli::json::{About, Envelope, Failure, milliseconds, pretty};
use crate::cli::source::{LeftOut, Unread};

/// The document of one runner.
#[derive(Serialize)]
struct ReportDocument<'a> {
    /// `ok`: whether no check failed and the run is complete.
    #[serde(flatten)]
    envelope: Envelope<'a>,
    #[serde(flatten)]
    result: RunnerResult<'a>,
}

/// The document of several runners.
#[derive(Serialize)]
struct Documents<'a> {
    /// `ok`: whether that of every runner is `true`.
    #[serde(flatten)]
    envelope: Envelope<'a>,
    /// Whether every runner was read and every check that applies has run.
    complete: bool,
    /// Why the run is not complete. `None` if it is complete.
    reason: Option<String>,
    /// The checks of all runners together.
    summary: Summary,
    runners: Vec<OneOfSeveral<'a>>,
    left_out: Vec<NotChecked<'a>>,
}

/// One runner of several.
#[derive(Serialize)]
struct OneOfSeveral<'a> {
    duration_ms: u64,
    ok: bool,
    /// Why there is no result.
    error: Option<Failure<'a>>,
    #[serde(flatten)]
    result: RunnerResult<'a>,
}

/// What one runner has, alone or as one of several.
#[derive(Serialize)]
struct RunnerResult<'a> {
    #[serde(flatten)]
    about: About<'a>,
    /// Whether every check that applies has run.
    complete: bool,
    /// Why the run is not complete. `None` if it is complete.
    reason: Option<String>,
    summary: Summary,
    checks: Vec<CheckDocument<'a>>,
    kubernetes_user: Option<&'a str>,
    oidc_subject: Option<&'a str>,
    session_name: Option<&'a str>,
}

/// A runner that is not checked on purpose.
#[derive(Serialize)]
struct NotChecked<'a> {
    org: &'a str,
    runner: &'a str,
    reason: &'a str,
}

#[derive(Default, Serialize)]
struct Summary {
    passed: usize,
    failed: usize,
    warned: usize,
    skipped: usize,
}

#[derive(Serialize)]
struct CheckDocument<'a> {
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

pub(super) static FORMAT: ReportFormat = ReportFormat {
    render: |results, _| Ok(render(results)),
    failure: |failure, command, started| Some(pretty(&Envelope::without_result(failure, command, started))),
};

/// Returns every check of each runner, and the names that the runner has.
fn render(results: &Results) -> String {
    let is_ok = |one: &Checked| one.report.is_ok();
    let all_are_ok = results.unread.is_empty() && results.checked.iter().all(is_ok);
    let envelope = Envelope::new("check", results.started, all_are_ok);
    if !results.are_several
        && let [checked] = results.checked.as_slice()
    {
        return pretty(&ReportDocument {
            envelope,
            result: RunnerResult::from(checked),
        });
    }
    let checked = results.checked.iter().map(OneOfSeveral::from);
    let unread = results.unread.iter().map(OneOfSeveral::from);
    pretty(&Documents {
        envelope,
        complete: results.are_complete(),
        reason: results.incomplete_reason(),
        summary: Summary::new(|status| results.count(status)),
        runners: checked.chain(unread).collect(),
        left_out: results.left_out.iter().map(NotChecked::from).collect(),
    })
}

impl Summary {
    fn new(count: impl Fn(Status) -> usize) -> Self {
        Self {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            warned: count(Status::Warned),
            skipped: count(Status::Skipped),
        }
    }
}

impl<'a> From<&'a Checked> for RunnerResult<'a> {
    fn from(checked: &'a Checked) -> Self {
        let report = &checked.report;
        let checks = report.checks.iter().map(|result| check(result, checked));
        Self {
            about: About::from(checked.subject()),
            complete: report.is_complete(),
            reason: report.incomplete_reason(),
            summary: Summary::new(|status| checked.count(status)),
            checks: checks.collect(),
            kubernetes_user: report.kubernetes_user.as_deref(),
            oidc_subject: report.oidc_subject.as_deref(),
            session_name: report.session_name.as_deref(),
        }
    }
}

impl<'a> From<&'a Checked> for OneOfSeveral<'a> {
    fn from(checked: &'a Checked) -> Self {
        Self {
            duration_ms: milliseconds(checked.durations.whole),
            ok: checked.report.is_ok(),
            error: None,
            result: RunnerResult::from(checked),
        }
    }
}

impl<'a> From<&'a Unread> for OneOfSeveral<'a> {
    fn from(unread: &'a Unread) -> Self {
        Self {
            duration_ms: 0,
            ok: false,
            error: Some(Failure::from(&unread.error)),
            result: RunnerResult {
                about: About {
                    org: Some(&unread.org),
                    runner: Some(&unread.id),
                    cluster: None,
                    region: None,
                },
                complete: false,
                reason: Some("The runner could not be checked.".to_owned()),
                summary: Summary::default(),
                checks: Vec::new(),
                kubernetes_user: None,
                oidc_subject: None,
                session_name: None,
            },
        }
    }
}

impl<'a> From<&'a LeftOut> for NotChecked<'a> {
    fn from(left_out: &'a LeftOut) -> Self {
        let LeftOut { org, id, reason } = left_out;
        Self {
            org,
            runner: id,
            reason,
        }
    }
}

fn check<'a>(CheckResult { id, outcome, .. }: &'a CheckResult, checked: &Checked) -> CheckDocument<'a> {
    CheckDocument {
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
        duration_ms: checked.durations.checks.get(id).copied().map(milliseconds),
    }
}
