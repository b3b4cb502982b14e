//! `eks-runner completions` and `eks-runner man`.

use std::path::Path;
use std::{fs, io};

use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;

/// Returns the script with which a shell completes the arguments.
pub(super) fn completions(shell: Shell) -> String {
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes a manual page for the command and one for each subcommand. The directory is created if it does not exist.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn write_manual(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Arguments::command(), directory)
}
