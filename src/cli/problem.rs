//! What is wrong with the input, and where.

use std::fmt;

/// A line and a column, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Place {
    /// The place behind these bytes, which a text begins with.
    pub(super) fn behind(before: &[u8]) -> Self {
        let line = before
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        Self {
            line: lines as u64 + 1,
            column: String::from_utf8_lossy(line).chars().count() as u64 + 1,
        }
    }
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

impl Problem {
    /// A problem with the text itself at a place.
    pub(super) fn at(at: Place, message: impl Into<String>) -> Self {
        Self {
            at: Some(at),
            path: String::new(),
            message: message.into(),
        }
    }
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
            f.write_str("\n\n")?;
            match (problem.at, problem.path.as_str()) {
                (None, "") => {}
                (None, path) => writeln!(f, "{path}")?,
                (Some(Place { line, column }), "") => writeln!(f, "{file}:{line}:{column}")?,
                (Some(Place { line, column }), path) => {
                    writeln!(f, "{file}:{line}:{column}: {path}")?;
                }
            }
            write!(f, "  {}", problem.message.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}
