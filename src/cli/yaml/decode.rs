//! Decodes a document as yaml.v3 decodes it into `map[string]any`, from which octl makes the JSON that it sends.
//!
//! Source: `decode.go` of gopkg.in/yaml.v3 v3.0.1 and `internal/command/create.go` of
//! stellwerk-labs/platform-orchestrator-cli.

use std::collections::HashSet;

use serde_json::Number;

use super::parse::{Content, Id, ParsedDocument};
use super::scalar::{self, MERGE, STRING, Scalar};
use super::{Entry, Kind, Node};
use crate::cli::problem::{Place, Problem};

/// The greatest depth of nested collections: more than any pod template has, and little enough for the stack. yaml.v3
/// allows 10000.
const MAX_DEPTH: usize = 100;

/// Decodes a document.
///
/// # Errors
/// What yaml.v3 refuses, and what JSON cannot express.
pub(super) fn decode(document: &ParsedDocument) -> Result<Node, Problem> {
    let mut decoder = Decoder {
        document,
        aliases: HashSet::new(),
        depth: 0,
        decoded: 0,
        decoded_in_aliases: 0,
    };
    decoder.value(0, true)
}

struct Decoder<'a> {
    document: &'a ParsedDocument,
    /// The aliases that are being resolved.
    aliases: HashSet<Id>,
    depth: usize,
    /// The number of nodes that were decoded, and how many of them through an alias.
    decoded: usize,
    decoded_in_aliases: usize,
}

/// The keys of a mapping before others are merged into it.
type Taken = HashSet<String>;

