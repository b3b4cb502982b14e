//! The check `service-account`.

use super::job_namespace::require_namespace;
use super::{Check, api_server, read_ahead};
use crate::access::cause::ClusterCause;
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::objects::KubernetesObject;
use crate::access::outcome::Outcome;
use crate::access::run::Run;
use crate::access::settings::CheckSetting;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "service-account",
        title: "The Job's service account exists",
        category: Category::Kubernetes,
        attribute: &["runner_configuration", "job", "service_account"],
        caller_needs: &[api_server::CHECK.id()],
        runner_needs: &[api_server::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::CLUSTER)
.look_ahead(|run| Box::pin(look_ahead(run)));

async fn look_ahead(run: &Run<'_>) {
    if let Ok(name) = run.service_account() {
        read_ahead(run, run.namespaced(&format!("/serviceaccounts/{name}"))).await;
    }
}

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let name = run.service_account()?;
    let path = run.namespaced(&format!("/serviceaccounts/{name}"))?;
    let namespace = run.namespace()?;
    require_namespace(run).await?;
    match run.read(path).await {
        Ok(_) => Ok(Outcome::passed(format!(
            "Service account {name:?} exists in namespace {namespace:?}."
        ))),
        Err(error) if error.is_not_found() => missing(run),
        Err(error) => Ok(super::not_read(run, &format!("service account {name:?}"), error)),
    }
}

/// Returns the outcome for a service account that does not exist.
pub(super) fn missing(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let (namespace, name) = (run.namespace()?, run.service_account()?);
    Ok(Outcome::failed(format!(
        "Service account {name:?} does not exist in namespace {namespace:?}."
    ))
    .compare(name, "not found")
    .fix(
        run.cluster_cause(ClusterCause::ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        Fix::create_in_cluster(&[KubernetesObject::ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            role: None,
        }]),
    )
    .not_yet())
}
