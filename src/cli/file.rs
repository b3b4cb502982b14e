//! The YAML file of a runner, as `hctl create runner ID --set-yaml=@FILE` and octl read it, or as `hctl get runner ID`
//! and octl print it: the object of the API, as YAML or JSON (stellwerk-labs/platform-orchestrator-cli,
//! `internal/command/runners.go` and `internal/printer/printer.go`).

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::problem::{Place, Problem, Problems};
use super::schema;
use super::shape::{self, Conformed};
use super::yaml::{self, Kind, Node};
use crate::runner::Runner;

/// The largest size of a file, in bytes. A runner's configuration is always smaller.
const MAX_SIZE: usize = 1024 * 1024;

/// A file that describes a runner.
pub(super) struct RunnerFile {
    /// The path, as the user wrote it. `None` for standard input.
    pub(super) path: Option<PathBuf>,
    /// The content.
    pub(super) root: Node,
    /// What the user should know about the file, although it describes a runner.
    pub(super) remarks: Vec<Problem>,
}

impl RunnerFile {
    /// Returns the organization that the file names, as the output of `hctl get runner` does.
    pub(super) fn org(&self) -> Option<&str> {
        text_at(&self.root, ORG_ID)
    }

    /// Returns the name of the file in texts.
    pub(super) fn name(&self) -> String {
        self.path.as_deref().map_or_else(|| name(Path::new("-")), name)
    }
}

/// What the arguments say about the runner in a file.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    /// The runner's ID.
    pub(super) id: Option<&'a str>,
    /// The organization.
    pub(super) org: Option<&'a str>,
}

/// The field with the organization of a registered runner.
const ORG_ID: &str = "org_id";

/// The name of standard input in texts.
pub(super) const STANDARD_INPUT: &str = "standard input";

/// Returns the name of a file in texts. The path `-` is standard input.
fn name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        STANDARD_INPUT.to_owned()
    } else {
        path.display().to_string()
    }
}

/// Returns the text in a field of the file.
fn text_at<'a>(root: &'a Node, field: &str) -> Option<&'a str> {
    match &root.get(field)?.kind {
        Kind::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Reads the runner that a file describes. The path `-` is standard input.
///
/// # Errors
/// Everything that is wrong with the file.
pub(super) async fn read(path: &Path, named: Named<'_>) -> Result<(Runner, RunnerFile), Problems> {
    let stdin = path.as_os_str() == "-";
    let wrong = |mut problems: Vec<Problem>| {
        problems.sort_by_key(|problem| problem.at);
        Problems {
            file: name(path),
            problems,
        }
    };
    let bytes = content(path).await;
    let bytes = bytes.map_err(|error| wrong(vec![whole(unreadable(path, &error))]))?;
    let text = text(&bytes).map_err(|problem| wrong(vec![problem]))?;
    let (mut root, next) = yaml::read(&text).map_err(|problem| wrong(vec![problem]))?;
    if matches!(root.kind, Kind::Null) {
        return Err(wrong(vec![whole("The file is empty.".to_owned())]));
    }
    let schema = schema::file();
    if let Kind::Mapping(entries) = &mut root.kind {
        for entry in entries {
            entry.key = shape::top_level_name(&entry.key, &schema).to_owned();
        }
    }
    let (runner, mut remarks) = runner(&root, &schema, named).map_err(wrong)?;
    remarks.extend(next.map(|at| {
        Problem::at(
            at,
            "This document is ignored: only the first one of a file is read. Write each runner to a file of its own.",
        )
    }));
    remarks.extend(replaced(&root, ORG_ID, named.org, "--org"));
    remarks.extend(replaced(&root, "id", named.id, "--id"));
    let path = (!stdin).then(|| path.to_owned());
    let file = RunnerFile { path, root, remarks };
    Ok((runner, file))
}

/// Reads a file on a thread of its own: a pipe to which nothing is written must not keep the command from ending.
async fn content(path: &Path) -> io::Result<Vec<u8>> {
    let path = path.to_owned();
    let reading = spawn_blocking(move || {
        if path.as_os_str() == "-" {
            up_to_limit(io::stdin().lock())
        } else {
            File::open(path).and_then(up_to_limit)
        }
    });
    reading.await.map_err(io::Error::other)?
}

/// Reads at most one byte more than the limit, which shows that the source is too large.
fn up_to_limit(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "The file does not exist. Pass the path of the runner's YAML file, or - for standard input.".to_owned()
        }
        _ if path.is_dir() => "This is a directory. Pass the path of the runner's YAML file.".to_owned(),
        _ => format!("The file cannot be read: {error}."),
    }
}

