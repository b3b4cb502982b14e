//! The objects that a pod spec names, without which its pod does not start.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::object_kind::ObjectKind;

/// A field of a PodSpec that names an object.
struct Field {
    /// The path of the reference in the PodSpec; `[]` stands for each element of a list.
    at: &'static str,
    /// The path of the name in the reference.
    name: &'static str,
    /// The kind of the object.
    kind: ObjectKind,
    /// The flags of the reference. If there are any, the object is only read if one of them is true.
    only_with: &'static [&'static str],
}

const fn field(at: &'static str, name: &'static str, kind: ObjectKind) -> Field {
    Field {
        at,
        name,
        kind,
        only_with: &[],
    }
}

/// Every field of a PodSpec that names an object which the API server, the scheduler or the kubelet needs before the
/// pod starts. A test compares the list with the schema. Source: k8s.io/api/core/v1/types.go, pkg/volume and the admission
/// plugins of Kubernetes 1.34.
const FIELDS: [Field; 33] = [
    field(
        "containers[].env[].valueFrom.configMapKeyRef",
        "name",
        ObjectKind::ConfigMap,
    ),
    field(
        "containers[].env[].valueFrom.secretKeyRef",
        "name",
        ObjectKind::Secret,
    ),
    field(
        "containers[].envFrom[].configMapRef",
        "name",
        ObjectKind::ConfigMap,
    ),
    field(
        "containers[].envFrom[].secretRef",
        "name",
        ObjectKind::Secret,
    ),
    field(
        "initContainers[].env[].valueFrom.configMapKeyRef",
        "name",
        ObjectKind::ConfigMap,
    ),
    field(
        "initContainers[].env[].valueFrom.secretKeyRef",
        "name",
        ObjectKind::Secret,
    ),
    field(
        "initContainers[].envFrom[].configMapRef",
        "name",
        ObjectKind::ConfigMap,
    ),
    field(
        "initContainers[].envFrom[].secretRef",
        "name",
        ObjectKind::Secret,
    ),
    field("volumes[].configMap", "name", ObjectKind::ConfigMap),
    field("volumes[].secret", "secretName", ObjectKind::Secret),
    field(
        "volumes[].projected.sources[].configMap",
        "name",
        ObjectKind::ConfigMap,
    ),
    field(
        "volumes[].projected.sources[].secret",
        "name",
        ObjectKind::Secret,
    ),
    field(
        "volumes[].projected.sources[].clusterTrustBundle",
        "name",
        ObjectKind::ClusterTrustBundle,
    ),
    field(
        "volumes[].persistentVolumeClaim",
        "claimName",
        ObjectKind::Claim,
    ),
    field(
        "volumes[].ephemeral.volumeClaimTemplate.spec",
        "storageClassName",
        ObjectKind::StorageClass,
    ),
    field("volumes[].azureFile", "secretName", ObjectKind::Secret),
    field("volumes[].cephfs.secretRef", "name", ObjectKind::Secret),
    field("volumes[].cinder.secretRef", "name", ObjectKind::Secret),
    field(
        "volumes[].csi.nodePublishSecretRef",
        "name",
        ObjectKind::Secret,
    ),
    field("volumes[].flexVolume.secretRef", "name", ObjectKind::Secret),
    field("volumes[].glusterfs", "endpoints", ObjectKind::Endpoints),
    Field {
        // pkg/volume/iscsi/iscsi.go, `createSecretMap`.
        only_with: &["chapAuthDiscovery", "chapAuthSession"],
        ..field("volumes[].iscsi", "secretRef.name", ObjectKind::Secret)
    },
    field("volumes[].rbd.secretRef", "name", ObjectKind::Secret),
    field("volumes[].scaleIO.secretRef", "name", ObjectKind::Secret),
    field("volumes[].storageos.secretRef", "name", ObjectKind::Secret),
    field("imagePullSecrets[]", "name", ObjectKind::PullSecret),
    field(
        "resourceClaims[]",
        "resourceClaimName",
        ObjectKind::ResourceClaim,
    ),
    field(
        "resourceClaims[]",
        "resourceClaimTemplateName",
        ObjectKind::ResourceClaimTemplate,
    ),
    field("", "nodeName", ObjectKind::Node),
    field("", "priorityClassName", ObjectKind::PriorityClass),
    field("", "runtimeClassName", ObjectKind::RuntimeClass),
    field(
        "volumes[].ephemeral.volumeClaimTemplate.spec",
        "volumeAttributesClassName",
        ObjectKind::VolumeAttributesClass,
    ),
    field(
        "volumes[].ephemeral.volumeClaimTemplate.spec",
        "volumeName",
        ObjectKind::PersistentVolume,
    ),
];

/// The objects that a pod spec needs, each with the keys that it must have. Objects that are marked as `optional` are not
/// needed.
pub(crate) type References = BTreeMap<(ObjectKind, String), BTreeSet<String>>;

/// Returns every object that a pod spec needs.
pub(crate) fn references(spec: &Value) -> References {
    let mut found = References::new();
    for field in &FIELDS {
        for source in values(spec, field.at) {
            let is_read =
                |flags: &[&str]| flags.is_empty() || flags.iter().any(|flag| source[flag] == true);
            let name = values(source, field.name)
                .into_iter()
                .find_map(Value::as_str);
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                continue;
            };
            if source["optional"] == true || !is_read(field.only_with) {
                continue;
            }
            let items = source["items"].as_array().into_iter().flatten();
            let keys = items.map(|item| &item["key"]).chain([&source["key"]]);
            let keys = keys.filter_map(|key| Some(key.as_str()?.to_owned()));
            let key = (field.kind, name.to_owned());
            found.entry(key).or_default().extend(keys);
        }
    }
    found
}

/// Returns the values at a path of [`FIELDS`].
fn values<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let steps = path.split('.').filter(|step| !step.is_empty());
    steps.fold(vec![value], |found, step| {
        let next = found
            .into_iter()
            .flat_map(|value| match step.strip_suffix("[]") {
                Some(list) => value[list]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default(),
                None => value
                    .get(step)
                    .map(std::slice::from_ref)
                    .unwrap_or_default(),
            });
        next.collect()
    })
}

#[cfg(test)]
mod tests;
