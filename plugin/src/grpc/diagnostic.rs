//! Diagnostics and paths in responses.

use crate::diagnostic::{Diagnostic, Path, Severity, Step};
use crate::redaction::{Redact, redacted};

use super::proto;
use super::proto::attribute_path::step::Selector;

/// Returns the message of a diagnostic, redacted.
pub(super) fn encode(diagnostic: Diagnostic, redact: Redact) -> proto::Diagnostic {
    let severity = match diagnostic.severity {
        Severity::Error => proto::diagnostic::Severity::Error,
        Severity::Warning => proto::diagnostic::Severity::Warning,
    };
    let path = diagnostic.path.filter(|path| !path.0.is_empty());
    // Terraform shows the line of the second step at most, so the text names the whole path.
    let detail = match &path {
        Some(path) if path.0.len() > 1 => format!("{path}: {}", diagnostic.detail),
        _ => diagnostic.detail,
    };
    proto::Diagnostic {
        severity: severity.into(),
        summary: redacted(redact, diagnostic.summary),
        detail: redacted(redact, detail),
        attribute: path.map(source_path),
    }
}

/// Returns the path for which Terraform and OpenTofu show the nearest line of the configuration.
///
/// They support paths of two steps: the name of an attribute, and a key or an index in the expression that is its value
/// (source: `ElaborateFromConfigBody` in their package `tfdiags`; tried with Terraform 1.14.3 and OpenTofu 1.12). A nested
/// attribute is a key of that expression. For a longer path they show the whole resource block, so the path is cut.
fn source_path(Path(steps): Path) -> proto::AttributePath {
    let steps = steps.into_iter().take(2).enumerate();
    let steps = steps.map(|(position, step)| match (position, step) {
        (1, Step::Attribute(name)) => Step::Key(name),
        (_, step) => step,
    });
    proto::AttributePath {
        steps: steps.map(Into::into).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: proto::AttributePath) -> Vec<Selector> {
        let steps = path.steps.into_iter();
        steps.filter_map(|step| step.selector).collect()
    }

    #[test]
    fn a_nested_attribute_is_shown_as_a_key() {
        let name = |name: &str| Selector::AttributeName(name.to_owned());
        let key = |key: &str| Selector::ElementKeyString(key.to_owned());
        for (path, expected) in [
            (Path::new(["a"]), vec![name("a")]),
            (Path::new(["a", "b"]), vec![name("a"), key("b")]),
            (Path::new(["a", "b", "c"]), vec![name("a"), key("b")]),
            (Path::new(["a"]).key("k"), vec![name("a"), key("k")]),
            (
                Path::new(["a"]).index(3).attribute("b"),
                vec![name("a"), Selector::ElementKeyInt(3)],
            ),
            (Path::new(["a", "b"]).index(3), vec![name("a"), key("b")]),
        ] {
            assert_eq!(steps(source_path(path)), expected);
        }
    }

    #[test]
    fn the_path_of_a_replacement_is_not_changed() {
        let path = Path::new(["a", "b"]).index(3);
        assert_eq!(
            steps(path.into()),
            [
                Selector::AttributeName("a".to_owned()),
                Selector::AttributeName("b".to_owned()),
                Selector::ElementKeyInt(3),
            ]
        );
    }
}
