//! Markdown as text for a terminal.

use anstyle::Style;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use textwrap::{Options, WordSplitter};

const BOLD: Style = Style::new().bold();

/// Returns Markdown as text: paragraphs and lists in lines of at most `width` columns, with bold text in bold. Lines of code
/// are not wrapped. A link to another page of the documentation is its text alone, and any other link is followed by its
/// URL.
pub(super) fn plain(markdown: &str, width: usize) -> String {
    let mut page = Page {
        width,
        ..Page::default()
    };
    for event in Parser::new(markdown) {
        page.add(event);
    }
    format!("{}\n", page.text.trim_end())
}

#[derive(Default)]
struct Page {
    /// The length of the longest line, in columns.
    width: usize,
    /// The finished lines.
    text: String,
    /// The paragraph, item, or heading that has not ended.
    block: String,
    /// The number of lists around the block.
    depth: usize,
    /// Whether the block is the first one of an item, which has the item's bullet.
    starts_item: bool,
    /// Whether the block is code.
    is_code: bool,
    /// The URL of the link that has not ended.
    url: String,
}

impl Page {
    fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Strong | Tag::Heading { .. }) => self.block += &BOLD.to_string(),
            Event::End(TagEnd::Strong) => self.block += &BOLD.render_reset().to_string(),
            Event::End(TagEnd::Heading(_)) => {
                self.block += &BOLD.render_reset().to_string();
                self.end_block();
                self.end_line();
            }
            Event::End(TagEnd::Paragraph) => {
                self.end_block();
                self.end_line();
            }
            Event::Start(Tag::List(_)) => {
                self.end_block();
                self.depth += 1;
            }
            Event::End(TagEnd::List(_)) => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.end_line();
                }
            }
            Event::Start(Tag::Item) => self.starts_item = true,
            Event::End(TagEnd::Item) => self.end_block(),
            Event::Start(Tag::CodeBlock(_)) => self.is_code = true,
            Event::End(TagEnd::CodeBlock) => {
                self.is_code = false;
                self.end_line();
            }
            Event::Start(Tag::Link { dest_url, .. }) => self.url = dest_url.into_string(),
            Event::End(TagEnd::Link) if self.url.starts_with("https://") => {
                self.block += &format!(" ({})", self.url);
            }
            Event::Text(code) if self.is_code => self.text += &textwrap::indent(&code, "    "),
            Event::Text(text) => self.block += &text,
            Event::Code(code) => self.block += &format!("`{code}`"),
            Event::SoftBreak | Event::HardBreak => self.block.push(' '),
            _ => {}
        }
    }

    /// Writes the block, if there is one.
    fn end_block(&mut self) {
        if self.block.is_empty() {
            return;
        }
        let indent = "  ".repeat(self.depth);
        let bullet = match (self.depth, self.starts_item) {
            (0, _) | (_, false) => indent.clone(),
            (depth, true) => format!("{}- ", "  ".repeat(depth - 1)),
        };
        let options = Options::new(self.width)
            .initial_indent(&bullet)
            .subsequent_indent(&indent)
            .break_words(false)
            // An ID or an option stays whole.
            .word_splitter(WordSplitter::NoHyphenation);
        self.text += &textwrap::fill(&self.block, options);
        self.text.push('\n');
        self.block.clear();
        self.starts_item = false;
    }

    /// Writes an empty line, unless there is one.
    fn end_line(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_lines_for_a_terminal() {
        let markdown = "**Why**: it\nis [`here`](other.md#here) and [there](https://example.com).\n\n\
                        - `one-or-two` and a very long item, whose second line begins below the first word of its text.\n\
                        - two\n\n### Heading\n\n```\nlet x;\n```\n";
        let text = anstream::adapter::strip_str(&plain(markdown, 80)).to_string();
        assert_eq!(
            text,
            "Why: it is `here` and there (https://example.com).\n\n\
             - `one-or-two` and a very long item, whose second line begins below the first\n  word of its text.\n\
             - two\n\nHeading\n\n    let x;\n"
        );
    }
}
