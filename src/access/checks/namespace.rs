//! `namespace`, `service-account` and `pod-template-refs`: what the Job needs to find.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::access::check::{Outcome, Skip};
use crate::access::kubernetes::Cluster;
use crate::access::run::Run;
use crate::access::setup::{kubectl_apply, namespace_yaml, service_account_yaml, shell};

/// The cluster's API, for a check that needs `api-server`.
pub(super) async fn cluster(run: &Run<'_>) -> Result<Arc<Cluster>, Outcome> {
    match run.kubernetes().await? {
        Ok(reached) => Ok(reached.cluster),
        Err(unreached) => Err(unreached.outcome()),
    }
}

/// `namespace`
pub(super) async fn exists(run: &Run<'_>) -> Result<Outcome, Outcome> {
    look(run, run.namespace()?).await
}

/// Whether a namespace is there and stays.
pub(super) async fn look(run: &Run<'_>, name: &str) -> Result<Outcome, Outcome> {
    let cause = format!("namespace:{}:{name}", run.cluster_name()?);
    let cluster = cluster(run).await?;
    Ok(
        match cluster.get(format!("/api/v1/namespaces/{name}")).await {
            Ok(found) if found["status"]["phase"] == "Terminating" => {
                let wait = format!("kubectl wait --for=delete namespace/{name} --timeout=5m\n");
                Outcome::failed(format!("The namespace {name:?} is being deleted."))
                    .compare("Active", "Terminating")
                    .fix(cause, wait + &kubectl_apply(&namespace_yaml(name)))
            }
            Ok(_) => Outcome::passed(format!("The namespace {name:?} exists.")),
            Err(error) if error.is_not_found() => {
                Outcome::failed(format!("There is no namespace {name:?} in the cluster."))
                    .compare(name, "no such namespace")
                    .fix(cause, kubectl_apply(&namespace_yaml(name)))
                    .not_yet()
            }
            Err(error) => super::not_checked(run, &format!("read the namespace {name:?}"), &error),
        },
    )
}

/// `service-account`
pub(super) async fn service_account(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let name = run.service_account()?;
    let path = run.namespaced(&format!("/serviceaccounts/{name}"))?;
    let namespace = run.namespace()?;
    Ok(match cluster(run).await?.get(path).await {
        Ok(_) => Outcome::passed(format!(
            "The service account {name:?} exists in {namespace:?}."
        )),
        Err(error) if error.is_not_found() => missing_service_account(run)?,
        Err(error) => {
            super::not_checked(run, &format!("read the service account {name:?}"), &error)
        }
    })
}

/// The outcome of a service account that is not there.
pub(super) fn missing_service_account(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let (namespace, name) = (run.namespace()?, run.service_account()?);
    Ok(Outcome::failed(format!(
        "There is no service account {name:?} in the namespace {namespace:?}."
    ))
    .compare(name, "no such service account")
    .fix(
        format!("service-account:{}:{namespace}:{name}", run.cluster_name()?),
        kubectl_apply(&service_account_yaml(namespace, name)),
    )
    .not_yet())
}

/// The outcome of `pod-template-refs` where the pod template names no object.
pub(super) fn no_references(run: &Run<'_>) -> Option<Outcome> {
    let is_empty = run.references().is_ok_and(|found| found.is_empty());
    is_empty.then(|| Outcome::passed("The pod template refers to no Secret and no ConfigMap."))
}

/// `pod-template-refs`
pub(super) async fn pod_template_refs(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let references = run.references()?;
    let namespace = run.namespace()?;
    let cluster = cluster(run).await?;
    let looked = references.into_iter().map(async |((kind, name), keys)| {
        let answer = match run.object(kind, &name) {
            Ok(path) => cluster.get(path).await,
            Err(error) => return Err(error),
        };
        Ok((kind, name, keys, answer))
    });
    let (mut found, mut missing, mut unasked, mut fixes) =
        (Vec::new(), Vec::new(), Vec::new(), String::new());
    for looked in join_all(looked).await {
        let (kind, name, keys, answer) = looked?;
        let what = format!("{} {name:?}", kind.name());
        match answer {
            Ok(object) => {
                let has = |key: &&String| {
                    ["data", "binaryData"]
                        .iter()
                        .any(|part| object[*part].get(key.as_str()).is_some())
                };
                let absent: Vec<&str> = keys
                    .iter()
                    .filter(|key| !has(key))
                    .map(String::as_str)
                    .collect();
                if absent.is_empty() {
                    found.push(what);
                } else {
                    let has: Vec<&str> = object["data"]
                        .as_object()
                        .map(|data| data.keys().map(String::as_str).collect())
                        .unwrap_or_default();
                    missing.push(format!(
                        "{what} has no key {} (it has: {})",
                        absent.join(", "),
                        has.join(", ")
                    ));
                    fixes.push_str(&format!(
                        "kubectl edit -n {} {} {}   # add {}\n",
                        shell(namespace),
                        kind.plural(),
                        shell(&name),
                        absent.join(", ")
                    ));
                }
            }
            Err(error) if error.is_not_found() => {
                missing.push(format!("{what} does not exist"));
                let literals: String = keys
                    .iter()
                    .map(|key| format!(" --from-literal={}=...", shell(key)))
                    .collect();
                let (create, given) = kind.create();
                fixes.push_str(&format!(
                    "kubectl create {create} -n {} {}{given}{literals}\n",
                    shell(namespace),
                    shell(&name)
                ));
            }
            Err(error) => {
                unasked.push(super::not_checked(run, &format!("read the {what}"), &error));
            }
        }
    }
    if !missing.is_empty() {
        return Ok(Outcome::failed(format!(
            "The pod template refers to what is not in the namespace {namespace:?}: {}.",
            missing.join("; ")
        ))
        .compare(
            "every Secret and ConfigMap that pod_template names",
            missing.join("; "),
        )
        .fix(
            format!("pod-template-refs:{namespace}:{}", missing.join(";")),
            fixes,
        )
        .not_yet());
    }
    // A reason that makes the checks incomplete comes before one that does not.
    unasked.sort_by_key(|outcome| !matches!(outcome.skip, Some(Skip::Incomplete(_))));
    if let Some(first) = unasked.first() {
        let messages: Vec<&str> = unasked
            .iter()
            .map(|outcome| outcome.message.as_str())
            .collect();
        return Ok(Outcome {
            message: messages.join(" "),
            ..first.clone()
        });
    }
    Ok(Outcome::passed(format!(
        "All that the pod template refers to exists: {}.",
        found.join(", ")
    )))
}
