//! The rules of Terraform for what a provider plans and applies.
//!
//! For a response that breaks them, Terraform shows an error that does not help the user, or drops the state of an
//! object that was created. The server therefore verifies each response with the same rules, and never stricter ones.

use std::collections::BTreeMap;

use crate::diagnostic::{Path, Step};
use crate::location::{Location, LocationStep, ValueError};
use crate::schema::{Attribute, AttributeKind, Nesting, Schema};
use crate::value::{Type, Value, is_same_text};

/// Verifies a planned state of the schema's type `ty`: each attribute has its configured value or its prior value,
/// unless it is computed and not configured.
///
/// # Errors
/// Returns the first attribute that breaks the rule.
pub(crate) fn check_plan(
    schema: &Schema,
    ty: &Type,
    prior: &Value,
    config: &Value,
    planned: &Value,
) -> Result<(), ValueError> {
    check_object(&schema.attributes, ty, [prior, config, planned], Location::ROOT)
}

/// Verifies that the path of each attribute that replaces the object exists.
///
/// # Errors
/// Returns the first path that neither value has.
pub(crate) fn check_requires_replace(paths: &[Path], prior: &Value, planned: &Value) -> Result<(), ValueError> {
    let missing = paths
        .iter()
        .find(|path| !has_path(prior, path) && !has_path(planned, path));
    match missing {
        None => Ok(()),
        Some(path) => Err(ValueError {
            path: path.clone(),
            what: "its change requires a replacement, but the attribute does not exist".to_owned(),
        }),
    }
}

/// Verifies a new state of the type `ty`: it equals the plan wherever the plan was known.
///
/// # Errors
/// Returns the first difference.
pub(crate) fn check_applied(ty: &Type, planned: &Value, state: &Value) -> Result<(), ValueError> {
    compare(planned, state, ty, UnknownMatches::Anything, Location::ROOT)
}

/// Verifies a planned object. The three values are the prior, the configured, and the planned one.
fn check_object(
    attributes: &[Attribute],
    ty: &Type,
    [prior, config, planned]: [&Value; 3],
    at: Location<'_>,
) -> Result<(), ValueError> {
    match (planned.is_null(), config.is_null()) {
        (true, true) => return Ok(()),
        (true, false) => {
            return Err(at.error("the planned value is null, but a value is configured"));
        }
        (false, true) => {
            return Err(at.error("the planned value is not null, but the configured value is"));
        }
        (false, false) => {}
    }
    let Type::Object(types) = ty else {
        return Err(at.error("its type is not an object type"));
    };
    for attribute in attributes {
        let name = attribute.name;
        let location = at.down(LocationStep::Attribute(name))?;
        let values = [prior.get(name), config.get(name), planned.get(name)];
        let ty = types.get(name).unwrap_or(&Type::Dynamic);
        check_attribute(attribute, ty, values, location)?;
    }
    Ok(())
}

fn check_attribute(
    attribute: &Attribute,
    ty: &Type,
    [prior, config, planned]: [&Value; 3],
    at: Location<'_>,
) -> Result<(), ValueError> {
    if is_same(planned, config, ty) {
        return Ok(());
    }
    if config.is_null() {
        return if attribute.computed {
            Ok(())
        } else {
            Err(at.error("the planned value is not null, but the attribute is neither configured nor computed"))
        };
    }
    if !prior.is_null() && is_same(planned, prior, ty) {
        return Ok(());
    }
    match &attribute.kind {
        AttributeKind::Nested(nesting, nested) => check_nested(*nesting, nested, ty, [prior, config, planned], at),
        AttributeKind::Value(_) => Err(not_configured(at)),
    }
}

fn check_nested(
    nesting: Nesting,
    nested: &[Attribute],
    ty: &Type,
    [prior, config, planned]: [&Value; 3],
    at: Location<'_>,
) -> Result<(), ValueError> {
    match (nesting, ty, config, planned) {
        (Nesting::Single, ..) => check_object(nested, ty, [prior, config, planned], at),
        (Nesting::List, Type::List(ty), Value::List(config), Value::List(planned)) if config.len() == planned.len() => {
            let prior = elements(prior);
            for (index, (config, planned)) in config.iter().zip(planned).enumerate() {
                let prior = prior.get(index).unwrap_or(&Value::Null);
                let location = at.down(LocationStep::Index(index))?;
                check_object(nested, ty, [prior, config, planned], location)?;
            }
            Ok(())
        }
        (Nesting::Map, Type::Map(ty), Value::Map(config), Value::Map(planned)) if config.keys().eq(planned.keys()) => {
            for (key, planned) in planned {
                let config = config.get(key).unwrap_or(&Value::Null);
                let location = at.down(LocationStep::Key(key))?;
                check_object(nested, ty, [prior.get(key), config, planned], location)?;
            }
            Ok(())
        }
        // The elements of a set have no identity, so there is no prior value for each of them.
        (Nesting::Set, Type::Set(ty), Value::List(config), Value::List(planned))
            if correspond(planned, config, |planned, config| {
                check_object(nested, ty, [&Value::Null, config, planned], at).is_ok()
            }) =>
        {
            Ok(())
        }
        _ if planned.is_null() => Err(at.error("the planned value is null, but a value is configured")),
        _ => Err(not_configured(at)),
    }
}

