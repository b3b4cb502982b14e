//! The terminals that show the output and the progress.

use std::io::{self, IsTerminal, Write};

use terminal_size::{Width, terminal_size_of};

use crate::secrets::redacted;

/// A terminal with fewer columns gets plain lines: columns would leave too little space for a sentence.
const NARROW: usize = 60;

/// The columns of a terminal that does not say how many it has, and of a page of text on a wide one.
const COLUMNS: usize = 80;

/// How a report is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// In columns, with one line for each sentence.
    Columns,
    /// In lines of at most this length, which break between words.
    Lines(usize),
}

/// Returns the layout for standard output.
pub(super) fn layout() -> Layout {
    match output_columns() {
        Some(columns) if columns < NARROW || is_dumb() => Layout::Lines(columns),
        _ => Layout::Columns,
    }
}

/// Returns the length of the longest line of a page of text on standard output.
pub(super) fn page_width() -> usize {
    output_columns().map_or(COLUMNS, |columns| columns.min(COLUMNS))
}

/// Returns the length of the longest line of progress on standard error. `None` if it is not a terminal that can erase a line
/// and has space for one.
pub(super) fn progress_width() -> Option<usize> {
    let stderr = io::stderr();
    let columns = columns_of(stderr.is_terminal(), terminal_size_of(stderr))?;
    (columns >= NARROW && !is_dumb()).then_some(columns.min(COLUMNS))
}

/// Writes a line to standard error, which is not worth an error itself.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", redacted(text));
}

fn output_columns() -> Option<usize> {
    let stdout = io::stdout();
    columns_of(stdout.is_terminal(), terminal_size_of(stdout))
}

fn columns_of<T>(is_terminal: bool, size: Option<(Width, T)>) -> Option<usize> {
    let columns = size.map_or(COLUMNS, |(Width(columns), _)| usize::from(columns));
    is_terminal.then_some(columns)
}

/// Returns whether the terminal has no control codes.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
