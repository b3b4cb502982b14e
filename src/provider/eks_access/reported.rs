//! The diagnostics of a report. Each failed check, each fix, and each reason for an incomplete run is reported once.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

use super::gather::{CheckedRunner, Checking, Gathering, Group, Part, Topic};
use super::settings::Incomplete;
use crate::access::{Cause, CheckId, CheckResult, Fix, IncompleteReason, Outcome, Report, Status, Subject, Unchecked};
use crate::repository::guide;
use terraform_plugin_server::{Diagnostic, Path};

/// The diagnostics that this process has reported.
#[derive(Default)]
pub(super) struct ReportedDiagnostics {
    /// The organization of the provider block, once a runner was checked.
    org: OnceLock<String>,
    /// The runners that share a cause.
    gathering: Gathering,
    /// What was reported about each runner. One apply can check a runner twice, such as before and after an update.
    reported: Mutex<HashSet<(CheckedRunner, Reported)>>,
    /// The ids of the runners that were read.
    refreshed: Mutex<HashSet<String>>,
}

/// What was reported.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Reported {
    /// A check with its message.
    Check(CheckId, String),
    /// A reason why checks could not run, and whether that was an error.
    Unchecked(IncompleteReason, bool),
}

/// Which findings are errors, and which are reported at all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Severities {
    /// Whether a failed check is an error.
    pub(super) errors: bool,
    /// Whether every runner with an error needs an error of its own, because it is not registered.
    pub(super) each: bool,
    /// Whether a missing object is only a warning, because the same apply might create it.
    pub(super) may_come: bool,
    /// What happens if the run is not complete.
    pub(super) incomplete: Incomplete,
    /// Whether a user has requested these checks: `plan` and `apply` do not turn them off, and they report everything, even
    /// what this process has reported before.
    pub(super) on_demand: bool,
}

impl Severities {
    /// Returns whether an outcome is an error.
    fn fails(self, outcome: &Outcome) -> bool {
        self.errors && outcome.status == Status::Failed && !(self.may_come && outcome.not_yet)
    }

    /// Returns whether checks that could not run are an error.
    pub(super) fn incomplete_fails(self, unchecked: &Unchecked<'_>) -> bool {
        self.errors
            && self.incomplete == Incomplete::Error
            && !(self.may_come && unchecked.checks.iter().any(|one| one.outcome.not_yet))
    }
}

/// A part of a report that becomes a diagnostic if this runner is the one that reports it.
struct ReportedFinding<'a> {
    topic: Topic,
    part: Part,
    fails: bool,
    what: What<'a>,
}

