//! Locations in a value while it is walked through, and the errors there.

use crate::diagnostic::Path;

/// How deep values can nest: far deeper than in real configurations, and not too deep for a thread's stack.
const MAX_DEPTH: usize = 100;

/// A value that does not match its type, or that is not allowed.
///
/// The text names types and attributes, and never a value, which could be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", if path.0.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct ValueError {
    /// The location in the value.
    pub path: Path,
    /// What is wrong at this location.
    pub what: String,
}

/// A location in a value.
///
/// It borrows the locations above from the callers' stack, so that a path is built only for an error. It also counts
/// the depth, and ends the walk at the deepest level that is allowed.
#[derive(Clone, Copy)]
pub(crate) struct Location<'a> {
    parent: Option<(&'a Location<'a>, LocationStep<'a>)>,
    depth: usize,
}

/// One step down from a [`Location`].
#[derive(Clone, Copy)]
pub(crate) enum LocationStep<'a> {
    /// To an attribute of an object.
    Attribute(&'a str),
    /// To an element of a map.
    Key(&'a str),
    /// To an element of a list, set, or tuple.
    Index(usize),
    /// To the value in a dynamic one. Paths do not show it.
    Dynamic,
}

impl<'a> Location<'a> {
    /// The location of the value itself.
    pub(crate) const ROOT: Location<'static> = Location { parent: None, depth: 0 };

    /// Returns the location one step below this one.
    ///
    /// # Errors
    /// Returns an error at the deepest level that is allowed.
    pub(crate) fn down(&'a self, step: LocationStep<'a>) -> Result<Self, ValueError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self {
            parent: Some((self, step)),
            depth: self.depth + 1,
        })
    }

    /// Returns the error that `what` is wrong at this location.
    pub(crate) fn error(&self, what: impl Into<String>) -> ValueError {
        ValueError {
            path: self.path(),
            what: what.into(),
        }
    }

    fn path(&self) -> Path {
        match &self.parent {
            None => Path::root(),
            Some((parent, LocationStep::Attribute(name))) => parent.path().attribute(name),
            Some((parent, LocationStep::Key(key))) => parent.path().key(key),
            Some((parent, LocationStep::Index(index))) => parent.path().index(*index),
            Some((parent, LocationStep::Dynamic)) => parent.path(),
        }
    }
}
