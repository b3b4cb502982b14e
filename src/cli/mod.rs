//! The command `eks-runner`: its arguments, its output, and its exit codes.
//!
//! Standard output contains the result and nothing else. Errors and the progress go to standard error. If JSON is
//! selected, an error is a document on standard output as well.

mod arguments;
mod call_lines;
mod check;
mod error;
mod explain;
mod file;
mod json;
mod panic;
mod probe;
mod problem;
mod progress;
mod schema;
mod setup;
mod shape;
mod shell;
mod source;
mod started;
mod terminal;
mod yaml;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anstyle::AnsiColor;
use clap::Parser;

use arguments::{Arguments, Color, Command};
pub use error::{Error, Exit};
pub use problem::Problems;
use started::Started;
use terminal::Layout;

use crate::secrets::redacted;

/// Runs the command with the arguments and the environment of this process. A panic is a bug in
/// the command, and is reported as one.
#[must_use]
pub fn main() -> ExitCode {
    let started = Started::now();
    panic::install_hook();
    match panic::catch(|| run_command(started)) {
        Ok(exit) => exit,
        Err(defect) => {
            write_error_as_json(|| json::no_command(started, &defect.to_string(), Exit::Internal));
            // If standard error is closed, nobody can read the defect.
            let _ = writeln!(io::stderr(), "error: {defect}");
            Exit::Internal.into()
        }
    }
}

fn run_command(started: Started) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => {
            let exit = if answer.use_stderr() {
                let text = answer.render().to_string();
                let message = text.trim_start_matches("error: ");
                write_error_as_json(|| json::no_command(started, message, Exit::BadInput));
                Exit::BadInput
            } else {
                Exit::Passed
            };
            // The help and the version are not errors. If they cannot be written, an error could not be either.
            let _ = answer.print();
            return exit.into();
        }
    };
    let color = match arguments.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    let name = arguments.command.name();
    let file = arguments.output_file.as_deref();
    let is_quiet = arguments.command.is_quiet();
    let layout = match file {
        Some(_) => Layout::Columns,
        None => terminal::layout(),
    };
    let verbosity = arguments.command.verbosity();
    if verbosity > 0 {
        call_lines::show(verbosity);
    }
    let done = run(arguments.command, started, layout).and_then(|(text, exit)| {
        match file {
            Some(path) => write_file(path, &text).map_err(|cause| Error::OutputFile {
                path: path.to_owned(),
                cause,
            })?,
            None if is_quiet && exit == Exit::Passed => {}
            None => write(&text, color).map_err(Error::Output)?,
        }
        Ok(exit)
    });
    let exit = done.unwrap_or_else(|error| {
        write_error_as_json(|| json::error(Some(name), started, &error));
        let red = AnsiColor::Red.on_default().bold();
        let _ = writeln!(
            AutoStream::new(io::stderr(), color),
            "{red}error:{red:#} {}",
            redacted(error.to_string())
        );
        error.exit()
    });
    exit.into()
}

/// Writes the document about an error to standard output, if the arguments select JSON.
fn write_error_as_json(document: impl FnOnce() -> String) {
    if json::is_requested(std::env::args_os()) {
        // The text of the error follows on standard error.
        let _ = write(&document(), ColorChoice::Never);
    }
}

fn run(command: Command, started: Started, layout: Layout) -> Result<(String, Exit), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let done = match command {
        Command::Check(arguments) => runtime.block_on(check::run(*arguments, started, layout)),
        Command::Probe(arguments) => runtime.block_on(probe::run(*arguments, started)),
        Command::Setup(arguments) => {
            let text = runtime.block_on(setup::run(arguments));
            text.map(|text| (text, Exit::Passed))
        }
        Command::Explain(arguments) => Ok((
            explain::run(&arguments, terminal::page_width()),
            Exit::Passed,
        )),
        Command::Schema => Ok((json::pretty(&schema::for_editors()), Exit::Passed)),
        Command::Completions { shell } => Ok((shell::completions(shell), Exit::Passed)),
        Command::Man { directory } => shell::write_manual(&directory)
            .map(|()| (String::new(), Exit::Passed))
            .map_err(|cause| Error::OutputFile {
                path: directory,
                cause,
            }),
    };
    // Tasks that still wait, such as for a pipe that nobody writes to, are abandoned.
    runtime.shutdown_background();
    done
}

/// Writes the result to a file, without styles.
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, anstream::adapter::strip_str(text).to_string())
}

/// Writes the result. It is not an error if the reader stops early, as `head` does.
fn write(text: &str, color: ColorChoice) -> io::Result<()> {
    let mut out = AutoStream::new(io::stdout(), color).lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