enum What<'a> {
    Check(&'a CheckResult),
    Unchecked(Unchecked<'a>),
}

impl ReportedDiagnostics {
    /// Notes that a runner was read.
    pub(super) fn refreshed(&self, runner_id: &str) {
        lock(&self.refreshed).insert(runner_id.to_owned());
    }

    /// Returns whether a runner was read.
    pub(super) fn was_refreshed(&self, subject: &Subject) -> bool {
        let id = subject.runner_id.get();
        id.is_some_and(|id| lock(&self.refreshed).contains(id))
    }

    /// Notes that the checks of a runner start. [`Self::diagnostics`] takes the guard.
    pub(super) fn begin(&self, subject: &Subject) -> Checking<'_> {
        if let Some(org) = subject.org.get() {
            self.org.get_or_init(|| org.clone());
        }
        self.gathering.begin(subject.runner_id.get().map(String::as_str))
    }

    /// Returns the diagnostics of a report. The first runner with a cause waits a moment for others with the same cause,
    /// and reports for them. The others report nothing, or an error that names the first runner.
    pub(super) async fn diagnostics(
        &self,
        report: &Report,
        severities: Severities,
        checking: Checking<'_>,
        stop: &CancellationToken,
    ) -> Vec<Diagnostic> {
        let runner = &checking.runner;
        let mut findings = self.failed(runner, report, severities);
        if severities.incomplete != Incomplete::Ignore && !stop.is_cancelled() {
            findings.extend(self.unchecked(runner, report, severities));
        }
        drop(checking);
        let reports = |finding: &ReportedFinding<'_>| finding.part == Part::Reporter;
        let is_covered = |finding: &ReportedFinding<'_>| matches!(finding.part, Part::Covered(_));
        // A runner that another one reports for does not wait, even if it has causes of its own: if every runner waited,
        // Terraform could not plan the next ones.
        if findings.iter().any(reports) && !findings.iter().any(is_covered) {
            self.gathering.quiet(stop).await;
        }
        // The causes whose fix this runner shows, each with the check that shows it.
        let mut fixes = HashMap::new();
        findings
            .iter()
            .filter_map(|finding| self.diagnostic(finding, report, severities, &mut fixes))
            .collect()
    }

    /// Returns the checks that failed or warned and that were not reported before.
    fn failed<'a>(
        &self,
        runner: &CheckedRunner,
        report: &'a Report,
        severities: Severities,
    ) -> Vec<ReportedFinding<'a>> {
        let concerns = |result: &&CheckResult| matches!(result.outcome.status, Status::Failed | Status::Warned);
        let results = report.checks.iter().filter(concerns);
        results
            .filter_map(|result| {
                let CheckResult { id, outcome, .. } = result;
                let fails = severities.fails(outcome);
                let reported = Reported::Check(*id, outcome.message.clone());
                if !self.is_reported(runner, reported, fails, severities) {
                    return None;
                }
                let topic = match outcome.cause() {
                    Some(Cause::Runner(..)) | None => Topic::Alone(*id, runner.clone()),
                    Some(cause) => Topic::Cause(*id, cause.clone()),
                };
                // A fix without an entry for this runner does not fix it.
                let fix = fix_of(outcome);
                let again = !fails || fix.is_some_and(is_shared);
                Some(ReportedFinding {
                    part: self.gathering.join(&topic, runner, fix, again),
                    topic,
                    fails,
                    what: What::Check(result),
                })
            })
            .collect()
    }

    /// Returns the reasons why the run is not complete.
    fn unchecked<'a>(
        &self,
        runner: &CheckedRunner,
        report: &'a Report,
        severities: Severities,
    ) -> impl Iterator<Item = ReportedFinding<'a>> {
        let unchecked = report.unchecked().into_iter();
        unchecked.filter_map(move |unchecked| {
            let fails = severities.incomplete_fails(&unchecked);
            let reported = Reported::Unchecked(unchecked.reason.clone(), fails);
            if !self.is_reported(runner, reported, fails, severities) {
                return None;
            }
            let first = unchecked.checks.first();
            let cause = first.and_then(|result| result.outcome.cause()).cloned();
            let topic = Topic::Unchecked(unchecked.reason.clone(), cause, fails);
            // A runner with an error of its own is named there.
            let again = severities.on_demand || !(fails && severities.each);
            Some(ReportedFinding {
                part: self.gathering.join(&topic, runner, None, again),
                topic,
                fails,
                what: What::Unchecked(unchecked),
            })
        })
    }

    /// Notes a finding about a runner, and returns whether it is reported. An error always is, because it stops the plan or
    /// the apply.
    fn is_reported(&self, runner: &CheckedRunner, reported: Reported, fails: bool, severities: Severities) -> bool {
        let is_new = lock(&self.reported).insert((runner.clone(), reported));
        is_new || fails || severities.on_demand
    }

    /// Returns the diagnostic of a finding. `None` if another runner reports it.
    fn diagnostic<'a>(
        &self,
        finding: &ReportedFinding<'a>,
        report: &Report,
        severities: Severities,
        fixes: &mut HashMap<&'a Cause, CheckId>,
    ) -> Option<Diagnostic> {
        let (summary, detail, path) = match (&finding.what, &finding.part) {
            (What::Unchecked(unchecked), Part::Reporter) => {
                let group = self.gathering.close(&finding.topic);
                (
                    self.summary(not_checked(unchecked), &group, finding.fails),
                    unchecked_detail(unchecked, &group, report, severities),
                    None,
                )
            }
            (What::Unchecked(unchecked), Part::Covered(first) | Part::Late(first)) => {
                if !(finding.fails && severities.each) {
                    return None;
                }
                let ids = ids(unchecked);
                let detail = format!("Not checked: {ids}.\n\n{}", same_reason(first));
                (not_checked(unchecked), detail, None)
            }
            (What::Check(result), Part::Reporter) => {
                let group = self.gathering.close(&finding.topic);
                let CheckResult { id, outcome, .. } = *result;
                let cause = outcome.cause();
                let first = cause.and_then(|cause| fixes.get(cause));
                let mut detail = match first {
                    Some(first) => format!(
                        "{}\n\nTo fix it, see \"EKS access: {first}\" for this runner.",
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
                let summary = self.summary(format!("EKS access: {id}"), &group, finding.fails);
                (summary, detail, Some(path(*id)))
            }
            (What::Check(_), Part::Covered(_) | Part::Late(_)) if !finding.fails => return None,
            (What::Check(result), Part::Covered(first) | Part::Late(first)) => {
                let CheckResult { id, outcome, .. } = *result;
                let detail = format!(
                    "{}\n\nRunner {first} has the same cause: its diagnostic \"EKS access: {id}\" has the fix.",
                    outcome.message
                );
                (format!("EKS access: {id}"), detail, Some(path(*id)))
            }
        };
        let diagnostic = if finding.fails {
            Diagnostic::error(summary, detail)
        } else {
            Diagnostic::warning(summary, detail)
        };
        Some(match path {
            Some(path) => diagnostic.at(path),
            None => diagnostic,
        })
    }

    /// Returns the summary of a diagnostic about these runners. Terraform shows one warning of each summary and only counts
    /// the others, so the summaries of warnings differ: by their first runner, and by its organization, because another
    /// provider block can have a runner with the same ID.
    fn summary(&self, title: String, group: &Group, fails: bool) -> String {
        let org = self.org.get().filter(|_| !fails);
        let of = org.map_or_else(String::new, |org| format!(" in {org:?}"));
        match group.runners.as_slice() {
            [] => title,
            [one] => format!("{title} (runner {one}{of})"),
            [first, others @ ..] => {
                format!("{title} (runner {first} and {} more{of})", others.len())
            }
        }
    }
}

/// The paragraph that says why a failed check is only a warning.
const NOT_YET: &str = "\n\nThe same apply might fix this, so this failed check is only a warning.";

/// Returns the detail of a check's diagnostic, with the fix for all runners of the group.
fn detail(id: CheckId, outcome: &Outcome, group: &Group) -> String {
    let mut text = outcome.message.clone();
    if let (Some(expected), Some(found)) = (outcome.expected(), outcome.found()) {
        let _ = write!(text, "\n\n  expected: {expected}\n  found:    {found}");
    }
    if let [_, others @ ..] = group.runners.as_slice()
        && !others.is_empty()
    {
        let _ = write!(text, "\n\nThe same cause affects {}.", runners(others));
    }
    let fix = fix_of(outcome);
    if let Some(fix) = fix {
        let fix = fix.for_members(&group.members);
        let _ = write!(text, "\n\nTo fix it:\n\n{}", indented(&fix));
    }
    if let Some(several) = fix.and_then(|fix| group.members.several(fix)) {
        let _ = write!(text, "\n\nThis fix is for {several}.");
        if group.earlier > 0 {
            text += " It includes the fixes from earlier diagnostics with this cause. Run only the fix that covers the most runners.";
        }
    }
    let _ = write!(text, "\n\nMore: {}", id.docs());
    text
}

/// Returns whether a fix has an entry for each runner with its cause.
fn is_shared(fix: &Fix) -> bool {
    fix.trusts().next().is_some()
}

fn fix_of(outcome: &Outcome) -> Option<&Fix> {
    outcome.remedy.as_ref().map(|remedy| &remedy.fix)
}

/// Returns a fix with an indentation. Terraform does not wrap lines that begin with a space.
fn indented(fix: &Fix) -> String {
    format!("  {}", fix.to_string().trim_end().replace('\n', "\n  "))
}

/// Returns the summary of an incomplete run, which names the reason.
fn not_checked(unchecked: &Unchecked<'_>) -> String {
    format!("EKS access checks are incomplete: {}", unchecked.reason)
}

fn ids(unchecked: &Unchecked<'_>) -> String {
    let ids: Vec<&str> = unchecked.ids().map(CheckId::as_str).collect();
    ids.join(", ")
}

/// Returns the sentence that refers to the diagnostic of another runner.
fn same_reason(first: &CheckedRunner) -> String {
    format!("Runner {first} has the same reason: its diagnostic has the fix.")
}

/// The guide with the permissions that a caller needs.
const PERMISSIONS: &str = "eks-access-permissions";

fn unchecked_detail(unchecked: &Unchecked<'_>, group: &Group, report: &Report, severities: Severities) -> String {
    let more = guide(PERMISSIONS);
    let (count, total) = (unchecked.checks.len(), report.checks.len());
    let of = runners(group.runners.get(..1).unwrap_or_default());
    let mut text = format!("{count} of {total} checks of {of} could not run: {}.", ids(unchecked));
    if let [_, others @ ..] = group.runners.as_slice()
        && !others.is_empty()
    {
        let _ = write!(text, " The same reason applies to {}.", runners(others));
    }
    let first = group.first.as_ref().filter(|_| !severities.on_demand);
    if let Some(first) = first.filter(|first| group.runners.first() != Some(first)) {
        let _ = write!(text, "\n\n{}", same_reason(first));
        return text;
    }
    let first = unchecked.checks.first().map(|result| &result.outcome);
    let message = first.map_or("", |outcome| &outcome.message);
    let _ = write!(text, "\n\n{message}");
    let (remedy, or) = match first.and_then(fix_of) {
        Some(fix) => (format!("To fix it:\n\n{}", indented(fix)), "\n\nOr"),
        None => (
            "To fix it, see the guide below, which lists the credentials and permissions that the checks need."
                .to_owned(),
            " Or",
        ),
    };
    let _ = write!(text, "\n\n{remedy}");
    if let Some((alternative, settings)) = alternative(unchecked, severities) {
        let _ = write!(
            text,
            "{or} {alternative}:\n\n  provider \"platform-orchestrator\" {{\n    eks_access = {{\n{settings}    }}\n  }}"
        );
    }
    let _ = write!(text, "\n\nMore: {more}");
    text
}

/// Returns what a user can do instead of fixing the reason, and the settings that do it.
fn alternative(unchecked: &Unchecked<'_>, severities: Severities) -> Option<(&'static str, String)> {
    // Almost no check can run without credentials, so there is nothing to skip.
    if unchecked.ids().any(|id| id == CheckId::AWS_CREDENTIALS) {
        let off = "      plan  = \"off\"\n      apply = \"off\"\n".to_owned();
        return (!severities.on_demand).then_some(("turn the checks off", off));
    }
    let list: Vec<String> = unchecked.ids().map(|id| format!("\"{id}\"")).collect();
    let skip = format!(
        "      skip_checks = [{}]\n      # or\n      incomplete = \"ignore\"\n",
        list.join(", ")
    );
    Some(("skip these checks by name, or accept incomplete checks", skip))
}

/// Returns the names of runners.
fn runners(runners: &[CheckedRunner]) -> String {
    let names: Vec<String> = runners.iter().map(ToString::to_string).collect();
    let noun = if names.len() == 1 { "runner" } else { "runners" };
    format!("{noun} {}", names.join(", "))
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
