//! `eks-runner check`.

mod checked;
mod document;
mod junit;
mod markdown;
mod sarif;
mod shared_fixes;
mod table;
mod text;
mod unchecked;

use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use checked::{Checked, Policy, Results, exit_code};

use super::arguments::{CheckArguments, CheckOutput, RunnersArguments};
use super::error::{Error, Exit};
use super::json::Failure;
use super::progress::{Durations, ProgressDisplay, RunnerProgress};
use super::source::{self, Source, Sources, Unread};
use super::started::Started;
use super::terminal::{self, Layout};
use crate::access::{Preflight, Report, Settings, TimeLimit};

/// The pause between two runs of `--wait`.
const PAUSE: Duration = Duration::from_secs(5);

/// A format of the report. Each format is a value beside the code that writes it.
pub(super) struct ReportFormat {
    /// Returns the report.
    render: fn(&Results, Layout) -> Result<String, Error>,
    /// Returns why there is no result, with the subcommand, if the arguments name one, and when the command started. `None` if
    /// that cannot be written in the format.
    pub(super) failure: fn(&Failure<'_>, Option<&'static str>, Started) -> Option<String>,
}

impl CheckOutput {
    /// Returns the format.
    pub(super) fn format(self) -> &'static ReportFormat {
        match self {
            Self::Text => &text::FORMAT,
            Self::Json => &document::FORMAT,
            Self::Junit => &junit::FORMAT,
            Self::Sarif => &sarif::FORMAT,
            Self::Markdown => &markdown::FORMAT,
        }
    }
}

/// Checks runners. Returns the output and the exit code.
///
/// # Errors
/// Why no check can run.
pub(super) async fn run(arguments: CheckArguments, started: Started, layout: Layout) -> Result<(String, Exit), Error> {
    arguments.verify()?;
    let mut sources = source::read_several(&arguments.runners).await?;
    let policy = Policy {
        fail_on: arguments.fail_on,
        allow_incomplete: arguments.allow_incomplete,
    };
    let is_shown = !arguments.quiet && arguments.log.verbose == 0;
    let check = async |sources: &Sources| {
        let settings = arguments.access.settings(&sources.installation);
        once(&sources.runners, &settings, is_shown).await
    };
    let mut notes: Vec<String> = sources.runners.iter().flat_map(Source::notes).collect();
    if !arguments.quiet {
        // Before the checks, which can be interrupted.
        notes.drain(..).for_each(|note| terminal::say(&note));
    }
    let mut reports = check(&sources).await;
    let mut not_read = None;
    while fails(&reports, policy)
        && let Some(left) = arguments.wait.and_then(|wait| left(wait, started))
    {
        tokio::time::sleep(PAUSE.min(left)).await;
        match read_again(&arguments.runners, sources).await {
            Ok(read) => {
                sources = read;
                reports = check(&sources).await;
                not_read = None;
            }
            // The last completed run stays the result.
            Err((last, error)) => {
                sources = last;
                not_read = Some(error);
            }
        }
    }
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
    let text = (arguments.output.format().render)(&results, layout)?;
    let exit = results.exit();
    notes.extend(not_read.map(|error| {
        format!(
            "note: the last attempt to read the runners again failed, so this is the result of the run before: {error}"
        )
    }));
    if !(arguments.quiet && exit == Exit::Passed) {
        notes.iter().for_each(|note| terminal::say(note));
    }
    Ok((text, exit))
}

/// Returns whether a check failed. What makes checks incomplete is often an option, which does not change by waiting.
fn fails(reports: &[(Report, Durations)], policy: Policy) -> bool {
    let mut exits = reports.iter().map(|(report, _)| exit_code(report, policy));
    exits.any(|exit| exit == Exit::Failed)
}

/// Returns how much of the time of `--wait` is left. `None` at its end.
fn left(wait: Duration, started: Started) -> Option<Duration> {
    let left = wait.checked_sub(started.elapsed())?;
    (!left.is_zero()).then_some(left)
}

/// Reads the runners again. What can be read only once stays as it was.
///
/// # Errors
/// The sources of the last run, and why they cannot be read again. That includes a single runner that could be read
/// before: without it, the run could end as if nothing failed.
async fn read_again(arguments: &RunnersArguments, last: Sources) -> Result<Sources, (Sources, Error)> {
    if arguments.are_readable_once() {
        return Ok(last);
    }
    match source::read_several(arguments).await {
        Ok(mut read) => {
            let was_read = |unread: &Unread| {
                let mut before = last.runners.iter();
                before.any(|source| source.subject.runner_id.get() == Some(&unread.id))
            };
            match read.unread.iter().position(was_read) {
                Some(index) => Err((last, read.unread.swap_remove(index).error)),
                None => Ok(read),
            }
        }
        Err(error) => Err((last, error)),
    }
}

/// Runs the checks of all runners once. The runners share the responses of AWS and of the clusters. Nothing is remembered
/// from an earlier run, because everything might have changed.
async fn once(runners: &[Source], settings: &Settings, is_shown: bool) -> Vec<(Report, Durations)> {
    let limit = TimeLimit::new(settings.timeout, CancellationToken::new());
    let preflight = Preflight::new(settings.clone());
    let progress = ProgressDisplay::new(runners.len(), is_shown);
    let checks = runners.iter().map(async |source| {
        let observer = RunnerProgress::new(&progress);
        let report = preflight.check(&source.subject, &limit, &observer).await;
        (report, observer.end())
    });
    join_all(checks).await
}
