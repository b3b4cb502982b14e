//! The errors of the command, and their exit codes.

use std::io;
use std::path::PathBuf;

use super::problem::Problems;
use super::signals::Signal;
use crate::access::Outcome;
use crate::frontend::Frontend;
use crate::orchestrator::{self, LookupError};
use crate::runner::Invalid;
use crate::runner::validate::runner_id;

/// The exit codes, as `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// No check failed and the checks are complete, or the output was written.
    Passed = 0,
    /// An error occurred that the input did not cause.
    Internal = 1,
    /// The arguments, the file or the Orchestrator's settings cannot be used.
    BadInput = 2,
    /// A check failed.
    Failed = 3,
    /// No check failed, but checks that apply could not run.
    Incomplete = 4,
    /// Ctrl-C ended the command.
    Interrupted = 130,
    /// SIGTERM ended the command.
    Terminated = 143,
}

/// Why the command has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Files do not describe runners.
    #[error("{}", file_texts(.0))]
    Files(Vec<Problems>),
    /// The registered runner cannot be checked.
    #[error("runner {id:?} cannot be checked: {invalid}")]
    Runner {
        /// The runner's id.
        id: String,
        /// What is wrong with the runner.
        invalid: Invalid,
    },
    /// The organization does not have this runner.
    #[error(
        "runner {id:?} does not exist in organization {org:?}\n\n`{cli} get runners --org {org}` lists the runners. {}",
        check_its_file(id, org)
    )]
    NoSuchRunner {
        /// The product's command line.
        cli: &'static str,
        /// The organization.
        org: String,
        /// The runner's id.
        id: String,
    },
    /// The organization, the URL or the token is missing or cannot be used.
    #[error("{}", lookup_texts(.0))]
    Lookup(Vec<LookupError>),
    /// The runner could not be read from the Orchestrator.
    #[error("{}", orchestrator_text(.0))]
    Orchestrator(orchestrator::ApiError),
    /// The AWS part of a setup was requested, and nothing says which issuer it is for.
    #[error(
        "the issuer of the Orchestrator's OIDC tokens is unknown: the API is not Humanitec's, and every other installation \
         has its own issuer. The role's trust policy and the IAM OIDC provider depend on it.\n\nTo fix it, set \
         --oidc-issuer to the OIDC_ISSUER_URL of the installation's data plane. `--output yaml` needs no issuer."
    )]
    NoIssuer,
    /// A way to give the Jobs an AWS role was requested, and `setup` prints no such role.
    #[error(
        "--pod-identity has no effect: the runner's state is not kept in S3, so `setup` prints no AWS role for its Jobs\n\n\
         To fix it, remove --pod-identity."
    )]
    NoJobIdentity,
    /// Options that cannot be used together.
    #[error("{problem}\n\nTo fix it, {fix}.")]
    Arguments {
        /// Which option has no effect, and why.
        problem: String,
        /// What to do, as a clause.
        fix: &'static str,
    },
    /// Two files describe the same runner.
    #[error(
        "{first} and {second} describe the same runner: {id:?} of organization {org:?}\n\n\
         To fix it, remove one of the files, or correct its `id`."
    )]
    SameRunner {
        /// The first file.
        first: String,
        /// The second file.
        second: String,
        /// The organization.
        org: String,
        /// The runner's id.
        id: String,
    },
    /// The organization has no runner to check.
    #[error(
        "organization {org:?} has no runner of type `kubernetes-eks`{}\n\n\
         `{cli} get runners --org {org}` lists its runners of every type.",
        with_pattern(.filter.as_deref())
    )]
    NoRunners {
        /// The product's command line.
        cli: &'static str,
        /// The organization.
        org: String,
        /// The pattern of the IDs.
        filter: Option<String>,
    },
    /// The probe needs confirmation, and standard input is not a terminal.
    #[error(
        "nothing was created: standard input is not a terminal, so eks-runner cannot prompt for confirmation\n\n\
         To fix it, set --yes."
    )]
    NoTerminal,
    /// The user did not confirm the Job.
    #[error("nothing was created: the Job was not confirmed")]
    NotConfirmed,
    /// The command was interrupted before it created anything.
    #[error("nothing was created: interrupted")]
    Interrupted,
    /// The checks were interrupted.
    #[error("interrupted by {0}: the checks have no result")]
    Stopped(Signal),
    /// Signal handlers cannot be installed, so the process could not clean up after Ctrl-C.
    #[error("nothing was started: signals cannot be received: {0}")]
    Signals(io::Error),
    /// The probe could not start.
    #[error("{}", outcome_text(.0))]
    NoProbe(Box<Outcome>),
    /// The process could not be set up.
    #[error("the asynchronous runtime cannot be started: {0}")]
    Runtime(io::Error),
    /// The report cannot be written as JUnit XML.
    #[error("the report cannot be written as JUnit XML: {0}")]
    Junit(quick_junit::SerializeError),
    /// The file for the output cannot be written.
    #[error("{} cannot be written: {cause}", path.display())]
    OutputFile {
        /// The path.
        path: PathBuf,
        /// Why it cannot be written.
        cause: io::Error,
    },
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
}

