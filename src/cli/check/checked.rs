//! The results of the checks, and the exit code that follows from them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::access::{CheckResult, Known, Report, Status, Subject};
use crate::cli::arguments::FailOn;
use crate::cli::error::Exit;
use crate::cli::progress::Durations;
use crate::cli::source::{LeftOut, Source, Unread};
use crate::cli::started::Started;

/// The results of all runners.
pub(super) struct Results {
    /// When the command started.
    pub(super) started: Started,
    /// How long the command took.
    pub(super) duration: Duration,
    /// Whether the arguments select any number of runners. Otherwise there is exactly one.
    pub(super) are_several: bool,
    /// The runners that were checked.
    pub(super) checked: Vec<Checked>,
    /// The runners that could not be read.
    pub(super) unread: Vec<Unread>,
    /// The runners that are not checked on purpose.
    pub(super) left_out: Vec<LeftOut>,
}

/// A runner and the results of its checks.
pub(super) struct Checked {
    pub(super) source: Source,
    pub(super) report: Report,
    pub(super) durations: Durations,
    /// What the user wants to count.
    pub(super) policy: Policy,
}

/// The options that decide about the exit code.
#[derive(Clone, Copy)]
pub(super) struct Policy {
    pub(super) fail_on: FailOn,
    pub(super) allow_incomplete: bool,
}

/// The result of a runner in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunnerVerdict {
    /// No check failed, and every check that applies has run.
    Passed,
    /// A check failed, or warned while warnings count.
    Failed,
    /// No check failed, and checks that apply could not run.
    Incomplete,
    /// The runner could not be read.
    NotChecked,
}

impl fmt::Display for RunnerVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
            Self::NotChecked => "not checked",
        })
    }
}

/// What a check contributes to the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// The check causes exit code 3.
    Failure,
    /// The check could not run, and causes exit code 4 if no check causes 3.
    Incomplete,
    /// The check did not run, which does not matter.
    Skipped,
    /// The check ran, and nothing follows from it.
    Nothing,
}

impl Results {
    /// Returns the exit code: the one of the worst result.
    pub(super) fn exit(&self) -> Exit {
        let checked = self.checked.iter().map(Checked::exit);
        let unread = self.unread.iter().map(|unread| unread.error.exit());
        let worst = checked.chain(unread).max_by_key(|exit| severity(*exit));
        worst.unwrap_or(Exit::Passed)
    }

    /// Returns whether every runner was read and every check that applies has run.
    pub(super) fn are_complete(&self) -> bool {
        self.unread.is_empty() && self.checked.iter().all(|one| one.report.is_complete())
    }

    /// Returns why the run is not complete, as one sentence with the runners. `None` for a complete run.
    pub(super) fn incomplete_reason(&self) -> Option<String> {
        let incomplete = self.checked.iter().filter(|one| !one.report.is_complete());
        let incomplete = incomplete.map(|one| self.name(one.org(), one.id()));
        let unread = self.unread.iter().map(|one| self.name(&one.org, &one.id));
        let names: Vec<String> = incomplete.chain(unread).collect();
        (!names.is_empty()).then(|| {
            format!(
                "{} of {} could not be checked completely: {}.",
                names.len(),
                self.runners(),
                names.join(", ")
            )
        })
    }

    /// Returns the name of a runner in a text about all runners: its ID, with the organization if there are several,
    /// because two of them can have the same ID.
    pub(super) fn name(&self, org: &str, id: &str) -> String {
        if self.orgs().len() < 2 {
            id.to_owned()
        } else {
            format!("{org}/{id}")
        }
    }

    /// Returns the number of runners that were checked or could not be read, as text.
    pub(super) fn runners(&self) -> String {
        match self.checked.len() + self.unread.len() {
            1 => "1 runner".to_owned(),
            count => format!("{count} runners"),
        }
    }

    /// Returns the number of checks with a status.
    pub(super) fn count(&self, status: Status) -> usize {
        let counts = self.checked.iter().map(|one| one.count(status));
        counts.sum()
    }

    /// Returns the organizations of all runners, in order.
    pub(super) fn orgs(&self) -> BTreeSet<&str> {
        let checked = self.checked.iter().map(Checked::org);
        let unread = self.unread.iter().map(|unread| unread.org.as_str());
        let left_out = self.left_out.iter().map(|left_out| left_out.org.as_str());
        checked.chain(unread).chain(left_out).collect()
    }
}

impl Checked {
    /// Returns the exit code that the runner causes.
    pub(super) fn exit(&self) -> Exit {
        exit_code(&self.report, self.policy)
    }

