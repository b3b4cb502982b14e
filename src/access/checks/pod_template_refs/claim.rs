//! The PersistentVolumeClaims that a pod template names.

use serde_json::{Value, json};

use super::{Found, storage_class};
use crate::access::check_error::CheckError;
use crate::access::checks::not_read;
use crate::access::fix::Fix;
use crate::access::kubernetes::object_kind::ObjectKind;
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;

/// Judges a claim that exists.
///
/// Source: the plugin VolumeBinding of kube-scheduler 1.34 (`podHasPVCs`): it refuses a pod whose claim is being deleted or
/// has lost its volume, and leaves a pod Pending whose claim is not bound, unless the claim waits for the pod.
///
/// # Errors
/// A value of the runner is unknown until apply.
pub(super) async fn judge(run: &Run<'_>, name: &str, claim: &Value) -> Result<Found, CheckError> {
    let namespace = run.namespace()?;
    let what = format!("{} {name:?}", ObjectKind::Claim.name());
    let describe = || {
        let command = ShellCommand::new("kubectl describe pvc").word(name);
        Fix::run(command.option("-n", namespace))
    };
    if !claim["metadata"]["deletionTimestamp"].is_null() {
        let wait = ShellCommand::new("kubectl wait --for=delete")
            .option("-n", namespace)
            .word(format!("pvc/{name}"))
            .word("--timeout=5m");
        let fix = Fix::run(wait).then(creation(namespace, name));
        return Ok(Found::Lacking(format!("{what} is being deleted"), fix));
    }
    if claim["status"]["phase"] == "Lost" {
        let finding = format!("{what} has lost its volume");
        return Ok(Found::Lacking(finding, describe()));
    }
    if claim["status"]["phase"] != "Pending" {
        return Ok(Found::Complete(what));
    }
    let class = claim["spec"]["storageClassName"].as_str();
    let Some(class) = class.filter(|class| !class.is_empty()) else {
        let finding = format!(
            "{what} has no volume yet, and no StorageClass: the pod stays Pending until a PersistentVolume matches it"
        );
        return Ok(Found::Optional(finding, describe()));
    };
    match run.read(run.object_path(ObjectKind::StorageClass, class)?).await {
        // The scheduler has a volume created for the pod.
        Ok(found) if found["volumeBindingMode"] == "WaitForFirstConsumer" => {
            storage_class::judge(run, what, &found).await
        }
        Ok(_) => Ok(Found::Optional(
            format!("{what} has no volume yet: the pod stays Pending until StorageClass {class:?} has created one"),
            describe(),
        )),
        Err(error) if error.is_not_found() => Ok(Found::Optional(
            format!("{what} has no volume yet, and its StorageClass {class:?} does not exist: the pod stays Pending"),
            describe(),
        )),
        Err(error) => {
            let object = format!("storageclasses {class:?}, which decides whether {what} waits for the pod");
            Ok(Found::Unread(not_read(run, &object, error)))
        }
    }
}

/// Returns what creates a claim.
pub(super) fn creation(namespace: &str, name: &str) -> Fix {
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    });
    Fix::note("Set the size and the storage class that the Job needs:").then_apply(vec![claim])
}
