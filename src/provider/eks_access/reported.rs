//! The diagnostics of a report: each failed check once, each fix once, each missing thing once.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::gather::{Checking, Gathering, Group, Part};
use super::settings::Incomplete;
use crate::access::{Cause, CheckId, CheckResult, Outcome, Report, Status, Subject, Unchecked};
use terraform_plugin_server::{Diagnostic, Path};

/// What this process has reported.
#[derive(Default)]
pub(super) struct ReportedDiagnostics {
    /// The runners that share a cause.
    gathering: Gathering,
    /// What was reported of a runner: its id, and the check with its message or the cause. One apply can check a
    /// runner twice, such as before and after an update.
    said: Mutex<HashSet<(String, String)>>,
    /// The runners that were read.
    refreshed: Mutex<HashSet<String>>,
}

/// When diagnostics are reported, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Severities {
    /// A failed check is an error.
    pub(super) errors: bool,
    /// Every runner with an error needs an error of its own: nothing is registered for it.
    pub(super) each: bool,
    /// What does not exist yet might be created by the same apply, so that it is only a warning.
    pub(super) may_come: bool,
    /// What an incomplete run does.
    pub(super) incomplete: Incomplete,
}

impl Severities {
    fn fails(self, outcome: &Outcome) -> bool {
        self.errors && outcome.status == Status::Failed && !(self.may_come && outcome.not_yet)
    }

    /// Whether checks that could not be made are an error.
    pub(super) fn incomplete_fails(self, unchecked: &Unchecked<'_>) -> bool {
        self.errors
            && self.incomplete == Incomplete::Error
            && !(self.may_come && unchecked.checks.iter().any(|one| one.outcome.not_yet))
    }
}

/// Something of a report that becomes a diagnostic, if this runner is the one that reports it.
struct Finding<'a> {
    cause: String,
    part: Part,
    fails: bool,
    what: What<'a>,
}

