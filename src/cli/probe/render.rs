//! The texts of a probe: what it will create, and what it has found.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use serde::Serialize;

use crate::access::{ContainerEnd, Deletion, Ended, Prepared, ProbeReport, Subject};
use crate::cli::arguments::ProbeArguments;
use crate::cli::json::{About, Envelope, pretty};
use crate::cli::started::Started;

/// Returns what the probe will create, before it does.
pub(super) fn announcement(prepared: &Prepared<'_>, arguments: &ProbeArguments) -> String {
    let Prepared {
        name,
        namespace,
        cluster,
        region,
        image,
        ..
    } = prepared;
    let end = if arguments.keep {
        "It is not deleted (--keep). Kubernetes stops it 15 seconds after --timeout. Set a longer timeout if your image \
         runs longer."
    } else {
        "It is deleted when its container cannot start, has ended, or has run for 10 seconds."
    };
    format!(
        "The probe creates this Job:\n\n  \
         cluster    {cluster} in {region}\n  \
         namespace  {namespace}\n  \
         name       {name}\n  \
         user       {}\n  \
         image      {image}\n\n\
         It is the Orchestrator's Job, with placeholders for {}.\n{end}\n",
        user(prepared),
        placeholders()
    )
}

/// Returns the names of the variables that have no real value.
fn placeholders() -> String {
    let [first @ .., last] = ProbeReport::PLACEHOLDERS;
    format!("{}, and {last}", first.join(", "))
}

fn user<'a>(prepared: &'a Prepared<'_>) -> &'a str {
    match prepared.user.as_str() {
        "" => "the runner",
        user => user,
    }
}

/// Returns the report for people.
pub(super) fn text(prepared: &Prepared<'_>, report: &ProbeReport) -> String {
    let mut text = String::new();
    let (symbol, color, sentence) = match &report.ended {
        Ended::Started => ("√", AnsiColor::Green, "The container \"main\" has started.".to_owned()),
        Ended::NotStarted(reason) => (
            "×",
            AnsiColor::Red,
            format!("The container \"main\" did not start. {}", reason.message),
        ),
        Ended::Unknown(why) => ("-", AnsiColor::Yellow, format!("Unknown: {why}")),
    };
    let style = color.on_default();
    let _ = writeln!(text, "{style}{symbol}{style:#} {sentence}\n");
    let pod = report.pod.as_deref().unwrap_or("none was created");
    let _ = writeln!(text, "pod     {pod}");
    if report.pod.is_some() {
        let node = report.node.as_deref().unwrap_or("none");
        let _ = writeln!(text, "node    {node}");
    }
    let _ = writeln!(text, "image   {}", prepared.image);
    if !report.events.is_empty() {
        let _ = writeln!(text, "\nEvents of the Job and its pod:");
    }
    for event in &report.events {
        let times = match event.count {
            1 => String::new(),
            count => format!(" ({count} times)"),
        };
        let _ = writeln!(
            text,
            "  {:<7}  {:<17}  {}{times}",
            event.kind,
            event.reason,
            event.message.trim()
        );
    }
    if let Some(end) = &report.end {
        let _ = writeln!(text, "\n{}", ending(end));
    }
    let _ = writeln!(text, "\n{}", deletion(prepared, &report.deletion));
    if report.ended == Ended::Started {
        let _ = writeln!(
            text,
            "{} were placeholders, so nothing that the runner does after it starts was tested.{}",
            placeholders(),
            match &report.end {
                Some(end) if end.exit_code != 0 => " An error about them is expected.",
                _ => "",
            }
        );
    }
    text
}

/// Returns how the container ended, with the last lines of its log.
fn ending(end: &ContainerEnd) -> String {
    let ContainerEnd { exit_code, reason, log } = end;
    let log = match log {
        None => String::new(),
        Some(Ok(log)) if log.is_empty() => " Its log is empty.".to_owned(),
        Some(Ok(log)) => {
            let lines: String = log.lines().map(|line| format!("\n  {line}")).collect();
            format!(" The last lines of its log:\n{lines}")
        }
        Some(Err(why)) => format!(" Its log could not be read: {why}."),
    };
    format!("The container ended with exit code {exit_code} ({reason}).{log}")
}

