//! The environment variables of a container, as the kubelet sets them.
//!
//! Source: pkg/kubelet/kubelet_pods.go, `makeEnvironmentVariables` of Kubernetes 1.34. `env` wins over `envFrom`, and in
//! each of them the last entry of a name wins.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::object_kind::ObjectKind;

/// One environment variable of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Variable {
    /// The container does not have the variable.
    Absent,
    /// The variable has this value.
    Value(String),
    /// The variable is set. Its value is not known, because it comes from here, such as `Secret "x"`.
    Hidden(String),
    /// The variable might be set by this object, which could not be read.
    Unread(ObjectName),
}

impl Variable {
    /// Returns whether a program sees a value. AWS's SDKs take an empty variable for one that is not set.
    pub(crate) fn is_set(&self) -> bool {
        match self {
            Self::Value(value) => !value.is_empty(),
            Self::Hidden(_) => true,
            Self::Absent | Self::Unread(_) => false,
        }
    }

    /// Returns whether the value is known, and true in the sense of Go's `strconv.ParseBool`.
    pub(crate) fn is_true(&self) -> bool {
        let value = self.value();
        value.is_some_and(|value| ["1", "t", "T", "TRUE", "true", "True"].contains(&value))
    }

    /// Returns the value, if it is known and not empty.
    pub(crate) fn value(&self) -> Option<&str> {
        match self {
            Self::Value(value) if !value.is_empty() => Some(value),
            _ => None,
        }
    }
}

/// An object by its kind and name, in the pod's namespace.
pub(crate) type ObjectName = (ObjectKind, String);

/// An object that variables come from, as far as it could be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum VariableSource {
    /// The object.
    Found(Arc<Value>),
    /// The object does not exist.
    Missing,
    /// The object could not be read.
    Unread,
}

/// The environment variables of one container.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ContainerEnvironment {
    container: Value,
    objects: BTreeMap<ObjectName, VariableSource>,
}

impl ContainerEnvironment {
    /// Returns the environment of a container, with the objects of [`sources`].
    pub(crate) fn new(container: Value, objects: BTreeMap<ObjectName, VariableSource>) -> Self {
        Self { container, objects }
    }

    /// Returns whether the container's own `env` has the variable, whatever its value is. A webhook that adds variables
    /// to containers sees no others.
    pub(crate) fn is_listed(&self, name: &str) -> bool {
        self.entries("env").any(|entry| entry["name"] == name)
    }

    /// Returns a variable.
    pub(crate) fn get(&self, name: &str) -> Variable {
        let own = self.entries("env").filter(|entry| entry["name"] == name);
        // An optional key that does not exist sets nothing, and an earlier entry of the name counts.
        let mut own = own.map(|entry| self.entry(entry)).collect::<Vec<_>>();
        own.retain(|variable| *variable != Variable::Absent);
        own.pop().unwrap_or_else(|| self.get_from_sources(name))
    }

    /// Returns the paths of the container's volumes.
    fn mounts(&self) -> impl Iterator<Item = &str> {
        let paths = self.entries("volumeMounts");
        paths.filter_map(|mount| Some(mount["mountPath"].as_str()?.trim_end_matches('/')))
    }

