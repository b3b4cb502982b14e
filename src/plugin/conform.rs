//! Whether Terraform will take what a provider planned and applied. Where it would not, it blames
//! the provider in words that help nobody, or worse: forgets what was created. So a provider's
//! answers are held to the same rules here, and never to stricter ones.

use std::collections::BTreeMap;

use super::diagnostic::{Path, Step};
use super::place::{Place, StepTo, ValueError};
use super::schema::{Attribute, Kind, Nesting, Schema};
use super::value::{Type, Value, is_same_text};

/// Checks a planned state, which is of the schema's type `ty`: each attribute has its configured
/// value or its prior one, and is free only where it is computed and not configured.
///
/// # Errors
/// At the first attribute that breaks the rule.
pub(super) fn check_plan(
    schema: &Schema,
    ty: &Type,
    prior: &Value,
    config: &Value,
    planned: &Value,
) -> Result<(), ValueError> {
    check_object(
        &schema.attributes,
        ty,
        [prior, config, planned],
        Place::ROOT,
    )
}

/// Checks that the path of each attribute that asks for a replacement leads somewhere.
///
/// # Errors
/// With the first path that is in neither value.
pub(super) fn check_replaced(
    replaced: &[Path],
    prior: &Value,
    planned: &Value,
) -> Result<(), ValueError> {
    let lost = replaced
        .iter()
        .find(|path| !leads_somewhere(path, prior) && !leads_somewhere(path, planned));
    match lost {
        None => Ok(()),
        Some(path) => Err(ValueError {
            path: path.clone(),
            what: "its change asks for a replacement, but there is no such attribute".to_owned(),
        }),
    }
}

/// Checks a new state, which is of the type `ty`: it equals the plan wherever that was known.
///
/// # Errors
/// At the first place where it does not.
pub(super) fn check_applied(ty: &Type, planned: &Value, state: &Value) -> Result<(), ValueError> {
    compare(planned, state, ty, Unknowns::Open, Place::ROOT)
}

/// Checks an object. The three values are the prior, the configured and the planned one.
fn check_object(
    attributes: &[Attribute],
    ty: &Type,
    [prior, config, planned]: [&Value; 3],
    at: Place<'_>,
) -> Result<(), ValueError> {
    match (planned.is_null(), config.is_null()) {
        (true, true) => return Ok(()),
        (true, false) => return Err(at.error("it is planned as null, though it is configured")),
        (false, true) => return Err(at.error("it is planned, though it is not configured")),
        (false, false) => {}
    }
    let Type::Object(types) = ty else {
        return Err(at.error("its type is not that of an object"));
    };
    for attribute in attributes {
        let name = attribute.name;
        let place = at.down(StepTo::Attribute(name))?;
        let values = [prior.get(name), config.get(name), planned.get(name)];
        let ty = types.get(name).unwrap_or(&Type::Dynamic);
        check_attribute(attribute, ty, values, place)?;
    }
    Ok(())
}

fn check_attribute(
    attribute: &Attribute,
    ty: &Type,
    [prior, config, planned]: [&Value; 3],
    at: Place<'_>,
) -> Result<(), ValueError> {
    if is_same(planned, config, ty) {
        return Ok(());
    }
    if config.is_null() {
        return match attribute.computed {
            true => Ok(()),
            false => Err(at.error("it is planned, though it is neither configured nor computed")),
        };
    }
    if !prior.is_null() && is_same(planned, prior, ty) {
        return Ok(());
    }
    match &attribute.kind {
        Kind::Nested(nesting, nested) => {
            check_nested(*nesting, nested, ty, [prior, config, planned], at)
        }
        Kind::Value(_) => Err(not_configured(at)),
    }
}

fn check_nested(
    nesting: Nesting,
    nested: &[Attribute],
    ty: &Type,
    [prior, config, planned]: [&Value; 3],
    at: Place<'_>,
) -> Result<(), ValueError> {
    match (nesting, ty, config, planned) {
        (Nesting::Single, ..) => check_object(nested, ty, [prior, config, planned], at),
        (Nesting::List, Type::List(ty), Value::List(config), Value::List(planned))
            if config.len() == planned.len() =>
        {
            let prior = elements(prior);
            for (index, (config, planned)) in config.iter().zip(planned).enumerate() {
                let prior = prior.get(index).unwrap_or(&Value::Null);
                let place = at.down(StepTo::Index(index))?;
                check_object(nested, ty, [prior, config, planned], place)?;
            }
            Ok(())
        }
        (Nesting::Map, Type::Map(ty), Value::Map(config), Value::Map(planned))
            if config.keys().eq(planned.keys()) =>
        {
            for (key, planned) in planned {
                let config = config.get(key).unwrap_or(&Value::Null);
                let place = at.down(StepTo::Key(key))?;
                check_object(nested, ty, [prior.get(key), config, planned], place)?;
            }
            Ok(())
        }
        // Elements of a set have nothing to tell them from one another, not even before.
        (Nesting::Set, Type::Set(ty), Value::List(config), Value::List(planned))
            if correspond(planned, config, |planned, config| {
                check_object(nested, ty, [&Value::Null, config, planned], at).is_ok()
            }) =>
        {
            Ok(())
        }
        _ if planned.is_null() => Err(at.error("it is planned as null, though it is configured")),
        _ => Err(not_configured(at)),
    }
}

