//! `eks-runner explain`.

mod render;

use std::fmt::Write as _;

use anstyle::Style;
use textwrap::{Options, WordSplitter};

use super::arguments::ExplainArguments;
use super::terminal::Layout;
use crate::access::{Category, CheckId};

const BOLD: Style = Style::new().bold();

/// Returns the explanation of a check in lines of at most `width` columns, or the list of all checks. The text contains styles, which the writer removes if
/// the output does not support them.
pub(super) fn run(arguments: &ExplainArguments, width: usize, layout: Layout) -> String {
    match arguments.check {
        Some(id) => format!(
            "{BOLD}{id}{BOLD:#}: {}\n\n{}",
            id.title(),
            render::plain(section(id), width)
        ),
        None => list(width, layout),
    }
}

/// Returns the documentation of a check as Markdown, without its heading. The tests verify that each check has one.
fn section(id: CheckId) -> &'static str {
    let page = id.category().guide().text;
    let found = page.split_once(&format!("\n## {id}\n"));
    let section = found.and_then(|(_, after)| after.split("\n## ").next());
    section.unwrap_or_default()
}

/// Returns all checks with their titles, below their categories. Without columns, each title begins a line of its own.
fn list(width: usize, layout: Layout) -> String {
    let options = Options::new(width)
        .subsequent_indent("    ")
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation);
    let mut text = String::new();
    for category in Category::ALL {
        let _ = writeln!(text, "{BOLD}{}{BOLD:#}", category.title());
        let of_category = |id: &CheckId| id.category() == category;
        for id in CheckId::ALL.into_iter().filter(of_category) {
            let title = id.title();
            let line = match layout {
                Layout::Columns => format!("  {id:<longest$}  {title}", longest = CheckId::LONGEST),
                Layout::Lines(_) => {
                    let _ = writeln!(text, "  {id}");
                    format!("    {title}")
                }
            };
            let _ = writeln!(text, "{}", textwrap::fill(&line, &options));
        }
        text.push('\n');
    }
    let last = "Run `eks-runner explain CHECK` for the details of a check.";
    let _ = writeln!(text, "{}", textwrap::fill(last, width));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_a_section() {
        for id in CheckId::ALL {
            let section = section(id);
            assert!(section.contains("**To fix it**"), "{id}: {section:?}");
            assert!(!section.contains("\n## "), "{id}: {section:?}");
        }
    }
}
