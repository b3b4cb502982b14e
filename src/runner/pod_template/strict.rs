//! Strict decoding: compares a value with the JSON Schema of Kubernetes' PodTemplateSpec, as Go's strict decoder reads it.
//!
//! As in Go, an unknown field and a wrong JSON type are mistakes; a missing field and a null are not.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use super::json::kind;
use super::{InvalidField, problem};
use crate::runner::invalid::quoted;
use crate::runner::quantity::is_quantity;
use crate::spelling::{nearest, nearly_equal};

/// The schema of a PodTemplateSpec without its descriptions, generated when the first template is checked.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let without_prose = RecursiveTransform(|schema: &mut Schema| {
        schema.remove("description");
    });
    SchemaSettings::draft2020_12()
        .with_transform(without_prose)
        .into_generator()
        .into_root_schema_for::<PodTemplateSpec>()
        .to_value()
});

const WRONG_TYPE: &str = "Wrong type in pod_template";
/// A single entry without a dash before it is a mapping, which is a common mistake.
const LIST: &str = " Make it a list: in YAML begin each entry with `- `, in HCL write `[ … ]` around them.";
const WRONG_VALUE: &str = "Invalid value in pod_template";

/// Returns everything in the template that is not valid in a PodTemplateSpec.
pub(super) fn check(template: &Map<String, Value>) -> Vec<InvalidField> {
    let mut walk = Walk {
        path: String::new(),
        problems: Vec::new(),
    };
    walk.fields(template, &SCHEMA, "PodTemplateSpec");
    walk.problems
}

/// Returns the schema that a `$ref` names, and its Kubernetes name if it has one.
fn resolve(schema: &'static Value) -> (&'static Value, Option<&'static str>) {
    match schema["$ref"].as_str() {
        None => (schema, None),
        Some(reference) => {
            let name = reference.trim_start_matches("#/$defs/");
            let short = name.rsplit('.').next().unwrap_or(name);
            (&SCHEMA["$defs"][name], Some(short))
        }
    }
}

/// The current path in the template, and the problems so far. The schema limits the depth.
struct Walk {
    path: String,
    problems: Vec<InvalidField>,
}

impl Walk {
    fn found(&mut self, summary: &'static str, finding: impl std::fmt::Display) {
        self.problems.push(problem(&self.path, summary, finding));
    }

    fn expected(&mut self, expected: &str, value: &Value) {
        self.expected_and(expected, value, "");
    }

    /// As [`Self::expected`], with a fix.
    fn expected_and(&mut self, expected: &str, value: &Value, fix: &str) {
        self.found(
            WRONG_TYPE,
            format_args!("is {}, but Kubernetes expects {expected} here.{fix}", kind(value)),
        );
    }

    fn at(&mut self, step: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        look(self);
        self.path.truncate(length);
    }

    fn value(&mut self, value: &Value, schema: &'static Value) {
        if value.is_null() {
            return;
        }
        let (schema, name) = resolve(schema);
        match (name, schema["type"].as_str()) {
            (Some("Quantity"), _) => self.quantity(value),
            (Some("IntOrString"), _) => self.int_or_string(value),
            (Some("Time"), _) => self.time(value),
            (_, Some("object")) => match value {
                Value::Object(fields) => self.fields(fields, schema, name.unwrap_or("map")),
                other => self.expected("an object", other),
            },
            (_, Some("array")) => match value {
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        self.at(&format!("[{index}]"), |walk| {
                            walk.value(item, &schema["items"]);
                        });
                    }
                }
                other => self.expected_and("a list", other, LIST),
            },
            (_, Some("string")) => match value {
                Value::String(_) => {}
                Value::Number(_) | Value::Bool(_) => {
                    self.expected_and("a string", value, " Write it in quotes.");
                }
                other => self.expected("a string", other),
            },
            (_, Some("boolean")) if !value.is_boolean() => self.expected("true or false", value),
            (_, Some("integer")) => match value {
                Value::Number(number) => {
                    self.integer(number, schema["format"].as_str() == Some("int32"));
                }
                other => self.expected("a whole number", other),
            },
            _ => {}
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, schema: &'static Value, of: &str) {
        let Some(known) = schema["properties"].as_object() else {
            // The names are free, as in labels.
            if let Some(each) = schema.get("additionalProperties") {
                for (name, value) in fields {
                    self.at(&step(name), |walk| walk.value(value, each));
                }
            }
            return;
        };
        for (name, value) in fields {
            let Some(schema) = known.get(name) else {
                let hint = hint(name, known, &self.path);
                self.at(&step(name), |walk| {
                    walk.found(
                        "Unknown field in pod_template",
                        format_args!("is not a field of a Kubernetes {of}. {hint}"),
                    );
                });
                continue;
            };
            self.at(&step(name), |walk| walk.value(value, schema));
        }
    }

    fn integer(&mut self, number: &Number, is_int32: bool) {
        let range = if is_int32 {
            i64::from(i32::MIN)..=i64::from(i32::MAX)
        } else {
            i64::MIN..=i64::MAX
        };
        if whole(number).is_none_or(|number| !range.contains(&number)) {
            self.found(
                WRONG_VALUE,
                format_args!(
                    "is {number}, but Kubernetes expects a whole number from {} to {} here.",
                    range.start(),
                    range.end()
                ),
            );
        }
    }

    fn int_or_string(&mut self, value: &Value) {
        match value {
            Value::String(_) => {}
            Value::Number(number) => self.integer(number, true),
            other => self.expected("a whole number or a string", other),
        }
    }

    fn quantity(&mut self, value: &Value) {
        match value {
            Value::Number(_) => {}
            Value::String(text) if is_quantity(text.trim()) => {}
            Value::String(text) => self.found(
                WRONG_VALUE,
                format_args!(
                    "is {}, which is not a Kubernetes quantity: a number with one of the suffixes \
                     n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or none, such as \"500m\" or \
                     \"1Gi\".",
                    quoted(text)
                ),
            ),
            other => self.expected("a quantity (\"500m\", \"1Gi\", 2)", other),
        }
    }

    fn time(&mut self, value: &Value) {
        match value {
            Value::String(text) if Time::deserialize(value).is_err() => self.found(
                WRONG_VALUE,
                format_args!(
                    "is {}, which is not a time as RFC 3339 writes it, such as \"2026-01-31T12:00:00Z\".",
                    quoted(text)
                ),
            ),
            Value::String(_) => {}
            other => self.expected("a time in a string", other),
        }
    }
}

