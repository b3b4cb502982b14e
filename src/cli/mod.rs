//! The command `eks-runner`: its arguments, its output, and its exit codes.
//!
//! Standard output contains the result and nothing else. Errors and the progress go to standard error. If JSON is
//! selected, an error is a document on standard output as well.

mod arguments;
mod call_lines;
mod check;
mod destination;
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
mod signals;
mod source;
mod started;
mod terminal;
mod yaml;

use std::io::{self, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anstyle::AnsiColor;
use clap::Parser;

use arguments::{Arguments, Color, Command};
use destination::Destination;
pub use error::{Error, Exit};
use json::Failure;
pub use problem::Problems;
pub use signals::Signal;
use signals::Signals;
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
            write_unparsed_failure(started, &defect.to_string(), Exit::Internal);
            // If standard error is closed, nobody can read the defect.
            let _ = writeln!(io::stderr(), "error: {defect}");
            Exit::Internal.into()
        }
    }
}

fn run_command(started: Started) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(unparsed) => {
            let exit = if unparsed.use_stderr() {
                let text = unparsed.render().to_string();
                let message = text.trim_start_matches("error: ");
                write_unparsed_failure(started, message, Exit::BadInput);
                Exit::BadInput
            } else {
                Exit::Passed
            };
            // The help and the version are not errors. If they cannot be written, an error could not be either.
            let _ = unparsed.print();
            return exit.into();
        }
    };
    let color = match arguments.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    let name = arguments.command.name();
    let destination = Destination::from(&arguments);
    let exit = run(arguments, &destination, started, color).unwrap_or_else(|error| {
        destination.write_failure(Some(name), started, &Failure::from(&error));
        show(&error, color)
    });
    exit.into()
}

/// Writes an error to standard error. Returns its exit code.
fn show(error: &Error, color: ColorChoice) -> Exit {
    let red = AnsiColor::Red.on_default().bold();
    let _ = writeln!(
        AutoStream::new(io::stderr(), color),
        "{red}error:{red:#} {}",
        redacted(error.to_string())
    );
    error.exit()
}

/// Writes why there is no result, without arguments that could be parsed.
fn write_unparsed_failure(started: Started, message: &str, exit: Exit) {
    let destination = Destination::from_unparsed(std::env::args_os());
    destination.write_failure(None, started, &Failure::new(message, exit));
}

/// Runs the subcommand and writes its output.
fn run(arguments: Arguments, destination: &Destination, started: Started, color: ColorChoice) -> Result<Exit, Error> {
    arguments.verify()?;
    destination.verify()?;
    let layout = if destination.is_file() {
        Layout::Columns
    } else {
        terminal::layout()
    };
    let verbosity = arguments.command.verbosity();
    if verbosity > 0 {
        call_lines::show(verbosity);
    }
    let is_quiet = arguments.command.is_quiet();
    let (text, exit) = run_subcommand(arguments.command, started, layout)?;
    let is_hidden = is_quiet && exit == Exit::Passed && destination.is_text() && !destination.is_file();
    if is_hidden {
        return Ok(exit);
    }
    Ok(match destination.write(&text, color) {
        Ok(()) => exit,
        // The result is on standard output, where a document about the error would follow it.
        Err(error) => show(&error, color),
    })
}

fn run_subcommand(command: Command, started: Started, layout: Layout) -> Result<(String, Exit), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let done = match command {
        Command::Check(arguments) => {
            let checks = check::run(*arguments, started, layout);
            runtime.block_on(until_signal(checks))
        }
        Command::Probe(arguments) => runtime.block_on(probe::run(*arguments, started)),
        Command::Setup(arguments) => {
            let text = runtime.block_on(setup::run(arguments));
            text.map(|text| (text, Exit::Passed))
        }
        Command::Explain(arguments) => Ok((explain::run(&arguments, terminal::page_width(), layout), Exit::Passed)),
        Command::Schema => Ok((json::pretty(&schema::for_editors()), Exit::Passed)),
        Command::Completions { shell } => Ok((shell::completions(shell), Exit::Passed)),
        Command::Man { directory } => shell::write_manual(&directory)
            .map(|()| (String::new(), Exit::Passed))
            .map_err(|cause| Error::OutputFile { path: directory, cause }),
    };
    // Tasks that still wait, such as for a pipe that nobody writes to, are abandoned.
    runtime.shutdown_background();
    done
}

/// Waits for a result, or for a signal, which ends what is running.
///
/// # Errors
/// The error in place of the result, or the signal.
async fn until_signal<T>(running: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut signals = Signals::new().map_err(Error::Signals)?;
    tokio::select! {
        done = running => done,
        signal = signals.next() => Err(Error::Stopped(signal)),
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
