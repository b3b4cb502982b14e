//! Kubernetes' strategic merge patch, for pod templates.
//!
//! The typed merge of k8s-openapi has no deletion (`null`, `$patch`), which a patch may well want,
//! so this is our own. Which lists are merged, and by which key, is what the API's types say in
//! `patchStrategy` and `patchMergeKey` (k8s.io/api/core/v1/types.go).

use serde_json::{Map, Value};

/// The lists of a pod template that are merged element by element, with the key that tells the
/// elements apart. All other lists are replaced.
const MERGED_LISTS: [(&str, &str); 14] = [
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

/// The list of plain values that is merged.
const MERGED_VALUES: &str = "finalizers";

/// Lays a strategic merge patch over an object.
pub(super) fn apply(object: &mut Map<String, Value>, patch: &Map<String, Value>) {
    match patch.get("$patch").and_then(Value::as_str) {
        Some("delete") => return object.clear(),
        Some("replace") => object.clear(),
        _ => {}
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(Value::Array(values)), Some(deleted)) =
                (object.get_mut(list), value.as_array())
            {
                values.retain(|value| !deleted.contains(value));
            }
        } else if key == "$retainKeys" {
            let kept = value.as_array();
            object.retain(|key, _| kept.is_none_or(|kept| kept.iter().any(|kept| kept == key)));
        }
    }
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        match value {
            Value::Null => {
                object.remove(key);
            }
            Value::Object(inner) => {
                let entry = object.entry(key).or_insert_with(|| Map::new().into());
                if !entry.is_object() {
                    *entry = Map::new().into();
                }
                if let Value::Object(existing) = entry {
                    apply(existing, inner);
                }
                if inner.get("$patch").and_then(Value::as_str) == Some("delete") {
                    object.remove(key);
                }
            }
            Value::Array(elements) => {
                let existing = match object.remove(key) {
                    Some(Value::Array(existing)) => existing,
                    _ => Vec::new(),
                };
                object.insert(key.clone(), merge_list(key, existing, elements).into());
            }
            plain => {
                object.insert(key.clone(), plain.clone());
            }
        }
    }
}

/// Lays the list of a patch over a list of that name.
fn merge_list(name: &str, mut existing: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    if name == MERGED_VALUES {
        let new = patch.iter().filter(|value| !existing.contains(value));
        let new: Vec<Value> = new.cloned().collect();
        existing.extend(new);
        return existing;
    }
    let Some((_, merge_key)) = MERGED_LISTS.iter().find(|(list, _)| *list == name) else {
        return patch.to_vec();
    };
    // `- $patch: replace` among the elements replaces the whole list.
    if patch.iter().any(|element| {
        element["$patch"] == "replace" && element.as_object().is_some_and(|map| map.len() == 1)
    }) {
        existing.clear();
    }
    for element in patch {
        let Some(fields) = element.as_object() else {
            existing.push(element.clone());
            continue;
        };
        if !fields.keys().any(|key| !key.starts_with('$')) {
            continue;
        }
        let id = fields.get(*merge_key);
        let at = existing
            .iter()
            .position(|other| id.is_some() && other.get(*merge_key) == id);
        if fields.get("$patch").and_then(Value::as_str) == Some("delete") {
            if let Some(at) = at {
                existing.remove(at);
            }
        } else if let Some(Value::Object(target)) = at.and_then(|at| existing.get_mut(at)) {
            apply(target, fields);
        } else {
            let mut new = Map::new();
            apply(&mut new, fields);
            existing.push(new.into());
        }
    }
    existing
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(object: Value, patch: Value) -> Value {
        let (Value::Object(mut object), Value::Object(patch)) = (object, patch) else {
            panic!("no objects");
        };
        apply(&mut object, &patch);
        object.into()
    }

    #[test]
    fn maps_are_merged_and_null_deletes() {
        assert_eq!(
            merged(
                json!({"a": {"b": 1, "c": 2}, "d": 3}),
                json!({"a": {"b": null, "e": {"f": 4, "g": null}}, "d": "x"})
            ),
            json!({"a": {"c": 2, "e": {"f": 4}}, "d": "x"})
        );
    }

    #[test]
    fn named_lists_are_merged_by_their_key_and_others_replaced() {
        assert_eq!(
            merged(
                json!({"containers": [{"name": "main", "args": ["standard"], "env": [{"name": "A", "value": "1"}]}],
                       "tolerations": [{"key": "x"}]}),
                json!({"containers": [
                           {"name": "main", "args": ["other"], "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "3"}]},
                           {"name": "side", "image": null}],
                       "tolerations": [{"key": "y"}]})
            ),
            json!({"containers": [
                       {"name": "main", "args": ["other"], "env": [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}]},
                       {"name": "side"}],
                   "tolerations": [{"key": "y"}]})
        );
    }

    #[test]
    fn directives_delete_replace_and_retain() {
        let volumes =
            json!({"volumes": [{"name": "tofu", "emptyDir": {}}, {"name": "x", "emptyDir": {}}]});
        assert_eq!(
            merged(
                volumes.clone(),
                json!({"volumes": [{"name": "x", "$patch": "delete"}]})
            ),
            json!({"volumes": [{"name": "tofu", "emptyDir": {}}]})
        );
        assert_eq!(
            merged(
                volumes.clone(),
                json!({"volumes": [{"$patch": "replace"}, {"name": "y"}]})
            ),
            json!({"volumes": [{"name": "y"}]})
        );
        assert_eq!(
            merged(
                volumes,
                json!({"volumes": [{"name": "tofu", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}],
                       "$setElementOrder/volumes": [{"name": "tofu"}]})
            ),
            json!({"volumes": [{"name": "tofu", "hostPath": {"path": "/x"}}, {"name": "x", "emptyDir": {}}]})
        );
        let context = json!({"securityContext": {"a": 1, "b": 2}});
        assert_eq!(
            merged(
                context.clone(),
                json!({"securityContext": {"$patch": "replace", "c": 3}})
            ),
            json!({"securityContext": {"c": 3}})
        );
        assert_eq!(
            merged(context, json!({"securityContext": {"$patch": "delete"}})),
            json!({})
        );
        assert_eq!(
            merged(
                json!({"metadata": {"finalizers": ["a", "b"]}}),
                json!({"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}})
            ),
            json!({"metadata": {"finalizers": ["b", "c"]}})
        );
    }
}
