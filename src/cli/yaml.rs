//! Reading YAML into a tree in which everything knows its line and column.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{Error, Location, Spanned};

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

impl Place {
    fn of(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

/// Reads the one document of a text.
///
/// # Errors
/// What is no YAML, and a second document.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    // Snippets would show the lines around the fault, and with them what the pod template holds.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Problem {
        at: error.location().map(Place::of),
        path: String::new(),
        message: explain(&error),
    })
}

fn explain(error: &Error) -> String {
    match error {
        Error::MultipleDocuments { .. } => {
            "A second YAML document begins here. The file describes one runner in one document: \
             remove the line `---`, or what follows it."
                .to_owned()
        }
        Error::Eof { .. } => "The YAML ends too early, or the file is empty.".to_owned(),
        other => {
            let text = other.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            format!("This is not valid YAML: {text}")
        }
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

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Self {
            at: Place::of(spanned.referenced),
            kind: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has too")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(bool))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Kind, E> {
        Ok(Kind::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Kind, E> {
        Ok(Kind::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Kind, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("JSON has no such number"))?;
        Ok(Kind::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Kind, E> {
        Ok(Kind::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Kind::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Spanned<Kind>>()? {
            let Kind::Text(name) = key.value else {
                return Err(A::Error::custom("a key of a mapping must be a text"));
            };
            entries.push(Entry {
                key: name,
                key_at: Place::of(key.referenced),
                value: access.next_value()?,
            });
        }
        Ok(Kind::Mapping(entries))
    }
}
