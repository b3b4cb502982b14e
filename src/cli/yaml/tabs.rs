//! Refuses tabs as yaml.v3 does: wherever they could be mistaken for indentation.
//!
//! Source: `yaml_parser_scan_to_next_token` in `scannerc.go` of gopkg.in/yaml.v3 v3.0.1. YAML 1.2, which the parser reads, is
//! less strict.

use std::collections::HashSet;

use granit_parser::Span;

use crate::cli::problem::{Place, Problem};

/// The lines that continue a scalar, or a list or mapping in brackets. Tabs are allowed in them.
#[derive(Default)]
pub(super) struct Continued(HashSet<usize>);

impl Continued {
    /// Adds a scalar, or the part between two brackets.
    pub(super) fn add(&mut self, start: Span, end: Span) {
        // A block ends at the start of the next line.
        let last = end.end.line() - usize::from(end.end.col() == 0);
        self.0.extend(start.start.line() + 1..=last);
    }

    /// Refuses the first tab in the lines before `end` that is where only spaces are allowed.
    ///
    /// # Errors
    /// The place of the tab.
    pub(super) fn refuse_tabs(&self, text: &str, end: Option<usize>) -> Result<(), Problem> {
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if end.is_some_and(|end| number >= end) {
                break;
            }
            if self.0.contains(&number) {
                continue;
            }
            if let Some(column) = tab(line) {
                let message = "YAML allows only spaces here: replace the tab with spaces.";
                let place = Place {
                    line: number as u64,
                    column: column as u64 + 1,
                };
                return Err(Problem::at(place, message));
            }
        }
        Ok(())
    }
}

/// Returns the position of a tab before the content of a line, or after the `-`, `?` and `:` at its start.
fn tab(line: &str) -> Option<usize> {
    let mut rest = line;
    loop {
        let content = rest.trim_start_matches([' ', '\t']);
        let blank = &rest[..rest.len() - content.len()];
        if let Some(tab) = blank.find('\t') {
            return Some(line.len() - rest.len() + tab);
        }
        let behind = content.strip_prefix(['-', '?', ':'])?;
        if !behind.starts_with([' ', '\t']) {
            return None;
        }
        rest = behind;
    }
}
