//! What is wrong with the input, and where.

use std::fmt;

/// A line and a column, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// Something that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Where it stands, if it stands in the file.
    pub(super) at: Option<Place>,
    /// The path of the value, in the file's own names; empty for what is about the whole file.
    pub(super) path: String,
    /// What was found, what is expected, and what to do.
    pub(super) message: String,
}

/// A file and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file as it was named.
    pub(super) file: String,
    /// In the order of the places.
    pub(super) problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, problems } = self;
        write!(f, "{file} does not describe a runner")?;
        for problem in problems {
            write!(f, "\n\n{file}")?;
            if let Some(Place { line, column }) = problem.at {
                write!(f, ":{line}:{column}")?;
            }
            if !problem.path.is_empty() {
                write!(f, ": {}", problem.path)?;
            }
            write!(f, "\n  {}", problem.message.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}
