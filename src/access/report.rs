//! The results of a run.

use super::check::{CheckId, CheckResult, Outcome, Skip, Status};

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

/// The checks that could not be made for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked<'a> {
    /// The reason: a short clause that is the same wherever the same thing is missing.
    pub reason: &'a str,
    /// The checks, in order. Never empty; the first one met the reason itself, while others might
    /// only need one that did.
    pub checks: Vec<&'a CheckResult>,
}

impl Unchecked<'_> {
    /// The ids of the checks, in order.
    pub fn ids(&self) -> impl Iterator<Item = CheckId> {
        self.checks.iter().map(|result| result.id)
    }
}

impl Report {
    /// The outcome of one check.
    #[must_use]
    pub fn outcome(&self, id: CheckId) -> Option<&Outcome> {
        let found = self.checks.iter().find(|result| result.id == id);
        found.map(|result| &result.outcome)
    }

    /// The checks with this status.
    pub fn with_status(&self, status: Status) -> impl Iterator<Item = &CheckResult> {
        let has = move |result: &&CheckResult| result.outcome.status == status;
        self.checks.iter().filter(has)
    }

    /// Whether a check failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.with_status(Status::Failed).next().is_some()
    }

    /// Whether every check that applies was made. Checks of another mode or storage type, checks
    /// that need a failed one, values that are unknown until apply, checks that can only warn and
    /// checks that the user skips by name do not count.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unchecked().is_empty()
    }

    /// Whether no check failed and the run is complete.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.has_failed() && self.is_complete()
    }

    /// The checks because of which the run is not complete, by their reasons, in order. Empty for a
    /// complete run.
    #[must_use]
    pub fn unchecked(&self) -> Vec<Unchecked<'_>> {
        let mut found: Vec<Unchecked<'_>> = Vec::new();
        for result in self.checks.iter().filter(|result| !result.id.only_warns()) {
            let Some(Skip::Incomplete(reason)) = &result.outcome.skip else {
                continue;
            };
            match found.iter_mut().find(|other| other.reason == &**reason) {
                Some(same) => same.checks.push(result),
                None => found.push(Unchecked {
                    reason,
                    checks: vec![result],
                }),
            }
        }
        found
    }

    /// Why the run is not complete, as one sentence with the number of checks of each reason.
    /// `None` for a complete run.
    #[must_use]
    pub fn incomplete_reason(&self) -> Option<String> {
        let unchecked = self.unchecked();
        let count: usize = unchecked.iter().map(|one| one.checks.len()).sum();
        let reasons: Vec<String> = unchecked
            .iter()
            .map(|one| format!("{} ({})", one.reason, one.checks.len()))
            .collect();
        (count > 0).then(|| {
            format!(
                "{count} of {} checks could not be made: {}.",
                self.checks.len(),
                reasons.join(", ")
            )
        })
    }

    /// What may come out better when it is checked again, each by its cause.
    pub(super) fn awaited(&self) -> impl Iterator<Item = &str> {
        let outcomes = self.checks.iter().map(|result| &result.outcome);
        let awaited = outcomes.filter(|outcome| outcome.retryable);
        awaited.map(|outcome| outcome.cause.as_deref().unwrap_or(&outcome.message))
    }

    /// Whether all that failed, or could not be checked, might come out better a moment later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let mut failed = self.with_status(Status::Failed);
        failed.all(|result| result.outcome.retryable)
            && self.checks.iter().any(|result| result.outcome.retryable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run in which every check passed but these.
    fn report(others: &[(CheckId, Outcome)]) -> Report {
        let outcome = |id| {
            let other = others.iter().find(|(other, _)| *other == id);
            other.map_or_else(|| Outcome::passed("ok"), |(_, outcome)| outcome.clone())
        };
        let result = |id| CheckResult {
            id,
            outcome: outcome(id),
        };
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
        for (id, outcome) in [
            (CheckId::AssumeRole, Outcome::not_applicable("Not here.")),
            (
                CheckId::RoleTrust,
                Outcome::skipped(Skip::Unknown, "Later."),
            ),
            (
                CheckId::JobDryRun,
                Outcome::skipped(Skip::Requested, "As asked."),
            ),
            (CheckId::RbacListPods, denied()),
            (CheckId::RbacListEvents, denied()),
            (CheckId::ClusterEndpoint, Outcome::warned("Hm.")),
        ] {
            let report = report(&[(id, outcome)]);
            assert!(report.is_complete() && report.is_ok(), "{id}");
            assert_eq!(report.incomplete_reason(), None, "{id}");
        }
        let failed = report(&[
            (CheckId::Namespace, Outcome::failed("No.")),
            (
                CheckId::ServiceAccount,
                Outcome::skipped(Skip::Blocked, "Needs it."),
            ),
        ]);
        assert!(failed.is_complete() && failed.has_failed() && !failed.is_ok());
    }

    #[test]
    fn an_incomplete_run_groups_its_checks_by_reason() {
        let report = report(&[
            (
                CheckId::RoleExists,
                Outcome::incomplete("denied", "Denied."),
            ),
            (
                CheckId::RoleTrust,
                Outcome::incomplete("denied", "Needs it."),
            ),
            (
                CheckId::ApiServer,
                Outcome::incomplete("timed out", "Late.").retryable(),
            ),
            (
                CheckId::RbacListPods,
                Outcome::incomplete("timed out", "Late."),
            ),
        ]);
        assert!(!report.is_complete() && !report.is_ok() && !report.has_failed());
        let unchecked = report.unchecked();
        let grouped: Vec<_> = unchecked
            .iter()
            .map(|one| (one.reason, one.ids().collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            grouped,
            [
                ("denied", vec![CheckId::RoleExists, CheckId::RoleTrust]),
                ("timed out", vec![CheckId::ApiServer]),
            ]
        );
        assert_eq!(
            report.incomplete_reason().unwrap(),
            "3 of 20 checks could not be made: denied (2), timed out (1)."
        );
    }
}
