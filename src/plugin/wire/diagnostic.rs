//! Diagnostics and paths on the wire.

use crate::plugin::diagnostic::{Diagnostic, Path, Severity, Step};

use super::proto;
use super::proto::attribute_path::step::Selector;

impl From<Diagnostic> for proto::Diagnostic {
    fn from(diagnostic: Diagnostic) -> Self {
        let severity = match diagnostic.severity {
            Severity::Error => proto::diagnostic::Severity::Error,
            Severity::Warning => proto::diagnostic::Severity::Warning,
        };
        Self {
            severity: severity.into(),
            summary: diagnostic.summary,
            detail: diagnostic.detail,
            attribute: diagnostic
                .path
                .filter(|path| !path.0.is_empty())
                .map(Into::into),
        }
    }
}

impl From<Path> for proto::AttributePath {
    fn from(path: Path) -> Self {
        Self {
            steps: path.0.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Step> for proto::attribute_path::Step {
    fn from(step: Step) -> Self {
        Self {
            selector: Some(match step {
                Step::Attribute(name) => Selector::AttributeName(name),
                Step::Key(key) => Selector::ElementKeyString(key),
                Step::Index(index) => Selector::ElementKeyInt(index),
            }),
        }
    }
}

/// The diagnostics of an answer.
pub(super) fn diagnostics(
    diagnostics: impl IntoIterator<Item = Diagnostic>,
) -> Vec<proto::Diagnostic> {
    diagnostics.into_iter().map(Into::into).collect()
}