enum What<'a> {
    Check(&'a CheckResult),
    Unchecked(Unchecked<'a>),
}

impl ReportedDiagnostics {
    /// The runner was read.
    pub(super) fn refreshed(&self, runner_id: &str) {
        lock(&self.refreshed).insert(runner_id.to_owned());
    }

    /// Whether the runner was read.
    pub(super) fn was_refreshed(&self, subject: &Subject) -> bool {
        let id = subject.runner_id.get();
        id.is_some_and(|id| lock(&self.refreshed).contains(id))
    }

    /// A runner is going to be checked. The guard goes to [`Self::diagnostics`].
    pub(super) fn begin(&self) -> Checking<'_> {
        self.gathering.begin()
    }

    /// The diagnostics of a report. The first runner with a cause waits for a moment for others with
    /// the same cause and reports for them; they report nothing, or an error that names it.
    pub(super) async fn diagnostics(
        &self,
        subject: &Subject,
        report: &Report,
        severities: Severities,
        checking: Checking<'_>,
        stop: &CancellationToken,
    ) -> Vec<Diagnostic> {
        let runner = subject.runner_id.get().map_or("", String::as_str);
        let mut findings = self.failed(runner, report, severities);
        if severities.incomplete != Incomplete::Ignore && !stop.is_cancelled() {
            findings.extend(self.unchecked(runner, report, severities));
        }
        drop(checking);
        let reports = |finding: &Finding<'_>| finding.part == Part::Reporter;
        let is_covered = |finding: &Finding<'_>| matches!(finding.part, Part::Covered(_));
        // One runner that waits is enough: if each waited for causes of its own beside the one that they share, no
        // others could come.
        if findings.iter().any(reports) && !findings.iter().any(is_covered) {
            self.gathering.quiet(stop).await;
        }
        // The causes of which this runner has the fix, and the check that shows it.
        let mut fixes = HashMap::new();
        findings
            .iter()
            .filter_map(|finding| self.diagnostic(finding, report, severities, &mut fixes))
            .collect()
    }

    /// The checks that failed or warned and were not reported before.
    fn failed<'a>(
        &self,
        runner: &str,
        report: &'a Report,
        severities: Severities,
    ) -> Vec<Finding<'a>> {
        let concerns = |result: &&CheckResult| {
            matches!(result.outcome.status, Status::Failed | Status::Warned)
        };
        let results = report.checks.iter().filter(concerns);
        results
            .filter_map(|result| {
                let CheckResult { id, outcome } = result;
                let fails = severities.fails(outcome);
                // An error is always reported: something fails because of it.
                if !(self.say(runner, format!("{id} {}", outcome.message)) || fails) {
                    return None;
                }
                let cause = match outcome.cause() {
                    Some(cause) => format!("{id} {cause:?}"),
                    None => format!("{id} {runner} {}", outcome.message),
                };
                let shared = outcome.fix_for_several();
                // A fix that lacks this runner does not help it.
                let again = !fails || shared.is_some();
                let member = shared.map(|fix| &fix.member);
                Some(Finding {
                    part: self.gathering.join(&cause, runner, member, again),
                    cause,
                    fails,
                    what: What::Check(result),
                })
            })
            .collect()
    }

    /// The reasons because of which the run is not complete.
    fn unchecked<'a>(
        &self,
        runner: &str,
        report: &'a Report,
        severities: Severities,
    ) -> impl Iterator<Item = Finding<'a>> {
        let unchecked = report.unchecked().into_iter();
        unchecked.filter_map(move |unchecked| {
            let fails = severities.incomplete_fails(&unchecked);
            // A warning does not stand for an error.
            let cause = format!("incomplete {fails} {}", unchecked.reason);
            if !(self.say(runner, cause.clone()) || fails) {
                return None;
            }
            Some(Finding {
                part: self.gathering.join(&cause, runner, None, false),
                cause,
                fails,
                what: What::Unchecked(unchecked),
            })
        })
    }

    /// Notes what is reported of a runner. Returns whether it was not reported before.
    fn say(&self, runner: &str, what: String) -> bool {
        lock(&self.said).insert((runner.to_owned(), what))
    }

    fn diagnostic<'a>(
        &self,
        finding: &Finding<'a>,
        report: &Report,
        severities: Severities,
        fixes: &mut HashMap<&'a Cause, CheckId>,
    ) -> Option<Diagnostic> {
        let (summary, detail, path) = match (&finding.what, &finding.part) {
            (What::Unchecked(unchecked), Part::Reporter) => {
                let group = self.gathering.close(&finding.cause);
                let summary = not_checked(unchecked);
                (summary, unchecked_detail(unchecked, &group, report), None)
            }
            (What::Unchecked(unchecked), Part::Covered(first) | Part::Late(first)) => {
                if !(finding.fails && severities.each) {
                    return None;
                }
                let ids = ids(unchecked);
                let detail = format!(
                    "Not checked: {ids}.\n\nThe reason is that of the runner {first:?}, whose diagnostic has the fix."
                );
                (not_checked(unchecked), detail, None)
            }
            (What::Check(result), Part::Reporter) => {
                let group = self.gathering.close(&finding.cause);
                let CheckResult { id, outcome } = *result;
                let cause = outcome.cause();
                let first = cause.and_then(|cause| fixes.get(cause));
                let mut detail = match first {
                    Some(first) => format!(
                        "{}\n\nThe fix is that of \"EKS access: {first}\" of this runner.",
                        outcome.message
                    ),
                    None => detail(*id, outcome, &group),
                };
                if let (Some(cause), None) = (cause, first) {
                    fixes.insert(cause, *id);
                }
                if severities.errors && outcome.status == Status::Failed && !finding.fails {
                    detail += NOT_YET;
                }
                (summary(*id, &group), detail, Some(path(*id)))
            }
            (What::Check(_), Part::Covered(_) | Part::Late(_)) if !finding.fails => return None,
            (What::Check(result), Part::Covered(first) | Part::Late(first)) => {
                let CheckResult { id, outcome } = *result;
                let detail = format!(
                    "{}\n\nThe cause is that of the runner {first:?}, whose diagnostic \"EKS access: {id}\" has the fix.",
                    outcome.message
                );
                (format!("EKS access: {id}"), detail, Some(path(*id)))
            }
        };
        let diagnostic = match finding.fails {
            true => Diagnostic::error(summary, detail),
            false => Diagnostic::warning(summary, detail),
        };
        Some(match path {
            Some(path) => diagnostic.at(path),
            None => diagnostic,
        })
    }
}

/// Why a failed check is a warning where others are errors.
const NOT_YET: &str =
    "\n\nThe same apply might create or change this, so that it does not fail the plan.";

/// The summary of a check. Terraform shows one warning of each summary and only counts the others,
/// so the summaries of different causes differ.
fn summary(id: CheckId, group: &Group) -> String {
    match group.runners.as_slice() {
        [] => format!("EKS access: {id}"),
        [one] if one.is_empty() => format!("EKS access: {id}"),
        [one] => format!("EKS access: {id} (runner {one:?})"),
        [first, others @ ..] => format!(
            "EKS access: {id} (runner {first:?} and {} more)",
            others.len()
        ),
    }
}

