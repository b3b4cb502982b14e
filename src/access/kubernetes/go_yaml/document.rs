//! A YAML document as its nodes, and what libyaml, of which Go's parser is a port, refuses or reads in its own way.

use std::collections::{BTreeMap, HashMap};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, options};

use super::{Position, Unreadable, refuse};

/// How deep lists and maps can be nested. Go allows 10,000 levels, but no real `aws-auth` has ten.
const DEEPEST: usize = 200;

/// A document as its nodes. An alias names a node, which is decoded again at each use, as in Go.
pub(super) struct YamlDocument {
    /// The nodes, each after its parent.
    pub(super) nodes: Vec<YamlNode>,
    /// The node without a parent.
    pub(super) root: usize,
    /// Whether nothing follows the document.
    pub(super) is_whole: bool,
}

/// A node and where it starts.
pub(super) struct YamlNode {
    /// Where it starts.
    pub(super) at: Position,
    /// Its kind and content.
    pub(super) kind: NodeKind,
}

/// The kind and content of a node.
pub(super) enum NodeKind {
    /// A scalar.
    Scalar {
        /// Its text, without quotes.
        text: String,
        /// Its tag, in its long form.
        tag: Option<String>,
        /// Whether the text alone decides the type: it is plain and has no tag.
        implicit: bool,
    },
    /// A list.
    List {
        /// Its items.
        items: Vec<usize>,
        /// Whether it is written with dashes.
        block: bool,
    },
    /// A map: keys and values in turn.
    Map(Vec<usize>),
    /// Another node.
    Alias(usize),
}

impl YamlDocument {
    /// Parses the first document of a text. `None` if there is none.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, Unreadable> {
        // YAML 1.1 has three more line breaks.
        let text = text.replace(['\u{85}', '\u{2028}', '\u{2029}'], "\n");
        let (text, is_cut) = first_document(&text);
        check_directives(text)?;
        let mut text = text.to_owned();
        let mut tries = 0;
        let reader = loop {
            match DocumentReader::read(&text) {
                // libyaml accepts a comment directly behind quotes or a bracket.
                Err(Stop::Comment(at)) if tries < MOST_COMMENTS => text.insert(at, ' '),
                Err(Stop::Comment(_)) => {
                    return Err(refuse(position(1, 0), "its comments need spaces"));
                }
                Err(Stop::Unreadable(error)) => return Err(at_its_tab(&text, error)),
                Ok(reader) => break reader,
            }
            tries += 1;
        };
        reader.check_tabs(&text)?;
        let follows = text.lines().skip(1).any(|line| line.starts_with("---"));
        let DocumentReader { nodes, root, .. } = reader;
        Ok(root.map(|root| Self {
            nodes,
            root,
            is_whole: !is_cut && !follows,
        }))
    }
}

/// Returns a text up to the mark that ends its first document, and whether that cut anything off.
fn first_document(text: &str) -> (&str, bool) {
    let mut length = 0;
    let mut has_content = false;
    for line in text.split_inclusive('\n') {
        let is_end = line
            .strip_prefix("...")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        // A directive belongs to the next document.
        if has_content && (is_end || line.starts_with("%YAML") || line.starts_with("%TAG")) {
            return (&text[..length], true);
        }
        has_content |= !line.trim().is_empty() && !line.starts_with('#');
        length += line.len();
    }
    (text, false)
}

/// Checks the directives: Go accepts only YAML 1.1, and only two directives.
fn check_directives(text: &str) -> Result<(), Unreadable> {
    let head = text
        .lines()
        .enumerate()
        .take_while(|(_, line)| line.is_empty() || line.starts_with(['#', '%']));
    for (number, line) in head.filter(|(_, line)| line.starts_with('%')) {
        let mut words = line.split_whitespace();
        let problem = match (words.next(), words.next()) {
            (Some("%YAML"), Some(version)) if version != "1.1" => "it is not YAML 1.1",
            (Some("%YAML" | "%TAG"), _) => continue,
            _ => "the directive is unknown",
        };
        return Err(refuse(position(number + 1, 0), problem));
    }
    Ok(())
}

