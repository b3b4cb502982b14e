//! YAML as Go programs read it with `sigs.k8s.io/yaml`: decoded by `yaml.v2`, then converted to JSON.
//!
//! aws-iam-authenticator reads `mapRoles` and `mapUsers` of `aws-auth` this way, and `mapAccounts` with `yaml.v2`
//! alone. The sources are `resolve.go` and `decode.go` of `go.yaml.in/yaml/v2` 2.4 and `YAMLToJSON` of
//! `sigs.k8s.io/yaml` 1.6; `tests/oracles/aws-auth/table.json` contains the real programs' results for about 800 texts.

mod document;
mod scalar;

use std::collections::{BTreeMap, HashSet};

use document::{NodeKind, YamlDocument, YamlNode};
use scalar::{YamlScalar, resolve};

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: usize,
    /// The column, in characters.
    pub(crate) column: usize,
}

/// The reason why a text cannot be read. It never quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {problem}", .at.line, .at.column)]
pub(crate) struct Unreadable {
    /// The place of the problem.
    pub(crate) at: Position,
    /// The problem, as a clause.
    pub(crate) problem: String,
}

/// A value and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct YamlValue {
    /// Where it starts.
    pub(crate) at: Position,
    /// Its kind and content.
    pub(crate) kind: YamlKind,
}

/// A value of JSON, as far as a reader of texts needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum YamlKind {
    /// `null`.
    Null,
    /// A text.
    Text(String),
    /// A boolean or a number.
    Other,
    /// A list.
    List(Vec<YamlValue>),
    /// A map. Go writes JSON with sorted keys, so that of keys which differ only in case the lower case comes last.
    Map(BTreeMap<String, YamlValue>),
}

/// Returns the first document of a text, as `YAMLToJSON` converts it.
pub(crate) fn to_json(text: &str) -> Result<YamlValue, Unreadable> {
    let Some(document) = YamlDocument::parse(text)? else {
        return Ok(YamlValue {
            at: Position { line: 1, column: 1 },
            kind: YamlKind::Null,
        });
    };
    Decoder::new(&document).value(document.root)
}

/// Returns where the items of a block list begin, if the text contains nothing else: a line with the same indentation can
/// be added below it.
pub(crate) fn block_list(text: &str) -> Option<Position> {
    let document = YamlDocument::parse(text).ok()??;
    let root = &document.nodes[document.root];
    match root.kind {
        // What follows the end of the document is not read.
        NodeKind::List { block: true, .. } if document.is_whole => Some(root.at),
        _ => None,
    }
}

/// Returns the first document of a text, as `yaml.v2` decodes it into a list of strings. The strings before an
/// error count.
pub(crate) fn to_strings(text: &str) -> (Vec<String>, Option<Unreadable>) {
    let document = match YamlDocument::parse(text) {
        Ok(Some(document)) => document,
        Ok(None) => return (Vec::new(), None),
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut strings = Vec::new();
    let mut root = document.root;
    while let NodeKind::Alias(target) = document.nodes[root].kind {
        root = target;
    }
    if let NodeKind::List { items, .. } = &document.nodes[root].kind {
        for item in items {
            let mut node = &document.nodes[*item];
            while let NodeKind::Alias(target) = node.kind {
                node = &document.nodes[target];
            }
            let NodeKind::Scalar { text, tag, implicit } = &node.kind else {
                continue;
            };
            match resolve(tag.as_deref(), *implicit, text) {
                // Every other scalar is decoded into a string as it is written.
                Ok(YamlScalar::Text(decoded)) => strings.push(decoded),
                Ok(YamlScalar::Null) => strings.push(String::new()),
                Ok(_) => strings.push(text.clone()),
                Err(problem) => {
                    let at = node.at;
                    return (strings, Some(Unreadable { at, problem }));
                }
            }
        }
    }
    (strings, None)
}

/// Decodes the nodes of a document.
struct Decoder<'a> {
    document: &'a YamlDocument,
    /// The nodes whose aliases are being followed.
    followed: HashSet<usize>,
    /// How many nodes were decoded. The other field counts those behind an alias.
    decoded: usize,
    behind_alias: usize,
}

impl<'a> Decoder<'a> {
    fn new(document: &'a YamlDocument) -> Self {
        Self {
            document,
            followed: HashSet::new(),
            decoded: 0,
            behind_alias: 0,
        }
    }

