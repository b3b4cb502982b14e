use k8s_openapi::api::core::v1::PodSpec;
use schemars::generate::SchemaSettings;
use serde_json::json;

use super::*;

fn mounts(names: &[&str]) -> Vec<Value> {
    let mounts = names.iter();
    mounts
        .map(|name| json!({"name": name, "mountPath": format!("/{name}")}))
        .collect()
}

#[test]
fn every_object_that_a_pod_needs_is_found() {
    let spec = json!({
        "initContainers": [{"volumeMounts": mounts(&["v", "w"]), "envFrom": [{"secretRef": {"name": "init"}}, {"configMapRef": {"name": "maybe", "optional": true}}]}],
        "containers": [{
            "volumeDevices": [{"name": "q", "devicePath": "/q"}],
            "volumeMounts": mounts(&["o", "p", "s", "t", "u", "y", "z"]),
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
                {"clusterTrustBundle": {"name": "ctb", "path": "b"}},
                {"clusterTrustBundle": {"name": "no", "path": "b", "optional": true}},
            ]}},
            {"name": "q", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi"}}},
            {"name": "r", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "s", "azureFile": {"secretName": "share-key", "shareName": "s"}},
            {"name": "t", "iscsi": {"secretRef": {"name": "no"}}},
            {"name": "u", "iscsi": {"secretRef": {"name": "chap"}, "chapAuthSession": true}},
            {"name": "x", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "class"}}}},
            {"name": "y", "csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "spc"}}},
            {"name": "z", "csi": {"driver": "d", "volumeAttributes": {"secretProviderClass": "no"}}},
            {"name": "copy", "ephemeral": {"volumeClaimTemplate": {"spec": {"dataSource": {"kind": "PersistentVolumeClaim", "name": "copied"}}}}},
            {"name": "snap", "ephemeral": {"volumeClaimTemplate": {"spec": {"dataSourceRef": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "no"}}}}},
            {"name": "tofu", "emptyDir": {}},
            // The kubelet skips what no container mounts.
            {"name": "unused", "secret": {"secretName": "no"}},
            {"name": "unused-too", "projected": {"sources": [{"configMap": {"name": "no"}}]}},
            {"name": "unused-csi", "csi": {"driver": "no"}},
        ],
        "imagePullSecrets": [{"name": "pull"}, {}],
        "resourceClaims": [{"name": "a", "resourceClaimName": "rc"}, {"name": "b", "resourceClaimTemplateName": "rct"}],
        "priorityClassName": "high",
        "runtimeClassName": "gvisor",
        "nodeName": "",
    });
    let found: Vec<String> = references(&spec)
        .into_iter()
        .map(|((kind, name), keys)| format!("{} {name} {:?}", kind.name(), keys.all()))
        .collect();
    assert_eq!(
        found,
        [
            r#"ConfigMap c {"k"}"#,
            r#"ConfigMap pc {}"#,
            r#"ConfigMap vc {}"#,
            r#"CSIDriver d {}"#,
            r#"CSIDriver secrets-store.csi.k8s.io {}"#,
            r#"Secret chap {}"#,
            r#"Secret csi {}"#,
            r#"Secret init {}"#,
            r#"Secret ps {"x"}"#,
            r#"Secret s {"k1", "k2"}"#,
            r#"Secret share-key {}"#,
            r#"Secret vs {"f"}"#,
            r#"image pull Secret pull {}"#,
            r#"PersistentVolumeClaim claim {}"#,
            r#"PersistentVolumeClaim copied {}"#,
            r#"ResourceClaim rc {}"#,
            r#"ResourceClaimTemplate rct {}"#,
            r#"PriorityClass high {}"#,
            r#"RuntimeClass gvisor {}"#,
            r#"SecretProviderClass spc {}"#,
            r#"StorageClass class {}"#,
            r#"ClusterTrustBundle ctb {}"#,
        ]
    );
}

#[test]
fn a_spec_without_lists_names_nothing() {
    assert!(references(&json!({"containers": {"name": "main"}})).is_empty());
    assert!(references(&json!(null)).is_empty());
}

