//! What the JSON documents of all subcommands have in common. Their shape is an interface: fields can be added, but
//! never changed.

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
    error: Option<&'a Failure<'a>>,
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

impl<'a> Envelope<'a> {
    /// Returns the envelope of a command that has no result. The subcommand is `None` if the arguments do not name one.
    pub(super) fn without_result(failure: &'a Failure<'a>, command: Option<&'static str>, started: Started) -> Self {
        Self {
            command,
            error: Some(failure),
            ..Self::new("", started, false)
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
    pub(super) message: String,
    pub(super) exit_code: u8,
    /// The problems with the runners' files. Empty if the files are not the reason.
    pub(super) problems: Vec<FileProblem<'a>>,
}

impl Failure<'_> {
    /// Returns arguments that cannot be used, or a bug in the command.
    pub(super) fn new(message: &str, exit: Exit) -> Self {
        Self {
            message: redacted(message.trim_end()),
            exit_code: exit as u8,
            problems: Vec::new(),
        }
    }
}

impl<'a> From<&'a Error> for Failure<'a> {
    fn from(error: &'a Error) -> Self {
        let mut failure = Self::new(&error.to_string(), error.exit());
        if let Error::Files(files) = error {
            failure.problems = files.iter().flat_map(FileProblem::all).collect();
        }
        failure
    }
}

/// A problem with the runner's file.
#[derive(Serialize)]
pub(super) struct FileProblem<'a> {
    /// The name of the file, as the user wrote it.
    pub(super) file: &'a str,
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
    /// The path of the value. Empty for a problem with the whole file.
    pub(super) path: &'a str,
    pub(super) message: String,
    /// The place in the file and the path, as far as the problem has them, or the name of the file.
    #[serde(skip)]
    pub(super) place: String,
}

impl<'a> FileProblem<'a> {
    /// Returns all problems with a file.
    fn all(problems: &'a Problems) -> impl Iterator<Item = Self> {
        problems.problems.iter().map(|problem| Self {
            file: &problems.file,
            line: problem.at.map(|at| at.line),
            column: problem.at.map(|at| at.column),
            path: &problem.path,
            message: redacted(problem.message.as_str()),
            place: match problem.place(&problems.file).as_str() {
                "" => problems.file.clone(),
                place => place.to_owned(),
            },
        })
    }
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
