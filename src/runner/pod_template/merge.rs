//! Kubernetes' strategic merge patch, as far as a pod template can use it.
//!
//! The Orchestrator's data plane merges a pod template with `StrategicMergeMapPatch` of
//! k8s.io/apimachinery. Its directives (`$patch`, `$retainKeys`, `$setElementOrder/…`,
//! `$deleteFromPrimitiveList/…`) never reach it: the control plane decodes the template strictly
//! before it stores it, and no field has such a name. A map of texts, such as `labels`, can hold
//! `$patch` as a key, and the library then drops that map.
//!
//! The typed merge of k8s-openapi has no deletion by `null` and orders elements differently, so this merge is our own.
//! `tests/oracles/strategic-merge/table.json` contains the library's own result for each patch in it. The program beside
//! it generates the results.

use serde_json::{Map, Value};

/// The lists of a pod template that are merged element by element, with the key that identifies
/// an element: `patchStrategy` and `patchMergeKey` in k8s.io/api/core/v1/types.go. All other
/// lists are replaced
/// (`finalizers`, a list of plain values that is merged, is not in the Orchestrator's own template).
const KEYED_LISTS: [(&str, &str); 14] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
    ("volumes", "name"),
    ("imagePullSecrets", "name"),
    ("hostAliases", "ip"),
    ("topologySpreadConstraints", "topologyKey"),
    ("schedulingGates", "name"),
    ("resourceClaims", "name"),
    ("env", "name"),
    ("ports", "containerPort"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("ownerReferences", "uid"),
];

/// The reason why a patch cannot be merged. The library refuses it too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MergeError {
    /// An element cannot be identified.
    #[error("an entry of `{list}` has no `{key}`")]
    NoKey {
        /// The list's name.
        list: String,
        /// The key that identifies its elements.
        key: &'static str,
    },
    /// An element is not an object.
    #[error("an entry of `{list}` is null or not an object")]
    NotAnObject {
        /// The list's name.
        list: String,
    },
}

/// Returns `object` with `patch` merged into it.
///
/// # Errors
/// If the elements of a list cannot be matched by their keys.
pub(crate) fn merge(
    mut object: Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, MergeError> {
    for (key, value) in patch {
        let existing = object.remove(key);
        let merged = match (existing, value) {
            (_, Value::Null) => None,
            (Some(Value::Object(existing)), Value::Object(patch)) => Some(merge(existing, patch)?.into()),
            (Some(Value::Array(existing)), Value::Array(patch)) => Some(merge_list(key, existing, patch)?.into()),
            (_, new) => without_nulls(new),
        };
        if let Some(merged) = merged {
            object.insert(key.clone(), merged);
        }
    }
    Ok(object)
}

/// Merges a list of a patch into the list of the same name.
fn merge_list(name: &str, mut existing: Vec<Value>, patch: &[Value]) -> Result<Vec<Value>, MergeError> {
    let Some(&(_, key)) = KEYED_LISTS.iter().find(|(list, _)| *list == name) else {
        return Ok(patch.to_vec());
    };
    let order = existing
        .iter()
        .map(|element| identity(name, key, element))
        .collect::<Result<Vec<_>, _>>()?;
    let mut patched: Vec<Value> = Vec::new();
    for element in patch {
        let id = identity(name, key, element)?;
        let has_id = |other: &Value| equal(&other[key], &id);
        if let Some(at) = patched.iter().position(has_id) {
            patched[at] = merge_element(patched[at].take(), element)?;
        } else if let Some(at) = existing.iter().position(has_id) {
            patched.push(merge_element(existing.remove(at), element)?);
        } else {
            patched.push(element.clone());
        }
    }
    Ok(interleave(key, &order, existing, patched))
}

/// Returns the value that identifies an element of a list.
fn identity(list: &str, key: &'static str, element: &Value) -> Result<Value, MergeError> {
    let list = || list.to_owned();
    let fields = element
        .as_object()
        .ok_or_else(|| MergeError::NotAnObject { list: list() })?;
    let id = fields.get(key);
    id.cloned().ok_or_else(|| MergeError::NoKey { list: list(), key })
}

/// Returns whether two keys are equal. Go reads every number as a float.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

fn merge_element(existing: Value, patch: &Value) -> Result<Value, MergeError> {
    match (existing, patch) {
        (Value::Object(existing), Value::Object(patch)) => Ok(merge(existing, patch)?.into()),
        (_, patch) => Ok(patch.clone()),
    }
}

/// Puts the elements that the patch does not name among those that it names: before the first
/// that followed them in `order`, and otherwise behind all of them. Both keep their own order.
fn interleave(key: &str, order: &[Value], unnamed: Vec<Value>, patched: Vec<Value>) -> Vec<Value> {
    let place = |element: &Value| order.iter().position(|id| equal(id, &element[key]));
    let mut result = Vec::with_capacity(unnamed.len() + patched.len());
    let mut unnamed = unnamed.into_iter().peekable();
    for element in patched {
        if let Some(here) = place(&element) {
            while let Some(before) = unnamed.next_if(|one| place(one) < Some(here)) {
                result.push(before);
            }
        }
        result.push(element);
    }
    result.extend(unnamed);
    result
}

/// Returns a new value as it is added: without the fields that are null, and without the maps that have the key `$patch`.
fn without_nulls(value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key("$patch") => None,
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            let kept = kept.filter_map(|(key, value)| Some((key.clone(), without_nulls(value)?)));
            Some(kept.collect::<Map<_, _>>().into())
        }
        Value::Array(elements) => {
            let kept: Vec<Value> = elements.iter().filter_map(without_nulls).collect();
            Some(kept.into())
        }
        plain => Some(plain.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// An entry of the table: the result of k8s.io/apimachinery for a patch.
    #[derive(Deserialize)]
    struct Entry {
        name: String,
        original: Map<String, Value>,
        patch: Map<String, Value>,
        merged: Option<Map<String, Value>>,
        error: Option<String>,
    }

    /// Returns a value with its numbers as Go reads them.
    fn floats(value: Value) -> Value {
        match value {
            Value::Number(number) => number.as_f64().into(),
            Value::Array(elements) => elements.into_iter().map(floats).collect(),
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(key, value)| (key, floats(value)));
                fields.collect::<Map<_, _>>().into()
            }
            other => other,
        }
    }

    #[test]
    fn patches_merge_as_the_library_merges_them() {
        let table: Vec<Entry> =
            serde_json::from_str(include_str!("../../../tests/oracles/strategic-merge/table.json")).unwrap();
        assert!(table.len() >= 40);
        for entry in table {
            let merged = merge(entry.original, &entry.patch);
            match (&merged, entry.merged) {
                (Ok(ours), Some(theirs)) => {
                    assert_eq!(floats(ours.clone().into()), floats(theirs.into()), "{}", entry.name)
                }
                (Err(_), None) => {}
                _ => panic!("{}: {merged:?}, not {:?}", entry.name, entry.error),
            }
        }
    }

    #[test]
    fn an_error_names_the_list_and_no_value() {
        let patch = serde_json::json!({"env": [{"value": "secret"}]});
        let error = merge(
            Map::from_iter([("env".to_owned(), Value::Array(Vec::new()))]),
            patch.as_object().unwrap(),
        );
        assert_eq!(error.unwrap_err().to_string(), "an entry of `env` has no `name`");
    }
}
