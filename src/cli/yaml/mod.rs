//! Reading YAML as octl reads it, into a tree in which everything knows its line and column.
//!
//! octl decodes with Go's yaml.v3, a dialect of its own, and so does [`read`]: [`parse`] makes nodes of the text, [`scalar`]
//! says what a scalar is, and [`decode`] brings both into the shape of JSON. A table that was made with the real library
//! (`tests/oracles/yaml`) holds them to it.

mod decode;
mod parse;
mod scalar;
mod tabs;
#[cfg(test)]
mod tests;
mod time;

use serde_json::{Number, Value};

use super::problem::{Place, Problem};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) at: Place,
    /// What it is.
    pub(super) kind: Kind,
}

/// What JSON has too; other YAML is not of use to an API of JSON.
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

/// Reads the first document of a text, as octl does; what follows it does not count. Text without a document is null.
///
/// # Errors
/// What yaml.v3 refuses, and what has no JSON.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    match parse::document(text)? {
        Some(document) => decode::decode(&document),
        None => Ok(Node {
            at: Place { line: 1, column: 1 },
            kind: Kind::Null,
        }),
    }
}

impl Node {
    /// The entries of a mapping.
    pub(super) fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// A mapping's value.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries()?.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// The value without its places.
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

    /// What it is, as a noun. No value is repeated: a pod template may hold secrets.
    pub(super) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }

    /// Where a path leads, such as `a.b[0]["c.d"]`, or as near to it as this tree goes.
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
                    Kind::Sequence(_) | Kind::Mapping(_) => {
                        entry.value.descend(rest).unwrap_or(entry.key_at)
                    }
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