    /// Returns whether a volume is mounted at a path or above it.
    pub(crate) fn is_mounted(&self, path: &str) -> bool {
        let is_above = |mount: &str| {
            let rest = path.strip_prefix(mount);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.mounts().any(is_above)
    }

    /// Returns the path of a volume that might hold a file of this path below an unknown directory, such as `/.aws/config`
    /// below the home directory.
    pub(crate) fn mount_of(&self, file: &str) -> Option<&str> {
        self.mounts().find(|mount| {
            let ends = file.match_indices('/').map(|(end, _)| &file[..end]);
            ends.chain([file]).any(|part| !part.is_empty() && mount.ends_with(part))
        })
    }

    fn entries(&self, list: &str) -> impl DoubleEndedIterator<Item = &Value> {
        self.container[list].as_array().into_iter().flatten()
    }

    /// Returns the variable that an entry of `env` sets.
    fn entry(&self, entry: &Value) -> Variable {
        let from = &entry["valueFrom"];
        if from.is_null() {
            let value = entry["value"].as_str().unwrap_or_default();
            return if value.contains("$(") {
                // A reference to another variable, or an escaped one.
                Variable::Hidden("a reference to another variable".to_owned())
            } else {
                Variable::Value(value.to_owned())
            };
        }
        for (field, kind) in [
            ("configMapKeyRef", ObjectKind::ConfigMap),
            ("secretKeyRef", ObjectKind::Secret),
        ] {
            let reference = &from[field];
            if let (Some(name), Some(key)) = (reference["name"].as_str(), reference["key"].as_str()) {
                return self.key(kind, name, key, reference["optional"] == true);
            }
        }
        // `fieldRef` and `resourceFieldRef`.
        Variable::Hidden("a field of the pod".to_owned())
    }

    /// Returns the variable that one key of an object sets.
    fn key(&self, kind: ObjectKind, name: &str, key: &str, is_optional: bool) -> Variable {
        let hidden = || Variable::Hidden(format!("{} {name:?}", kind.name()));
        let object_name = (kind, name.to_owned());
        match self.objects.get(&object_name) {
            Some(VariableSource::Found(object)) => match value_of(kind, object, key) {
                Some(value) => value,
                None if is_optional => Variable::Absent,
                // The pod does not start, which another check reports.
                None => hidden(),
            },
            Some(VariableSource::Missing) if is_optional => Variable::Absent,
            Some(VariableSource::Unread) | None if is_optional => Variable::Unread(object_name),
            _ => hidden(),
        }
    }

    /// Returns the variable that an entry of `envFrom` sets.
    fn get_from_sources(&self, name: &str) -> Variable {
        for from in self.entries("envFrom").rev() {
            let prefix = from["prefix"].as_str().unwrap_or_default();
            let Some(key) = name.strip_prefix(prefix) else {
                continue;
            };
            let Some(object_name) = whole_object(from) else {
                continue;
            };
            match self.objects.get(&object_name) {
                Some(VariableSource::Found(object)) => {
                    if let Some(found) = value_of(object_name.0, object, key) {
                        return found;
                    }
                }
                Some(VariableSource::Missing) => {}
                Some(VariableSource::Unread) | None => return Variable::Unread(object_name),
            }
        }
        Variable::Absent
    }
}

/// Returns the value of a key. Of Secrets only the names of the keys were kept.
fn value_of(kind: ObjectKind, object: &Value, key: &str) -> Option<Variable> {
    let value = object["data"].get(key)?;
    Some(match (kind, value) {
        (ObjectKind::ConfigMap, Value::String(value)) => Variable::Value(value.clone()),
        _ => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            Variable::Hidden(format!("{} {name:?}", kind.name()))
        }
    })
}

/// Returns the object whose keys an entry of `envFrom` sets as variables.
fn whole_object(from: &Value) -> Option<ObjectName> {
    let name = |field: &str| from[field]["name"].as_str().map(ToOwned::to_owned);
    let map = name("configMapRef").map(|name| (ObjectKind::ConfigMap, name));
    map.or_else(|| name("secretRef").map(|name| (ObjectKind::Secret, name)))
}

