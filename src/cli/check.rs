//! `eks-runner check`.

mod checked;
mod document;
pub(super) mod junit;
pub(super) mod markdown;
pub(super) mod sarif;
mod shared_fixes;
mod table;
mod text;
mod unchecked;

use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use checked::{Checked, Policy, Results, exit_code};

use super::arguments::{CheckArguments, CheckOutput};
use super::error::{Error, Exit};
use super::progress::{Durations, Progress, RunnerProgress};
use super::source::{self, Source};
use super::started::Started;
use super::terminal::Layout;
use crate::access::{Preflight, Report, Settings, TimeLimit};

/// The pause between two runs of `--wait`.
const PAUSE: Duration = Duration::from_secs(5);

/// Checks runners. Returns the output and the exit code.
///
/// # Errors
/// Why no check can run.
pub(super) async fn run(
    arguments: CheckArguments,
    started: Started,
    layout: Layout,
) -> Result<(String, Exit), Error> {
    arguments.verify()?;
    let mut sources = source::read_several(&arguments.runners).await?;
    for source in &sources.runners {
        source.say_remarks();
    }
    let policy = Policy {
        fail_on: arguments.fail_on,
        allow_incomplete: arguments.allow_incomplete,
    };
    let is_shown = !arguments.quiet && arguments.log.verbose == 0;
    let reports = loop {
        let settings = arguments.access.settings(&sources.installation);
        let reports = once(&sources.runners, &settings, is_shown).await;
        // What makes checks incomplete is often an option, which does not change by waiting.
        let fails = reports
            .iter()
            .any(|(report, _)| exit_code(report, policy) == Exit::Failed);
        let has_time = arguments
            .wait
            .is_some_and(|wait| started.elapsed() + PAUSE < wait);
        if !fails || !has_time {
            break reports;
        }
        tokio::time::sleep(PAUSE).await;
        if !arguments.runners.are_on_stdin() {
            sources = source::read_several(&arguments.runners).await?;
        }
    };
    let runners = sources.runners.into_iter().zip(reports);
    let checked = runners.map(|(source, (report, durations))| Checked {
        source,
        report,
        durations,
        policy,
    });
    let mut results = Results {
        started,
        duration: started.elapsed(),
        are_several: arguments.runners.are_several(),
        checked: checked.collect(),
        unread: sources.unread,
        left_out: sources.left_out,
    };
    shared_fixes::share(&mut results.checked);
    let text = match arguments.output {
        CheckOutput::Text => text::render(&results, layout),
        CheckOutput::Json => document::render(&results),
        CheckOutput::Junit => junit::render(&results).map_err(Error::Junit)?,
        CheckOutput::Sarif => sarif::render(&results),
        CheckOutput::Markdown => markdown::render(&results),
    };
    Ok((text, results.exit()))
}

/// Runs the checks of all runners once. The runners share the responses of AWS and of the clusters. Nothing is remembered
/// from an earlier run, because everything might have changed.
async fn once(runners: &[Source], settings: &Settings, is_shown: bool) -> Vec<(Report, Durations)> {
    let limit = TimeLimit::new(settings.timeout, CancellationToken::new());
    let preflight = Preflight::new(settings.clone());
    let progress = Progress::new(runners.len(), is_shown);
    let checks = runners.iter().map(async |source| {
        let observer = RunnerProgress::new(&progress);
        let report = preflight.check(&source.subject, &limit, &observer).await;
        (report, observer.end())
    });
    join_all(checks).await
}