/// Returns an error about a tab with the place of the tab, because the parser names the text before it.
fn at_its_tab(text: &str, error: Unreadable) -> Unreadable {
    let lines = (1..).zip(text.lines()).skip(error.at.line.saturating_sub(1));
    let tab = lines.map(|(number, line)| {
        let rest = line.trim_start_matches([' ', '\t']);
        let tab = line[..line.len() - rest.len()].find('\t');
        tab.map(|column| position(number, column))
    });
    match tab.flatten().next() {
        Some(at) if error.problem.contains("tab") => refuse(at, "a tab is not allowed as indentation"),
        _ => error,
    }
}

/// How many comments without a space before them are read.
const MOST_COMMENTS: usize = 50;

/// The reason why the events of a text ended early.
enum Stop {
    /// A comment has no space before it: where it starts, in bytes.
    Comment(usize),
    /// The text cannot be read.
    Unreadable(Unreadable),
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        let marker = error.marker();
        match (error.kind(), marker.byte_offset()) {
            (ErrorKind::CommentNotSeparated, Some(offset)) => Self::Comment(offset),
            _ => {
                let at = position(marker.line(), marker.col());
                Self::Unreadable(refuse(at, &error.info()))
            }
        }
    }
}

/// Converts events to nodes.
#[derive(Default)]
struct DocumentReader {
    nodes: Vec<YamlNode>,
    root: Option<usize>,
    anchors: HashMap<usize, usize>,
    /// The lists and maps that have not ended.
    open: Vec<Open>,
    /// The lines of nodes that can have tabs at the start of their lines after the first one: the first and the last line.
    with_tabs: BTreeMap<usize, usize>,
    /// Plain scalars: the last line, and the first column, counted from 0, of a tab in blank lines below.
    plain: HashMap<usize, usize>,
}

/// A list or map that has not ended.
struct Open {
    node: usize,
    /// Whether it is written with brackets or braces.
    is_flow: bool,
}