/// Returns the number if it is a whole one in any spelling (`1.0`).
fn whole(number: &Number) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the float is whole and in range")]
    let from_float = |float: f64| (float.fract() == 0.0 && float.abs() < 9e18).then_some(float as i64);
    match number.as_f64() {
        Some(float) if number.is_f64() => from_float(float),
        _ => number.as_i64(),
    }
}

/// Returns a field's name as a step of a path, in brackets if it could be misread.
pub(super) fn step(name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_plain {
        name.to_owned()
    } else {
        format!("[{}]", quoted(name))
    }
}

/// Returns a sentence about the name that was probably meant by an unknown one in the object at `path`: a known name with
/// a similar spelling, the same name a level deeper or elsewhere in the template, a longer or shorter name, or else all
/// known names.
fn hint(name: &str, known: &'static Map<String, Value>, path: &str) -> String {
    if let Some(near) = nearly_equal(name, known.keys()) {
        return format!("Did you mean `{near}`?");
    }
    let deeper: Vec<String> = objects_in(path, known)
        .filter(|(_, object)| object["properties"].get(name).is_some())
        .map(|(path, _)| path)
        .collect();
    let owners = match deeper.as_slice() {
        [] => OWNERS.get(name).map(Vec::as_slice).unwrap_or_default(),
        deeper => deeper,
    };
    // A name that more objects have is not a useful hint.
    if (1..=3).contains(&owners.len()) {
        let fields: Vec<_> = owners.iter().map(|owner| format!("`{}`", join(owner, name))).collect();
        return format!("Did you mean {}?", alternatives(&fields));
    }
    match nearest(name, known.keys()) {
        Some(nearest) => format!("Did you mean `{nearest}`?"),
        None => {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            format!("Its fields are {}.", names.join(", "))
        }
    }
}

fn alternatives(of: &[String]) -> String {
    match of.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Returns the objects in the fields of an object at `path`, with their paths. Ephemeral containers are omitted, because a
/// Job cannot have any.
fn objects_in<'a>(
    path: &'a str,
    fields: &'static Map<String, Value>,
) -> impl Iterator<Item = (String, &'static Value)> + 'a {
    let fields = fields.iter().filter(|(name, _)| *name != "ephemeralContainers");
    fields.map(move |(name, field)| {
        let (field, _) = resolve(field);
        match field.get("items") {
            Some(items) => (join(path, &format!("{name}[]")), resolve(items).0),
            None => (join(path, name), field),
        }
    })
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// For each field's name, the paths of the objects that have it and are nearest to the template's root: `spec` for
/// `tolerations`.
static OWNERS: LazyLock<BTreeMap<&'static str, Vec<String>>> = LazyLock::new(|| {
    let mut owners = BTreeMap::<_, (usize, Vec<String>)>::new();
    let mut level: Vec<(String, &'static Value)> = vec![(String::new(), &SCHEMA)];
    for depth in 0..8 {
        let mut below = Vec::new();
        for (path, schema) in level {
            let Some(fields) = schema["properties"].as_object() else {
                continue;
            };
            for name in fields.keys() {
                let (first, paths) = owners.entry(name.as_str()).or_insert((depth, Vec::new()));
                if *first == depth {
                    paths.push(path.clone());
                }
            }
            below.extend(objects_in(&path, fields));
        }
        level = below;
    }
    owners.into_iter().map(|(name, (_, paths))| (name, paths)).collect()
});
