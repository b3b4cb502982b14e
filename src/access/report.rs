//! The results of a run.

use super::cause::Cause;
use super::check::{CheckId, CheckResult};
use super::outcome::{IncompleteReason, Outcome, Skip, Status};

/// The results of one run for one runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Every check, in order.
    pub checks: Vec<CheckResult>,
    /// The name of the runner's STS session, if it is known.
    pub session_name: Option<String>,
    /// The `sub` of the Orchestrator's OIDC token for the runner, if it is known.
    pub oidc_subject: Option<String>,
    /// The runner's user in the cluster, if it is known.
    pub kubernetes_user: Option<String>,
}

/// The checks that could not run for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked<'a> {
    /// The reason.
    pub reason: &'a IncompleteReason,
    /// The checks, in order. The list is never empty. The first one met the reason itself, while others might only need
    /// one that did.
    pub checks: Vec<&'a CheckResult>,
}

/// Something that might change by waiting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Awaited {
    /// The cause of an outcome.
    Cause(Cause),
    /// The message of an outcome without a cause.
    Message(String),
}

impl Unchecked<'_> {
    /// Returns the ids of the checks, in order.
    pub fn ids(&self) -> impl Iterator<Item = CheckId> {
        self.checks.iter().map(|result| result.id)
    }
}

impl Report {
    /// Returns the outcome of one check.
    #[must_use]
    pub fn outcome(&self, id: CheckId) -> Option<&Outcome> {
        let found = self.checks.iter().find(|result| result.id == id);
        found.map(|result| &result.outcome)
    }

    /// Returns the checks with this status.
    pub fn with_status(&self, status: Status) -> impl Iterator<Item = &CheckResult> {
        let has = move |result: &&CheckResult| result.outcome.status == status;
        self.checks.iter().filter(has)
    }

    /// Returns whether a check failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.with_status(Status::Failed).next().is_some()
    }

    /// Returns whether every check that applies has run. Checks of another mode or storage type, checks that need a
    /// failed one, values that are unknown until apply, checks that only warn, and checks that the user skips by name
    /// do not count.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unchecked().is_empty()
    }

    /// Returns whether no check failed and the run is complete.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.has_failed() && self.is_complete()
    }

    /// Returns the checks because of which the run is not complete, by their reasons, in order. The list is empty for a
    /// complete run.
    #[must_use]
    pub fn unchecked(&self) -> Vec<Unchecked<'_>> {
        let mut found: Vec<Unchecked<'_>> = Vec::new();
        for result in self.checks.iter().filter(|result| result.is_unchecked()) {
            let Some(Skip::Incomplete(reason)) = &result.outcome.skip else {
                continue;
            };
            match found.iter_mut().find(|other| other.reason == reason) {
                Some(same) => same.checks.push(result),
                None => found.push(Unchecked {
                    reason,
                    checks: vec![result],
                }),
            }
        }
        found
    }

    /// Returns why the run is not complete, as one sentence with the number of checks for each reason. `None` for a
    /// complete run.
    #[must_use]
    pub fn incomplete_reason(&self) -> Option<String> {
        Self::incomplete_reason_of([self])
    }

    /// Returns why the runs for several runners are not complete, as one sentence with the number of checks for each reason.
    /// `None` if all of them are complete.
    #[must_use]
    pub fn incomplete_reason_of<'a>(reports: impl IntoIterator<Item = &'a Self>) -> Option<String> {
        let (mut all, mut count) = (0, 0);
        let mut reasons: Vec<(&IncompleteReason, usize)> = Vec::new();
        for report in reports {
            all += report.checks.len();
            for Unchecked { reason, checks } in report.unchecked() {
                count += checks.len();
                match reasons.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, same)) => *same += checks.len(),
                    None => reasons.push((reason, checks.len())),
                }
            }
        }
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, count)| format!("{reason} ({count})"))
            .collect();
        (count > 0).then(|| format!("{count} of {all} checks could not run: {}.", reasons.join(", ")))
    }

    /// Returns what might change by waiting, each once by its cause.
    pub(super) fn awaited(&self) -> impl Iterator<Item = Awaited> {
        let outcomes = self.checks.iter().map(|result| &result.outcome);
        let awaited = outcomes.filter(|outcome| outcome.retryable);
        awaited.map(|outcome| match outcome.cause() {
            Some(cause) => Awaited::Cause(cause.clone()),
            None => Awaited::Message(outcome.message.clone()),
        })
    }

    /// Returns whether everything that failed or could not be checked might change by waiting.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let mut failed = self.with_status(Status::Failed);
        failed.all(|result| result.outcome.retryable) && self.checks.iter().any(|result| result.outcome.retryable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> CheckId {
        text.parse().unwrap()
    }

    /// Returns a report in which every check passed but these.
    fn report(others: &[(CheckId, Outcome)]) -> Report {
        let outcome = |id| {
            let other = others.iter().find(|(other, _)| *other == id);
            other.map_or_else(|| Outcome::passed("ok"), |(_, outcome)| outcome.clone())
        };
        let result = |id| CheckResult::fixture(id, outcome(id));
        Report {
            checks: CheckId::ALL.map(result).to_vec(),
            session_name: None,
            oidc_subject: None,
            kubernetes_user: None,
        }
    }

    #[test]
    fn skips_that_do_not_make_a_run_incomplete() {
        let denied = || Outcome::incomplete("denied", "Denied.");
        for (check, outcome) in [
            (id("assume-role"), Outcome::not_applicable("Not here.")),
            (id("role-trust"), Outcome::skipped(Skip::Unknown, "Later.")),
            (id("job-dry-run"), Outcome::skipped(Skip::Requested, "Skipped by name.")),
            (id("rbac-list-pods"), denied()),
            (id("rbac-list-events"), denied()),
            (id("cluster-endpoint"), Outcome::warned("Hm.")),
        ] {
            let report = report(&[(check, outcome)]);
            assert!(report.is_complete() && report.is_ok(), "{check}");
            assert_eq!(report.incomplete_reason(), None, "{check}");
        }
        let failed = report(&[
            (id("namespace"), Outcome::failed("No.")),
            (id("service-account"), Outcome::skipped(Skip::Blocked, "Needs it.")),
        ]);
        assert!(failed.is_complete() && failed.has_failed() && !failed.is_ok());
    }

    #[test]
    fn an_incomplete_run_groups_its_checks_by_reason() {
        let report = report(&[
            (id("role-exists"), Outcome::incomplete("denied", "Denied.")),
            (id("role-trust"), Outcome::incomplete("denied", "Needs it.")),
            (id("api-server"), Outcome::incomplete("timed out", "Late.").retryable()),
            (id("rbac-list-pods"), Outcome::incomplete("timed out", "Late.")),
        ]);
        assert!(!report.is_complete() && !report.is_ok() && !report.has_failed());
        let unchecked = report.unchecked();
        let grouped: Vec<_> = unchecked
            .iter()
            .map(|one| (one.reason.to_string(), one.ids().collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            grouped,
            [
                ("denied".to_owned(), vec![id("role-exists"), id("role-trust")]),
                ("timed out".to_owned(), vec![id("api-server")]),
            ]
        );
        assert_eq!(
            report.incomplete_reason().unwrap(),
            format!(
                "3 of {} checks could not run: denied (2), timed out (1).",
                CheckId::ALL.len()
            )
        );
    }
}
