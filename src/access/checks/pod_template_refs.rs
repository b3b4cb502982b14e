//! The check `pod-template-refs`.

mod claim;
mod ephemeral;
mod storage_class;

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use super::job_namespace::require_namespace;
use super::{Check, api_server, read_ahead};
use crate::access::cause::ClusterCause;
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::object_kind::ObjectKind;
use crate::access::kubernetes::references::UsedKeys;
use crate::access::outcome::Outcome;
use crate::access::render::shell::{ShellCommand, Word};
use crate::access::run::Run;
use crate::access::settings::CheckSetting;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "pod-template-refs",
        title: "The objects that the pod template names exist",
        category: Category::Job,
        attribute: &["runner_configuration", "job", "pod_template"],
        caller_needs: &[api_server::CHECK.id()],
        runner_needs: &[api_server::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::CLUSTER)
.without_calls(no_references)
.look_ahead(|run| Box::pin(look_ahead(run)));

async fn look_ahead(run: &Run<'_>) {
    let references = run.references().unwrap_or_default();
    let paths = references.keys();
    let paths = paths.map(|(kind, name)| run.object_path(*kind, name));
    let classes = ephemeral::needs_default(run).then(|| Ok(ephemeral::CLASSES_PATH.to_owned()));
    join_all(paths.chain(classes).map(|path| read_ahead(run, path))).await;
}

/// Returns the outcome if the pod template names no object. No cluster is needed for it.
fn no_references(run: &Run<'_>) -> Option<Outcome> {
    let is_empty = run.references().is_ok_and(|found| found.is_empty()) && !ephemeral::has_any(run);
    is_empty.then(|| Outcome::passed("The pod template names no object that the pod needs."))
}

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let references = run.references()?;
    require_namespace(run).await?;
    let looked_up = references.into_iter().map(async |((kind, name), keys)| {
        let response = run.read(run.object_path(kind, &name)?).await;
        judge(run, kind, &name, &keys, response).await
    });
    let (looked_up, ephemeral) = tokio::join!(join_all(looked_up), ephemeral::judge(run));
    let mut summary = Summary::default();
    for object in looked_up {
        summary.add(object?);
    }
    for volume in ephemeral? {
        summary.add(volume);
    }
    Ok(summary.outcome(run))
}

/// The result of looking up one object.
enum Found {
    /// The object exists and has every key.
    Complete(String),
    /// The object is missing or lacks something, so that the pod cannot start: the finding and its fix.
    Lacking(String, Fix),
    /// The same for an object without which the pod can start.
    Optional(String, Fix),
    /// The object could not be read: the outcome of the check.
    Unread(Outcome),
}

/// The results of looking up every object.
#[derive(Default)]
struct Summary {
    complete: Vec<String>,
    lacking: Vec<String>,
    optional: Vec<String>,
    unread: Vec<Outcome>,
    fixes: Vec<Fix>,
}

impl Summary {
    fn add(&mut self, found: Found) {
        match found {
            Found::Complete(what) => self.complete.push(what),
            Found::Lacking(finding, fix) => {
                self.lacking.push(finding);
                self.fixes.push(fix);
            }
            Found::Optional(finding, fix) => {
                self.optional.push(finding);
                self.fixes.push(fix);
            }
            Found::Unread(outcome) => self.unread.push(outcome),
        }
    }

    fn outcome(self, run: &Run<'_>) -> Outcome {
        let findings: Vec<String> = self.lacking.iter().chain(&self.optional).cloned().collect();
        let all = findings.join("; ");
        let cause = run.cluster_cause(ClusterCause::MissingObjects {
            namespace: run.namespace().unwrap_or_default().to_owned(),
            findings,
        });
        if !self.lacking.is_empty() {
            return Outcome::failed(format!("The Job's pod cannot start with this pod_template: {all}."))
                .compare("every object that pod_template names", all)
                .fix(cause, Fix::from_iter(self.fixes))
                .not_yet();
        }
        let doubts = self.optional.iter().map(|finding| format!("{finding}."));
        if let Some(outcome) = super::findings::unknown(&self.unread, doubts) {
            return outcome;
        }
        if !self.optional.is_empty() {
            return Outcome::warned(format!("{all}.")).fix(cause, Fix::from_iter(self.fixes));
        }
        Outcome::passed(format!(
            "Everything that the pod template names exists: {}.",
            self.complete.join(", ")
        ))
    }
}

