//! The arguments that a configuration must set or must not set, according to the schema.
//!
//! Terraform itself verifies only that an argument is written down, not that it is not null. It also accepts arguments
//! that only the provider can set.

use crate::diagnostic::{Diagnostic, Path};
use crate::schema::{Attribute, AttributeKind, Nesting, Schema};
use crate::value::Value;

/// Returns what is wrong with a configuration, as far as it is known: required arguments that are null, and read-only
/// attributes that are set.
pub(crate) fn check(schema: &Schema, config: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    check_object(&schema.attributes, config, &Path::root(), &mut found);
    found
}

fn check_object(attributes: &[Attribute], config: &Value, at: &Path, found: &mut Vec<Diagnostic>) {
    if config.is_unknown() {
        return;
    }
    for attribute in attributes {
        let (value, path) = (config.get(attribute.name), at.attribute(attribute.name));
        if attribute.required && value.is_null() {
            found.push(missing(attribute.name, path));
        } else if !attribute.required && !attribute.optional && !value.is_null() {
            found.push(read_only(attribute.name, path));
        } else if let AttributeKind::Nested(nesting, nested) = &attribute.kind {
            check_nested(*nesting, nested, value, &path, found);
        }
    }
}

fn check_nested(nesting: Nesting, nested: &[Attribute], value: &Value, at: &Path, found: &mut Vec<Diagnostic>) {
    match (nesting, value) {
        (Nesting::Single, Value::Map(_)) => check_object(nested, value, at, found),
        (Nesting::Map, Value::Map(elements)) => {
            for (key, element) in elements {
                check_object(nested, element, &at.key(key), found);
            }
        }
        (Nesting::List, Value::List(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                check_object(nested, element, &at.index(index), found);
            }
        }
        // The elements of a set have no path of their own.
        (Nesting::Set, Value::List(elements)) => {
            for element in elements {
                check_object(nested, element, at, found);
            }
        }
        _ => {}
    }
}

fn missing(name: &str, at: Path) -> Diagnostic {
    Diagnostic::error(
        "Missing required argument",
        format!("The argument {name:?} is required, but it is null. Set it to a value."),
    )
    .at(at)
}

fn read_only(name: &str, at: Path) -> Diagnostic {
    Diagnostic::error(
        "Read-only attribute",
        format!(
            "The attribute {name:?} cannot be set: its value comes from the provider. Remove this \
             argument."
        ),
    )
    .at(at)
}
