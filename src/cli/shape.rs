//! The comparison of a file with the schema. It finds all unknown, missing, and misplaced fields at once.

use serde_json::{Map, Value, json};

use super::problem::{Place, Problem};
use super::yaml::{Kind, Node};
use crate::spelling::nearest;

/// The path of the state storage.
const STORAGE: &str = "state_storage_configuration";

/// The fields of a registered runner that are not part of its configuration. `hctl get runner` prints them. octl reads an
/// ID in the file of a new runner as well, and replaces it with the ID on the command line.
pub(super) const READ_ONLY: [&str; 4] = ["id", "org_id", "created_at", "updated_at"];

/// The end of the names of blocks, such as `s3_configuration`, which only Terraform has.
const BLOCK: &str = "_configuration";

/// A file in the schema's shape.
pub(super) struct Conformed {
    /// The file, with placeholders of the right type for everything that is wrong, so that the values of all other
    /// fields can be validated as well.
    pub(super) value: Value,
    /// The paths of the placeholders.
    pub(super) filled: Vec<String>,
    /// The problems with the shape of the file.
    pub(super) problems: Vec<Problem>,
    /// Fields that have no effect.
    pub(super) remarks: Vec<Problem>,
}

/// Returns the name that the schema has for a field at the top level. hctl and octl decode the file with Go's
/// encoding/json, which ignores the case of names.
pub(super) fn top_level_name<'a>(name: &'a str, schema: &'a Value) -> &'a str {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let known = properties.map(|(known, _)| known.as_str()).chain(READ_ONLY);
    let mut same = known.filter(|known| known.eq_ignore_ascii_case(name));
    same.next().unwrap_or(name)
}

/// Returns a file in the shape of the schema.
pub(super) fn conform(file: &Node, schema: &Value) -> Conformed {
    let mut reading = Reading {
        fields: fields(schema, ""),
        filled: Vec::new(),
        problems: Vec::new(),
        remarks: Vec::new(),
    };
    let value = reading.value(file, schema, "");
    Conformed {
        value,
        filled: reading.filled,
        problems: reading.problems,
        remarks: reading.remarks,
    }
}

struct Reading {
    /// The paths of all fields of the schema.
    fields: Vec<String>,
    filled: Vec<String>,
    problems: Vec<Problem>,
    remarks: Vec<Problem>,
}

impl Reading {
    fn value(&mut self, node: &Node, schema: &Value, path: &str) -> Value {
        if let Some(variants) = schema["oneOf"].as_array() {
            return self.one_of(node, variants, path);
        }
        let types = &schema["type"];
        let takes = |kind: &str| types == kind || types.as_array().is_some_and(|list| list.contains(&json!(kind)));
        match &node.kind {
            // octl omits a description that is null. It sends every other null, and the Orchestrator refuses it.
            Kind::Null if takes("null") && path == "description" => Value::Null,
            Kind::Null if takes("null") => {
                let message = "The field has no value, but the Orchestrator refuses null: remove the field.";
                self.wrong(node.at, path, message.to_owned());
                placeholder(schema)
            }
            Kind::Text(text) if takes("string") => json!(text),
            Kind::Mapping(_) if takes("object") => match schema["properties"].as_object() {
                Some(properties) => self.object(node, schema, properties, path),
                None => node.to_json(),
            },
            Kind::Number(_) | Kind::Bool(_) if takes("string") => {
                let noun = node.noun();
                let message = format!("Expected a string, found {noun}: put it in quotes.");
                self.wrong(node.at, path, message);
                placeholder(schema)
            }
            _ => {
                let message = if takes("string") {
                    format!("Expected a string, found {}.", node.noun())
                } else {
                    no_mapping(node, takes("null"))
                };
                self.wrong(node.at, path, message);
                placeholder(schema)
            }
        }
    }

    /// Returns one of several constants, or one of several mappings that differ in `type`.
    fn one_of(&mut self, node: &Node, variants: &[Value], path: &str) -> Value {
        let first = placeholder(&variants[0]);
        let (tag, tag_path) = if first.is_object() {
            if node.entries().is_none() {
                self.wrong(node.at, path, no_mapping(node, false));
                return first;
            }
            (node.get("type"), join(path, "type"))
        } else {
            (Some(node), path.to_owned())
        };
        let known = variants.iter().filter_map(constant);
        let known = known.map(|name| format!("`{name}`")).collect::<Vec<_>>();
        let known = match known.as_slice() {
            [only] => only.clone(),
            several => format!("one of {}", several.join(", ")),
        };
        let Some(tag) = tag else {
            let message = format!("The field `type` is missing: set it to {known}.");
            self.wrong(node.at, path, message);
            return first;
        };
        let chosen = variants.iter().find(|variant| match &tag.kind {
            Kind::Text(text) => constant(variant) == Some(text),
            _ => false,
        });
        match (chosen, &tag.kind) {
            (Some(variant), _) => match variant["properties"].as_object() {
                Some(properties) => self.object(node, variant, properties, path),
                None => first,
            },
            (None, kind) => {
                let found = match kind {
                    Kind::Text(text) => format!("{text:?}"),
                    _ => tag.noun().to_owned(),
                };
                self.wrong(tag.at, &tag_path, format!("Expected {known}, found {found}."));
                self.filled.push(path.to_owned());
                first
            }
        }
    }