fn not_configured(at: Place<'_>) -> ValueError {
    at.error("its planned value is neither the configured one nor the prior one")
}

fn leads_somewhere(Path(steps): &Path, value: &Value) -> bool {
    let mut value = value;
    for step in steps {
        while let Value::Dynamic(_, inner) = value {
            value = inner;
        }
        let below = match (value, step) {
            (Value::Unknown(_), _) => return true,
            (Value::Map(elements), Step::Attribute(key) | Step::Key(key)) => elements.get(key),
            (Value::List(elements), Step::Index(index)) => usize::try_from(*index)
                .ok()
                .and_then(|index| elements.get(index)),
            _ => None,
        };
        match below {
            Some(below) => value = below,
            None => return false,
        }
    }
    true
}

/// What unknown parts of the first value compare equal to.
#[derive(Clone, Copy)]
enum Unknowns {
    /// Unknown parts only. What is known about them does not matter.
    Closed,
    /// Anything.
    Open,
}

fn is_same(left: &Value, right: &Value, ty: &Type) -> bool {
    compare(left, right, ty, Unknowns::Closed, Place::ROOT).is_ok()
}

/// Compares two values of the type `ty`. Sets have no order; attributes that are not there are null.
fn compare(
    left: &Value,
    right: &Value,
    ty: &Type,
    unknowns: Unknowns,
    at: Place<'_>,
) -> Result<(), ValueError> {
    let same = match (left, right, ty) {
        (Value::Unknown(_), Value::Unknown(_), _) => true,
        (Value::Unknown(_), _, _) => matches!(unknowns, Unknowns::Open),
        (Value::String(left), Value::String(right), _) => is_same_text(left, right),
        (Value::List(left), Value::List(right), Type::Set(ty)) => {
            correspond(left, right, |left, right| {
                compare(left, right, ty, unknowns, at).is_ok()
            })
        }
        (Value::List(left), Value::List(right), Type::List(_) | Type::Tuple(_)) => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                let ty = match ty {
                    Type::List(element) => element,
                    Type::Tuple(elements) => elements.get(index).unwrap_or(&Type::Dynamic),
                    _ => &Type::Dynamic,
                };
                compare(left, right, ty, unknowns, at.down(StepTo::Index(index))?)?;
            }
            left.len() == right.len()
        }
        (Value::Map(left), Value::Map(right), Type::Map(ty)) => {
            for (key, left) in left {
                let right = right.get(key).unwrap_or(&Value::Null);
                compare(left, right, ty, unknowns, at.down(StepTo::Key(key))?)?;
            }
            left.keys().eq(right.keys())
        }
        (Value::Map(left), Value::Map(right), Type::Object(attributes)) => {
            for (name, ty) in attributes {
                let attribute =
                    |of: &BTreeMap<String, Value>| of.get(name).cloned().unwrap_or_default();
                let place = at.down(StepTo::Attribute(name))?;
                compare(&attribute(left), &attribute(right), ty, unknowns, place)?;
            }
            true
        }
        (Value::Dynamic(left_ty, left), Value::Dynamic(right_ty, right), _) => {
            if left_ty == right_ty {
                return compare(left, right, left_ty, unknowns, at.down(StepTo::Dynamic)?);
            }
            // The types of what is unknown come to light with the values.
            matches!(unknowns, Unknowns::Open) && !left.is_wholly_known()
        }
        _ => left == right,
    };
    match same {
        true => Ok(()),
        false => Err(at.error("it is not what was planned")),
    }
}

/// Whether each element of either set fits one of the other. Elements that were unknown may turn
/// out to be one and the same, so how many there are does not matter.
fn correspond(left: &[Value], right: &[Value], fits: impl Fn(&Value, &Value) -> bool) -> bool {
    left.iter()
        .all(|left| right.iter().any(|right| fits(left, right)))
        && right
            .iter()
            .all(|right| left.iter().any(|left| fits(left, right)))
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::List(elements) => elements,
        _ => &[],
    }
}