/// Returns a problem with the whole file.
fn whole(message: String) -> Problem {
    Problem {
        at: None,
        path: String::new(),
        message,
    }
}

/// Returns the text of the file, which is UTF-8, or UTF-16 with a byte order mark.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    if bytes.len() > MAX_SIZE {
        let message = "The file is larger than 1 MiB, the limit for a runner's file. Check that it is the right file.";
        return Err(Problem::at(Place::behind(&bytes[..MAX_SIZE]), message));
    }
    let read_unit = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => {
            return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
                let place = Place::behind(&bytes[..error.valid_up_to()]);
                Problem::at(place, "The file is not UTF-8 text from here on. Save it as UTF-8.")
            });
        }
    };
    let units: Vec<u16> = bytes[2..]
        .chunks(2)
        .map(|pair| read_unit([pair[0], pair.get(1).copied().unwrap_or_default()]))
        .collect();
    match String::from_utf16(&units) {
        Ok(text) if bytes.len().is_multiple_of(2) => Ok(Cow::Owned(text)),
        _ => Err(whole(
            "The file begins like UTF-16 text, but is not valid UTF-16. Save it as UTF-8.".to_owned(),
        )),
    }
}

/// Returns the runner that a file describes, and remarks about the file.
///
/// # Errors
/// Everything that is wrong with the file's shape and its values.
fn runner(file: &Node, schema: &Value, named: Named<'_>) -> Result<(Runner, Vec<Problem>), Vec<Problem>> {
    let Conformed {
        mut value,
        filled,
        mut problems,
        remarks,
    } = shape::conform(file, schema);
    let another_type = |problem: &&Problem| problem.path == "runner_configuration.type";
    if let Some(problem) = problems.iter().find(another_type) {
        // A runner of another type has other fields, so the problems with these fields mean nothing.
        return Err(vec![problem.clone()]);
    }
    let own_id = text_at(file, "id");
    let id = named.id.or(own_id);
    if id.is_none() && !problems.iter().any(|problem| problem.path == "id") {
        problems.push(Problem {
            at: None,
            path: "id".to_owned(),
            message: "The file has no `id`. Add it to the file, or set --id (with one FILE only).".to_owned(),
        });
    }
    value["id"] = json!(id.unwrap_or(PLACEHOLDER));
    let runner: Runner = match serde_json::from_value(value) {
        Ok(runner) => runner,
        Err(error) => {
            problems.push(whole(format!("The file does not match the schema: {error}.")));
            return Err(problems);
        }
    };
    for found in runner.problems() {
        if filled.iter().any(|path| covers(path, &found.path)) {
            continue;
        }
        let of_file = found.path != "id" || named.id.is_none();
        problems.push(Problem {
            at: of_file.then(|| file.locate(&found.path)),
            path: if of_file { found.path } else { "--id".to_owned() },
            message: format!("{}: {}", found.invalid.summary, found.invalid.detail),
        });
    }
    if problems.is_empty() {
        Ok((runner, remarks))
    } else {
        Err(problems)
    }
}

/// An ID without problems, in place of one that is missing.
const PLACEHOLDER: &str = "runner";

/// Returns the remark about a field in whose place an option is used. octl also replaces the ID in the file with the one
/// on its command line (stellwerk-labs/platform-orchestrator-cli, `internal/command/runners.go`).
fn replaced(file: &Node, field: &str, named: Option<&str>, option: &str) -> Option<Problem> {
    let (node, own, named) = (file.get(field)?, text_at(file, field)?, named?);
    (own != named).then(|| Problem {
        at: Some(node.at),
        path: field.to_owned(),
        message: format!("{option} sets {named:?}, which is used in place of {own:?}."),
    })
}

/// Returns whether a path is the other one or one of its parents.
fn covers(path: &str, other: &str) -> bool {
    let rest = other.strip_prefix(path);
    path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
