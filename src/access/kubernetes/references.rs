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
const FIELDS: [Field; 34] = [
    field(
        "containers[].env[].valueFrom.configMapKeyRef",
        "name",
        ObjectKind::ConfigMap,
    ),
    field("containers[].env[].valueFrom.secretKeyRef", "name", ObjectKind::Secret),
    field("containers[].envFrom[].configMapRef", "name", ObjectKind::ConfigMap),
    field("containers[].envFrom[].secretRef", "name", ObjectKind::Secret),
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
    field("initContainers[].envFrom[].configMapRef", "name", ObjectKind::ConfigMap),
    field("initContainers[].envFrom[].secretRef", "name", ObjectKind::Secret),
    field("volumes[].configMap", "name", ObjectKind::ConfigMap),
    field("volumes[].secret", "secretName", ObjectKind::Secret),
    field("volumes[].projected.sources[].configMap", "name", ObjectKind::ConfigMap),
    field("volumes[].projected.sources[].secret", "name", ObjectKind::Secret),
    field(
        "volumes[].projected.sources[].clusterTrustBundle",
        "name",
        ObjectKind::ClusterTrustBundle,
    ),
    field("volumes[].persistentVolumeClaim", "claimName", ObjectKind::Claim),
    field(
        "volumes[].ephemeral.volumeClaimTemplate.spec",
        "storageClassName",
        ObjectKind::StorageClass,
    ),
    field("volumes[].azureFile", "secretName", ObjectKind::Secret),
    field("volumes[].cephfs.secretRef", "name", ObjectKind::Secret),
    field("volumes[].cinder.secretRef", "name", ObjectKind::Secret),
    field("volumes[].csi", "driver", ObjectKind::CsiDriver),
    field("volumes[].csi.nodePublishSecretRef", "name", ObjectKind::Secret),
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
    field("resourceClaims[]", "resourceClaimName", ObjectKind::ResourceClaim),
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

/// The keys of an object that a pod needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UsedKeys {
    /// The keys that become variables. The kubelet reads them from `data` alone (`makeEnvironmentVariables` in
    /// pkg/kubelet/kubelet_pods.go).
    pub(crate) variables: BTreeSet<String>,
    /// The keys that become files. The kubelet also reads them from the `binaryData` of a ConfigMap
    /// (pkg/volume/configmap).
    pub(crate) files: BTreeSet<String>,
}

impl UsedKeys {
    /// Returns every key once.
    pub(crate) fn all(&self) -> BTreeSet<&String> {
        self.variables.union(&self.files).collect()
    }
}

/// The objects that a pod spec needs, each with the keys that it must have. Objects that are marked as `optional` are not
/// needed.
pub(crate) type References = BTreeMap<(ObjectKind, String), UsedKeys>;

/// Returns every object that a pod spec needs.
pub(crate) fn references(spec: &Value) -> References {
    let spec = &without_unused_volumes(spec);
    let mut found = References::new();
    for field in &FIELDS {
        for source in values(spec, field.at) {
            let is_read = |flags: &[&str]| flags.is_empty() || flags.iter().any(|flag| source[flag] == true);
            let name = values(source, field.name).into_iter().find_map(Value::as_str);
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                continue;
            };
            if source["optional"] == true || !is_read(field.only_with) {
                continue;
            }
            let key = |value: &Value| value.as_str().map(str::to_owned);
            let items = source["items"].as_array().into_iter().flatten();
            let keys = found.entry((field.kind, name.to_owned())).or_default();
            keys.files.extend(items.filter_map(|item| key(&item["key"])));
            keys.variables.extend(key(&source["key"]));
        }
    }
    let of_values = secret_provider_classes(spec).chain(copied_claims(spec));
    found.extend(of_values.map(|object| (object, UsedKeys::default())));
    found
}

/// Returns a pod spec without the volumes that no container mounts and that only the kubelet reads, because it skips them
/// (`processPodVolumes` in pkg/kubelet/volumemanager/populator). The scheduler waits for a claim in any case.
fn without_unused_volumes(spec: &Value) -> Value {
    let mut used = BTreeSet::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for mounts in ["volumeMounts", "volumeDevices"] {
            let names = values(spec, &format!("{list}[].{mounts}[].name"));
            used.extend(names.into_iter().filter_map(Value::as_str));
        }
    }
    let is_needed = |volume: &Value| {
        let is_claim = |kind: &str| !volume[kind].is_null();
        let name = volume["name"].as_str();
        is_claim("persistentVolumeClaim") || is_claim("ephemeral") || name.is_some_and(|name| used.contains(name))
    };
    let mut needed = spec.clone();
    if let Some(volumes) = needed.get_mut("volumes").and_then(Value::as_array_mut) {
        volumes.retain(is_needed);
    }
    needed
}

/// Returns the SecretProviderClasses of the volumes of the Secrets Store CSI driver, which names them in a map that has no
/// schema. Source: secrets-store-csi-driver, pkg/secrets-store/nodeserver.go (`NodePublishVolume`).
fn secret_provider_classes(spec: &Value) -> impl Iterator<Item = (ObjectKind, String)> {
    let volumes = values(spec, "volumes[].csi").into_iter();
    let volumes = volumes.filter(|csi| csi["driver"] == "secrets-store.csi.k8s.io");
    volumes.filter_map(|csi| {
        let name = csi["volumeAttributes"]["secretProviderClass"].as_str()?;
        Some((ObjectKind::SecretProviderClass, name.to_owned()))
    })
}

/// Returns the claims that the volumes of ephemeral claims are copied from. Sources of other kinds, and those in other
/// namespaces, are not looked up.
fn copied_claims(spec: &Value) -> impl Iterator<Item = (ObjectKind, String)> {
    let templates = values(spec, "volumes[].ephemeral.volumeClaimTemplate.spec");
    let sources = templates
        .into_iter()
        .flat_map(|template| [&template["dataSource"], &template["dataSourceRef"]]);
    let is_claim = |source: &&Value| {
        source["kind"] == "PersistentVolumeClaim"
            && ["apiGroup", "namespace"].iter().all(|field| {
                let value = source[*field].as_str();
                value.is_none_or(str::is_empty)
            })
    };
    sources.filter(is_claim).filter_map(|source| {
        let name = source["name"].as_str()?;
        Some((ObjectKind::Claim, name.to_owned()))
    })
}

/// Returns the values at a path of [`FIELDS`].
fn values<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let steps = path.split('.').filter(|step| !step.is_empty());
    steps.fold(vec![value], |found, step| {
        let next = found.into_iter().flat_map(|value| match step.strip_suffix("[]") {
            Some(list) => value[list].as_array().map(Vec::as_slice).unwrap_or_default(),
            None => value.get(step).map(std::slice::from_ref).unwrap_or_default(),
        });
        next.collect()
    })
}

#[cfg(test)]
mod tests;