/// Returns the objects that a container's variables come from and that have to be read to know them: those that set
/// variables of any name, those that hold values which are not secret, and the optional ones.
pub(crate) fn sources(container: &Value) -> Vec<ObjectName> {
    let list = |name: &str| container[name].as_array().cloned().unwrap_or_default();
    let whole = list("envFrom");
    let mut found: Vec<ObjectName> = whole.iter().filter_map(whole_object).collect();
    for entry in list("env") {
        let from = &entry["valueFrom"];
        let name = |field: &str| from[field]["name"].as_str().map(ToOwned::to_owned);
        if let Some(name) = name("configMapKeyRef") {
            found.push((ObjectKind::ConfigMap, name));
        }
        if let Some(name) = name("secretKeyRef")
            && from["secretKeyRef"]["optional"] == true
        {
            found.push((ObjectKind::Secret, name));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn environment(container: Value) -> ContainerEnvironment {
        let object = |kind: ObjectKind, data: Value| {
            let name = match kind {
                ObjectKind::Secret => "s",
                _ => "c",
            };
            let object = json!({"metadata": {"name": name}, "data": data});
            ((kind, name.to_owned()), VariableSource::Found(Arc::new(object)))
        };
        let mut objects = BTreeMap::from([
            object(ObjectKind::ConfigMap, json!({"A": "a", "EMPTY": ""})),
            object(ObjectKind::Secret, json!({"A": null, "B": null})),
        ]);
        objects.insert((ObjectKind::Secret, "none".to_owned()), VariableSource::Missing);
        objects.insert((ObjectKind::Secret, "unread".to_owned()), VariableSource::Unread);
        ContainerEnvironment::new(container, objects)
    }

    fn hidden() -> Variable {
        Variable::Hidden("Secret \"s\"".to_owned())
    }

    #[test]
    fn env_wins_over_env_from_and_the_last_entry_wins() {
        let found = environment(json!({
            "env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}, {"name": "E"}],
            "envFrom": [
                {"configMapRef": {"name": "c"}},
                {"prefix": "X_", "configMapRef": {"name": "c"}},
                {"secretRef": {"name": "s"}},
                {"secretRef": {"name": "none", "optional": true}},
            ],
        }));
        assert_eq!(found.get("X"), Variable::Value("2".to_owned()));
        assert_eq!(found.get("A"), hidden());
        assert_eq!(found.get("X_A"), Variable::Value("a".to_owned()));
        assert_eq!(found.get("absent"), Variable::Absent);
        assert!(!found.get("EMPTY").is_set() && !found.get("E").is_set());
        assert!(found.is_listed("X") && !found.is_listed("A"));
    }

    #[test]
    fn an_object_that_could_not_be_read_might_set_a_variable() {
        let unread = || Variable::Unread((ObjectKind::Secret, "unread".to_owned()));
        let found = environment(json!({"envFrom": [
            {"configMapRef": {"name": "c"}},
            {"secretRef": {"name": "unread"}},
            {"configMapRef": {"name": "c"}, "prefix": "P_"},
        ]}));
        assert_eq!(found.get("A"), unread());
        assert_eq!(found.get("P_A"), Variable::Value("a".to_owned()));
        assert_eq!(found.get("AWS_REGION"), unread());
    }

    #[test]
    fn a_key_of_an_object_is_a_value_or_hidden() {
        let from = |field: &str, name: &str, key: &str, optional: bool| {
            let reference = json!({"name": name, "key": key, "optional": optional});
            let entry = json!({"name": "V", "valueFrom": {field: reference}});
            environment(json!({"env": [entry]})).get("V")
        };
        assert_eq!(
            from("configMapKeyRef", "c", "A", false),
            Variable::Value("a".to_owned())
        );
        assert_eq!(from("secretKeyRef", "s", "A", false), hidden());
        assert_eq!(from("secretKeyRef", "s", "absent", true), Variable::Absent);
        assert_eq!(from("secretKeyRef", "none", "A", true), Variable::Absent);
        assert!(from("secretKeyRef", "unread", "A", false).is_set());
        assert!(matches!(from("secretKeyRef", "unread", "A", true), Variable::Unread(_)));
        let reference = environment(json!({"env": [{"name": "V", "value": "$(A)"}]}));
        assert!(matches!(reference.get("V"), Variable::Hidden(_)));
    }

    #[test]
    fn only_objects_that_decide_are_read() {
        let container = json!({
            "env": [
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "needed", "key": "k"}}},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": true}}},
                {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            ],
            "envFrom": [{"configMapRef": {"name": "c"}}],
        });
        assert_eq!(
            sources(&container),
            [
                (ObjectKind::ConfigMap, "c".to_owned()),
                (ObjectKind::Secret, "s".to_owned())
            ]
        );
    }

    #[test]
    fn a_volume_might_hold_a_file_below_an_unknown_directory() {
        const FILE: &str = "/.config/gcloud/application_default_credentials.json";
        for (mount, holds) in [
            ("/home/runner/.config/gcloud", true),
            ("/root/.config/", true),
            ("/root/.config/gcloud/application_default_credentials.json", true),
            ("/etc/ssl/private", false),
            ("/x.config", false),
        ] {
            let found = environment(json!({"volumeMounts": [{"mountPath": mount}]}));
            assert_eq!(found.mount_of(FILE).is_some(), holds, "{mount}");
        }
    }
}