fn not_configured(at: Location<'_>) -> ValueError {
    at.error("the planned value is neither the configured value nor the prior value")
}

/// Returns whether the path leads to a value in `value`.
fn has_path(value: &Value, Path(steps): &Path) -> bool {
    let mut value = value;
    for step in steps {
        while let Value::Dynamic(_, inner) = value {
            value = inner;
        }
        let below = match (value, step) {
            (Value::Unknown(_), _) => return true,
            (Value::Map(elements), Step::Attribute(key) | Step::Key(key)) => elements.get(key),
            (Value::List(elements), Step::Index(index)) => {
                usize::try_from(*index).ok().and_then(|index| elements.get(index))
            }
            _ => None,
        };
        match below {
            Some(below) => value = below,
            None => return false,
        }
    }
    true
}

/// What matches the unknown parts of the first value.
#[derive(Clone, Copy)]
enum UnknownMatches {
    /// Only unknown parts. Their refinements are not compared.
    Unknown,
    /// Anything.
    Anything,
}

fn is_same(left: &Value, right: &Value, ty: &Type) -> bool {
    compare(left, right, ty, UnknownMatches::Unknown, Location::ROOT).is_ok()
}

/// Compares two values of the type `ty`. Sets have no order, and missing attributes are null.
///
/// # Errors
/// Returns the first difference.
fn compare(
    left: &Value,
    right: &Value,
    ty: &Type,
    unknowns: UnknownMatches,
    at: Location<'_>,
) -> Result<(), ValueError> {
    let same = match (left, right, ty) {
        (Value::Unknown(_), Value::Unknown(_), _) => true,
        (Value::Unknown(_), _, _) => matches!(unknowns, UnknownMatches::Anything),
        (Value::String(left), Value::String(right), _) => is_same_text(left, right),
        (Value::List(left), Value::List(right), Type::Set(ty)) => correspond(left, right, |left, right| {
            compare(left, right, ty, unknowns, at).is_ok()
        }),
        (Value::List(left), Value::List(right), Type::List(_) | Type::Tuple(_)) => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                let ty = match ty {
                    Type::List(element) => element,
                    Type::Tuple(elements) => elements.get(index).unwrap_or(&Type::Dynamic),
                    _ => &Type::Dynamic,
                };
                compare(left, right, ty, unknowns, at.down(LocationStep::Index(index))?)?;
            }
            left.len() == right.len()
        }
        (Value::Map(left), Value::Map(right), Type::Map(ty)) => {
            for (key, left) in left {
                let right = right.get(key).unwrap_or(&Value::Null);
                compare(left, right, ty, unknowns, at.down(LocationStep::Key(key))?)?;
            }
            left.keys().eq(right.keys())
        }
        (Value::Map(left), Value::Map(right), Type::Object(attributes)) => {
            for (name, ty) in attributes {
                let attribute = |values: &BTreeMap<String, Value>| values.get(name).cloned().unwrap_or_default();
                let location = at.down(LocationStep::Attribute(name))?;
                compare(&attribute(left), &attribute(right), ty, unknowns, location)?;
            }
            true
        }
        (Value::Dynamic(left_ty, left), Value::Dynamic(right_ty, right), _) => {
            if left_ty == right_ty {
                return compare(left, right, left_ty, unknowns, at.down(LocationStep::Dynamic)?);
            }
            // The type of an unknown dynamic value is known only with the value.
            matches!(unknowns, UnknownMatches::Anything) && !left.is_wholly_known()
        }
        _ => left == right,
    };
    if same {
        Ok(())
    } else {
        Err(at.error("the value is not the planned value"))
    }
}

/// Returns whether each element of either set corresponds to one of the other. Unknown elements can turn out to be the
/// same element, so the numbers of elements are not compared.
fn correspond(left: &[Value], right: &[Value], matches: impl Fn(&Value, &Value) -> bool) -> bool {
    left.iter().all(|left| right.iter().any(|right| matches(left, right)))
        && right.iter().all(|right| left.iter().any(|left| matches(left, right)))
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::List(elements) => elements,
        _ => &[],
    }
}
