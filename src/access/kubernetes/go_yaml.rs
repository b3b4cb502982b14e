//! YAML as Go programs read it that go through `sigs.k8s.io/yaml`: decoded by `yaml.v2`, then made JSON.
//!
//! aws-iam-authenticator reads `mapRoles` and `mapUsers` of `aws-auth` this way, and `mapAccounts` with `yaml.v2`
//! alone. The sources are `resolve.go` and `decode.go` of `go.yaml.in/yaml/v2` 2.4 and `YAMLToJSON` of
//! `sigs.k8s.io/yaml` 1.6; `tests/oracles/aws-auth.json` holds what the real programs make of some 700 texts.

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, options};

/// How deep lists and maps can be nested. Go allows 10,000 levels; nobody's `aws-auth` has ten.
const DEEPEST: usize = 200;

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: usize,
    /// The column, in characters.
    pub(crate) column: usize,
}

/// Why a text cannot be read. It never quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {problem}", .at.line, .at.column)]
pub(crate) struct Unreadable {
    /// Where.
    pub(crate) at: Position,
    /// What is wrong, as a clause.
    pub(crate) problem: String,
}

/// A value and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    /// Where it starts.
    pub(crate) at: Position,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What JSON tells apart, as far as a reader of texts needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// `null`.
    Null,
    /// A text.
    Text(String),
    /// A boolean or a number.
    Other,
    /// A list.
    List(Vec<Value>),
    /// A map. Go writes JSON with sorted keys, so that of keys which differ in case alone the small letters come last.
    Map(BTreeMap<String, Value>),
}

/// The first document of a text, as `YAMLToJSON` makes JSON of it.
pub(crate) fn to_json(text: &str) -> Result<Value, Unreadable> {
    let Some(document) = Document::parse(text)? else {
        return Ok(Value {
            at: Position { line: 1, column: 1 },
            kind: Kind::Null,
        });
    };
    Decoder::new(&document).value(document.root)
}

/// Where the items of a block list begin that is all there is in a text: a line with the same indentation can be added
/// below it. `None` for anything else.
pub(crate) fn block_list(text: &str) -> Option<Position> {
    let document = Document::parse(text).ok()??;
    let root = &document.nodes[document.root];
    // What follows an end of the document is not read.
    let alone = !text.lines().any(|line| line.starts_with("...")) && !document.has_next;
    match root.kind {
        NodeKind::List { block: true, .. } if alone => Some(root.at),
        _ => None,
    }
}

/// The first document of a text, as `yaml.v2` decodes it into a list of strings. What came before an error counts.
pub(crate) fn to_strings(text: &str) -> (Vec<String>, Option<Unreadable>) {
    let document = match Document::parse(text) {
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
                // Whatever it is, a string takes it as it is written, but for binary data.
                Ok(Scalar::Text(decoded)) => strings.push(decoded),
                Ok(Scalar::Null) => strings.push(String::new()),
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

/// A document as its nodes. An alias names a node, as in Go: what it stands for is decoded again at each use.
struct Document {
    nodes: Vec<Node>,
    root: usize,
    /// Whether another document follows.
    has_next: bool,
}

struct Node {
    at: Position,
    kind: NodeKind,
}

enum NodeKind {
    Scalar {
        text: String,
        tag: Option<String>,
        /// Whether the text alone says what it is: it is plain and has no tag.
        implicit: bool,
    },
    List {
        items: Vec<usize>,
        block: bool,
    },
    /// Keys and values in turn.
    Map(Vec<usize>),
    Alias(usize),
}

impl Document {
    /// Parses the first document; `None` when there is none.
    fn parse(text: &str) -> Result<Option<Self>, Unreadable> {
        let options = options! {
            emit_comments: false,
            bom_inside_document_as_content: true,
            block_scalar_eof_without_line_feed: true,
        };
        let mut nodes: Vec<Node> = Vec::new();
        let mut anchors: HashMap<usize, usize> = HashMap::new();
        let mut open: Vec<usize> = Vec::new();
        let mut root = None;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| {
                let marker = error.marker();
                Unreadable {
                    at: position(marker.line(), marker.col()),
                    problem: error.info().to_string(),
                }
            })?;
            let at = position(span.start.line(), span.start.col());
            let (kind, anchor) = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                    let kind = NodeKind::Scalar {
                        text: text.into_owned(),
                        implicit: (tag.is_none() && style == ScalarStyle::Plain)
                            || tag.as_deref() == Some("!"),
                        tag: tag.filter(|tag| tag != "!"),
                    };
                    (kind, anchor)
                }
                Event::SequenceStart(style, anchor, _) => {
                    let block = style == StructureStyle::Block;
                    let items = Vec::new();
                    (NodeKind::List { items, block }, anchor)
                }
                Event::MappingStart(_, anchor, _) => (NodeKind::Map(Vec::new()), anchor),
                Event::Alias(anchor) => {
                    let target = anchors.get(&anchor).copied().unwrap_or_default();
                    (NodeKind::Alias(target), 0)
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                    continue;
                }
                Event::DocumentEnd => break,
                _ => continue,
            };
            let node = nodes.len();
            anchors.insert(anchor, node);
            match open.last().map(|parent| &mut nodes[*parent].kind) {
                Some(NodeKind::List { items, .. } | NodeKind::Map(items)) => items.push(node),
                _ => root = Some(node),
            }
            if matches!(kind, NodeKind::List { .. } | NodeKind::Map(_)) {
                open.push(node);
            }
            nodes.push(Node { at, kind });
            if open.len() > DEEPEST {
                let problem = format!("it is nested deeper than {DEEPEST} levels");
                return Err(Unreadable { at, problem });
            }
        }
        let has_next = text.lines().skip(1).any(|line| line.starts_with("---"));
        Ok(root.map(|root| Self {
            nodes,
            root,
            has_next,
        }))
    }
}

