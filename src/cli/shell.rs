//! `eks-runner completions` and `eks-runner man`.

use std::path::Path;
use std::{fs, io, iter};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::arguments::Arguments;

/// Returns the script with which a shell completes the arguments.
pub(super) fn completions(shell: Shell) -> String {
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script);
    // clap_complete 4.6 spells the hyphen of the command's name in two ways in its script for Bash, so that no case of a
    // subcommand is ever reached (https://github.com/clap-rs/clap/issues/6421). Where it spells it in one way, nothing is
    // replaced.
    script.replace("eks__subcmd__runner", "eks__runner")
}

/// Writes a manual page for the command and one for each subcommand. The directory is created if it does not exist.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn write_manual(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    for command in iter::once(&command).chain(command.get_subcommands()) {
        let man = Man::new(command.clone()).source(concat!("eks-runner ", env!("CARGO_PKG_VERSION")));
        fs::write(directory.join(man.get_filename()), page(command, &man)?)?;
    }
    Ok(())
}

/// Returns a manual page in roff.
fn page(command: &Command, man: &Man) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    // Justified lines would have two spaces within commands, and hyphenation would break options.
    page.extend(b".ad l\n.nh\n");
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let after_help = command.get_after_help().map(ToString::to_string);
    examples_and_exit_codes(&after_help.unwrap_or_default()).to_writer(&mut page)?;
    Ok(page)
}

/// Returns the text at the end of the help as sections that keep their lines.
fn examples_and_exit_codes(after_help: &str) -> Roff {
    let mut roff = Roff::new();
    for line in after_help.lines() {
        let heading = match line {
            "Examples:" => "EXAMPLES",
            "Exit codes:" => "EXIT STATUS",
            line => {
                roff.text([roman(line)]);
                continue;
            }
        };
        // A new section fills its lines again.
        roff.control("SH", [heading]).control("nf", []);
    }
    roff
}