impl DocumentReader {
    /// Reads the first document of a text.
    fn read(text: &str) -> Result<Self, Stop> {
        let options = options! {
            emit_comments: false,
            bom_inside_document_as_content: true,
            block_scalar_eof_without_line_feed: true,
        };
        let mut reader = Self::default();
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event?;
            if matches!(event, Event::DocumentEnd) {
                break;
            }
            let taken = reader.take(event, &span, text);
            taken.map_err(Stop::Unreadable)?;
        }
        Ok(reader)
    }

    fn take(&mut self, event: Event<'_>, span: &Span, source: &str) -> Result<(), Unreadable> {
        let at = position(span.start.line(), span.start.col());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if style == ScalarStyle::DoubleQuoted {
                    check_escapes(span.slice(source).unwrap_or_default(), at)?;
                }
                let after = source.get(span.byte_range().map_or(0, |range| range.end)..);
                let is_last = after.is_some_and(|after| {
                    let line = after.lines().next().unwrap_or_default();
                    line.trim().is_empty()
                });
                self.note_tabs(style, span, is_last && !text.is_empty());
                let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                let implicit = tag.is_none() && style == ScalarStyle::Plain;
                let kind = NodeKind::Scalar {
                    text: text.into_owned(),
                    tag,
                    implicit,
                };
                let kind = self.question_mark(kind, at)?;
                self.add(kind, at, anchor);
            }
            Event::SequenceStart(style, anchor, _) => {
                let is_flow = style == StructureStyle::Flow;
                let kind = NodeKind::List {
                    items: Vec::new(),
                    block: !is_flow,
                };
                let node = self.add(kind, at, anchor);
                self.open.push(Open { node, is_flow });
            }
            Event::MappingStart(style, anchor, _) => {
                let is_flow = style == StructureStyle::Flow;
                let node = self.add(NodeKind::Map(Vec::new()), at, anchor);
                self.open.push(Open { node, is_flow });
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                self.add(NodeKind::Alias(target.unwrap_or_default()), at, 0);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let ended = self.open.pop();
                if let Some(Open { node, is_flow: true }) = ended
                    && !self.in_flow()
                {
                    let first = self.nodes[node].at.line;
                    self.with_tabs.insert(first, span.end.line());
                }
            }
            _ => {}
        }
        if self.open.len() > DEEPEST {
            let problem = format!("it is nested deeper than {DEEPEST} levels");
            return Err(refuse(at, &problem));
        }
        Ok(())
    }

    /// Adds a node to the list or map that it is in.
    fn add(&mut self, kind: NodeKind, at: Position, anchor: usize) -> usize {
        let node = self.nodes.len();
        self.anchors.insert(anchor, node);
        let parent = self.open.last().map(|open| open.node);
        match parent.map(|parent| &mut self.nodes[parent].kind) {
            Some(NodeKind::List { items, .. } | NodeKind::Map(items)) => items.push(node),
            _ => self.root = Some(node),
        }
        self.nodes.push(YamlNode { at, kind });
        node
    }

    /// Returns a node, for which a question mark within brackets or braces starts a key, even without a space.
    fn question_mark(&self, kind: NodeKind, at: Position) -> Result<NodeKind, Unreadable> {
        let NodeKind::Scalar {
            text, implicit: true, ..
        } = &kind
        else {
            return Ok(kind);
        };
        if !self.in_flow() || !text.contains('?') {
            return Ok(kind);
        }
        match text.strip_prefix('?') {
            Some(rest) if !rest.contains('?') => match self.open.last() {
                // An item of a list that is a map with this key.
                Some(open) if matches!(self.nodes[open.node].kind, NodeKind::List { .. }) => {
                    Ok(NodeKind::Map(Vec::new()))
                }
                _ => Ok(NodeKind::Scalar {
                    text: rest.to_owned(),
                    tag: None,
                    implicit: true,
                }),
            },
            _ => Err(refuse(at, "a string with \"?\" needs quotes here")),
        }
    }

    /// Returns whether brackets or braces are open.
    fn in_flow(&self) -> bool {
        self.open.iter().any(|open| open.is_flow)
    }

    /// Notes where tabs can be at the start of a line, at a scalar that might be the last thing of its line.
    fn note_tabs(&mut self, style: ScalarStyle, span: &Span, is_last: bool) {
        let (first, last) = (span.start.line(), span.end.line());
        if style == ScalarStyle::Plain {
            let parent = self.open.last().map(|open| self.nodes[open.node].at.column);
            if is_last {
                self.plain.insert(last, parent.unwrap_or_default());
            }
        } else if !self.in_flow() {
            self.with_tabs.insert(first, last);
        }
    }

    /// Refuses tabs as indentation like Go, even in a line that is blank or contains only a comment.
    fn check_tabs(&self, text: &str) -> Result<(), Unreadable> {
        // The last line that is not blank.
        let mut above = 0;
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with("---") && above > 0 {
                break;
            }
            let rest = line.trim_start_matches([' ', '\t']);
            let column = line[..line.len() - rest.len()].find('\t');
            let is_blank = rest.is_empty() || rest.starts_with('#');
            if let Some(column) = column.filter(|_| is_blank) {
                let in_plain = self.plain.get(&above).is_some_and(|least| *least <= column);
                let inside = self.with_tabs.range(..number).next_back();
                if !in_plain && inside.is_none_or(|(_, last)| number > *last) {
                    let problem = "a tab is not allowed as indentation";
                    return Err(refuse(position(number, column), problem));
                }
            }
            if !rest.is_empty() {
                above = number;
            }
        }
        Ok(())
    }
}

/// Refuses the escapes that JSON has and YAML 1.1 does not have: a slash, and half a character.
fn check_escapes(quoted: &str, at: Position) -> Result<(), Unreadable> {
    let mut rest = quoted;
    while let Some((_, after)) = rest.split_once('\\') {
        let code = after.strip_prefix(['u']).and_then(|code| code.get(..4));
        let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        if code.is_some_and(|code| char::from_u32(code).is_none()) {
            return Err(refuse(at, "an escape stands for half a character"));
        }
        if after.starts_with('/') {
            return Err(refuse(at, "a slash cannot be escaped"));
        }
        let mut characters = after.chars();
        characters.next();
        rest = characters.as_str();
    }
    Ok(())
}

/// Returns the place at a line counted from 1 and a column counted from 0.
fn position(line: usize, column: usize) -> Position {
    let column = column + 1;
    Position { line, column }
}
