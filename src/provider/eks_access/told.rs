//! What the user is told of a report: each failed check once, each fix once.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::access::{CheckId, CheckResult, Outcome, Report, Status, Subject};
use crate::plugin::{Diagnostic, Path};

/// What has been told by this process.
#[derive(Default)]
pub(super) struct Told {
    /// The runner and the check in whose error the fix of a cause stands.
    causes: Mutex<HashMap<String, (String, CheckId)>>,
    /// What has been told of a runner. While applying, Terraform plans it once more, and the check
    /// after that would say the same again.
    said: Mutex<HashSet<(CheckId, String, String)>>,
    no_credentials: AtomicBool,
    applying: AtomicBool,
    /// The runners that were read.
    refreshed: Mutex<HashSet<String>>,
}

impl Told {
    /// From now on something is being applied.
    pub(super) fn applying(&self) {
        self.applying.store(true, Ordering::Relaxed);
    }

    /// Whether something is being applied.
    pub(super) fn is_applying(&self) -> bool {
        self.applying.load(Ordering::Relaxed)
    }

    /// The runner was read.
    pub(super) fn refreshed(&self, runner_id: &str) {
        lock(&self.refreshed).insert(runner_id.to_owned());
    }

    /// Whether the runner was read.
    pub(super) fn was_refreshed(&self, subject: &Subject) -> bool {
        let id = subject.runner_id.get();
        id.is_some_and(|id| lock(&self.refreshed).contains(id))
    }

    /// A diagnostic for each check that failed or warned, an error where `is_error` says so. That there
    /// are no credentials is told once for all.
    pub(super) fn diagnostics(
        &self,
        subject: &Subject,
        report: &Report,
        is_error: impl Fn(&Outcome) -> bool,
    ) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if report.has_no_credentials() && !self.no_credentials.swap(true, Ordering::Relaxed) {
            found.push(no_credentials(report));
        }
        let runner = subject.runner_id.get().cloned().unwrap_or_default();
        // The causes of which this report has told the fix, and the check that has it.
        let mut fixes = HashMap::new();
        for CheckResult { id, outcome } in &report.checks {
            let fails = match outcome.status {
                Status::Failed => is_error(outcome),
                Status::Warned => false,
                Status::Passed | Status::Skipped => continue,
            };
            // Told above. An error is always told: something fails because of it.
            let said = (*id, runner.clone(), outcome.message.clone());
            if !(lock(&self.said).insert(said) || fails) {
                continue;
            }
            let first = outcome.cause.as_deref().and_then(|cause| fixes.get(cause));
            let mut detail = match first {
                Some(first) => short(
                    outcome,
                    &format!("The fix is that of \"EKS access: {first}\" of this runner."),
                ),
                None if fails => self.detail_once(*id, outcome, &runner),
                // Terraform shows one warning of each summary and counts the others. Which one is its
                // choice, so each has the fix.
                None => detail(*id, outcome),
            };
            if let (Some(cause), None) = (&outcome.cause, first) {
                fixes.insert(cause.clone(), *id);
            }
            // Where another failure would be an error.
            if outcome.status == Status::Failed && !fails && is_error(&Outcome::failed("")) {
                detail += NOT_YET;
            }
            let summary = format!("EKS access: {id}");
            let diagnostic = if fails {
                Diagnostic::error(summary, detail)
            } else {
                Diagnostic::warning(summary, detail)
            };
            found.push(diagnostic.at(path(*id)));
        }
        found
    }

    /// The whole detail for the first runner with this cause; for another one, where that stands.
    fn detail_once(&self, id: CheckId, outcome: &Outcome, runner: &str) -> String {
        let Some(cause) = outcome.cause.as_deref() else {
            return detail(id, outcome);
        };
        let mut causes = lock(&self.causes);
        let this = || (runner.to_owned(), id);
        let (first, check) = causes.entry(cause.to_owned()).or_insert_with(this);
        if first == runner {
            return detail(id, outcome);
        }
        short(
            outcome,
            &format!(
                "The cause is that of the runner {first:?}, whose diagnostic \"EKS access: {check}\" has the fix."
            ),
        )
    }
}

/// Why a failed check is a warning where others are errors.
const NOT_YET: &str =
    "\n\nThe same apply may make or change what this is about, so that it does not fail the plan.";

/// What is so, and where its fix stands.
fn short(outcome: &Outcome, fix: &str) -> String {
    format!("{}\n\n{fix}", outcome.message)
}

fn detail(id: CheckId, outcome: &Outcome) -> String {
    let mut text = outcome.message.clone();
    if let (Some(expected), Some(found)) = (&outcome.expected, &outcome.found) {
        let _ = write!(text, "\n\n  expected: {expected}\n  found:    {found}");
    }
    if let Some(fix) = &outcome.fix {
        // Terraform leaves lines that begin with a space as they are.
        let fix = fix.trim_end().replace('\n', "\n  ");
        let _ = write!(text, "\n\nTo mend it:\n\n  {fix}");
    }
    let _ = write!(text, "\n\nMore: {}", id.docs());
    text
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path(id: CheckId) -> Path {
    id.attribute()
        .iter()
        .fold(Path::root(), |path, name| path.attribute(name))
}

fn no_credentials(report: &Report) -> Diagnostic {
    let why = report
        .outcome(CheckId::AwsCredentials)
        .map_or("", |outcome| &outcome.message);
    Diagnostic::warning(
        "EKS access was not checked",
        format!(
            "{why}\n\nNothing was checked of the way from the Orchestrator to the cluster; everything else went on as \
             usual. Give the provider AWS credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, `aws sso login`, or profile \
             and assume_role in its eks_access), or say that nothing is to be checked:\n\n  provider \
             \"platform-orchestrator\" {{\n    eks_access = {{\n      plan  = \"off\"\n      apply = \"off\"\n    }}\n  }}"
        ),
    )
}
