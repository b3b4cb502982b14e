//! What the JSON documents of all subcommands have in common. Their shape is an interface: fields can be added, but
//! never changed.

use std::ffi::OsString;
use std::time::Duration;

use serde::Serialize;

use super::error::{Error, Exit};
use super::problem::Problems;
use super::started::Started;
use crate::access::{Known, Subject};
use crate::secrets::redacted;

/// The fields with which each document begins.
#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    /// The version of the command.
    version: &'static str,
    /// The subcommand. `None` if the arguments do not name one.
    command: Option<&'static str>,
    /// When the command started.
    time: String,
    duration_ms: u64,
    /// Whether the result is good. What this means depends on the subcommand.
    ok: bool,
    /// Why there is no result. The document then has no field but those of the envelope.
    error: Option<Failure<'a>>,
}

impl Envelope<'_> {
    /// Returns the envelope of a result.
    pub(super) fn new(command: &'static str, started: Started, ok: bool) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            command: Some(command),
            time: started.time(),
            duration_ms: milliseconds(started.elapsed()),
            ok,
            error: None,
        }
    }
}

/// The runner that a result is about.
#[derive(Serialize)]
pub(super) struct About<'a> {
    pub(super) org: Option<&'a str>,
    pub(super) runner: Option<&'a str>,
    pub(super) cluster: Option<&'a str>,
    pub(super) region: Option<&'a str>,
}

impl<'a> From<&'a Subject> for About<'a> {
    fn from(subject: &'a Subject) -> Self {
        fn known(value: &Known<String>) -> Option<&str> {
            value.get().map(String::as_str)
        }
        Self {
            org: known(&subject.org),
            runner: known(&subject.runner_id),
            cluster: known(&subject.cluster),
            region: known(&subject.region),
        }
    }
}

/// Why there is no result.
#[derive(Serialize)]
pub(super) struct Failure<'a> {
    message: String,
    exit_code: u8,
    /// The problems with the runner's file. Empty if the file is not the reason.
    problems: Vec<FileProblem<'a>>,
}

impl<'a> From<&'a Error> for Failure<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            message: redacted(error.to_string().trim_end()),
            exit_code: error.exit() as u8,
            problems: match error {
                Error::Files(files) => files.iter().flat_map(FileProblem::of).collect(),
                _ => Vec::new(),
            },
        }
    }
}

/// A problem with the runner's file.
#[derive(Serialize)]
struct FileProblem<'a> {
    /// The name of the file, as the user wrote it.
    file: &'a str,
    line: Option<u64>,
    column: Option<u64>,
    /// The path of the value. Empty for a problem with the whole file.
    path: &'a str,
    message: &'a str,
}

impl<'a> FileProblem<'a> {
    /// Returns the problems with a file.
    fn of(problems: &'a Problems) -> impl Iterator<Item = Self> {
        problems.problems.iter().map(|problem| Self {
            file: &problems.file,
            line: problem.at.map(|at| at.line),
            column: problem.at.map(|at| at.column),
            path: &problem.path,
            message: &problem.message,
        })
    }
}

/// Returns whether these arguments select JSON. Arguments that cannot be parsed can still do so.
pub(super) fn is_requested(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut before = OsString::new();
    for argument in arguments {
        if argument == "--output=json" || (before == "--output" && argument == "json") {
            return true;
        }
        before = argument;
    }
    false
}

/// Returns the document for an error of a subcommand.
pub(super) fn error(command: Option<&'static str>, started: Started, error: &Error) -> String {
    failure(command, started, Failure::from(error))
}

/// Returns the document for arguments that cannot be used, or for a bug in the command.
pub(super) fn no_command(started: Started, message: &str, exit: Exit) -> String {
    let failure_of_command = Failure {
        message: redacted(message.trim_end()),
        exit_code: exit as u8,
        problems: Vec::new(),
    };
    failure(None, started, failure_of_command)
}

fn failure(command: Option<&'static str>, started: Started, failure: Failure<'_>) -> String {
    pretty(&Envelope {
        version: env!("CARGO_PKG_VERSION"),
        command,
        time: started.time(),
        duration_ms: milliseconds(started.elapsed()),
        ok: false,
        error: Some(failure),
    })
}

/// Returns a duration in whole milliseconds.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a document as indented JSON.
pub(super) fn pretty(document: &impl Serialize) -> String {
    // Serializing fails only for maps whose keys are not strings, and the documents have none.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_select_json() {
        let requested = |arguments: &str| is_requested(arguments.split(' ').map(OsString::from));
        assert!(requested("eks-runner check --output json --nope"));
        assert!(requested("eks-runner check --output=json"));
        assert!(!requested("eks-runner check --output text --id json"));
    }
}
