//! `namespace` and `service-account`: where and as which account the Job runs.

use std::sync::Arc;

use crate::access::check::{CheckId, Outcome, Skip, Status};
use crate::access::kubernetes::Cluster;
use crate::access::run::Run;
use crate::access::setup::{kubectl_apply, namespace_yaml, service_account_yaml};

/// The cluster's API, for a check that needs `api-server`.
pub(super) async fn cluster(run: &Run<'_>) -> Result<Arc<Cluster>, Outcome> {
    match run.kubernetes().await? {
        Ok(reached) => Ok(reached.cluster),
        Err(unreached) => Err(unreached.outcome()),
    }
}

/// `namespace`
///
/// The documented Role of a runner does not allow it to read its namespace. It need not: the API server refuses the
/// dry run of a Job in a namespace that does not exist or is being deleted (plugin/pkg/admission/namespace/lifecycle).
pub(super) async fn exists(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let name = run.namespace()?;
    let found = look(run, name).await?;
    let is_tried = !run.settings().skip.contains(&CheckId::JobDryRun);
    if run.as_runner() && is_tried && found.skip == Some(Skip::Incomplete(no_permission(name))) {
        return Ok(Outcome::not_applicable(format!(
            "The runner has no permission to read namespace {name:?}, and needs none: job-dry-run verifies that the \
             namespace exists."
        )));
    }
    Ok(found)
}

/// The reason of a check that is not allowed to read a namespace.
fn no_permission(name: &str) -> Box<str> {
    format!("no permission to read namespace {name:?}").into()
}

/// Ends a check of objects in the job's namespace where that namespace fails its own check.
pub(super) async fn not_failed(run: &Run<'_>) -> Result<(), Outcome> {
    let found = look(run, run.namespace()?).await?;
    match found.status {
        Status::Failed => Err(Outcome::skipped(
            Skip::Blocked,
            format!("Needs namespace, which failed: {}", found.message),
        )),
        _ => Ok(()),
    }
}

/// Whether a namespace exists and stays. The API refuses new objects in one that is being deleted.
pub(super) async fn look(run: &Run<'_>, name: &str) -> Result<Outcome, Outcome> {
    let cause = format!("namespace:{}:{name}", run.cluster_name()?);
    Ok(
        match run.read(format!("/api/v1/namespaces/{name}")).await? {
            Ok(found) if found["status"]["phase"] == "Terminating" => terminating(run, name)?,
            Ok(_) => Outcome::passed(format!("Namespace {name:?} exists.")),
            Err(error) if error.is_not_found() => {
                Outcome::failed(format!("Namespace {name:?} does not exist in the cluster."))
                    .compare(name, "not found")
                    .fix(cause, kubectl_apply(&namespace_yaml(name)))
                    .not_yet()
            }
            Err(error) => super::not_read(run, &format!("namespace {name:?}"), &error),
        },
    )
}

/// Returns the outcome for a namespace that is being deleted.
pub(super) fn terminating(run: &Run<'_>, name: &str) -> Result<Outcome, Outcome> {
    let wait = format!("kubectl wait --for=delete namespace/{name} --timeout=5m\n");
    Ok(
        Outcome::failed(format!("Namespace {name:?} is being deleted."))
            .compare("Active", "Terminating")
            .fix(
                format!("namespace:{}:{name}", run.cluster_name()?),
                wait + &kubectl_apply(&namespace_yaml(name)),
            ),
    )
}

/// `service-account`
pub(super) async fn service_account(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let name = run.service_account()?;
    let path = run.namespaced(&format!("/serviceaccounts/{name}"))?;
    let namespace = run.namespace()?;
    not_failed(run).await?;
    Ok(match run.read(path).await? {
        Ok(_) => Outcome::passed(format!(
            "Service account {name:?} exists in namespace {namespace:?}."
        )),
        Err(error) if error.is_not_found() => missing_service_account(run)?,
        Err(error) => super::not_read(run, &format!("service account {name:?}"), &error),
    })
}

/// Returns the outcome for a service account that does not exist.
pub(super) fn missing_service_account(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let (namespace, name) = (run.namespace()?, run.service_account()?);
    Ok(Outcome::failed(format!(
        "Service account {name:?} does not exist in namespace {namespace:?}."
    ))
    .compare(name, "not found")
    .fix(
        format!("service-account:{}:{namespace}:{name}", run.cluster_name()?),
        kubectl_apply(&service_account_yaml(namespace, name)),
    )
    .not_yet())
}
