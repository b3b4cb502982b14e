//! Validates a configuration, as far as its values are known.

use super::model;
use crate::provider::text_rules::{self, path};
use crate::provider::{api_diagnostics, timeouts};
use crate::runner::{InvalidField, RULES, Scope, StorageType, pod_template};
use terraform_plugin_server::{Diagnostic, Path, Value};

const STORAGE: &str = "state_storage_configuration";

/// Returns everything that is wrong, each at its attribute. Unknown values are skipped.
pub(in crate::provider) fn config(config: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (scope, path, rule) in RULES {
        let names = attribute(*scope, path);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        found.extend(text_rules::check(config, &names, *rule));
    }
    found.extend(pod_template(config));
    found.extend(storage_blocks(config.get(STORAGE)));
    found.extend(timeouts::validate(config));
    found
}

/// Returns the path of the attribute that a rule applies to. Each type of state storage has a block of its own.
fn attribute(scope: Scope, path: &[&str]) -> Vec<String> {
    let block = match scope {
        Scope::Runner => Vec::new(),
        Scope::Storage(ty) => vec![STORAGE.to_owned(), model::block_name(ty)],
    };
    let path = path.iter().copied().map(str::to_owned);
    block.into_iter().chain(path).collect()
}

fn pod_template(config: &Value) -> Vec<Diagnostic> {
    let at = model::POD_TEMPLATE;
    let value = at.iter().fold(config, |value, name| value.get(name));
    let Some(json) = value.as_str() else {
        return Vec::new();
    };
    match pod_template::parse(json) {
        Err(invalid) => vec![api_diagnostics::invalid(&invalid, path(&at))],
        Ok(template) => {
            let problems = pod_template::check(&template).into_iter();
            let errors = problems.map(|problem| api_diagnostics::invalid(&problem.invalid, path(&at)));
            let overrides = pod_template::overrides(&template).into_iter();
            let warnings = overrides
                .map(|InvalidField { invalid, .. }| Diagnostic::warning(invalid.summary, invalid.detail).at(path(&at)));
            errors.chain(warnings).collect()
        }
    }
}

/// Returns an error unless exactly the block of the type is set.
fn storage_blocks(storage: &Value) -> Vec<Diagnostic> {
    const EXACTLY_ONE: &str = "Set exactly one block, the one for the storage's type";
    let types = StorageType::ALL;
    let block = model::block_name;
    let blocks = |of: &[StorageType]| {
        let names: Vec<String> = of.iter().copied().map(block).collect();
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        }
    };
    let error =
        |summary: &str, at: &str, detail: String| vec![Diagnostic::error(summary, detail).at(Path::new([STORAGE, at]))];
    let is_set = |ty: &StorageType| {
        let value = storage.get(&block(*ty));
        !value.is_null() && !value.is_unknown()
    };
    let set: Vec<StorageType> = types.into_iter().filter(is_set).collect();
    let ty = match storage.get("type") {
        Value::String(name) => match StorageType::find(name) {
            Some(ty) => ty,
            // The rule for `type` reports what is wrong.
            None => return Vec::new(),
        },
        Value::Unknown(_) => {
            return match set.as_slice() {
                [.., _, last] => error(
                    "More than one state storage",
                    &block(*last),
                    format!("{} are set. {EXACTLY_ONE}: remove the others.", blocks(&set)),
                ),
                [] if types.iter().all(|ty| storage.get(&block(*ty)).is_null()) => error(
                    "State storage without its block",
                    "type",
                    format!("None of {} is set. {EXACTLY_ONE}.", blocks(&types)),
                ),
                _ => Vec::new(),
            };
        }
        _ => return Vec::new(),
    };
    let name = ty.name();
    let others: Vec<StorageType> = set.into_iter().filter(|other| *other != ty).collect();
    match (storage.get(&block(ty)).is_null(), others.as_slice()) {
        (true, []) => error(
            "State storage without its block",
            &block(ty),
            format!("type is {name:?}, but {} is not set. Set it.", block(ty)),
        ),
        (true, [other]) => error(
            "State storage of another type",
            "type",
            format!(
                "type is {name:?}, but {} is not set and {} is set. Change type to {:?}, or set {} instead.",
                block(ty),
                block(*other),
                other.name(),
                block(ty)
            ),
        ),
        (is_missing, [.., last]) => error(
            "State storage of another type",
            &block(*last),
            format!(
                "type is {name:?}, so {} must not be set. {EXACTLY_ONE}: {}remove the others, or change type.",
                blocks(&others),
                if is_missing {
                    format!("set {}, ", block(ty))
                } else {
                    String::new()
                }
            ),
        ),
        (false, []) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use terraform_plugin_server::{Attribute, AttributeKind, Type};

    use super::*;
    use crate::provider::eks_runner::schema;

    /// The texts that can be any, or that have a validation of their own.
    const WITHOUT_RULE: [&str; 3] = ["description", "pod_template", "resource_group_name"];

    fn texts(attributes: &[Attribute], path: &[String], found: &mut Vec<Vec<String>>) {
        for attribute in attributes {
            let path = [path, &[attribute.name.to_owned()]].concat();
            match &attribute.kind {
                AttributeKind::Value(Type::String) => found.push(path),
                AttributeKind::Nested(_, attributes) => texts(attributes, &path, found),
                AttributeKind::Value(_) => {}
            }
        }
    }

    #[test]
    fn every_text_of_the_schema_has_a_rule() {
        let mut found = Vec::new();
        texts(&schema::resource().attributes, &[], &mut found);
        found.retain(|path| path[0] != "timeouts" && !WITHOUT_RULE.contains(&path.last().unwrap().as_str()));
        let rules = RULES.iter();
        let mut ruled: Vec<_> = rules.map(|(scope, path, _)| attribute(*scope, path)).collect();
        found.sort();
        ruled.sort();
        assert_eq!(found, ruled);
    }
}
