//! Diagnostics and paths on the wire.

use crate::plugin::diagnostic::{Diagnostic, Path, Severity, Step};
use crate::secrets::redacted;

use super::proto;
use super::proto::attribute_path::step::Selector;

impl From<Diagnostic> for proto::Diagnostic {
    fn from(diagnostic: Diagnostic) -> Self {
        let severity = match diagnostic.severity {
            Severity::Error => proto::diagnostic::Severity::Error,
            Severity::Warning => proto::diagnostic::Severity::Warning,
        };
        let path = diagnostic.path.filter(|path| !path.0.is_empty());
        // Terraform and OpenTofu show the place of a top-level attribute; for one that is nested they show
        // that of the whole block, so the text says where in it.
        let detail = match &path {
            Some(path) if path.0.len() > 1 => format!("{path}: {}", diagnostic.detail),
            _ => diagnostic.detail,
        };
        Self {
            severity: severity.into(),
            summary: redacted(diagnostic.summary),
            detail: redacted(detail),
            attribute: path.map(Into::into),
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
