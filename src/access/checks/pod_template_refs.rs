//! The check `pod-template-refs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use super::job_namespace::require_namespace;
use super::{Check, api_server};
use crate::access::cause::ClusterCause;
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::kubernetes::object_kind::ObjectKind;
use crate::access::outcome::Outcome;
use crate::access::run::Run;
use crate::access::setup::{kubectl_apply, shell, yaml};

pub(super) static CHECK: Check = Check {
    info: CheckInfo {
        id: "pod-template-refs",
        title: "The objects that the pod template names exist",
        category: Category::Kubernetes,
        attribute: &["runner_configuration", "job", "pod_template"],
        caller_needs: &[api_server::CHECK.id()],
        runner_needs: &[api_server::CHECK.id()],
        only_warns: false,
    },
    run: |run| Box::pin(check(run)),
    without_calls: no_references,
};

/// Returns the outcome if the pod template names no object. No cluster is needed for it.
fn no_references(run: &Run<'_>) -> Option<Outcome> {
    let is_empty = run.references().is_ok_and(|found| found.is_empty());
    is_empty.then(|| Outcome::passed("The pod template names no object that the pod needs."))
}

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let references = run.references()?;
    require_namespace(run).await?;
    let looked_up = references.into_iter().map(async |((kind, name), keys)| {
        let response = run.read(run.object_path(kind, &name)?).await;
        judge(run, kind, &name, &keys, response)
    });
    let mut summary = Summary::default();
    for object in join_all(looked_up).await {
        summary.add(object?);
    }
    Ok(summary.outcome(run))
}

/// The result of looking up one object.
enum Found {
    /// The object exists and has every key.
    Complete(String),
    /// The object is missing or lacks something, so that the pod cannot start: the finding and its fix.
    Lacking(String, String),
    /// The same for an object without which the pod can start.
    Optional(String, String),
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
    fixes: String,
}

impl Summary {
    fn add(&mut self, found: Found) {
        match found {
            Found::Complete(what) => self.complete.push(what),
            Found::Lacking(finding, fix) => {
                self.lacking.push(finding);
                self.fixes += &fix;
            }
            Found::Optional(finding, fix) => {
                self.optional.push(finding);
                self.fixes += &fix;
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
            return Outcome::failed(format!(
                "The Job's pod cannot start without what pod_template names: {all}."
            ))
            .compare("every object that pod_template names", all)
            .fix(cause, self.fixes)
            .not_yet();
        }
        if let Some(first) = self.unread.first().cloned() {
            let messages = self.unread.iter().map(|outcome| outcome.message.clone());
            let optional = self.optional.iter().map(|finding| format!("{finding}."));
            let sentences: Vec<String> = messages.chain(optional).collect();
            return Outcome {
                message: sentences.join(" "),
                ..first
            };
        }
        if !self.optional.is_empty() {
            return Outcome::warned(format!("{all}.")).fix(cause, self.fixes);
        }
        Outcome::passed(format!(
            "Everything that the pod template names exists: {}.",
            self.complete.join(", ")
        ))
    }
}

/// Judges the API's response for one object.
fn judge(
    run: &Run<'_>,
    kind: ObjectKind,
    name: &str,
    keys: &BTreeSet<String>,
    response: Result<Arc<Value>, CheckError>,
) -> Result<Found, CheckError> {
    let (what, namespace) = (format!("{} {name:?}", kind.name()), run.namespace()?);
    let error = match response {
        Ok(object) => return Ok(existing(kind, name, namespace, keys, &object)),
        Err(CheckError::Kube(error)) => error,
        Err(other) => return Err(other),
    };
    Ok(match error {
        // If the API itself might be missing, only a message that names the object says that the object is.
        error
            if error.is_not_found()
                && (kind.is_always_served() || error.message().contains(name)) =>
        {
            let fix = creation(kind, namespace, name, keys);
            match kind.can_be_missing() {
                true => Found::Optional(format!("{what} does not exist: {}", without(kind)), fix),
                false => Found::Lacking(format!("{what} does not exist"), fix),
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
            Found::Unread(match is_forbidden {
                // One permission is missing for all objects of a kind.
                true => Outcome::incomplete(
                    format!("no permission to get {}", kind.plural()),
                    outcome.message,
                ),
                false => outcome,
            })
        }
    })
}

/// Judges an object that exists.
fn existing(
    kind: ObjectKind,
    name: &str,
    namespace: &str,
    keys: &BTreeSet<String>,
    object: &Value,
) -> Found {
    let what = format!("{} {name:?}", kind.name());
    // The scheduler refuses a pod whose claim is being deleted.
    if kind == ObjectKind::Claim && !object["metadata"]["deletionTimestamp"].is_null() {
        let wait = format!(
            "kubectl wait --for=delete -n {namespace} pvc/{} --timeout=5m\n",
            shell(name)
        );
        let fix = wait + &creation(kind, namespace, name, keys);
        return Found::Lacking(format!("{what} is being deleted"), fix);
    }
    let parts = [&object["data"], &object["binaryData"]];
    let has = |key: &&String| parts.iter().any(|part| part.get(key.as_str()).is_some());
    let absent: Vec<&str> = keys
        .iter()
        .filter(|key| !has(key))
        .map(String::as_str)
        .collect();
    if absent.is_empty() {
        return Found::Complete(what);
    }
    let all = parts.iter().filter_map(|part| part.as_object());
    let all: Vec<&str> = all
        .flat_map(|part| part.keys().map(String::as_str))
        .collect();
    let absent = absent.join(", ");
    let fix = format!(
        "kubectl edit -n {} {} {}   # add {absent}\n",
        shell(namespace),
        kind.plural(),
        shell(name)
    );
    Found::Lacking(
        format!("{what} has no key {absent} (it has: {})", all.join(", ")),
        fix,
    )
}

/// Returns what happens to a pod without an object that can be missing.
fn without(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::PullSecret => "the node pulls images without its credentials",
        _ => "the pod starts only if a volume of that class exists already",
    }
}

/// Returns the commands that create an object.
fn creation(kind: ObjectKind, namespace: &str, name: &str, keys: &BTreeSet<String>) -> String {
    let create = |kind: &str, rest: &str| {
        format!(
            "kubectl create {kind} -n {} {}{rest}\n",
            shell(namespace),
            shell(name)
        )
    };
    let literals: String = keys
        .iter()
        .map(|key| format!(" --from-literal={}=...", shell(key)))
        .collect();
    match kind {
        ObjectKind::ConfigMap => create("configmap", &literals),
        ObjectKind::Secret => create("secret generic", &literals),
        ObjectKind::PullSecret => create(
            "secret docker-registry",
            " --docker-server=... --docker-username=... --docker-password=...",
        ),
        ObjectKind::PriorityClass => format!(
            "kubectl create priorityclass {} --value=0   # or another value\n",
            shell(name)
        ),
        ObjectKind::Claim => format!(
            "# With the size and the storage class that the Job needs:\n{}",
            kubectl_apply(&format!(
                "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n  \
                 accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 1Gi\n",
                yaml(name),
                yaml(namespace)
            ))
        ),
        other => format!(
            "# Create the {} {}, or name another in job.pod_template:\nkubectl get {}{}\n",
            other.name(),
            shell(name),
            other.plural(),
            match other.is_namespaced() {
                true => format!(" -n {}", shell(namespace)),
                false => String::new(),
            }
        ),
    }
}
