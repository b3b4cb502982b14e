//! `eks-runner check`.

use tokio_util::sync::CancellationToken;

use super::arguments::{CheckArguments, FailOn, Output};
use super::error::{Error, Exit};
use super::progress::Progress;
use super::{human, json, source};
use crate::access::{Preflight, Report, Status, TimeLimit};

/// Checks a runner. Returns the output and the exit code.
///
/// # Errors
/// Why no check can run.
pub(super) async fn run(arguments: CheckArguments) -> Result<(String, Exit), Error> {
    let (subject, installation) = source::subject(&arguments.runner).await?;
    let settings = arguments.access.settings(&installation);
    let limit = TimeLimit::new(settings.timeout, CancellationToken::new());
    let progress = Progress::new();
    let report = Preflight::new(settings)
        .check(&subject, &limit, &progress)
        .await;
    drop(progress);
    let text = match arguments.output {
        Output::Text => human::render(&subject, &report),
        Output::Json => json::render(&report),
    };
    let exit = exit(&report, arguments.fail_on, arguments.allow_incomplete);
    Ok((text, exit))
}

/// Returns the exit code for a report.
fn exit(report: &Report, fail_on: FailOn, allow_incomplete: bool) -> Exit {
    let warned = report.with_status(Status::Warned).next().is_some();
    if report.has_failed() || (warned && fail_on == FailOn::Warning) {
        Exit::Failed
    } else if report.is_complete() || allow_incomplete {
        Exit::Passed
    } else {
        Exit::Incomplete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{CheckResult, Outcome};

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
            .map(|(fail_on, allow)| exit(&report, fail_on, allow) as i32);
            assert_eq!(found, codes, "{report:?}");
        }
    }
}