fn detail(id: CheckId, outcome: &Outcome, group: &Group) -> String {
    let mut text = outcome.message.clone();
    if let (Some(expected), Some(found)) = (outcome.expected(), outcome.found()) {
        let _ = write!(text, "\n\n  expected: {expected}\n  found:    {found}");
    }
    if let [_, others @ ..] = group.runners.as_slice()
        && !others.is_empty()
    {
        let _ = write!(
            text,
            "\n\nThe same check has the same cause for {}.",
            runners(others)
        );
    }
    let shared = outcome.fix_for_several();
    let fix = match shared {
        Some(shared) => Some(shared.for_all(&group.members)),
        None => outcome.fix_text().map(str::to_owned),
    };
    if let Some(fix) = fix {
        // Terraform leaves lines that begin with a space as they are.
        let fix = fix.trim_end().replace('\n', "\n  ");
        let _ = write!(text, "\n\nTo fix it:\n\n  {fix}");
    }
    if shared.is_some() && group.members.len() > 1 {
        let _ = write!(text, "\n\nThis fix is for {} runners.", group.members.len());
        if group.earlier > 0 {
            text += " It includes the fixes of other diagnostics with this cause: run only the one for the most runners.";
        }
    }
    let _ = write!(text, "\n\nMore: {}", id.docs());
    text
}

/// The summary of an incomplete run, which names the reason.
fn not_checked(unchecked: &Unchecked<'_>) -> String {
    format!(
        "EKS access was not checked completely: {}",
        unchecked.reason
    )
}

fn ids(unchecked: &Unchecked<'_>) -> String {
    let ids: Vec<&str> = unchecked.ids().map(CheckId::as_str).collect();
    ids.join(", ")
}

/// The guide that lists the permissions of a caller.
const PERMISSIONS: &str = "https://registry.terraform.io/providers/platform-orchestrator/platform-orchestrator\
    /latest/docs/guides/eks-access-permissions";

fn unchecked_detail(unchecked: &Unchecked<'_>, group: &Group, report: &Report) -> String {
    let (count, total) = (unchecked.checks.len(), report.checks.len());
    let of = runners(group.runners.get(..1).unwrap_or_default());
    let mut text = format!(
        "{count} of {total} checks of {of} could not be made: {}.",
        ids(unchecked)
    );
    if let [_, others @ ..] = group.runners.as_slice()
        && !others.is_empty()
    {
        let _ = write!(text, " The same reason holds for {}.", runners(others));
    }
    text += " Runners that are checked later and have the same reason are not reported again.";
    let first = unchecked.checks.first().map(|result| &result.outcome);
    let message = first.map_or("", |outcome| &outcome.message);
    let _ = write!(text, "\n\n{message}");
    let list: Vec<String> = unchecked.ids().map(|id| format!("\"{id}\"")).collect();
    if let Some(fix) = first.and_then(|outcome| outcome.fix_text()) {
        let fix = fix.trim_end().replace('\n', "\n  ");
        let _ = write!(text, "\n\nTo fix it:\n\n  {fix}\n\nOr ");
    } else {
        text += "\n\nTo fix it, remove the reason: the guide below lists the credentials and permissions that the checks \
                 need. Or ";
    }
    if unchecked.ids().any(|id| id == CheckId::AWS_CREDENTIALS) {
        // Without credentials nothing is left to check.
        let _ = write!(
            text,
            "turn the checks off:\n\n  provider \"platform-orchestrator\" {{\n    eks_access = {{\n      plan  = \"off\"\n      \
             apply = \"off\"\n    }}\n  }}\n\nMore: {PERMISSIONS}"
        );
        return text;
    }
    let _ = write!(
        text,
        "skip these checks by name, or accept that checks are not made:\n\n  provider \"platform-orchestrator\" {{\n    \
         eks_access = {{\n      skip_checks = [{}]\n      # or\n      incomplete = \"ignore\"\n    }}\n  }}\n\nMore: \
         {PERMISSIONS}",
        list.join(", ")
    );
    text
}

/// Runners by their ids.
fn runners(ids: &[String]) -> String {
    match ids {
        [one] if one.is_empty() => "a runner whose id is unknown until apply".to_owned(),
        [one] => format!("the runner {one:?}"),
        many => {
            let ids: Vec<String> = many.iter().map(|id| format!("{id:?}")).collect();
            format!("the runners {}", ids.join(", "))
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path(id: CheckId) -> Path {
    id.attribute()
        .iter()
        .fold(Path::root(), |path, name| path.attribute(name))
}

#[cfg(test)]
mod tests;
