//! What a pod spec refers to and must find in its namespace.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A kind of object that pods refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A Secret with which images are pulled.
    PullSecret,
}

impl Kind {
    /// As kubectl and the API's paths have it.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret | Self::PullSecret => "secrets",
        }
    }

    /// As people have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::PullSecret => "image pull Secret",
        }
    }

    /// What follows `kubectl create` for one of them, with what it must be given.
    pub(crate) fn create(self) -> (&'static str, &'static str) {
        match self {
            Self::ConfigMap => ("configmap", ""),
            Self::Secret => ("secret generic", ""),
            Self::PullSecret => (
                "secret docker-registry",
                " --docker-server=... --docker-username=... --docker-password=...",
            ),
        }
    }
}

/// What a pod spec needs: each object, with the keys that it must have. What is marked as
/// `optional` is not needed.
pub(crate) type References = BTreeMap<(Kind, String), BTreeSet<String>>;

/// Everything that a pod spec refers to.
pub(crate) fn references(spec: &Value) -> References {
    let mut found = References::new();
    for container in list(&spec["containers"]).chain(list(&spec["initContainers"])) {
        for variable in list(&container["env"]) {
            let from = &variable["valueFrom"];
            selected(&mut found, Kind::Secret, &from["secretKeyRef"]);
            selected(&mut found, Kind::ConfigMap, &from["configMapKeyRef"]);
        }
        for from in list(&container["envFrom"]) {
            selected(&mut found, Kind::Secret, &from["secretRef"]);
            selected(&mut found, Kind::ConfigMap, &from["configMapRef"]);
        }
    }
    for volume in list(&spec["volumes"]) {
        mounted(&mut found, Kind::Secret, &volume["secret"], "secretName");
        mounted(&mut found, Kind::ConfigMap, &volume["configMap"], "name");
        for source in list(&volume["projected"]["sources"]) {
            mounted(&mut found, Kind::Secret, &source["secret"], "name");
            mounted(&mut found, Kind::ConfigMap, &source["configMap"], "name");
        }
        selected(
            &mut found,
            Kind::Secret,
            &volume["csi"]["nodePublishSecretRef"],
        );
    }
    for secret in list(&spec["imagePullSecrets"]) {
        selected(&mut found, Kind::PullSecret, secret);
    }
    found
}

/// An object by `name`, and the one `key` of it if there is one.
fn selected(found: &mut References, kind: Kind, selector: &Value) {
    add(
        found,
        kind,
        selector,
        "name",
        selector["key"].as_str().into_iter(),
    );
}

/// An object by a field, and the keys that are to become files.
fn mounted(found: &mut References, kind: Kind, source: &Value, name: &str) {
    let keys = list(&source["items"]).filter_map(|item| item["key"].as_str());
    add(found, kind, source, name, keys);
}

fn add<'a>(
    found: &mut References,
    kind: Kind,
    source: &Value,
    name: &str,
    keys: impl Iterator<Item = &'a str>,
) {
    let Some(name) = source[name].as_str().filter(|name| !name.is_empty()) else {
        return;
    };
    if source["optional"] == true {
        return;
    }
    found
        .entry((kind, name.to_owned()))
        .or_default()
        .extend(keys.map(ToOwned::to_owned));
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_a_pod_refers_to_is_found() {
        let spec = json!({
            "initContainers": [{"envFrom": [{"secretRef": {"name": "init"}}, {"configMapRef": {"name": "maybe", "optional": true}}]}],
            "containers": [{
                "env": [
                    {"name": "A", "value": "x"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k1"}}},
                    {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k2"}}},
                    {"name": "D", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k", "optional": true}}},
                    {"name": "E", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
                ],
            }],
            "volumes": [
                {"name": "v", "secret": {"secretName": "vs", "items": [{"key": "f", "path": "f"}]}},
                {"name": "w", "configMap": {"name": "vc"}},
                {"name": "o", "secret": {"secretName": "no", "optional": true}},
                {"name": "p", "projected": {"sources": [
                    {"secret": {"name": "ps", "items": [{"key": "x", "path": "y"}]}},
                    {"configMap": {"name": "pc"}},
                    {"serviceAccountToken": {"path": "t"}},
                ]}},
                {"name": "q", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi"}}},
                {"name": "tofu", "emptyDir": {}},
            ],
            "imagePullSecrets": [{"name": "pull"}, {}],
        });
        let found: Vec<String> = references(&spec)
            .into_iter()
            .map(|((kind, name), keys)| format!("{} {name} {keys:?}", kind.name()))
            .collect();
        assert_eq!(
            found,
            [
                r#"ConfigMap c {"k"}"#,
                r#"ConfigMap pc {}"#,
                r#"ConfigMap vc {}"#,
                r#"Secret csi {}"#,
                r#"Secret init {}"#,
                r#"Secret ps {"x"}"#,
                r#"Secret s {"k1", "k2"}"#,
                r#"Secret vs {"f"}"#,
                r#"image pull Secret pull {}"#,
            ]
        );
        assert!(references(&json!({"containers": {"name": "main"}})).is_empty());
    }
}