fn deletion(prepared: &Prepared<'_>, deletion: &Deletion) -> String {
    let Prepared { name, namespace, .. } = prepared;
    match deletion {
        Deletion::NotCreated => "No Job was created.".to_owned(),
        Deletion::Deleted => "The Job and its pod were deleted.".to_owned(),
        Deletion::Deleting => "The Job is being deleted. Its pod has not ended yet.".to_owned(),
        Deletion::NotFound => "The Job does not exist.".to_owned(),
        Deletion::Kept { is_confirmed } => format!(
            "{} until an hour after its end. To delete it:\n\n\
             kubectl delete job -n {namespace} {name}",
            if *is_confirmed {
                "The Job stays"
            } else {
                "If the Job exists, it stays"
            }
        ),
        Deletion::Failed(why) => format!(
            "The Job could not be deleted: {why}. Kubernetes stops the Job at its deadline and then deletes it. To delete \
             it now:\n\n\
             kubectl delete job -n {namespace} {name}"
        ),
    }
}

#[derive(Serialize)]
struct ProbeDocument<'a> {
    /// `ok`: whether the container has started.
    #[serde(flatten)]
    envelope: Envelope<'a>,
    #[serde(flatten)]
    about: About<'a>,
    /// `started`, `not-started` or `unknown`.
    result: &'static str,
    /// The kind of the reason, if the container did not start.
    reason: Option<&'static str>,
    message: &'a str,
    namespace: &'a str,
    job: &'a str,
    pod: Option<&'a str>,
    node: Option<&'a str>,
    user: &'a str,
    image: &'a str,
    /// `not-created`, `not-found`, `deleted`, `deleting`, `kept`, or `failed`.
    deletion: &'static str,
    /// The variables of the container that were placeholders.
    placeholders: [&'static str; ProbeReport::PLACEHOLDERS.len()],
    events: Vec<EventDocument<'a>>,
    /// The exit code of the container, if it ended soon after it had started.
    exit_code: Option<i64>,
    /// The last lines of its log, if it ended with an error and they could be read.
    log: Option<&'a str>,
}

#[derive(Serialize)]
struct EventDocument<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    reason: &'a str,
    message: &'a str,
    object: &'a str,
    count: u64,
}

/// Returns the report as JSON. Its shape is an interface: fields can be added, but never changed.
pub(super) fn json(subject: &Subject, prepared: &Prepared<'_>, report: &ProbeReport, started: Started) -> String {
    let (result, reason, message) = match &report.ended {
        Ended::Started => ("started", None, "The container \"main\" has started."),
        Ended::NotStarted(reason) => ("not-started", Some(reason.kind.as_str()), reason.message.as_str()),
        Ended::Unknown(why) => ("unknown", None, why.as_str()),
    };
    let events = report.events.iter().map(|event| EventDocument {
        kind: &event.kind,
        reason: &event.reason,
        message: &event.message,
        object: &event.object,
        count: event.count,
    });
    pretty(&ProbeDocument {
        envelope: Envelope::new("probe", started, report.ended == Ended::Started),
        about: About::from(subject),
        result,
        reason,
        message,
        namespace: &prepared.namespace,
        job: &prepared.name,
        pod: report.pod.as_deref(),
        node: report.node.as_deref(),
        user: user(prepared),
        image: &prepared.image,
        deletion: match report.deletion {
            Deletion::NotCreated => "not-created",
            Deletion::Deleted => "deleted",
            Deletion::Deleting => "deleting",
            Deletion::NotFound => "not-found",
            Deletion::Kept { .. } => "kept",
            Deletion::Failed(_) => "failed",
        },
        placeholders: ProbeReport::PLACEHOLDERS,
        events: events.collect(),
        exit_code: report.end.as_ref().map(|end| end.exit_code),
        log: report.end.as_ref().and_then(|end| end.log.as_ref()?.as_deref().ok()),
    })
}
