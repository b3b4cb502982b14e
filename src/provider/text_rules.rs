//! The validation of texts: each rule of the runner's values, at the attribute that it applies to.

use async_trait::async_trait;

use super::api_diagnostics;
use crate::runner::TextRule;
use terraform_plugin_server::{Diagnostic, Path, ValidateConfig, Value};

/// Rules, each with the path of its attribute. A configuration that has no other rules is validated by them.
pub(super) struct TextRules(pub(super) &'static [(&'static [&'static str], TextRule)]);

#[async_trait]
impl ValidateConfig for TextRules {
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        let rules = self.0.iter();
        rules.filter_map(|(names, rule)| check(&config, names, *rule)).collect()
    }
}

/// Returns what is wrong with a text, at its attribute. `None` if it is unknown or not set.
pub(super) fn check(config: &Value, names: &[&str], rule: TextRule) -> Option<Diagnostic> {
    let value = names.iter().fold(config, |value, name| value.get(name));
    let invalid = value.as_str().map(rule)?.err()?;
    Some(api_diagnostics::invalid(&invalid, path(names)))
}

/// Returns the path through nested attributes.
pub(super) fn path(names: &[&str]) -> Path {
    names.iter().fold(Path::root(), |path, name| path.attribute(name))
}