impl Error {
    /// Returns the exit code of the error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        use orchestrator::ApiError as Api;
        match self {
            Self::Files(_)
            | Self::Runner { .. }
            | Self::NoSuchRunner { .. }
            | Self::Lookup(_)
            | Self::OutputFile { .. }
            | Self::NoIssuer
            | Self::NoJobIdentity
            | Self::Arguments { .. }
            | Self::SameRunner { .. }
            | Self::NoRunners { .. }
            | Self::NoTerminal
            | Self::NotConfirmed => Exit::BadInput,
            Self::Interrupted | Self::NoProbe(_) => Exit::Incomplete,
            Self::Stopped(signal) => signal.exit(),
            Self::Orchestrator(
                Api::InvalidId { .. }
                | Api::Proxy { .. }
                | Api::Unauthorized { .. }
                | Api::Refused { .. }
                | Api::OtherType { .. }
                | Api::OrgNotFound { .. }
                | Api::Redirect { .. },
            ) => Exit::BadInput,
            Self::Orchestrator(
                Api::Setup { .. }
                | Api::Connect { .. }
                | Api::AttemptTimedOut { .. }
                | Api::Lost { .. }
                | Api::Stopped { .. }
                | Api::DeadlineExceeded { .. }
                | Api::TooLongToWait { .. }
                | Api::Unexpected { .. }
                | Api::Undecodable { .. }
                | Api::Encoding { .. }
                | Api::Unsupported { .. }
                | Api::TooLarge { .. }
                | Api::AlreadyExists { .. }
                | Api::RunnerNotFound { .. }
                | Api::EnvTypeNotFound { .. }
                | Api::Uncertain { .. },
            )
            | Self::Runtime(_)
            | Self::Signals(_)
            | Self::Junit(_)
            | Self::Output(_) => Exit::Internal,
        }
    }
}

fn file_texts(files: &[Problems]) -> String {
    let texts: Vec<String> = files.iter().map(Problems::to_string).collect();
    texts.join("\n\n")
}

/// Returns how to check a runner that is not registered. No runner with an ID that is not valid can be.
fn check_its_file(id: &str, org: &str) -> String {
    match runner_id(id) {
        Ok(()) => format!(
            "To check a runner before it is registered, pass its file: eks-runner check FILE --org {org} --id {id}"
        ),
        Err(invalid) => invalid.detail,
    }
}

fn with_pattern(filter: Option<&str>) -> String {
    filter.map_or_else(String::new, |pattern| format!(" whose ID matches {pattern:?}"))
}

/// Returns the text of an error with the command's own next step.
fn orchestrator_text(error: &orchestrator::ApiError) -> String {
    match error {
        // The error's own next step is for users of the provider.
        orchestrator::ApiError::OtherType { .. } => {
            format!("{error}\n\nOnly runners of type `kubernetes-eks` can be checked.")
        }
        other => with_clause(&other.report(Frontend::Command)),
    }
}

/// Returns a text whose first line, a sentence, is a clause that follows `error: `. A name or an acronym at its
/// beginning stays as it is. Several sentences end with a period, and so does each of them.
fn with_clause(text: &str) -> String {
    let (line, more) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let clause = line.strip_suffix('.').unwrap_or(line);
    let sentence = if clause.contains(". ") && !line.ends_with([':', '?']) {
        format!("{clause}.")
    } else {
        clause.to_owned()
    };
    let word = sentence.split(' ').next().unwrap_or_default();
    let mut letters = word.chars();
    let is_word = letters.next().is_some_and(|first| first.is_ascii_uppercase())
        && letters.all(|letter| letter.is_lowercase() || letter == '\'')
        && !NAMES.contains(&word);
    let mut clause = format!("{sentence}{more}");
    if is_word && let Some(first) = clause.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    clause
}

/// The names at the beginning of sentences.
const NAMES: [&str; 3] = ["Job", "Jobs", "Kubernetes"];

/// Returns why there can be no probe, with the fix.
fn outcome_text(outcome: &Outcome) -> String {
    match outcome.fix_text() {
        Some(fix) => format!("{}\n\nTo fix it:\n\n{}", with_clause(&outcome.message), fix.trim_end()),
        None => with_clause(&outcome.message),
    }
}

fn lookup_texts(errors: &[LookupError]) -> String {
    let texts: Vec<String> = errors.iter().map(|error| error.text(Frontend::Command)).collect();
    with_clause(&texts.join("\n\n"))
}

impl Signal {
    /// Returns the exit code: 128 and the number of the signal, as shells report a program that a signal ended ("Exit Status"
    /// in the manual of Bash).
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Interrupt => Exit::Interrupted,
            Self::Terminate => Exit::Terminated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_becomes_a_clause() {
        for (text, clause) in [
            ("The token is missing.\n\nSet it.", "the token is missing\n\nSet it."),
            ("GET /x was refused.", "GET /x was refused"),
            ("Job \"x\" exists.", "Job \"x\" exists"),
            ("--org is empty. Set it.", "--org is empty. Set it."),
            ("--org is empty. Set it", "--org is empty. Set it."),
            ("--org is empty. Set it:\n  - x", "--org is empty. Set it:\n  - x"),
            ("A role is missing:\n  - x", "a role is missing:\n  - x"),
            ("İ", "İ"),
            ("", ""),
        ] {
            assert_eq!(with_clause(text), clause);
        }
    }
}