impl Decoder<'_> {
    /// Decodes a node. The root can have keys that are not texts, because octl decodes it into a map of texts.
    fn value(&mut self, id: Id, is_root: bool) -> Result<Node, Problem> {
        let node = &self.document.nodes[id];
        self.count(node.at)?;
        let kind = match &node.content {
            Content::Scalar { .. } => self.scalar(id)?,
            Content::Sequence(items) => self.nested(node.at, |decoder| {
                let items = items.iter().map(|item| decoder.value(*item, false));
                Ok(Kind::Sequence(items.collect::<Result<_, _>>()?))
            })?,
            Content::Mapping(pairs) => {
                let not_text = pairs.iter().find(|(key, _)| !self.is_text_key(*key));
                if let Some((key, _)) = not_text.filter(|_| !is_root) {
                    let message = "This key is not a string, and JSON keys must be strings: put it in quotes.";
                    return Err(Problem::at(self.document.nodes[*key].at, message));
                }
                let mut entries = Vec::new();
                self.nested(node.at, |decoder| decoder.mapping(id, &mut entries, None))?;
                Kind::Mapping(entries)
            }
            Content::Alias(_) => self.follow(id, |decoder, target| decoder.value(target, is_root))?.kind,
        };
        Ok(Node { at: node.at, kind })
    }

    fn scalar(&self, id: Id) -> Result<Kind, Problem> {
        let at = self.document.nodes[id].at;
        let number = |number: Option<Number>| match number {
            Some(number) => Ok(Kind::Number(number)),
            None => Err(Problem::at(
                at,
                "JSON cannot represent this number: put it in quotes if it is meant as a string.",
            )),
        };
        match self.resolve(id)? {
            Scalar::Null => Ok(Kind::Null),
            Scalar::Bool(bool) => Ok(Kind::Bool(bool)),
            Scalar::Integer(integer) => number(Some(integer.into())),
            Scalar::Unsigned(integer) => number(Some(integer.into())),
            Scalar::Float(float) => number(json_number(float)),
            Scalar::Time(Ok(text)) | Scalar::Text(text) => Ok(Kind::Text(text)),
            Scalar::Time(Err(reason)) => Err(Problem::at(at, reason)),
        }
    }

    fn resolve(&self, id: Id) -> Result<Scalar, Problem> {
        let node = &self.document.nodes[id];
        let Content::Scalar { text, is_quoted } = &node.content else {
            return Err(Problem::at(node.at, "Expected a single value."));
        };
        match &node.tag {
            None if *is_quoted => Ok(Scalar::Text(text.clone())),
            None => Ok(scalar::plain(text)),
            Some(tag) => scalar::tagged(tag, text).map_err(|message| Problem::at(node.at, message)),
        }
    }

    /// Adds the entries of a mapping to others. The keys in `taken` are not added: they belong to the mapping that this
    /// one is merged into.
    fn mapping(&mut self, id: Id, entries: &mut Vec<Entry>, mut taken: Option<&mut Taken>) -> Result<(), Problem> {
        let Content::Mapping(pairs) = &self.document.nodes[id].content else {
            return Err(Problem::at(self.document.nodes[id].at, NOT_MERGEABLE));
        };
        self.refuse_repeated_keys(pairs)?;
        let mut merged = None;
        for &(key, value) in pairs {
            if self.is_merge(key) {
                merged = Some(value);
                continue;
            }
            let Some(name) = self.key(key)? else {
                continue;
            };
            if taken.as_mut().is_some_and(|taken| !taken.insert(name.clone())) {
                continue;
            }
            let entry = Entry {
                key: name,
                key_at: self.document.nodes[key].at,
                value: self.value(value, false)?,
            };
            match entries.iter_mut().find(|other| other.key == entry.key) {
                Some(other) => *other = entry,
                None => entries.push(entry),
            }
        }
        match (merged, taken) {
            (None, _) => Ok(()),
            (Some(merged), Some(taken)) => self.merge(merged, entries, taken),
            (Some(merged), None) => {
                let mut taken = Taken::new();
                for (key, _) in pairs {
                    if let Scalar::Text(name) = self.resolve_key(*key)? {
                        taken.insert(name);
                    }
                }
                self.merge(merged, entries, &mut taken)
            }
        }
    }

    /// Adds the entries of a merge key's value to the entries of a mapping.
    fn merge(&mut self, id: Id, entries: &mut Vec<Entry>, taken: &mut Taken) -> Result<(), Problem> {
        let node = &self.document.nodes[id];
        let sources = match &node.content {
            Content::Sequence(items) => items.as_slice(),
            _ => &[id],
        };
        for &source in sources {
            self.count(self.document.nodes[source].at)?;
            match self.document.nodes[source].content {
                Content::Alias(_) => self.follow(source, |decoder, target| {
                    decoder.count(decoder.document.nodes[target].at)?;
                    decoder.nested(node.at, |decoder| decoder.mapping(target, entries, Some(taken)))
                })?,
                _ => self.nested(node.at, |decoder| decoder.mapping(source, entries, Some(taken)))?,
            }
        }
        Ok(())
    }

    /// Returns a key as a text. `None` for null, which a map of texts does not accept.
    fn key(&mut self, id: Id) -> Result<Option<String>, Problem> {
        self.count(self.document.nodes[id].at)?;
        let id = self.target(id);
        Ok(match (self.resolve_key(id)?, &self.document.nodes[id]) {
            (Scalar::Null, _) => None,
            // The key of any other value is its spelling.
            (Scalar::Text(text), _) => Some(text),
            (_, node) => match &node.content {
                Content::Scalar { text, .. } => Some(text.clone()),
                _ => None,
            },
        })
    }

    fn resolve_key(&self, id: Id) -> Result<Scalar, Problem> {
        self.resolve(self.target(id))
            .map_err(|problem| match self.document.nodes[self.target(id)].content {
                Content::Scalar { .. } => problem,
                _ => Problem::at(
                    self.document.nodes[id].at,
                    "A key must be a string, not a list or a mapping.",
                ),
            })
    }

    /// Returns the node that an alias refers to, or the node itself if it is not an alias.
    fn target(&self, id: Id) -> Id {
        match self.document.nodes[id].content {
            Content::Alias(target) => target,
            _ => id,
        }
    }

    /// Returns whether a map with this key is a map of texts.
    fn is_text_key(&self, id: Id) -> bool {
        let node = &self.document.nodes[self.target(id)];
        match (&node.tag, &node.content) {
            (Some(tag), _) => tag == STRING || tag == MERGE,
            (None, Content::Scalar { text, is_quoted }) => *is_quoted || scalar::plain(text).tag() == STRING,
            (None, _) => false,
        }
    }

    fn is_merge(&self, id: Id) -> bool {
        let node = &self.document.nodes[id];
        match (&node.tag, &node.content) {
            (Some(tag), Content::Scalar { text, .. }) => text == "<<" && tag == MERGE,
            (None, Content::Scalar { text, is_quoted }) => text == "<<" && !is_quoted,
            _ => false,
        }
    }

    /// Refuses a key that a mapping has twice in the same spelling. Two keys that are collections count as the same.
    fn refuse_repeated_keys(&self, pairs: &[(Id, Id)]) -> Result<(), Problem> {
        let mut seen = HashSet::new();
        for (key, _) in pairs {
            let node = &self.document.nodes[*key];
            let spelling = match &node.content {
                Content::Scalar { text, .. } => (0, text.as_str()),
                Content::Sequence(_) => (1, ""),
                Content::Mapping(_) => (2, ""),
                Content::Alias(target) => (3 + target, ""),
            };
            if !seen.insert(spelling) {
                let message = format!("The key `{}` occurs twice. Remove one of them.", spelling.1);
                return Err(Problem::at(node.at, message));
            }
        }
        Ok(())
    }

    fn follow<T>(&mut self, alias: Id, decode: impl FnOnce(&mut Self, Id) -> Result<T, Problem>) -> Result<T, Problem> {
        let node = &self.document.nodes[alias];
        if !self.aliases.insert(alias) {
            return Err(Problem::at(node.at, "The anchor's value contains itself."));
        }
        let result = self.nested(node.at, |decoder| decode(decoder, decoder.target(alias)));
        self.aliases.remove(&alias);
        result
    }

    fn nested<T>(&mut self, at: Place, decode: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        if self.depth == MAX_DEPTH {
            let message = format!("This is nested deeper than {MAX_DEPTH} levels, which no runner's configuration is.");
            return Err(Problem::at(at, message));
        }
        self.depth += 1;
        let result = decode(self);
        self.depth -= 1;
        result
    }

    /// Counts a decoded node, and refuses a small text that aliases make very large, by the rule of yaml.v3.
    fn count(&mut self, at: Place) -> Result<(), Problem> {
        self.decoded += 1;
        if !self.aliases.is_empty() {
            self.decoded_in_aliases += 1;
        }
        let (aliased, all) = (self.decoded_in_aliases, self.decoded);
        if aliased > 100 && all > 1000 && share(aliased, all) > allowed_share(all) {
            return Err(Problem::at(
                at,
                "The aliases before this place expand to too much text.",
            ));
        }
        Ok(())
    }
}

const NOT_MERGEABLE: &str = "The value of a merge key `<<` must be a mapping or a list of mappings.";

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn share(part: usize, all: usize) -> f64 {
    part as f64 / all as f64
}

/// Returns the share of nodes that are allowed to come from aliases: 99 % up to 400,000 nodes, 10 % from 4,000,000, and a
/// linear share in between.
fn allowed_share(all: usize) -> f64 {
    0.99 - 0.89 * share(all.saturating_sub(400_000), 3_600_000).min(1.0)
}

/// Returns the number as Go writes it in JSON: a float without a fraction is an integer.
fn json_number(float: f64) -> Option<Number> {
    /// 2^63, the smallest float that is not an i64.
    const PAST_INTEGERS: f64 = 9_223_372_036_854_775_808.0;
    let is_negative_zero = float == 0.0 && float.is_sign_negative();
    if float.fract() == 0.0 && float.abs() < PAST_INTEGERS && !is_negative_zero {
        #[expect(clippy::cast_possible_truncation, reason = "the float is whole and in range")]
        return Some((float as i64).into());
    }
    Number::from_f64(float)
}
