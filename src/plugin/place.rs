//! Where a walk through a value stands, and what is wrong there.

use super::diagnostic::Path;

/// How deep values may nest: far beyond what people write, and no strain on a thread's stack.
const MAX_DEPTH: usize = 100;

/// A value that is not what it has to be.
///
/// The text names kinds and attributes and never a value, which might be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", if path.0.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct ValueError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong there.
    pub what: String,
}

/// A path that is borrowed from the callers' stack, so that it costs nothing until an error
/// needs it. It counts the depth too, and refuses to go on below the deepest one.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    above: Option<(&'a Place<'a>, StepTo<'a>)>,
    depth: usize,
}

/// One step down.
#[derive(Clone, Copy)]
pub(super) enum StepTo<'a> {
    /// To an attribute of an object.
    Attribute(&'a str),
    /// To an element of a map.
    Key(&'a str),
    /// To an element of a list, set or tuple.
    Index(usize),
    /// To the value within a dynamic one, which a path does not show.
    Dynamic,
}

impl<'a> Place<'a> {
    /// The value itself.
    pub(super) const ROOT: Place<'static> = Place {
        above: None,
        depth: 0,
    };

    /// The place one step below this one.
    pub(super) fn down(&'a self, step: StepTo<'a>) -> Result<Self, ValueError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self {
            above: Some((self, step)),
            depth: self.depth + 1,
        })
    }

    /// The error that `what` is wrong here.
    pub(super) fn error(&self, what: impl Into<String>) -> ValueError {
        ValueError {
            path: self.path(),
            what: what.into(),
        }
    }

    fn path(&self) -> Path {
        match &self.above {
            None => Path::root(),
            Some((above, StepTo::Attribute(name))) => above.path().attribute(name),
            Some((above, StepTo::Key(key))) => above.path().key(key),
            Some((above, StepTo::Index(index))) => above.path().index(*index),
            Some((above, StepTo::Dynamic)) => above.path(),
        }
    }
}
