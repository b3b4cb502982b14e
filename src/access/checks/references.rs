//! `pod-template-refs`: the objects that the Job's pod needs exist.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use super::namespace::not_failed;
use crate::access::check::Outcome;
use crate::access::kubernetes::KubeError;
use crate::access::kubernetes::kind::Kind;
use crate::access::run::Run;
use crate::access::setup::{kubectl_apply, shell, yaml};

/// What looking up one object came to.
enum Found {
    /// It exists and has every key.
    Good(String),
    /// It is missing or lacks something, and the pod cannot start: the finding and its fix.
    Bad(String, String),
    /// The same, and the pod can start.
    Dubious(String, String),
    /// It could not be read: what the check then comes to.
    Unread(Outcome),
}

/// Returns the outcome of `pod-template-refs` where the pod template names no object. No cluster is needed for it.
pub(super) fn no_references(run: &Run<'_>) -> Option<Outcome> {
    let is_empty = run.references().is_ok_and(|found| found.is_empty());
    is_empty.then(|| Outcome::passed("The pod template names no object that the pod needs."))
}

/// `pod-template-refs`
pub(super) async fn exist(run: &Run<'_>) -> Result<Outcome, Outcome> {
    if let Some(outcome) = no_references(run) {
        return Ok(outcome);
    }
    let references = run.references()?;
    not_failed(run).await?;
    let looked_up = references.into_iter().map(async |((kind, name), keys)| {
        let answer = run.read(run.object(kind, &name)?).await?;
        found(run, kind, &name, &keys, answer)
    });
    let (mut good, mut bad, mut dubious, mut unread) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut fixes = String::new();
    for one in join_all(looked_up).await {
        match one? {
            Found::Good(what) => good.push(what),
            Found::Bad(finding, fix) => {
                bad.push(finding);
                fixes += &fix;
            }
            Found::Dubious(finding, fix) => {
                dubious.push(finding);
                fixes += &fix;
            }
            Found::Unread(outcome) => unread.push(outcome),
        }
    }
    let all: Vec<String> = bad.iter().chain(&dubious).cloned().collect();
    let cause = format!("pod-template-refs:{}:{}", run.namespace()?, all.join(";"));
    if !bad.is_empty() {
        return Ok(Outcome::failed(format!(
            "The Job's pod cannot start without what pod_template names: {}.",
            all.join("; ")
        ))
        .compare("every object that pod_template names", all.join("; "))
        .fix(cause, fixes)
        .not_yet());
    }
    if let Some(first) = unread.first().cloned() {
        let messages = unread.iter().map(|outcome| outcome.message.clone());
        let dubious = dubious.iter().map(|finding| format!("{finding}."));
        let sentences: Vec<String> = messages.chain(dubious).collect();
        return Ok(Outcome {
            message: sentences.join(" "),
            ..first
        });
    }
    if !dubious.is_empty() {
        return Ok(Outcome::warned(format!("{}.", dubious.join("; "))).fix(cause, fixes));
    }
    Ok(Outcome::passed(format!(
        "Everything that the pod template names exists: {}.",
        good.join(", ")
    )))
}

/// Judges what the API returned for one object.
fn found(
    run: &Run<'_>,
    kind: Kind,
    name: &str,
    keys: &BTreeSet<String>,
    answer: Result<Arc<Value>, KubeError>,
) -> Result<Found, Outcome> {
    let (what, namespace) = (format!("{} {name:?}", kind.name()), run.namespace()?);
    Ok(match answer {
        Ok(object) => present(kind, name, namespace, keys, &object),
        // Where the API itself may be missing, its own message names the object that is not there.
        Err(error)
            if error.is_not_found()
                && (kind.is_always_served() || error.message().contains(name)) =>
        {
            let fix = creation(kind, namespace, name, keys);
            match kind.can_be_missing() {
                true => Found::Dubious(format!("{what} does not exist: {}", without(kind)), fix),
                false => Found::Bad(format!("{what} does not exist"), fix),
            }
        }
        Err(error) if error.is_not_found() => Found::Unread(Outcome::incomplete(
            format!("the cluster does not serve {}", kind.plural()),
            format!(
                "The cluster does not serve {}, so {what} was not looked up.",
                kind.plural()
            ),
        )),
        Err(error) => {
            let outcome = super::not_read(run, &format!("{} {name:?}", kind.plural()), &error);
            Found::Unread(match error.is_forbidden() {
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
fn present(
    kind: Kind,
    name: &str,
    namespace: &str,
    keys: &BTreeSet<String>,
    object: &Value,
) -> Found {
    let what = format!("{} {name:?}", kind.name());
    // The scheduler refuses a pod whose claim is being deleted.
    if kind == Kind::Claim && !object["metadata"]["deletionTimestamp"].is_null() {
        let wait = format!(
            "kubectl wait --for=delete -n {namespace} pvc/{} --timeout=5m\n",
            shell(name)
        );
        let fix = wait + &creation(kind, namespace, name, keys);
        return Found::Bad(format!("{what} is being deleted"), fix);
    }
    let parts = [&object["data"], &object["binaryData"]];
    let has = |key: &&String| parts.iter().any(|part| part.get(key.as_str()).is_some());
    let absent: Vec<&str> = keys
        .iter()
        .filter(|key| !has(key))
        .map(String::as_str)
        .collect();
    if absent.is_empty() {
        return Found::Good(what);
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
    Found::Bad(
        format!("{what} has no key {absent} (it has: {})", all.join(", ")),
        fix,
    )
}

/// What a pod does without an object that can be missing.
fn without(kind: Kind) -> &'static str {
    match kind {
        Kind::PullSecret => "the node pulls images without its credentials",
        _ => "the pod starts only if a volume of that class exists already",
    }
}

/// The commands that create an object.
fn creation(kind: Kind, namespace: &str, name: &str, keys: &BTreeSet<String>) -> String {
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
        Kind::ConfigMap => create("configmap", &literals),
        Kind::Secret => create("secret generic", &literals),
        Kind::PullSecret => create(
            "secret docker-registry",
            " --docker-server=... --docker-username=... --docker-password=...",
        ),
        Kind::PriorityClass => format!(
            "kubectl create priorityclass {} --value=0   # or another value\n",
            shell(name)
        ),
        Kind::Claim => format!(
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
