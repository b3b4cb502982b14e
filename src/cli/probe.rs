//! `eks-runner probe`.

mod render;

use std::io::{self, IsTerminal, Write};

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::arguments::{ProbeArguments, ProbeOutput};
use super::error::{Error, Exit};
use super::signals::Signals;
use super::source::{self, Source};
use super::started::Started;
use super::terminal::say;
use crate::access::{Deletion, Ended, Probe, ProbeOptions, ProbeReport};

/// Probes a runner. Returns the output and the exit code.
///
/// Ctrl-C and SIGTERM end the probe at any time. A Job that was created is still deleted.
///
/// # Errors
/// Why no Job was created.
pub(super) async fn run(arguments: ProbeArguments, started: Started) -> Result<(String, Exit), Error> {
    arguments.verify()?;
    let cancelled = CancellationToken::new();
    let signals = Signals::new().and_then(Signals::and_hangup);
    let signals = signals.map_err(Error::Signals)?;
    tokio::spawn(cancel(cancelled.clone(), signals));
    let reading = cancelled.run_until_cancelled(source::read(&arguments.runner));
    let (Source { subject, .. }, installation) = reading.await.ok_or(Error::Interrupted)??;
    let mut settings = arguments.connection.settings(&installation);
    if let Some(image) = &arguments.runner_image {
        settings.runner_image.clone_from(image);
    }
    let options = ProbeOptions {
        timeout: arguments.timeout,
        keep: arguments.keep,
    };
    let probe = Probe::new(settings);
    let preparing = cancelled.run_until_cancelled(probe.prepare(&subject, options));
    let prepared = preparing.await.ok_or(Error::Interrupted)?;
    let prepared = prepared.map_err(|outcome| Error::NoProbe(Box::new(outcome)))?;
    say(&render::announcement(&prepared, &arguments));
    if !arguments.yes {
        confirm(&cancelled).await?;
    }
    let report = prepared.run(&cancelled, &say).await;
    let text = match arguments.output {
        ProbeOutput::Text => render::text(&prepared, &report),
        ProbeOutput::Json => render::json(&subject, &prepared, &report, started),
    };
    Ok((text, exit(&report)))
}

/// Cancels at the first signal. Later ones do not keep the Job from being deleted.
async fn cancel(cancelled: CancellationToken, mut signals: Signals) {
    loop {
        signals.next().await;
        if !cancelled.is_cancelled() {
            say("Interrupted");
            cancelled.cancel();
        }
    }
}

/// Prompts for confirmation.
async fn confirm(cancelled: &CancellationToken) -> Result<(), Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::NoTerminal);
    }
    let _ = write!(io::stderr(), "Create it? [y/N] ");
    let answer = spawn_blocking(|| {
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.map(|_| answer).unwrap_or_default()
    });
    let answer = tokio::select! {
        biased;
        () = cancelled.cancelled() => return Err(Error::Interrupted),
        answer = answer => answer.unwrap_or_default(),
    };
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Error::NotConfirmed),
    }
}

/// Returns the exit code for a report.
fn exit(report: &ProbeReport) -> Exit {
    match (&report.ended, &report.deletion) {
        (_, Deletion::Failed(_)) | (Ended::Unknown(_), _) => Exit::Incomplete,
        (Ended::Started, _) => Exit::Passed,
        (Ended::NotStarted(_), _) => Exit::Failed,
    }
}