/// Judges the API's response for one object.
async fn judge(
    run: &Run<'_>,
    kind: ObjectKind,
    name: &str,
    keys: &UsedKeys,
    response: Result<Arc<Value>, CheckError>,
) -> Result<Found, CheckError> {
    let (what, namespace) = (format!("{} {name:?}", kind.name()), run.namespace()?);
    let error = match response {
        Ok(object) if kind == ObjectKind::Claim => {
            return claim::judge(run, name, &object).await;
        }
        Ok(object) if kind == ObjectKind::StorageClass => {
            return storage_class::judge(run, what, &object).await;
        }
        Ok(object) if kind == ObjectKind::CsiDriver => return Ok(inline_driver(what, &object)),
        Ok(object) => return Ok(existing(kind, name, namespace, keys, &object)),
        Err(CheckError::Kube(error)) => error,
        Err(other) => return Err(other),
    };
    Ok(match error {
        // If the API itself might be missing, only a message that names the object says that the object is.
        error if error.is_not_found() && (kind.is_always_served() || error.message().contains(name)) => {
            let fix = creation(kind, namespace, name, keys);
            if kind.can_be_missing() {
                Found::Optional(format!("{what} does not exist: {}", without(kind)), fix)
            } else {
                Found::Lacking(format!("{what} does not exist"), fix)
            }
        }
        error if error.is_not_found() => Found::Unread(Outcome::incomplete(
            format!("the cluster does not serve {}", kind.plural()),
            format!(
                "The cluster does not serve {}, so {what} was not looked up.",
                kind.plural()
            ),
        )),
        error => {
            let is_forbidden = error.is_forbidden();
            let object = format!("{} {name:?}", kind.plural());
            let outcome = super::not_read(run, &object, error.into());
            Found::Unread(if is_forbidden {
                // One permission is missing for all objects of a kind.
                Outcome::incomplete(format!("no permission to get {}", kind.plural()), outcome.message)
            } else {
                outcome
            })
        }
    })
}

/// Judges an object that exists.
fn existing(kind: ObjectKind, name: &str, namespace: &str, keys: &UsedKeys, object: &Value) -> Found {
    let what = format!("{} {name:?}", kind.name());
    let parts = [&object["data"], &object["binaryData"]];
    let has = |key: &String| parts.iter().any(|part| part.get(key.as_str()).is_some());
    let is_binary = |key: &&String| has(key) && object["data"].get(key.as_str()).is_none();
    let edit = |hint: String| {
        ShellCommand::new("kubectl edit")
            .option("-n", namespace)
            .word(kind.plural())
            .word(name)
            .comment(&hint)
    };
    let absent: Vec<&str> = keys
        .all()
        .into_iter()
        .filter(|key| !has(key))
        .map(String::as_str)
        .collect();
    if absent.is_empty() {
        let Some(key) = keys.variables.iter().find(is_binary) else {
            return Found::Complete(what);
        };
        return Found::Lacking(
            format!("{what} has the key {key:?} only in binaryData, which variables cannot use"),
            edit(format!("move {key} to data")).into(),
        );
    }
    let all = parts.iter().filter_map(|part| part.as_object());
    let all: Vec<&str> = all.flat_map(|part| part.keys().map(String::as_str)).collect();
    let absent = absent.join(", ");
    Found::Lacking(
        format!(
            "{what} does not have the key {absent:?}; its keys are {}",
            all.join(", ")
        ),
        edit(format!("add {absent}")).into(),
    )
}

/// Judges the driver of an inline volume. The kubelet mounts such a volume only with a driver that has a CSIDriver, which lists
/// the mode `Ephemeral` (`supportsVolumeLifecycleMode` in pkg/volume/csi/csi_plugin.go). The API's default is `Persistent`.
fn inline_driver(what: String, driver: &Value) -> Found {
    let modes = driver["spec"]["volumeLifecycleModes"].as_array();
    let modes: Vec<&str> = modes.into_iter().flatten().filter_map(Value::as_str).collect();
    if modes.contains(&"Ephemeral") {
        return Found::Complete(what);
    }
    Found::Lacking(
        format!(
            "{what} does not support inline volumes; its volumeLifecycleModes are {}",
            modes.join(", ")
        ),
        Fix::note(
            "In job.pod_template, use a persistentVolumeClaim or an ephemeral volume instead of csi, or another driver:",
        )
        .then_run(ShellCommand::new("kubectl get csidrivers")),
    )
}

/// Returns what happens to a pod without an object that can be missing.
fn without(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::PullSecret => "the node pulls images without its credentials",
        _ => "the pod starts only if a volume of that class already exists",
    }
}

/// Returns what creates an object.
fn creation(kind: ObjectKind, namespace: &str, name: &str, keys: &UsedKeys) -> Fix {
    let create = |what: &str| ShellCommand::new(what).option("-n", namespace).word(name);
    let with_keys = |create: ShellCommand| {
        keys.all().into_iter().fold(create, |create, key| {
            let key = Word::from(key);
            create.word(Word::code(format!("--from-literal={key}=...")))
        })
    };
    match kind {
        ObjectKind::ConfigMap => with_keys(create("kubectl create configmap")).into(),
        ObjectKind::Secret => with_keys(create("kubectl create secret generic")).into(),
        ObjectKind::PullSecret => create("kubectl create secret docker-registry")
            .word("--docker-server=...")
            .word("--docker-username=...")
            .word("--docker-password=...")
            .into(),
        ObjectKind::PriorityClass => ShellCommand::new("kubectl create priorityclass")
            .word(name)
            .word("--value=0")
            .comment("or another value")
            .into(),
        ObjectKind::Claim => claim::creation(namespace, name),
        ObjectKind::CsiDriver => Fix::note(format!(
            "Install the CSI driver {}, or use another volume in job.pod_template:",
            Word::from(name)
        ))
        .then_run(ShellCommand::new("kubectl get csidrivers")),
        other => {
            let get = ShellCommand::new("kubectl get").word(other.plural());
            let get = if other.is_namespaced() {
                get.option("-n", namespace)
            } else {
                get
            };
            Fix::note(format!(
                "Create the {} {}, or use another one in job.pod_template:",
                other.name(),
                Word::from(name)
            ))
            .then_run(get)
        }
    }
}
