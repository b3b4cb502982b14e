//! Reads YAML as octl reads it, into a tree whose nodes have their line and column.
//!
//! octl decodes with Go's yaml.v3, which reads a dialect of its own, and [`read`] follows it: [`parse`] returns the nodes
//! of the text, [`scalar`] determines the type of a scalar, and [`decode`] brings both into the shape of JSON. The tests
//! compare them with a table that the real library wrote (`tests/oracles/yaml`).

mod decode;
mod parse;
mod scalar;
mod tabs;
#[cfg(test)]
mod tests;
mod time;

use serde_json::{Number, Value};

use super::problem::{Place, Problem};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The place where the value begins.
    pub(super) at: Place,
    /// The value itself.
    pub(super) kind: Kind,
}

/// A value that JSON has as well. An API of JSON cannot use any other value of YAML.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Place,
    pub(super) value: Node,
}

/// Reads the first document of a text, as octl does, and ignores what follows it. A text without a document is null. The second
/// result is the place of a second document, if there is one.
///
/// # Errors
/// What yaml.v3 refuses, and what JSON cannot express.
pub(super) fn read(text: &str) -> Result<(Node, Option<Place>), Problem> {
    match parse::document(text)? {
        Some(document) => Ok((decode::decode(&document)?, document.next)),
        None => {
            let null = Node {
                at: Place { line: 1, column: 1 },
                kind: Kind::Null,
            };
            Ok((null, None))
        }
    }
}

impl Node {
    /// Returns the entries of a mapping.
    pub(super) fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the value of a mapping's key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries()?.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// Returns the value without its places.
    pub(super) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(bool) => Value::Bool(*bool),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Kind::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect(),
        }
    }

    /// Returns the type of the value, as a noun. The value itself is not repeated, because a pod template can contain
    /// secrets.
    pub(super) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }

    /// Returns the place of a path such as `a.b[0]["c.d"]`, or of the last part of the path that this tree has.
    pub(super) fn locate(&self, path: &str) -> Place {
        self.descend(path).unwrap_or(self.at)
    }

    fn descend(&self, path: &str) -> Option<Place> {
        let within = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find_map(|entry| {
                let plain = path.strip_prefix('.').unwrap_or(path);
                let rest = plain
                    .strip_prefix(&entry.key)
                    .filter(|rest| within(rest))
                    .or_else(|| path.strip_prefix(&format!("[{:?}]", entry.key)))?;
                Some(match entry.value.kind {
                    Kind::Sequence(_) | Kind::Mapping(_) => entry.value.descend(rest).unwrap_or(entry.key_at),
                    Kind::Null => entry.key_at,
                    _ => entry.value.at,
                })
            }),
            Kind::Sequence(items) => items.iter().enumerate().find_map(|(index, item)| {
                let rest = path.strip_prefix(&format!("[{index}]"))?;
                Some(item.descend(rest).unwrap_or(item.at))
            }),
            _ => None,
        }
    }
}