    fn value(&mut self, node: usize) -> Result<YamlValue, Unreadable> {
        self.count(node)?;
        let YamlNode { at, kind } = &self.document.nodes[node];
        let kind = match kind {
            NodeKind::Alias(target) => return self.behind(*target, *at),
            NodeKind::Scalar { text, tag, implicit } => match self.scalar(*at, tag.as_deref(), *implicit, text)? {
                YamlScalar::Null => YamlKind::Null,
                YamlScalar::Text(text) => YamlKind::Text(text),
                YamlScalar::Float(number) if !number.is_finite() => {
                    return Err(refuse(*at, "JSON cannot represent this number"));
                }
                _ => YamlKind::Other,
            },
            NodeKind::List { items, .. } => {
                let items = items.iter().map(|item| self.value(*item));
                YamlKind::List(items.collect::<Result<_, _>>()?)
            }
            NodeKind::Map(entries) => {
                let mut map = BTreeMap::new();
                self.entries(entries, &mut map)?;
                YamlKind::Map(map)
            }
        };
        Ok(YamlValue { at: *at, kind })
    }

    /// Returns the value of the node that an alias names.
    fn behind(&mut self, target: usize, at: Position) -> Result<YamlValue, Unreadable> {
        if !self.followed.insert(target) {
            return Err(refuse(at, "the anchor's value contains itself"));
        }
        let value = self.value(target);
        self.followed.remove(&target);
        value
    }

    /// Decodes the entries of a map into one that might have some: a later key replaces an earlier one, also in a merge.
    fn entries(&mut self, entries: &[usize], map: &mut BTreeMap<String, YamlValue>) -> Result<(), Unreadable> {
        for pair in entries.chunks_exact(2) {
            let (key, value) = (&self.document.nodes[pair[0]], pair[1]);
            if is_merge(key) {
                self.merge(value, map)?;
                continue;
            }
            let name = self.key(pair[0])?;
            let value = self.value(value)?;
            map.insert(name, value);
        }
        Ok(())
    }

    /// Returns a key as a text of JSON. A key that is a number becomes a text that no reader looks up.
    fn key(&mut self, node: usize) -> Result<String, Unreadable> {
        self.count(node)?;
        let YamlNode { at, kind } = &self.document.nodes[node];
        match kind {
            NodeKind::Alias(target) => self.key(*target),
            NodeKind::Scalar { text, tag, implicit } => match self.scalar(*at, tag.as_deref(), *implicit, text)? {
                YamlScalar::Text(text) => Ok(text),
                YamlScalar::Bool(value) => Ok(value.to_string()),
                YamlScalar::Int => Ok(format!("int {text}")),
                YamlScalar::Float(_) => Ok(format!("float {text}")),
                YamlScalar::Null | YamlScalar::Large => {
                    Err(refuse(*at, "a key is neither a string nor a small number"))
                }
            },
            _ => Err(refuse(
                *at,
                "a key is a list or a map; a string that starts with \"{\" or \"[\" needs quotes",
            )),
        }
    }

    /// Adds the entries of another map, or of several. Those of the first map win.
    fn merge(&mut self, node: usize, map: &mut BTreeMap<String, YamlValue>) -> Result<(), Unreadable> {
        let document = self.document;
        let YamlNode { at, kind } = &document.nodes[node];
        let sources = match kind {
            NodeKind::List { items, .. } => items.as_slice(),
            _ => &[node],
        };
        for source in sources.iter().rev() {
            let target = match document.nodes[*source].kind {
                NodeKind::Alias(target) => target,
                _ => *source,
            };
            let NodeKind::Map(entries) = &document.nodes[target].kind else {
                return Err(refuse(*at, "the value of \"<<\" is not a map"));
            };
            self.count(target)?;
            if !self.followed.insert(target) {
                return Err(refuse(*at, "the anchor's value contains itself"));
            }
            self.entries(entries, map)?;
            self.followed.remove(&target);
        }
        Ok(())
    }

    fn scalar(&self, at: Position, tag: Option<&str>, implicit: bool, text: &str) -> Result<YamlScalar, Unreadable> {
        resolve(tag, implicit, text).map_err(|problem| Unreadable { at, problem })
    }

    /// Applies Go's limit for texts that grow by their aliases.
    fn count(&mut self, node: usize) -> Result<(), Unreadable> {
        self.decoded += 1;
        self.behind_alias += usize::from(!self.followed.is_empty());
        if self.behind_alias > 100 && self.decoded > 1000 && self.behind_alias * 100 > self.decoded * 99 {
            return Err(refuse(self.document.nodes[node].at, "it has too many aliases"));
        }
        Ok(())
    }
}

fn refuse(at: Position, problem: &str) -> Unreadable {
    let problem = problem.to_owned();
    Unreadable { at, problem }
}

fn is_merge(node: &YamlNode) -> bool {
    matches!(&node.kind, NodeKind::Scalar { text, tag, implicit }
        if text == "<<" && (*implicit || tag.as_deref() == Some(MERGE)))
}

const MERGE: &str = "tag:yaml.org,2002:merge";
