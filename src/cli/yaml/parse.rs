//! The first document of a text as a tree of nodes, before anything is decoded.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{
    ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag,
};

use super::scalar::short_tag;
use super::tabs::Continued;
use crate::cli::problem::{Place, Problem};

/// A node's place in [`Document::nodes`].
pub(super) type Id = usize;

/// The nodes of a document. An alias leads to a node by its place, so a node may be met many times.
pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
}

/// A node as it stands in the text.
pub(super) struct Node {
    pub(super) at: Place,
    /// The explicit tag in its short form; none for `!`, which says nothing.
    pub(super) tag: Option<String>,
    pub(super) content: Content,
}

/// What a node is.
pub(super) enum Content {
    /// A text, and whether it is in quotes or a block.
    Scalar {
        text: String,
        is_quoted: bool,
    },
    Sequence(Vec<Id>),
    /// Keys and values.
    Mapping(Vec<(Id, Id)>),
    Alias(Id),
}

/// Reads the first document; what follows it is not read. `None` for a text without a document.
///
/// # Errors
/// What is not YAML.
pub(super) fn document(text: &str) -> Result<Option<Document>, Problem> {
    refuse_control_characters(text)?;
    // To yaml.v3 this character ends a line.
    let text = &text.replace('\u{85}', "\n");
    let mut tree = Tree::default();
    let mut end = None;
    for event in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = event.map_err(|error| explain(&error))?;
        let at = place(span.start);
        match event {
            Event::DocumentStart(_, Some(version)) if (version.major, version.minor) != (1, 1) => {
                let message = "octl reads YAML 1.1 only: remove the line `%YAML`.";
                return Err(Problem::at(at, message));
            }
            Event::DocumentEnd => {
                end = Some(span.start.line());
                break;
            }
            Event::SequenceEnd | Event::MappingEnd => tree.close(span),
            Event::Alias(anchor) => {
                let target = tree.anchors.get(&anchor).copied();
                let target = target
                    .ok_or_else(|| Problem::at(at, "No anchor has this name before this alias."))?;
                tree.add(at, 0, None, Content::Alias(target));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let content = Content::Scalar {
                    text: text.into_owned(),
                    is_quoted: style != ScalarStyle::Plain,
                };
                tree.continued.add(span, span);
                tree.add(at, anchor, tag, content);
            }
            Event::SequenceStart(style, anchor, tag) => {
                tree.add(at, anchor, tag, Content::Sequence(Vec::new()));
                tree.open(style, span);
            }
            Event::MappingStart(style, anchor, tag) => {
                tree.add(at, anchor, tag, Content::Mapping(Vec::new()));
                tree.open(style, span);
            }
            _ => {}
        }
    }
    // The end of a document that no marker ends is where the text ends.
    let has_marker = end
        .and_then(|end| text.lines().nth(end - 1))
        .is_some_and(|line| line.starts_with(['-', '.']));
    tree.continued
        .refuse_tabs(text, end.filter(|_| has_marker))?;
    let Tree { nodes, .. } = tree;
    Ok((!nodes.is_empty()).then_some(Document { nodes }))
}

/// As libyaml, from which yaml.v3 comes, reads; the parser's own defaults are YAML 1.2's.
fn options() -> Options {
    granit_parser::options! {
        emit_comments: false,
        bom_inside_document_as_content: true,
        block_scalar_eof_without_line_feed: true,
    }
}

/// The characters that yaml.v3 takes.
fn refuse_control_characters(text: &str) -> Result<(), Problem> {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    let Some((at, character)) = text.char_indices().find(|(_, c)| !is_allowed(*c)) else {
        return Ok(());
    };
    let message = format!(
        "YAML does not allow the control character {character:?}: remove it, or write it in double quotes as an escape."
    );
    Err(Problem::at(Place::behind(&text.as_bytes()[..at]), message))
}

/// A document while it is read.
#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
    /// The nodes of the anchors, by the parser's numbers.
    anchors: HashMap<usize, Id>,
    /// The collections that have begun and not ended, with what was found in them, and where they begin if that is a bracket.
    open: Vec<(Id, Vec<Id>, Option<Span>)>,
    continued: Continued,
}

impl Tree {
    fn add(&mut self, at: Place, anchor: usize, tag: Option<Cow<'_, Tag>>, content: Content) {
        let id = self.nodes.len();
        if let Some((_, children, _)) = self.open.last_mut() {
            children.push(id);
        }
        // An anchor is known from here on, within its own node too.
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        let tag = tag.map(|tag| short_tag(&format!("{}{}", tag.handle(), tag.suffix())));
        self.nodes.push(Node {
            at,
            tag: tag.filter(|tag| tag != "!"),
            content,
        });
    }

    /// Opens the collection that was added last.
    fn open(&mut self, style: StructureStyle, span: Span) {
        let bracket = (style == StructureStyle::Flow).then_some(span);
        self.open.push((self.nodes.len() - 1, Vec::new(), bracket));
    }

    fn close(&mut self, end: Span) {
        let Some((id, children, bracket)) = self.open.pop() else {
            return;
        };
        if let Some(start) = bracket {
            self.continued.add(start, end);
        }
        match &mut self.nodes[id].content {
            Content::Sequence(items) => *items = children,
            Content::Mapping(entries) => {
                entries.extend(children.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
    }
}

fn explain(error: &ScanError) -> Problem {
    let message = match error.kind() {
        ErrorKind::UnexpectedEof => "The YAML ends too early.".to_owned(),
        _ => format!("This is not valid YAML: {}.", error.info()),
    };
    Problem::at(place(*error.marker()), message)
}

fn place(marker: Marker) -> Place {
    Place {
        line: marker.line() as u64,
        column: marker.col() as u64 + 1,
    }
}
