//! Parses the first document of a text into a tree of nodes, and decodes nothing.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::scalar::short_tag;
use super::tabs::Continued;
use crate::cli::problem::{Place, Problem};

/// The index of a node in [`ParsedDocument::nodes`].
pub(super) type Id = usize;

/// The nodes of a document. An alias refers to a node by its index, so that several nodes can contain the same one.
pub(super) struct ParsedDocument {
    pub(super) nodes: Vec<ParsedNode>,
    /// The place where the next document begins, if there is one with content.
    pub(super) next: Option<Place>,
}

/// A node as it is written in the text.
pub(super) struct ParsedNode {
    pub(super) at: Place,
    /// The explicit tag in its short form. `None` for `!`, which has no meaning.
    pub(super) tag: Option<String>,
    pub(super) content: Content,
}

/// The kind of a node, with its content.
pub(super) enum Content {
    /// A text, and whether it is quoted or a block.
    Scalar {
        text: String,
        is_quoted: bool,
    },
    Sequence(Vec<Id>),
    /// Keys and values.
    Mapping(Vec<(Id, Id)>),
    Alias(Id),
}

/// Reads the first document, and nothing that follows it. `None` for a text without a document.
///
/// # Errors
/// What is not YAML.
pub(super) fn document(text: &str) -> Result<Option<ParsedDocument>, Problem> {
    refuse_control_characters(text)?;
    // This character ends a line in yaml.v3.
    let text = &text.replace('\u{85}', "\n");
    let mut tree = Tree::default();
    let (mut end, mut next) = (None, None);
    let mut parser = Parser::new_from_str_with_options(text, options());
    while let Some(event) = parser.next() {
        let (event, span) = event.map_err(|error| explain(&error))?;
        let at = place(span.start);
        match event {
            Event::DocumentStart(_, Some(version)) if (version.major, version.minor) != (1, 1) => {
                let message = "Only YAML 1.1 is supported: remove the line `%YAML`.";
                return Err(Problem::at(at, message));
            }
            Event::DocumentEnd => {
                end = Some(span.start.line());
                next = next_document(parser);
                break;
            }
            Event::SequenceEnd | Event::MappingEnd => tree.close(span),
            Event::Alias(anchor) => {
                let target = tree.anchors.get(&anchor).copied();
                let target = target
                    .ok_or_else(|| Problem::at(at, "The file defines no anchor for this alias before this place."))?;
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
    // A document without an end marker ends at the end of the text.
    let has_marker = end
        .and_then(|end| text.lines().nth(end - 1))
        .is_some_and(|line| line.starts_with(['-', '.']));
    tree.continued.refuse_tabs(text, end.filter(|_| has_marker))?;
    let Tree { nodes, .. } = tree;
    Ok((!nodes.is_empty()).then_some(ParsedDocument { nodes, next }))
}

/// Returns the place of the next document that has content, whatever it is.
fn next_document<'a>(events: impl Iterator<Item = Result<(Event<'a>, Span), ScanError>>) -> Option<Place> {
    let mut start = None;
    for event in events {
        match event {
            Ok((Event::DocumentStart(..), span)) => start = Some(place(span.start)),
            // What the parser returns for nothing.
            Ok((Event::Scalar(text, ScalarStyle::Plain, 0, None), _)) if text == "~" => {
                start = None;
            }
            Ok((Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..), _)) | Err(_) => return start,
            Ok(_) => {}
        }
    }
    None
}

/// Returns the parser's options for the syntax of libyaml, from which yaml.v3 is derived. Its defaults are YAML 1.2.
fn options() -> Options {
    granit_parser::options! {
        emit_comments: false,
        bom_inside_document_as_content: true,
        block_scalar_eof_without_line_feed: true,
    }
}

/// Returns whether yaml.v3 accepts a character.
fn refuse_control_characters(text: &str) -> Result<(), Problem> {
    let is_allowed =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    let Some((at, character)) = text.char_indices().find(|(_, c)| !is_allowed(*c)) else {
        return Ok(());
    };
    let message = format!(
        "YAML does not allow the control character {character:?}: remove it, or write it in double quotes as an escape."
    );
    Err(Problem::at(Place::behind(&text.as_bytes()[..at]), message))
}

/// A document that is being read.
#[derive(Default)]
struct Tree {
    nodes: Vec<ParsedNode>,
    /// The nodes with anchors, by the parser's numbers of the anchors.
    anchors: HashMap<usize, Id>,
    /// The open collections with the nodes that were found in them, and the start of each that begins with a bracket.
    open: Vec<(Id, Vec<Id>, Option<Span>)>,
    continued: Continued,
}

impl Tree {
    fn add(&mut self, at: Place, anchor: usize, tag: Option<Cow<'_, Tag>>, content: Content) {
        let id = self.nodes.len();
        if let Some((_, children, _)) = self.open.last_mut() {
            children.push(id);
        }
        // An alias can refer to the anchor from here on, even inside the node of the anchor.
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        let tag = tag.map(|tag| short_tag(&format!("{}{}", tag.handle(), tag.suffix())));
        self.nodes.push(ParsedNode {
            at,
            tag: tag.filter(|tag| tag != "!"),
            content,
        });
    }

    /// Opens the last collection that was added.
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
        ErrorKind::UnexpectedEof => "The YAML ends unexpectedly.".to_owned(),
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
