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
        // The front end shows the line of the second step at most, so the text names the whole path.
        let detail = match &path {
            Some(path) if path.0.len() > 1 => format!("{path}: {}", diagnostic.detail),
            _ => diagnostic.detail,
        };
        Self {
            severity: severity.into(),
            summary: redacted(diagnostic.summary),
            detail: redacted(detail),
            attribute: path.map(shown),
        }
    }
}

/// The path for which Terraform and OpenTofu show the nearest line of the configuration.
///
/// They look for a path of two steps: the name of an attribute, and a key or an index into the expression that is its value
/// (source: `ElaborateFromConfigBody` in their package `tfdiags`; tried on Terraform 1.14.3 and OpenTofu 1.12). A nested
/// attribute is a key of that expression. Of a longer path they show the whole block of the resource, so it is cut here.
fn shown(Path(steps): Path) -> proto::AttributePath {
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

/// The diagnostics of an answer.
pub(super) fn diagnostics(
    diagnostics: impl IntoIterator<Item = Diagnostic>,
) -> Vec<proto::Diagnostic> {
    diagnostics.into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: proto::AttributePath) -> Vec<Selector> {
        let steps = path.steps.into_iter();
        steps.filter_map(|step| step.selector).collect()
    }

    #[test]
    fn the_line_of_a_nested_attribute_is_that_of_a_key() {
        let name = |name: &str| Selector::AttributeName(name.to_owned());
        let key = |key: &str| Selector::ElementKeyString(key.to_owned());
        for (path, expected) in [
            (Path::of(["a"]), vec![name("a")]),
            (Path::of(["a", "b"]), vec![name("a"), key("b")]),
            (Path::of(["a", "b", "c"]), vec![name("a"), key("b")]),
            (Path::of(["a"]).key("k"), vec![name("a"), key("k")]),
            (
                Path::of(["a"]).index(3).attribute("b"),
                vec![name("a"), Selector::ElementKeyInt(3)],
            ),
            (Path::of(["a", "b"]).index(3), vec![name("a"), key("b")]),
        ] {
            assert_eq!(steps(shown(path)), expected);
        }
    }

    #[test]
    fn the_path_of_a_replacement_stays_what_it_is() {
        let path = Path::of(["a", "b"]).index(3);
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
