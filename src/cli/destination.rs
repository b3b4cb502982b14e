//! Where the output goes, and in which format.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};
use clap::{CommandFactory, ValueEnum};

use super::arguments::{Arguments, CheckOutput, ProbeOutput, output_file};
use super::error::Error;
use super::json::Failure;
use super::started::Started;

/// Where the output goes, and in which format.
pub(super) struct Destination {
    /// The format of the report. `None` for output that is not a report.
    format: Option<CheckOutput>,
    /// The file. `None` for standard output.
    file: Option<PathBuf>,
    /// What the command reads, which the output must not replace.
    inputs: Vec<PathBuf>,
}

impl From<&Arguments> for Destination {
    fn from(arguments: &Arguments) -> Self {
        Self {
            format: arguments.command.report_format(),
            file: arguments.output_file.clone().and_then(not_stdout),
            inputs: arguments.command.inputs(),
        }
    }
}

impl Destination {
    /// Returns what arguments say that cannot be parsed. `arguments` begins with the program.
    ///
    /// A format counts only for a subcommand whose output is a report: the file of every other one can have a content of
    /// its own that an error must not replace.
    pub(super) fn from_unparsed(arguments: impl Iterator<Item = OsString>) -> Self {
        let (mut command, mut output) = (None, String::new());
        let (mut file, mut inputs) = (None, Vec::new());
        let commands = Arguments::command();
        let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
        let mut arguments = arguments.skip(1).peekable();
        while let Some(argument) = arguments.next() {
            if argument == "--" {
                inputs.extend(arguments.map(PathBuf::from));
                break;
            }
            let (name, attached) = match (argument.split_once('='), attached_to_o(&argument)) {
                (_, Some(value)) => ("-o", Some(value.to_owned()).filter(|value| !value.is_empty())),
                (Some((name, value)), _) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (argument.as_str(), None),
            };
            // An option after another one is not its value.
            let is_value = |next: &String| next == "-" || !next.starts_with('-');
            match name {
                "--output" => {
                    let value = attached.or_else(|| arguments.next_if(is_value));
                    output = value.unwrap_or_default();
                }
                "-o" | "--output-file" => {
                    let value = attached.or_else(|| arguments.next_if(is_value));
                    let path = value.and_then(|value| output_file(&value).ok());
                    file = path.and_then(not_stdout);
                }
                name if command.is_none() && commands.find_subcommand(name).is_some() => {
                    command = Some(argument);
                }
                _ => inputs.push(attached.unwrap_or(argument).into()),
            }
        }
        let format = match command.as_deref() {
            Some("check") => Some(CheckOutput::from_str(&output, false)),
            Some("probe") => Some(ProbeOutput::from_str(&output, false).map(CheckOutput::from)),
            _ => None,
        };
        Self {
            // Without the name of a format, the report is text.
            format: format.map(|format| format.unwrap_or(CheckOutput::Text)),
            file,
            inputs,
        }
    }

    /// Returns whether the output goes to a file.
    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Returns whether the output is text that only a person reads.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.format, None | Some(CheckOutput::Text))
    }

    /// Refuses a file that the command reads, and one that cannot be written: the command can create objects, which would
    /// then be for nothing.
    ///
    /// # Errors
    /// The file.
    pub(super) fn verify(&self) -> Result<(), Error> {
        match &self.file {
            Some(path) if self.is_input(path) => Err(Error::Arguments {
                problem: format!(
                    "--output-file {path} would replace {path}, which the command reads",
                    path = path.display()
                ),
                fix: "write the output to another file",
            }),
            Some(path) => verify_writable(path).map_err(|cause| Error::OutputFile {
                path: path.clone(),
                cause,
            }),
            None => Ok(()),
        }
    }

    fn is_input(&self, output: &Path) -> bool {
        let is_same = |input: &PathBuf| {
            let paths = [input.as_path(), output].map(fs::canonicalize);
            matches!(&paths, [Ok(input), Ok(output)] if input == output && output.is_file())
        };
        self.inputs.iter().any(is_same)
    }

    /// Writes the output. Files contain no styles. What cannot be written to its file goes to standard output, because it
    /// might not be possible to create it again.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(super) fn write(&self, text: &str, color: ColorChoice) -> Result<(), Error> {
        let Some(path) = &self.file else {
            return write_to_stdout(text, color).map_err(Error::Output);
        };
        let written = fs::write(path, anstream::adapter::strip_str(text).to_string());
        written.map_err(|cause| {
            let _ = write_to_stdout(text, color);
            Error::OutputFile {
                path: path.clone(),
                cause,
            }
        })
    }

    /// Writes why there is no result in place of the result, so that an earlier report is not mistaken for this one. The
    /// text of the error follows on standard error, so nothing that goes wrong here matters.
    pub(super) fn write_failure(&self, command: Option<&'static str>, started: Started, failure: &Failure<'_>) {
        let Some(output) = self.format else {
            return;
        };
        let Some(text) = (output.format().failure)(failure, command, started) else {
            return;
        };
        let file = self.file.as_ref().filter(|path| !self.is_input(path));
        let is_written = file.is_some_and(|path| fs::write(path, &text).is_ok());
        if !is_written && output != CheckOutput::Text {
            let _ = write_to_stdout(&text, ColorChoice::Never);
        }
    }
}

