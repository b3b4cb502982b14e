use serde_json::Value;

use super::*;

/// The result of octl for each document, written by `tests/oracles/yaml`.
const TABLE: &str = include_str!("../../../tests/oracles/yaml/table.json");

/// The documents that octl reads differently, with the reason. The parser reads YAML 1.2, and yaml.v3 is derived from
/// libyaml, which reads YAML 1.1: they differ in what nobody writes in a runner's file. Most of these documents are refused
/// by one of the two. In the others, the text in brackets begins with `?` or ends with `:`.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "v: \"a\\nb\\t\\\"\\\\\\/\\u00e9\\U0001F600\\x41\\0\\a\\b\\e\\f\\v\\r\\N\\_\\L\\P\"\n",
        "YAML 1.2 has the escape \\/",
    ),
    (
        "v: \"\\ud83d\\ude00\"\n",
        "two escapes of one character are one character in JSON",
    ),
    ("v: [:a]\n", "a text in brackets may begin with a colon in YAML 1.2"),
    ("v: [a:]\n", "a colon before a bracket ends a key in YAML 1.2"),
    ("v: [-]\n", "a dash alone in brackets is refused in YAML 1.2"),
    (
        "v: [?a]\n",
        "a text in brackets may begin with a question mark in YAML 1.2",
    ),
    ("v: [?]\n", "as above"),
    ("v: {?a: 1}\n", "as above"),
    ("v: [a?b]\n", "a text in brackets may hold a question mark in YAML 1.2"),
    (
        "v: [\n\ta]\n",
        "the parser refuses a tab at the beginning of a line, in brackets too",
    ),
    ("...\n", "an end marker without a document is nothing in YAML 1.2"),
    ("a: 1\n--- \n&\n", "octl reads a few characters past the first document"),
    (
        "%FOO bar\n---\na: 1\n",
        "YAML 1.2 ignores directives that it does not know",
    ),
    (
        ": a\n",
        "a key may be missing in YAML 1.2; it is null, which octl drops",
    ),
    ("a: &x-y_z.1 1\nb: *x-y_z.1\n", "anchors may have any name in YAML 1.2"),
    ("a: &é 1\n", "as above"),
    (
        "a: 1\u{2028}b: 2\n",
        "the line separator of Unicode does not end a line in YAML 1.2",
    ),
    ("a: b\u{2028}c\n", "as above"),
    ("a: '1'# c\n", "a comment needs a space before it in YAML 1.2"),
];

/// Reads a text as the file is read: the root is a mapping or null.
fn read_document(text: &str) -> Result<Value, String> {
    match read(text).map(|(node, _)| node) {
        Err(problem) => Err(problem.message),
        Ok(Node { kind: Kind::Null, .. }) => Ok(Value::Null),
        Ok(node) if node.entries().is_some() => Ok(node.to_json()),
        Ok(node) => Err(format!("the document is {}", node.noun())),
    }
}

/// Returns whether two values are the same JSON. Floats are compared as numbers, and not by their digits.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => ours == theirs || ours.as_f64() == theirs.as_f64(),
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, value)| theirs.get(key).is_some_and(|other| same(value, other)))
        }
        // A text without a document is null here, and an empty map in octl.
        (Value::Null, Value::Object(theirs)) => theirs.is_empty(),
        _ => ours == theirs,
    }
}

#[test]
fn every_document_is_read_as_octl_reads_it() {
    let rows: Vec<Value> = serde_json::from_str(TABLE).unwrap();
    assert!(rows.len() > 600);
    let mut wrong = Vec::new();
    for row in rows {
        // A file that is not UTF-8 is refused before.
        let Some(document) = row["document"].as_str() else {
            continue;
        };
        let ours = read_document(document);
        let is_same = match (&ours, row.get("json")) {
            (Ok(ours), Some(theirs)) => same(ours, theirs),
            (Err(_), None) => true,
            _ => false,
        };
        let is_known = DIFFERENCES.iter().any(|(known, _)| *known == document);
        if is_same == is_known {
            wrong.push(format!("{document:?}: {ours:?}, octl: {row}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
