//! Diagnostics: how a provider tells the user what is wrong, and where.

use std::fmt;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The operation failed.
    Error,
    /// The operation went on; the user should know something.
    Warning,
}

/// One message to the user: what happened, why, what to do next, and the attribute it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What happened, in one short line without a full stop.
    pub summary: String,
    /// To what, why, and what to do next. May have several lines.
    pub detail: String,
    /// The attribute that it is about, where there is one.
    pub path: Option<Path>,
}

impl Diagnostic {
    /// An error about no attribute in particular.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            path: None,
        }
    }

    /// A warning about no attribute in particular.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(summary, detail)
        }
    }

    /// The same diagnostic, about the attribute at `path`.
    #[must_use]
    pub fn at(mut self, path: Path) -> Self {
        self.path = Some(path);
        self
    }

    /// A failure that only a defect of the provider can cause. `what` is what went wrong.
    pub fn bug(what: impl fmt::Display) -> Self {
        Self::error(
            "The provider has a defect",
            format!(
                "{what}\n\nThis is a bug in the provider, not in your configuration. Please report \
                 it with the text above, and with the log of a run with TF_LOG_PROVIDER=TRACE if \
                 you can."
            ),
        )
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// An attribute of an object.
    Attribute(String),
    /// An element of a map.
    Key(String),
    /// An element of a list or tuple, counted from 0.
    Index(i64),
}

/// Where in a configuration a value stands: `runner_configuration.cluster.name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The path of the value itself, from which [`Path::attribute`] and the like go down.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path through nested attributes: `Path::of(["cluster", "name"])`.
    pub fn of<const N: usize>(names: [&str; N]) -> Self {
        Self(
            names
                .into_iter()
                .map(|n| Step::Attribute(n.to_owned()))
                .collect(),
        )
    }

    /// This path and the attribute `name` below it.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Self {
        self.step(Step::Attribute(name.to_owned()))
    }

    /// This path and the map element `key` below it.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// This path and the list element `index` below it.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(i64::try_from(index).unwrap_or(i64::MAX)))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

/// As Terraform writes a path: `a.b["key"][0]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => write!(f, "{name}")?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_terraform_writes_it() {
        let path = Path::of(["a", "b"]).key("k").index(2).attribute("c");
        assert_eq!(path.to_string(), r#"a.b["k"][2].c"#);
    }
}