    fn object(&mut self, node: &Node, schema: &Value, properties: &Map<String, Value>, path: &str) -> Value {
        let mut object = Map::new();
        // The fields that were misspelled, which are not reported as missing as well.
        let mut meant = Vec::new();
        for entry in node.entries().unwrap_or_default() {
            let at_field = join(path, &entry.key);
            match properties.get(&entry.key) {
                Some(property) if property.get("const").is_some() => {
                    object.insert(entry.key.clone(), entry.value.to_json());
                }
                Some(property) => {
                    let value = self.value(&entry.value, property, &at_field);
                    object.insert(entry.key.clone(), value);
                }
                None if path.is_empty() && READ_ONLY.contains(&entry.key.as_str()) => {
                    self.read_only(&entry.key, &entry.value);
                }
                None => {
                    let near = nearest(&entry.key, properties.keys());
                    let message = self.unknown(&entry.key, path, properties);
                    let is_missing =
                        near.is_some_and(|near| required(schema).any(|name| name == near) && node.get(near).is_none());
                    // The Orchestrator accepts and keeps every other field of a storage.
                    if path == STORAGE && !entry.key.ends_with(BLOCK) && !is_missing {
                        self.remarks.push(Problem {
                            at: Some(entry.key_at),
                            path: at_field,
                            message,
                        });
                        continue;
                    }
                    meant.extend(near);
                    self.wrong(entry.key_at, &at_field, message);
                }
            }
        }
        for name in required(schema) {
            if !object.contains_key(name) {
                let at_field = join(path, name);
                if meant.iter().any(|field| *field == name) {
                    self.filled.push(at_field);
                } else {
                    self.wrong(node.at, &at_field, "This field is missing.".to_owned());
                }
                object.insert(name.to_owned(), placeholder(&properties[name]));
            }
        }
        Value::Object(object)
    }

    /// Checks a field that the Orchestrator sets. The times do not matter.
    fn read_only(&mut self, name: &str, node: &Node) {
        let is_id = name.ends_with("id");
        if is_id && !matches!(node.kind, Kind::Text(_) | Kind::Null) {
            let message = format!("Expected a string, found {}.", node.noun());
            self.wrong(node.at, name, message);
        }
    }

    /// Returns what to do about an unknown field.
    fn unknown(&self, name: &str, path: &str, properties: &Map<String, Value>) -> String {
        if properties.contains_key("type") && name.ends_with(BLOCK) {
            return "In the YAML file, put the fields of the storage next to `type`, not in a separate block."
                .to_owned();
        }
        let elsewhere = |field: &&String| field.rsplit('.').next() == Some(name);
        let advice = if let Some(near) = nearest(name, properties.keys()) {
            format!("Did you mean `{near}`?")
        } else if let Some(field) = self.fields.iter().find(elsewhere) {
            format!("Did you mean `{field}`? Check the indentation.")
        } else {
            let known: Vec<_> = properties.keys().map(|key| format!("`{key}`")).collect();
            format!("The known fields are {}.", known.join(", "))
        };
        match path {
            // The Orchestrator would ignore it.
            "" => format!("Unknown field: hctl and octl refuse it. {advice}"),
            STORAGE => {
                format!("Unknown field: the Orchestrator stores it, but does not use it. {advice}")
            }
            _ => format!("Unknown field: the Orchestrator refuses it. {advice}"),
        }
    }

    fn wrong(&mut self, at: Place, path: &str, message: String) {
        self.filled.push(path.to_owned());
        self.problems.push(Problem {
            at: Some(at),
            path: path.to_owned(),
            message,
        });
    }
}

/// Returns the message about a value that should be a mapping.
fn no_mapping(node: &Node, may_be_left_out: bool) -> String {
    match &node.kind {
        Kind::Text(text) if matches!(text.as_str(), "..." | "…") => format!(
            "`{text}` is a placeholder: replace it with your own fields{}.",
            if may_be_left_out { ", or remove this field" } else { "" }
        ),
        _ => format!("Expected a mapping, found {}.", node.noun()),
    }
}

/// Returns the required value of a constant, or of the `type` of a mapping.
fn constant(variant: &Value) -> Option<&str> {
    let constant = variant
        .get("const")
        .or_else(|| variant["properties"]["type"].get("const"));
    constant.and_then(Value::as_str)
}

/// Returns a value in the shape of a schema.
fn placeholder(schema: &Value) -> Value {
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        return placeholder(&variants[0]);
    }
    if schema["type"].is_array() {
        return Value::Null;
    }
    if schema["type"] != "object" {
        return json!("");
    }
    required(schema)
        .map(|name| (name.to_owned(), placeholder(&schema["properties"][name])))
        .collect()
}

/// Returns the names of the required fields of a schema.
fn required(schema: &Value) -> impl Iterator<Item = &str> {
    let names = schema["required"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str)
}

/// Returns the paths of all fields of a schema.
fn fields(schema: &Value, path: &str) -> Vec<String> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .flat_map(|(name, property)| {
            let path = join(path, name);
            let inner = fields(property, &path);
            [path].into_iter().chain(inner)
        })
        .collect()
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}
