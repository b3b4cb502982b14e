//! The ephemeral volumes of a pod template whose claims name no StorageClass.

use serde_json::Value;

use super::{Found, storage_class};
use crate::access::check_error::CheckError;
use crate::access::checks::not_read;
use crate::access::fix::Fix;
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;

/// The path of the StorageClasses.
pub(super) const CLASSES_PATH: &str = "/apis/storage.k8s.io/v1/storageclasses";

/// A volume whose claim names no StorageClass.
struct Classless {
    name: String,
    /// Whether the claim gets the cluster's default class. With the class `""`, it gets none.
    takes_default: bool,
}

/// Returns whether the pod template has such a volume.
pub(super) fn has_any(run: &Run<'_>) -> bool {
    classless(run).is_ok_and(|volumes| !volumes.is_empty())
}

/// Returns whether such a volume depends on the cluster's default class.
pub(super) fn needs_default(run: &Run<'_>) -> bool {
    classless(run).is_ok_and(|volumes| volumes.iter().any(|volume| volume.takes_default))
}

/// Judges such volumes: a claim without a class waits for a volume that somebody creates, and its pod with it.
///
/// Source: the admission plugin DefaultStorageClass of Kubernetes 1.34, and "Dynamic Volume Provisioning" in the Kubernetes
/// documentation.
///
/// # Errors
/// A value of the runner is unknown until apply.
pub(super) async fn judge(run: &Run<'_>) -> Result<Vec<Found>, CheckError> {
    let mut found = Vec::new();
    let volumes = classless(run)?;
    let default = if needs_default(run) {
        match run.read(CLASSES_PATH.to_owned()).await {
            Ok(classes) => default_of(&classes).cloned(),
            Err(error) => {
                let object = "storageclasses, one of which must be the default";
                found.push(Found::Unread(not_read(run, object, error)));
                return Ok(found);
            }
        }
    } else {
        None
    };
    for volume in volumes {
        found.push(match &default {
            Some(class) if volume.takes_default => {
                let what = format!("the default StorageClass {}", class["metadata"]["name"]);
                storage_class::judge(run, what, class).await?
            }
            _ => lacking(&volume),
        });
    }
    Ok(found)
}

fn lacking(volume: &Classless) -> Found {
    let name = &volume.name;
    let why = if volume.takes_default {
        "the cluster has no default StorageClass"
    } else {
        "its storageClassName \"\" excludes the default one"
    };
    let finding = format!(
        "the claim of ephemeral volume {name:?} has no StorageClass, because {why}: the pod stays Pending until a \
         PersistentVolume matches it"
    );
    let fix = Fix::note(format!(
        "In job.pod_template, set storageClassName in the volumeClaimTemplate of {name} to one of these:"
    ));
    let list = ShellCommand::new("kubectl get storageclasses");
    Found::Optional(finding, fix.then_run(list))
}

/// Returns the default class in a list of classes (`IsDefaultAnnotation` in pkg/volume/util/storageclass.go).
fn default_of(classes: &Value) -> Option<&Value> {
    const ANNOTATIONS: [&str; 2] = [
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ];
    let mut classes = classes["items"].as_array().into_iter().flatten();
    classes.find(|class| {
        let annotations = &class["metadata"]["annotations"];
        ANNOTATIONS.iter().any(|name| annotations[name] == "true")
    })
}

fn classless(run: &Run<'_>) -> Result<Vec<Classless>, CheckError> {
    Ok(classless_of(&run.job()?["spec"]["template"]["spec"]))
}

/// Returns the volumes of a pod spec whose claims name neither a class nor a volume.
fn classless_of(spec: &Value) -> Vec<Classless> {
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    let volumes = volumes.filter_map(|volume| {
        let claim = volume["ephemeral"]["volumeClaimTemplate"].get("spec")?;
        let class = claim["storageClassName"].as_str();
        let is_free = |text: Option<&str>| text.is_none_or(str::is_empty);
        (is_free(class) && is_free(claim["volumeName"].as_str())).then(|| Classless {
            name: volume["name"].as_str().unwrap_or_default().to_owned(),
            takes_default: class.is_none(),
        })
    });
    volumes.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_without_a_class_are_found() {
        let volume =
            |name: &str, spec: Value| json!({"name": name, "ephemeral": {"volumeClaimTemplate": {"spec": spec}}});
        let spec = json!({"volumes": [
            volume("default", json!({"accessModes": ["ReadWriteOnce"]})),
            volume("none", json!({"storageClassName": ""})),
            volume("class", json!({"storageClassName": "gp3"})),
            volume("volume", json!({"storageClassName": "", "volumeName": "pv-1"})),
            {"name": "tofu", "emptyDir": {}},
        ]});
        let found: Vec<(String, bool)> = classless_of(&spec)
            .into_iter()
            .map(|volume| (volume.name, volume.takes_default))
            .collect();
        let expected = [("default".to_owned(), true), ("none".to_owned(), false)];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_default_class_has_an_annotation() {
        let class = |annotations: Value| json!({"items": [{"metadata": {"name": "gp3", "annotations": annotations}}]});
        let default = "storageclass.kubernetes.io/is-default-class";
        let older = "storageclass.beta.kubernetes.io/is-default-class";
        for (annotations, is_default) in [
            (json!({default: "true"}), true),
            (json!({older: "true"}), true),
            (json!({default: "false"}), false),
            (json!(null), false),
        ] {
            let classes = class(annotations);
            let found = default_of(&classes).map(|class| &class["metadata"]["name"]);
            assert_eq!(found, is_default.then_some(&json!("gp3")), "{classes}");
        }
    }
}
