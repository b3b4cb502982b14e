//! The validation of texts: each rule of the runner's values, at the attribute that it applies to.

use async_trait::async_trait;

use super::api_diagnostics;
use crate::runner::Invalid;
use terraform_plugin_server::{Diagnostic, Path, ValidateConfig, Value};

/// A rule for one text.
pub(super) type TextRule = fn(&str) -> Result<(), Invalid>;

/// Rules, each with the path of its attribute. A configuration that has no other rules is validated by them.
pub(super) struct TextRules(pub(super) &'static [(&'static [&'static str], TextRule)]);

impl TextRules {
    /// Returns everything that is wrong, each at its attribute. Unknown values are skipped.
    pub(super) fn check(&self, config: &Value) -> Vec<Diagnostic> {
        let problem = |(names, rule): &(&[&str], TextRule)| {
            let value = names.iter().fold(config, |value, name| value.get(name));
            let invalid = value.as_str().map(rule)?.err()?;
            Some(api_diagnostics::invalid(&invalid, path(names)))
        };
        self.0.iter().filter_map(problem).collect()
    }
}

#[async_trait]
impl ValidateConfig for TextRules {
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        self.check(&config)
    }
}

/// Returns the path through nested attributes.
pub(super) fn path(names: &[&str]) -> Path {
    names
        .iter()
        .fold(Path::root(), |path, name| path.attribute(name))
}