/// Verifies that a file can be written, without a change of it.
fn verify_writable(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true);
    match fs::metadata(path) {
        // The reader of a pipe would take the end of this attempt for the end of the output.
        Ok(found) if !found.is_file() && !found.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match options.create_new(true).open(path) {
                Ok(_) => fs::remove_file(path),
                // A link whose target does not exist yet.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(error),
            }
        }
        found => found.and_then(|_| options.open(path)).map(drop),
    }
}

/// Returns the path of an output file. `None` for `-`, which is standard output.
fn not_stdout(path: PathBuf) -> Option<PathBuf> {
    (path.as_os_str() != "-").then_some(path)
}

/// Returns what follows the short option `-o` in the same argument, such as the file in `-oFILE`, `-o=FILE`, and
/// `-qoFILE`. `None` for every other argument.
fn attached_to_o(argument: &str) -> Option<&str> {
    let options = argument.strip_prefix('-')?.trim_start_matches(['q', 'v']);
    let value = options.strip_prefix('o')?;
    Some(value.strip_prefix('=').unwrap_or(value))
}

/// Writes to standard output. It is not an error if the reader stops early, as `head` does.
fn write_to_stdout(text: &str, color: ColorChoice) -> io::Result<()> {
    let mut out = AutoStream::new(io::stdout(), color).lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_cannot_be_parsed_have_a_destination() {
        let found = |arguments: &str| {
            let arguments = arguments.split(' ').map(OsString::from);
            let Destination { format, file, .. } = Destination::from_unparsed(arguments);
            (format, file)
        };
        let file = Some(PathBuf::from("out"));
        let (json, text) = (Some(CheckOutput::Json), Some(CheckOutput::Text));
        for (arguments, expected) in [
            ("eks-runner check --output json --nope", (json, None)),
            (
                "eks-runner check --output=sarif -o out",
                (Some(CheckOutput::Sarif), file.clone()),
            ),
            (
                "eks-runner check --output text --id json --output-file=out",
                (text, file.clone()),
            ),
            ("eks-runner check -o json", (text, None)),
            ("eks-runner check -oout --nope", (text, file.clone())),
            ("eks-runner check -qo=out --nope", (text, file.clone())),
            ("eks-runner check -vqo out --nope", (text, file.clone())),
            ("eks-runner check -o - --output json --nope", (json, None)),
            ("eks-runner -o out check --nope", (text, file.clone())),
            // The subcommand does not have the format, or it has no report.
            ("eks-runner probe --output json --nope", (json, None)),
            ("eks-runner probe --output sarif -o out", (text, file.clone())),
            ("eks-runner setup f --output json -o out", (None, file.clone())),
            ("eks-runner explain check --output json", (None, None)),
            ("eks-runner --output json -o out", (None, file.clone())),
            // An option is not a value, and nothing after -- is an option.
            ("eks-runner check --output json -o --id x", (json, None)),
            ("eks-runner check --output --id json -o out", (text, file)),
            ("eks-runner check --nope -- -o out", (text, None)),
        ] {
            assert_eq!(found(arguments), expected, "{arguments}");
        }
    }
}
