//! Where the output goes, and in which format.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;

use super::arguments::{Arguments, CheckOutput, output_file};
use super::check;
use super::error::Error;
use super::json::{self, Failure};
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
    /// Returns what arguments say that cannot be parsed.
    pub(super) fn from_unparsed(arguments: impl Iterator<Item = OsString>) -> Self {
        let mut found = Self {
            format: None,
            file: None,
            inputs: Vec::new(),
        };
        let mut arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
        while let Some(argument) = arguments.next() {
            let (name, attached) = match (argument.split_once('='), attached_to_o(&argument)) {
                (_, Some(value)) => (
                    "-o",
                    Some(value.to_owned()).filter(|value| !value.is_empty()),
                ),
                (Some((name, value)), _) if name.starts_with("--") => {
                    (name, Some(value.to_owned()))
                }
                _ => (argument.as_str(), None),
            };
            match name {
                "--output" => {
                    let value = attached.or_else(|| arguments.next()).unwrap_or_default();
                    let format = CheckOutput::from_str(&value, false).ok();
                    // Without a subcommand, nothing says whether text is a report.
                    found.format = format.filter(|format| *format != CheckOutput::Text);
                }
                "-o" | "--output-file" => {
                    let value = attached.or_else(|| arguments.next()).unwrap_or_default();
                    found.file = output_file(&value).ok().and_then(not_stdout);
                }
                _ => found
                    .inputs
                    .push(attached.as_ref().unwrap_or(&argument).into()),
            }
        }
        found
    }

    /// Returns whether the output goes to a file.
    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Returns whether the output is text that only a person reads.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.format, None | Some(CheckOutput::Text))
    }

    /// Refuses a file that the command reads.
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
            _ => Ok(()),
        }
    }

    fn is_input(&self, output: &Path) -> bool {
        let is_same = |input: &PathBuf| {
            let paths = [input.as_path(), output].map(fs::canonicalize);
            matches!(&paths, [Ok(input), Ok(output)] if input == output && output.is_file())
        };
        self.inputs.iter().any(is_same)
    }

    /// Writes the output. Files contain no styles.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(super) fn write(&self, text: &str, color: ColorChoice) -> Result<(), Error> {
        match &self.file {
            Some(path) => {
                fs::write(path, anstream::adapter::strip_str(text).to_string()).map_err(|cause| {
                    Error::OutputFile {
                        path: path.clone(),
                        cause,
                    }
                })
            }
            None => write_to_stdout(text, color).map_err(Error::Output),
        }
    }

    /// Writes why there is no result in place of the result, so that an earlier report is not mistaken for this one. The
    /// text of the error follows on standard error, so nothing that goes wrong here matters.
    pub(super) fn write_failure(
        &self,
        command: Option<&'static str>,
        started: Started,
        failure: Failure<'_>,
    ) {
        let Some(format) = self.format else {
            return;
        };
        let is_text = format == CheckOutput::Text;
        let Some(text) = (match format {
            CheckOutput::Text => Some(format!("error: {}\n", failure.message)),
            CheckOutput::Json => Some(json::failure(command, started, failure)),
            CheckOutput::Junit => check::junit::failure(&failure, started).ok(),
            CheckOutput::Sarif => Some(check::sarif::failure(&failure, started)),
            CheckOutput::Markdown => Some(check::markdown::failure(&failure)),
        }) else {
            return;
        };
        let file = self.file.as_ref().filter(|path| !self.is_input(path));
        let is_written = file.is_some_and(|path| fs::write(path, &text).is_ok());
        if !is_written && !is_text {
            let _ = write_to_stdout(&text, ColorChoice::Never);
        }
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
        for (arguments, expected) in [
            (
                "eks-runner check --output json --nope",
                (Some(CheckOutput::Json), None),
            ),
            (
                "eks-runner check --output=sarif -o out",
                (Some(CheckOutput::Sarif), file.clone()),
            ),
            (
                "eks-runner check --output text --id json --output-file=out",
                (None, file.clone()),
            ),
            ("eks-runner check -o json", (None, None)),
            ("eks-runner check -oout --nope", (None, file.clone())),
            ("eks-runner check -qo=out --nope", (None, file.clone())),
            ("eks-runner check -vqo out --nope", (None, file.clone())),
            (
                "eks-runner check -o - --output json --nope",
                (Some(CheckOutput::Json), None),
            ),
        ] {
            assert_eq!(found(arguments), expected, "{arguments}");
        }
    }
}