/// A place, of a line counted from 1 and a column counted from 0.
fn position(line: usize, column: usize) -> Position {
    let column = column + 1;
    Position { line, column }
}

/// Decodes the nodes of a document.
struct Decoder<'a> {
    document: &'a Document,
    /// The nodes whose aliases are being followed.
    followed: HashSet<usize>,
    /// How many nodes were decoded, and how many of them behind an alias.
    decoded: usize,
    behind_alias: usize,
}

impl<'a> Decoder<'a> {
    fn new(document: &'a Document) -> Self {
        Self {
            document,
            followed: HashSet::new(),
            decoded: 0,
            behind_alias: 0,
        }
    }

    fn value(&mut self, node: usize) -> Result<Value, Unreadable> {
        self.count(node)?;
        let Node { at, kind } = &self.document.nodes[node];
        let kind = match kind {
            NodeKind::Alias(target) => return self.behind(*target, *at),
            NodeKind::Scalar {
                text,
                tag,
                implicit,
            } => match self.scalar(*at, tag.as_deref(), *implicit, text)? {
                Scalar::Null => Kind::Null,
                Scalar::Text(text) => Kind::Text(text),
                Scalar::Float(number) if !number.is_finite() => {
                    return Err(refuse(*at, "JSON has no such number"));
                }
                _ => Kind::Other,
            },
            NodeKind::List { items, .. } => {
                let items = items.iter().map(|item| self.value(*item));
                Kind::List(items.collect::<Result<_, _>>()?)
            }
            NodeKind::Map(entries) => {
                let mut map = BTreeMap::new();
                self.entries(entries, &mut map)?;
                Kind::Map(map)
            }
        };
        Ok(Value { at: *at, kind })
    }

    /// What an alias stands for.
    fn behind(&mut self, target: usize, at: Position) -> Result<Value, Unreadable> {
        if !self.followed.insert(target) {
            return Err(refuse(at, "the anchor's value contains itself"));
        }
        let value = self.value(target);
        self.followed.remove(&target);
        value
    }

