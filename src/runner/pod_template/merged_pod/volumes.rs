//! The volumes of the merged pod.

use serde_json::Value;

use super::super::go_values::items;
use super::super::{InvalidField, problem};
use super::{MergedContainer, at, removed};
use crate::runner::invalid::quoted;

/// The sources of a volume that every version of Kubernetes knows. An API server ignores a source that it does not know, such
/// as `image` before 1.31, and the volume then has one source less.
const SOURCES: [&str; 29] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "hostPath",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "photonPersistentDisk",
    "portworxVolume",
    "projected",
    "quobyte",
    "rbd",
    "scaleIO",
    "secret",
    "storageos",
    "vsphereVolume",
];

/// Returns a problem for each volume with more than one source, and for the removal of all volumes.
///
/// Source: `validateVolumeSource`, and `ValidateVolumeMounts`, which requires the volume of each mount. A volume without a
/// source is an `emptyDir` (`SetDefaults_Volume` in pkg/apis/core/v1/defaults.go).
pub(super) fn check(template: &Value, spec: &Value, containers: &[MergedContainer<'_>]) -> Vec<InvalidField> {
    let has_mounts = |container: &MergedContainer<'_>| {
        let mut mounts = items(container.merged.get("volumeMounts"));
        mounts.next().is_some()
    };
    if template.get("volumes") == Some(&Value::Null) && containers.iter().any(has_mounts) {
        return vec![removed("spec.volumes", "a volume that a container mounts")];
    }
    let mut problems = Vec::new();
    for (_, volume) in items(spec.get("volumes")) {
        let sources: Vec<&str> = SOURCES
            .into_iter()
            .filter(|source| at(volume, &[source]).is_some())
            .collect();
        let [_, .., _] = sources.as_slice() else {
            continue;
        };
        let elements: Vec<_> = items(template.get("volumes"))
            .filter(|(_, element)| element["name"] == volume["name"])
            .collect();
        let Some((index, _)) = elements.last() else {
            continue;
        };
        let is_set = |source: &&str| {
            let mut elements = elements.iter();
            elements.any(|(_, element)| at(element, &[source]).is_some())
        };
        // What the template does not set is the Orchestrator's.
        let own = sources.iter().find(|source| !is_set(source));
        let fix = match own {
            Some(own) => {
                format!("The Orchestrator sets `{own}`: rename your volume, or set `{own}` to null as well.")
            }
            None => "Remove all but one.".to_owned(),
        };
        problems.push(problem(
            &format!("spec.volumes[{index}]"),
            "Volume with two sources in pod_template",
            format_args!(
                "is the volume {}, which has more than one source ({}), and Kubernetes accepts only one. {fix}",
                quoted(volume["name"].as_str().unwrap_or_default()),
                sources.join(", ")
            ),
        ));
    }
    problems
}
