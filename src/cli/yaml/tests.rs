use serde_json::Value;

use super::*;

/// What octl makes of each document, written by `tests/yaml`.
const TABLE: &str = include_str!("../../../tests/yaml/table.json");

#[derive(serde::Deserialize)]
struct Row {
    document: Option<String>,
    json: Option<Value>,
    error: Option<String>,
}

/// Documents that are read in another way than octl reads them, with the reason. Each is rare, and the difference is safe: the
/// file is either refused here, or octl refuses it.
const DIFFERENCES: &[(&str, &str)] = &[];

/// As the file is read: the root is a mapping, or nothing.
fn read_document(text: &str) -> Result<Value, String> {
    match read(text) {
        Err(problem) => Err(problem.message),
        Ok(Node {
            kind: Kind::Null, ..
        }) => Ok(Value::Null),
        Ok(node) if node.entries().is_some() => Ok(node.to_json()),
        Ok(node) => Err(format!("the document is {}", node.noun())),
    }
}

/// Whether two values are the same JSON. A float counts as the number that it is, whichever digits spell it.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            ours == theirs || ours.as_f64() == theirs.as_f64()
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, value)| theirs.get(key).is_some_and(|other| same(value, other)))
        }
        // A text without a document is nothing here, and an empty map there.
        (Value::Null, Value::Object(theirs)) => theirs.is_empty(),
        _ => ours == theirs,
    }
}

#[test]
fn every_document_is_read_as_octl_reads_it() {
    let rows: Vec<Row> = serde_json::from_str(TABLE).unwrap();
    assert!(rows.len() > 600);
    let mut wrong = Vec::new();
    for Row {
        document,
        json,
        error,
    } in rows
    {
        let Some(document) = document.or_else(|| json.as_ref().map(|_| String::new())) else {
            continue;
        };
        let ours = read_document(&document);
        let is_same = match (&ours, &json) {
            (Ok(ours), Some(theirs)) => same(ours, theirs),
            (Err(_), None) => true,
            _ => false,
        };
        let is_known = DIFFERENCES.iter().any(|(known, _)| *known == document);
        if is_same == is_known {
            wrong.push(format!("{document:?}: {ours:?}, octl: {json:?} {error:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
