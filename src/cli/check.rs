//! `eks-runner check`.

use tokio_util::sync::CancellationToken;

use super::arguments::{CheckArguments, FailOn, Output};
use super::error::{Error, Exit};
use super::progress::Progress;
use super::{human, json, source};
use crate::access::{Budget, Preflight, Report, Status};

/// Checks a runner. Gives the output and the exit code.
///
/// # Errors
/// What keeps it from being checked at all.
pub(super) async fn run(arguments: CheckArguments) -> Result<(String, Exit), Error> {
    let (subject, installation) = source::subject(&arguments.runner).await?;
    let settings = arguments.access.settings(&installation);
    let budget = Budget::new(settings.timeout, CancellationToken::new());
    let progress = Progress::new();
    let report = Preflight::new(settings)
        .check(&subject, &budget, &progress)
        .await;
    drop(progress);
    let text = match arguments.output {
        Output::Text => human::render(&subject, &report),
        Output::Json => json::render(&report),
    };
    Ok((text, exit(&report, arguments.fail_on)))
}

fn exit(report: &Report, fail_on: FailOn) -> Exit {
    let warned = report.with_status(Status::Warned).next().is_some();
    match (report.is_ok(), warned, fail_on) {
        (false, _, _) | (true, true, FailOn::Warning) => Exit::Failed,
        (true, true, FailOn::Failure) => Exit::Warned,
        (true, false, _) => Exit::Passed,
    }
}