    /// Decodes the entries of a map into one that may have some: a later key replaces an earlier one, also when it is
    /// merged.
    fn entries(
        &mut self,
        entries: &[usize],
        map: &mut BTreeMap<String, Value>,
    ) -> Result<(), Unreadable> {
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

    /// A key as JSON's text. Keys that are numbers become texts that no reader looks for.
    fn key(&mut self, node: usize) -> Result<String, Unreadable> {
        self.count(node)?;
        let Node { at, kind } = &self.document.nodes[node];
        match kind {
            NodeKind::Alias(target) => self.key(*target),
            NodeKind::Scalar {
                text,
                tag,
                implicit,
            } => match self.scalar(*at, tag.as_deref(), *implicit, text)? {
                Scalar::Text(text) => Ok(text),
                Scalar::Bool(value) => Ok(value.to_string()),
                Scalar::Int => Ok(format!("int {text}")),
                Scalar::Float(_) => Ok(format!("float {text}")),
                Scalar::Null | Scalar::Large => {
                    Err(refuse(*at, "a key is neither a text nor a small number"))
                }
            },
            _ => Err(refuse(
                *at,
                "a key is a list or a map; a text that starts with \"{\" or \"[\" needs quotes",
            )),
        }
    }

    /// Takes the entries of another map, or of several, of which the first counts most.
    fn merge(&mut self, node: usize, map: &mut BTreeMap<String, Value>) -> Result<(), Unreadable> {
        let document = self.document;
        let Node { at, kind } = &document.nodes[node];
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

    fn scalar(
        &self,
        at: Position,
        tag: Option<&str>,
        implicit: bool,
        text: &str,
    ) -> Result<Scalar, Unreadable> {
        resolve(tag, implicit, text).map_err(|problem| Unreadable { at, problem })
    }

    /// Go's guard against texts that grow by their aliases.
    fn count(&mut self, node: usize) -> Result<(), Unreadable> {
        self.decoded += 1;
        self.behind_alias += usize::from(!self.followed.is_empty());
        if self.behind_alias > 100 && self.decoded > 1000 && self.behind_alias * 100 > self.decoded * 99
        {
            return Err(refuse(self.document.nodes[node].at, "it has too many aliases"));
        }
        Ok(())
    }
}

fn refuse(at: Position, problem: &str) -> Unreadable {
    let problem = problem.to_owned();
    Unreadable { at, problem }
}

fn is_merge(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Scalar { text, tag, implicit }
        if text == "<<" && (*implicit || tag.as_deref() == Some(MERGE)))
}

const MERGE: &str = "tag:yaml.org,2002:merge";

/// What a scalar is.
#[derive(Debug, Clone, PartialEq)]
enum Scalar {
    Null,
    Bool(bool),
    Int,
    /// An integer past 63 bits.
    Large,
    Float(f64),
    Text(String),
}

/// `resolve` of `yaml.v2`: what a text is with its tag, or why it cannot be that.
fn resolve(tag: Option<&str>, implicit: bool, text: &str) -> Result<Scalar, String> {
    let is_text = || Ok(Scalar::Text(text.to_owned()));
    let Some(tag) = tag else {
        return if implicit {
            Ok(plain(text, true))
        } else {
            is_text()
        };
    };
    let mismatch = |found: Scalar, ok: bool| match ok {
        true => Ok(found),
        false => Err("the value is not of the type that its tag names".to_owned()),
    };
    match tag.strip_prefix("tag:yaml.org,2002:") {
        Some("str") => is_text(),
        Some("binary") => {
            let digits: String = text.chars().filter(|c| !"\r\n".contains(*c)).collect();
            let bytes = STANDARD
                .decode(digits)
                .map_err(|_| "the binary value is not valid base64".to_owned())?;
            Ok(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
        }
        Some("null") => {
            let found = plain(text, false);
            let ok = found == Scalar::Null;
            mismatch(found, ok)
        }
        Some("bool") => {
            let found = plain(text, false);
            let ok = matches!(found, Scalar::Bool(_));
            mismatch(found, ok)
        }
        Some("int") => {
            let found = plain(text, false);
            let ok = matches!(found, Scalar::Int | Scalar::Large);
            mismatch(found, ok)
        }
        Some("float") => {
            let found = plain(text, false);
            let ok = matches!(found, Scalar::Int | Scalar::Float(_));
            mismatch(found, ok)
        }
        Some("timestamp") => mismatch(Scalar::Text(text.to_owned()), is_timestamp(text)),
        _ => is_text(),
    }
}

/// What a plain text without a tag is. A time stays a text.
fn plain(text: &str, may_be_time: bool) -> Scalar {
    let is_text = || Scalar::Text(text.to_owned());
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        _ => {}
    }
    let float = |digits: &str| match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Scalar::Float(number),
        _ => is_text(),
    };
    match text.as_bytes()[0] {
        b'.' if text.contains(|c: char| !c.is_ascii_digit() && !".eE+-".contains(c)) => is_text(),
        b'.' => float(text),
        b'+' | b'-' | b'0'..=b'9' => {
            if may_be_time && is_timestamp(text) {
                return is_text();
            }
            let digits = text.replace('_', "");
            match integer(&digits) {
                Some(found) => found,
                None if is_yaml_float(&digits) => float(&digits),
                None => is_text(),
            }
        }
        _ => is_text(),
    }
}

/// An integer as Go's `ParseInt` and `ParseUint` with base 0 read it.
fn integer(digits: &str) -> Option<Scalar> {
    let (sign, magnitude) = match digits.as_bytes().first()? {
        b'+' => ("+", &digits[1..]),
        b'-' => ("-", &digits[1..]),
        _ => ("", digits),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (radix, magnitude) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if !magnitude.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let number = u64::from_str_radix(magnitude, radix).ok()?;
    let small = match sign {
        "-" => number <= 1 << 63,
        _ => i64::try_from(number).is_ok(),
    };
    match (small, sign) {
        (true, _) => Some(Scalar::Int),
        (false, "") => Some(Scalar::Large),
        (false, _) => None,
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_yaml_float(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (unsigned, None),
    };
    let whole = match number.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(number),
    };
    whole && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}

/// Whether a text looks like a time: a year of four digits, a month and a day.
fn is_timestamp(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3
        && parts[0].len() == 4
        && parts.iter().all(digits)
        && parts[1..].iter().all(|part| part.len() <= 2)
}
