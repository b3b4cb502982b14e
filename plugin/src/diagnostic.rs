//! Diagnostics: errors and warnings for the user, and the attributes that they are about.

use std::fmt;
use std::sync::OnceLock;

/// Where users report bugs of the provider, which [`serve`](crate::serve) sets once.
static REPORT_TO: OnceLock<&'static str> = OnceLock::new();

/// Sets the address of the page where users report bugs, which is `""` if there is none. The first call counts.
pub(crate) fn set_report_to(address: &'static str) {
    REPORT_TO.get_or_init(|| address);
}

/// Returns the place to report bugs as the end of "Report it": `" at https://…"`, or `""` if none is set.
pub(crate) fn report_to() -> String {
    match REPORT_TO.get() {
        Some(address) if !address.is_empty() => format!(" at {address}"),
        _ => String::new(),
    }
}

/// The severity of a [`Diagnostic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The operation failed.
    Error,
    /// The operation did not fail, but the user should know something.
    Warning,
}

/// A message to the user: what happened, why, how to fix it, and the attribute that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What happened, in one short line without a period.
    pub summary: String,
    /// Why it happened, and how to fix it. The text can have several lines.
    pub detail: String,
    /// The attribute that it is about, if it is about one.
    pub path: Option<Path>,
}

impl Diagnostic {
    /// Returns an error that is not about an attribute.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            path: None,
        }
    }

    /// Returns a warning that is not about an attribute.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(summary, detail)
        }
    }

    /// Returns the same diagnostic, about the attribute at `path`.
    #[must_use]
    pub fn at(mut self, path: Path) -> Self {
        self.path = Some(path);
        self
    }

    /// Returns the error for a failure that only a bug in the provider can cause. `what` says what went wrong.
    pub fn bug(what: impl fmt::Display) -> Self {
        Self::error(
            "Bug in the provider",
            format!(
                "{what}\n\nYour configuration did not cause it. Report \
                 it{} with the text above, and with the log of a run with TF_LOG_PROVIDER=TRACE if \
                 you can.",
                report_to()
            ),
        )
    }

    /// Returns whether this is an error.
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
    /// An element of a list or a tuple, counted from 0.
    Index(i64),
}

/// The path of an attribute in a configuration: `network.subnets[0]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Returns the path of the whole value. [`Path::attribute`], [`Path::key`], and [`Path::index`] go down from it.
    pub fn root() -> Self {
        Self::default()
    }

    /// Returns the path through nested attributes: `Path::new(["cluster", "name"])`.
    pub fn new<const N: usize>(names: [&str; N]) -> Self {
        Self(names.into_iter().map(|n| Step::Attribute(n.to_owned())).collect())
    }

    /// Returns the path of the attribute `name` below this path.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Self {
        self.step(Step::Attribute(name.to_owned()))
    }

    /// Returns the path of the map element `key` below this path.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// Returns the path of the list element `index` below this path.
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

/// Writes the path as Terraform does: `a.b["key"][0]`.
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
    fn a_path_is_written_as_terraform_writes_it() {
        let path = Path::new(["a", "b"]).key("k").index(2).attribute("c");
        assert_eq!(path.to_string(), r#"a.b["k"][2].c"#);
    }
}