    /// Returns the runner.
    pub(super) fn subject(&self) -> &Subject {
        &self.source.subject
    }

    /// Returns the organization.
    pub(super) fn org(&self) -> &str {
        known(&self.source.subject.org)
    }

    /// Returns the runner's ID.
    pub(super) fn id(&self) -> &str {
        known(&self.source.subject.runner_id)
    }

    /// Returns the name of the runner's cluster.
    pub(super) fn cluster(&self) -> &str {
        known(&self.source.subject.cluster)
    }

    /// Returns the region of the runner's cluster.
    pub(super) fn region(&self) -> &str {
        known(&self.source.subject.region)
    }

    /// Returns the number of checks with a status.
    pub(super) fn count(&self, status: Status) -> usize {
        self.report.with_status(status).count()
    }

    /// Returns the result in one word. A run that is not complete is `incomplete` even if the exit code is 0.
    pub(super) fn verdict(&self) -> RunnerVerdict {
        match self.exit() {
            Exit::Failed => RunnerVerdict::Failed,
            _ if self.report.is_complete() => RunnerVerdict::Passed,
            _ => RunnerVerdict::Incomplete,
        }
    }
}

impl Policy {
    /// Returns what a check contributes to the exit code.
    pub(super) fn counts(self, result: &CheckResult) -> Counts {
        match result.outcome.status {
            Status::Failed => Counts::Failure,
            Status::Warned if self.fail_on == FailOn::Warning => Counts::Failure,
            Status::Skipped if result.is_unchecked() && !self.allow_incomplete => Counts::Incomplete,
            Status::Skipped => Counts::Skipped,
            Status::Passed | Status::Warned => Counts::Nothing,
        }
    }
}

/// Returns a value of a runner that was read whole, so that every value is known.
fn known(value: &Known<String>) -> &str {
    value.get().map_or("", String::as_str)
}

/// Returns the exit code for a report.
pub(super) fn exit_code(report: &Report, policy: Policy) -> Exit {
    let has = |counts| {
        let mut checks = report.checks.iter();
        checks.any(|result| policy.counts(result) == counts)
    };
    if has(Counts::Failure) {
        Exit::Failed
    } else if has(Counts::Incomplete) {
        Exit::Incomplete
    } else {
        Exit::Passed
    }
}

/// Returns how bad an exit code is: a check that failed is worse than a runner that could not be read, which is worse than a
/// check that could not run.
fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Passed => 0,
        Exit::Incomplete => 1,
        Exit::Internal => 2,
        Exit::BadInput => 3,
        Exit::Failed => 4,
        // The command has no result.
        Exit::Interrupted | Exit::Terminated => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Outcome;

    #[test]
    fn each_report_has_its_exit_code() {
        let failed = || Outcome::failed("No.");
        let warned = || Outcome::warned("Hm.");
        let incomplete = || Outcome::incomplete("no response", "Late.");
        let passed = || Outcome::passed("Yes.");
        // The exit codes without options, with --fail-on warning, with --allow-incomplete, and with both.
        for (outcomes, codes) in [
            ([passed(), passed()], [0, 0, 0, 0]),
            ([warned(), passed()], [0, 3, 0, 3]),
            ([failed(), passed()], [3, 3, 3, 3]),
            ([incomplete(), passed()], [4, 4, 0, 0]),
            ([incomplete(), warned()], [4, 3, 0, 3]),
            ([incomplete(), failed()], [3, 3, 3, 3]),
        ] {
            let ids = ["role-exists", "namespace"].map(|id| id.parse().unwrap()).into_iter();
            let checks = ids.zip(outcomes);
            let report = Report {
                checks: checks.map(|(id, outcome)| CheckResult::fixture(id, outcome)).collect(),
                session_name: None,
                oidc_subject: None,
                kubernetes_user: None,
            };
            let found = [
                (FailOn::Failure, false),
                (FailOn::Warning, false),
                (FailOn::Failure, true),
                (FailOn::Warning, true),
            ]
            .map(|(fail_on, allow_incomplete)| {
                let policy = Policy {
                    fail_on,
                    allow_incomplete,
                };
                exit_code(&report, policy) as i32
            });
            assert_eq!(found, codes, "{report:?}");
        }
    }

    #[test]
    fn the_worst_exit_code_decides() {
        let mut exits = [
            Exit::Failed,
            Exit::BadInput,
            Exit::Internal,
            Exit::Incomplete,
            Exit::Passed,
        ];
        let expected = exits;
        exits.reverse();
        exits.sort_by_key(|exit| std::cmp::Reverse(severity(*exit)));
        assert_eq!(exits, expected);
    }
}
