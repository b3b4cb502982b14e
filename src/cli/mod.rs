//! The command `eks-runner`: its arguments, its output, and its exit codes.
//!
//! Standard output contains the result and nothing else. Errors and the progress go to standard error.

mod arguments;
mod check;
mod error;
mod file;
mod human;
mod json;
mod panic;
mod probe;
mod problem;
mod progress;
mod schema;
mod setup;
mod shape;
mod source;
mod yaml;

use std::io::{self, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anstyle::AnsiColor;
use clap::Parser;

use arguments::{Arguments, Color, Command};
pub use error::{Error, Exit};
pub use problem::Problems;

use crate::secrets::redacted;

/// Runs the command with the arguments and the environment of this process. A panic is a defect of
/// the command, and is reported as one.
#[must_use]
pub fn main() -> ExitCode {
    panic::install_hook();
    match panic::catch(run_command) {
        Ok(exit) => exit,
        Err(defect) => {
            // If standard error is closed, nobody can read the defect.
            let _ = writeln!(io::stderr(), "error: {defect}");
            Exit::Internal.into()
        }
    }
}

fn run_command() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => {
            // The help and the version are not errors. If they cannot be written, an error could not be either.
            let _ = answer.print();
            let exit = if answer.use_stderr() {
                Exit::BadInput
            } else {
                Exit::Passed
            };
            return exit.into();
        }
    };
    let color = match arguments.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    let done = run(arguments.command).and_then(|(text, exit)| {
        write(&text, color).map_err(Error::Output)?;
        Ok(exit)
    });
    let exit = done.unwrap_or_else(|error| {
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

fn run(command: Command) -> Result<(String, Exit), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let done = match command {
        Command::Check(arguments) => runtime.block_on(check::run(*arguments)),
        Command::Probe(arguments) => runtime.block_on(probe::run(*arguments)),
        Command::Setup(arguments) => {
            let text = runtime.block_on(setup::run(arguments));
            text.map(|text| (text, Exit::Passed))
        }
        Command::Schema => Ok((json::pretty(&schema::for_editors()), Exit::Passed)),
    };
    // Tasks that still wait, such as for a pipe that nobody writes to, are abandoned.
    runtime.shutdown_background();
    done
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
