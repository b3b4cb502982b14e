//! YAML: the manifests for kubectl.

use serde_json::{Map, Value};

/// Returns manifests as a stream of documents.
pub(crate) fn documents(manifests: &[Value]) -> String {
    let documents: Vec<String> = manifests.iter().map(document).collect();
    documents.join("---\n")
}

/// Returns manifests as one document: a single manifest itself, or a `List` of several.
///
/// A stream of documents stops to be one when it is pasted with an indentation, because `---` only separates documents
/// at the start of a line.
pub(crate) fn single_document(manifests: &[Value]) -> String {
    match manifests {
        [one] => document(one),
        several => document(&serde_json::json!({
            "apiVersion": "v1",
            "kind": "List",
            "items": several,
        })),
    }
}

/// Returns a text as a quoted string. Strings of JSON are strings of YAML.
pub(crate) fn string(text: &str) -> String {
    Value::from(text).to_string()
}

fn document(manifest: &Value) -> String {
    let mut text = String::new();
    match manifest {
        Value::Object(fields) => mapping(fields, 0, &mut text),
        other => text = format!("{}\n", flow(other)),
    }
    text
}

/// Writes a mapping in block style. The first line is indented as well.
fn mapping(fields: &Map<String, Value>, indent: usize, text: &mut String) {
    let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| rank(name));
    for (name, value) in fields {
        text.push_str(&" ".repeat(indent));
        text.push_str(&scalar(name));
        text.push(':');
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                text.push('\n');
                mapping(fields, indent + 2, text);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                text.push('\n');
                items.iter().for_each(|item| list_item(item, indent, text));
            }
            other => {
                text.push(' ');
                text.push_str(&flow(other));
                text.push('\n');
            }
        }
    }
}

fn list_item(item: &Value, indent: usize, text: &mut String) {
    match item {
        Value::Object(fields) if !fields.is_empty() => {
            let start = text.len();
            mapping(fields, indent + 2, text);
            text.replace_range(start + indent..start + indent + 1, "-");
        }
        other => {
            text.push_str(&" ".repeat(indent));
            text.push_str(&format!("- {}\n", flow(other)));
        }
    }
}

/// Returns the position of a field in a manifest as people write it: the type first, all else by its name.
fn rank(name: &str) -> usize {
    let first = ["apiVersion", "apiGroup", "kind", "metadata"];
    let found = first.iter().position(|first| *first == name);
    found.unwrap_or(first.len())
}

/// Returns a value in one line. Values in lists and mappings are JSON, which is YAML.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// Returns a text without quotes if every version of YAML reads it as this text, and quoted otherwise.
fn scalar(text: &str) -> String {
    // YAML 1.1, which kubectl reads, has more booleans than YAML 1.2.
    const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-./_".contains(c))
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { string(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_manifest_looks_as_people_write_it() {
        let role = json!({
            "rules": [
                {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]},
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
            ],
            "metadata": {"name": "r:x", "namespace": "on"},
            "kind": "Role",
            "apiVersion": "rbac.authorization.k8s.io/v1",
        });
        let expected = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: \"r:x\"
  namespace: \"on\"
rules:
- apiGroups: [\"batch\"]
  resources: [\"jobs\"]
  verbs: [\"create\", \"get\"]
- apiGroups: [\"\"]
  resources: [\"pods\"]
  verbs: [\"list\"]
";
        assert_eq!(documents(std::slice::from_ref(&role)), expected);
        assert_eq!(single_document(&[role]), expected);
    }

    #[test]
    fn a_yaml_parser_reads_every_value_back() {
        let texts = [
            "",
            "plain",
            "a-b.c/d_e",
            "yes",
            "No",
            "null",
            "~",
            "1",
            "1e3",
            "0x1",
            "2001-01-01",
            "a: b",
            "a #b",
            "- a",
            "it's",
            "\"",
            "a\nb",
            "é",
            "*",
            "{{SessionName}}",
            "12:30",
        ];
        let manifests = [
            json!({"kind": "A", "texts": texts, "spec": {"empty": {}, "none": [], "number": 1, "yes": true}}),
            json!({"kind": "B", "items": texts.map(|text| json!({"name": text, "deep": [{"x": {"y": text}}]}))}),
        ];
        let read: Vec<Value> = serde_saphyr::from_multiple(&documents(&manifests)).unwrap();
        assert_eq!(read, manifests);
        let list: Value = serde_saphyr::from_str(&single_document(&manifests)).unwrap();
        assert_eq!(list["items"], json!(manifests));
    }
}
