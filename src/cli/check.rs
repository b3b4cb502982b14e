//! `eks-runner check`.

mod document;
mod junit;
mod markdown;
mod sarif;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::arguments::{CheckArguments, CheckOutput, FailOn};
use super::error::{Error, Exit};
use super::progress::Progress;
use super::source::{self, Source};
use super::started::Started;
use crate::access::{
    CheckId, CheckResult, Preflight, Report, Settings, Skip, Status, Subject, TimeLimit,
};

/// The pause between two runs of `--wait`.
const PAUSE: Duration = Duration::from_secs(5);

/// A runner and the results of its checks.
struct Checked {
    source: Source,
    report: Report,
    /// When the command started.
    started: Started,
    /// How long the command took.
    duration: Duration,
    /// How long each check took that was started.
    durations: BTreeMap<CheckId, Duration>,
    /// What the user wants to count.
    policy: Policy,
    exit: Exit,
}

/// The options that decide about the exit code.
#[derive(Clone, Copy)]
struct Policy {
    fail_on: FailOn,
    allow_incomplete: bool,
}

/// What a check contributes to the exit code.
enum Counts {
    /// The check causes exit code 3.
    Failure,
    /// The check could not run, and causes exit code 4 if no check causes 3.
    Incomplete,
    /// The check did not run, which does not matter.
    Skipped,
    /// The check ran, and nothing follows from it.
    Nothing,
}

impl Checked {
    /// Returns what a check contributes to the exit code.
    fn counts(&self, CheckResult { id, outcome }: &CheckResult) -> Counts {
        let Policy {
            fail_on,
            allow_incomplete,
        } = self.policy;
        match (outcome.status, &outcome.skip) {
            (Status::Failed, _) => Counts::Failure,
            (Status::Warned, _) if fail_on == FailOn::Warning => Counts::Failure,
            (Status::Skipped, Some(Skip::Incomplete(_)))
                if !id.only_warns() && !allow_incomplete =>
            {
                Counts::Incomplete
            }
            (Status::Skipped, _) => Counts::Skipped,
            (Status::Passed | Status::Warned, _) => Counts::Nothing,
        }
    }
}

/// Checks a runner. Returns the output and the exit code.
///
/// # Errors
/// Why no check can run.
pub(super) async fn run(
    arguments: CheckArguments,
    started: Started,
) -> Result<(String, Exit), Error> {
    let source = source::read(&arguments.runner).await?;
    let settings = arguments.access.settings(&source.installation);
    let policy = Policy {
        fail_on: arguments.fail_on,
        allow_incomplete: arguments.allow_incomplete,
    };
    let (report, durations) = loop {
        let (report, durations) = once(&source.subject, &settings).await;
        let has_time = arguments
            .wait
            .is_some_and(|wait| started.elapsed() + PAUSE < wait);
        if exit(&report, policy) == Exit::Passed || !has_time {
            break (report, durations);
        }
        tokio::time::sleep(PAUSE).await;
    };
    let exit = exit(&report, policy);
    let checked = Checked {
        durations,
        duration: started.elapsed(),
        started,
        source,
        report,
        policy,
        exit,
    };
    let text = match arguments.output {
        CheckOutput::Text => text::render(&checked.source.subject, &checked.report),
        CheckOutput::Json => document::render(&checked),
        CheckOutput::Junit => junit::render(&checked).map_err(Error::Junit)?,
        CheckOutput::Sarif => sarif::render(&checked),
        CheckOutput::Markdown => markdown::render(&checked),
    };
    Ok((text, exit))
}

/// Runs the checks once. Nothing is remembered from an earlier run, because everything might have changed.
async fn once(subject: &Subject, settings: &Settings) -> (Report, BTreeMap<CheckId, Duration>) {
    let limit = TimeLimit::new(settings.timeout, CancellationToken::new());
    let progress = Progress::new();
    let report = Preflight::new(settings.clone())
        .check(subject, &limit, &progress)
        .await;
    (report, progress.into_durations())
}

/// Returns the exit code for a report.
fn exit(report: &Report, policy: Policy) -> Exit {
    let warned = report.with_status(Status::Warned).next().is_some();
    if report.has_failed() || (warned && policy.fail_on == FailOn::Warning) {
        Exit::Failed
    } else if report.is_complete() || policy.allow_incomplete {
        Exit::Passed
    } else {
        Exit::Incomplete
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
        let incomplete = || Outcome::incomplete("timed out", "Late.");
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
            let ids = ["role-exists", "namespace"]
                .map(|id| id.parse().unwrap())
                .into_iter();
            let checks = ids.zip(outcomes);
            let report = Report {
                checks: checks
                    .map(|(id, outcome)| CheckResult { id, outcome })
                    .collect(),
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
                exit(&report, policy) as i32
            });
            assert_eq!(found, codes, "{report:?}");
        }
    }
}