/// The ends of the paths of fields that look as if they named an object, and why [`FIELDS`] does not have them.
const NO_OBJECT: [(&str, &str); 27] = [
    ("serviceAccountName", "the check service-account looks it up"),
    ("schedulerName", "a process, not an object"),
    (
        "schedulingGroup.podGroupName",
        "an alpha API of Kubernetes 1.35 and later",
    ),
    ("resources.claims", "names in resourceClaims of the same spec"),
    ("resizePolicy[].resourceName", "a resource, such as cpu"),
    ("containerName", "a container of the same pod"),
    ("targetContainerName", "a container of the same pod"),
    ("resourceFieldRef", "a field of the same container"),
    ("fieldRef", "a field of the same pod"),
    ("fileKeyRef", "a file in a volume of the same pod"),
    ("fileKeyRef.volumeName", "a volume of the same pod"),
    (
        "signerName",
        "a signer, whose bundles are selected by their labels and are not looked up",
    ),
    ("credentialBundlePath", "a path in the volume"),
    (
        "gmsaCredentialSpecName",
        "Windows only, which the Orchestrator's image is not made for",
    ),
    ("runAsUserName", "a user in the image"),
    ("diskName", "a disk of Azure"),
    ("pdName", "a disk of Google"),
    ("shareName", "a share of Azure"),
    ("secretFile", "a path on the node"),
    ("flexVolume.driver", "a program on the node"),
    ("datasetName", "a dataset of Flocker"),
    ("initiatorName", "a name of iSCSI"),
    ("storagePolicyName", "a policy of vSphere"),
    ("scaleIO.volumeName", "a volume of ScaleIO"),
    ("storageos.volumeName", "a volume of StorageOS"),
    (
        "ephemeral.volumeClaimTemplate.spec.dataSource",
        "of any kind; a function finds the claims",
    ),
    (
        "ephemeral.volumeClaimTemplate.spec.dataSourceRef",
        "of any kind; a function finds the claims",
    ),
];

/// Every path of the PodSpec's schema below `schema`, with the name of its type.
fn paths(schema: &Value, root: &Value, path: &str, depth: usize, found: &mut Vec<(String, String)>) {
    let (schema, type_name) = match schema["$ref"].as_str() {
        Some(reference) => {
            let name = reference.trim_start_matches("#/$defs/");
            (&root["$defs"][name], name)
        }
        None => (schema, ""),
    };
    found.push((
        path.to_owned(),
        type_name.rsplit('.').next().unwrap_or_default().to_owned(),
    ));
    assert!(depth < 20, "{path}");
    if schema["items"].is_object() {
        paths(&schema["items"], root, &format!("{path}[]"), depth + 1, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        paths(property, root, &path, depth + 1, found);
    }
}

/// A field of a later Kubernetes that names an object must be put into one of the two tables.
#[test]
fn every_field_that_may_name_an_object_is_classified() {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<PodSpec>()
        .to_value();
    let mut all = Vec::new();
    paths(&schema, &schema, "", 0, &mut all);
    assert!(all.len() > 500, "{}", all.len());

    let names_object = |path: &str, type_name: &str| {
        let name = path.rsplit('.').next().unwrap_or_default();
        let words = [
            "Ref", "ecret", "onfigMap", "laim", "ndpoints", "Class", "Bundle", "river",
        ];
        let by_name = name.ends_with("Name") || words.iter().any(|word| name.contains(word));
        let by_type = ["Reference", "KeySelector", "Secret", "ConfigMap"];
        (by_name && !path.ends_with("[]")) || by_type.iter().any(|word| type_name.contains(word))
    };
    let in_table = |path: &str| {
        FIELDS.iter().any(|field| {
            let name = if field.at.is_empty() {
                field.name.to_owned()
            } else {
                format!("{}.{}", field.at, field.name)
            };
            path == name || name.starts_with(&format!("{path}.")) || name.starts_with(&format!("{path}[]"))
        })
    };
    let is_no_object = |path: &str| {
        NO_OBJECT
            .iter()
            .any(|(end, _)| path == *end || path.ends_with(&format!(".{end}")))
    };
    let unclassified: Vec<_> = all
        .iter()
        // The API server refuses ephemeral containers in a pod that is created.
        .filter(|(path, _)| !path.starts_with("ephemeralContainers"))
        .filter(|(path, _)| !path.contains("volumeClaimTemplate.metadata."))
        .filter(|(path, type_name)| names_object(path, type_name))
        .filter(|(path, _)| !in_table(path) && !is_no_object(path))
        .collect();
    assert!(unclassified.is_empty(), "{unclassified:#?}");

    // And nothing in the tables that a PodSpec does not have.
    for field in &FIELDS {
        let path = if field.at.is_empty() {
            field.name.to_owned()
        } else {
            format!("{}.{}", field.at, field.name)
        };
        assert!(all.iter().any(|(one, _)| *one == path), "{path}");
    }
    for (end, _) in NO_OBJECT {
        assert!(
            all.iter()
                .any(|(path, _)| path == end || path.ends_with(&format!(".{end}"))),
            "{end}"
        );
    }
}
