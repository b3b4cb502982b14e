//! The problems with the input, and their places.

use std::fmt;

/// A line and a column, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Place {
    /// Returns the place after these bytes, which are the start of a text.
    pub(super) fn behind(before: &[u8]) -> Self {
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        Self {
            line: lines as u64 + 1,
            column: String::from_utf8_lossy(line).chars().count() as u64 + 1,
        }
    }
}

/// A problem with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The place in the file, if it has one.
    pub(super) at: Option<Place>,
    /// The path of the value, in the names of the file. Empty for a problem with the whole file.
    pub(super) path: String,
    /// What was found, what is expected, and what to do about it.
    pub(super) message: String,
}

impl Problem {
    /// Returns a problem with the text at a place.
    pub(super) fn at(at: Place, message: impl Into<String>) -> Self {
        Self {
            at: Some(at),
            path: String::new(),
            message: message.into(),
        }
    }

    /// Returns the place in a file and the path, as far as the problem has them.
    pub(super) fn place(&self, file: &str) -> String {
        match (self.at, self.path.as_str()) {
            (None, path) => path.to_owned(),
            (Some(Place { line, column }), "") => format!("{file}:{line}:{column}"),
            (Some(Place { line, column }), path) => format!("{file}:{line}:{column}: {path}"),
        }
    }
}

/// A file and its problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The name of the file, as the user wrote it.
    pub(super) file: String,
    /// The problems, in the order of their places.
    pub(super) problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, problems } = self;
        write!(f, "{file} cannot be used as the runner's file")?;
        for problem in problems {
            f.write_str("\n\n")?;
            match problem.place(file).as_str() {
                "" => {}
                place => writeln!(f, "{place}")?,
            }
            write!(f, "  {}", problem.message.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}
