//! The JSON Schema of the runner's YAML file.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::shape::READ_ONLY;
use crate::runner::Runner;

/// Returns the schema of the file: a runner without its id, which is an argument beside the file. Unknown fields are not
/// allowed, and the pod template is any mapping.
pub(super) fn file() -> Value {
    let mut schema = schemars::schema_for!(Runner).to_value();
    schema["title"] = json!("Configuration of a kubernetes-eks runner");
    schema["description"] = json!("The file for `hctl create runner ID --set-yaml=@FILE`.");
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.remove("id");
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|name| name != "id");
    }
    let definitions = schema["$defs"].take();
    inline(&mut schema, &definitions);
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$defs");
    }
    schema
}

/// Replaces each reference with its definition, and closes every object that lists its properties. A tagged union of
/// references would accept unknown fields.
fn inline(schema: &mut Value, definitions: &Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.remove("$ref") {
                let name = reference.trim_start_matches("#/$defs/");
                merge(object, &definitions[name]);
            }
            for value in object.values_mut() {
                inline(value, definitions);
            }
            close(object);
        }
        Value::Array(items) => {
            for item in items {
                inline(item, definitions);
            }
        }
        _ => {}
    }
}

/// Adds the keywords of another schema to an object schema. Its own keywords stay.
fn merge(object: &mut Map<String, Value>, other: &Value) {
    for (key, value) in other.as_object().into_iter().flatten() {
        match (object.get_mut(key), value) {
            (Some(Value::Object(own)), Value::Object(more)) => own.extend(more.clone()),
            (Some(Value::Array(own)), Value::Array(more)) => own.extend(more.iter().cloned()),
            (Some(_), _) => {}
            (None, _) => {
                object.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Refuses unknown fields of an object that lists its properties.
fn close(object: &mut Map<String, Value>) {
    if object.get("properties").is_some_and(Value::is_object) && object.contains_key("type") {
        object.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}

/// Returns [`file()`] for editors, which also complete and check the pod template. Nothing in the pod template is
/// required, because it is a fragment that is merged into the Orchestrator's own. The fields of a registered runner are
/// allowed, because `check` reads them as well.
pub(super) fn for_editors() -> Value {
    let mut generator = SchemaGenerator::default();
    let reference = generator.subschema_for::<PodTemplateSpec>().to_value();
    let mut definitions: Value = generator.take_definitions(true).into_iter().collect();
    open(&mut definitions);
    let mut schema = file();
    let template = &mut schema["properties"]["runner_configuration"]["properties"]["job"]["properties"]["pod_template"];
    let description = template["description"].take();
    *template = json!({
        "description": description,
        "anyOf": [reference, {"type": "null"}],
    });
    schema["$defs"] = definitions;
    for name in READ_ONLY {
        schema["properties"][name] = json!({
            "type": "string",
            "description": "A field of a registered runner, as `hctl get runner` prints it.",
        });
    }
    schema
}

/// Makes all fields optional, and refuses unknown ones as the Orchestrator does.
fn open(schema: &mut Value) {
    for value in match schema {
        Value::Object(object) => {
            if object.get("required").is_some_and(Value::is_array) {
                object.remove("required");
            }
            close(object);
            object.values_mut().collect::<Vec<_>>()
        }
        Value::Array(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    } {
        open(value);
    }
}
