//! The checks, in the order in which the Orchestrator meets what they look at.
//!
//! Each is a function from a run to an outcome. An outcome that ends a check early, for want of a
//! value or of an answer, is its `Err`.

mod access_entry;
mod api_server;
mod cluster;
mod dry_run;
mod identity;
mod namespace;
mod rbac;
mod references;
mod role;
mod state_storage;
mod token_mount;

use super::check::{CheckId, Outcome};
use super::kubernetes::KubeError;
use super::run::Run;

pub(super) use api_server::VERSION;

/// Runs one check.
pub(super) async fn check(run: &Run<'_>, id: CheckId) -> Outcome {
    let outcome = match id {
        CheckId::SessionName => identity::session_name(run),
        CheckId::AwsCredentials => identity::aws_credentials(run).await,
        CheckId::RoleExists => role::exists(run).await,
        CheckId::OidcProvider => role::oidc_provider(run).await,
        CheckId::RoleTrust => role::trust(run).await,
        CheckId::RolePermission => role::permission(run).await,
        CheckId::AssumeRole => identity::assume_role(run).await,
        CheckId::ClusterActive => cluster::active(run).await,
        CheckId::ClusterEndpoint => cluster::endpoint(run).await,
        CheckId::AccessEntry => access_entry::access_entry(run).await,
        CheckId::ApiServer => api_server::answers(run).await,
        CheckId::Namespace => namespace::exists(run).await,
        CheckId::ServiceAccount => namespace::service_account(run).await,
        CheckId::RbacCreateJobs => rbac::may(run, &rbac::CREATE_JOBS).await,
        CheckId::RbacGetJobs => rbac::may(run, &rbac::GET_JOBS).await,
        CheckId::RbacListPods => rbac::may(run, &rbac::LIST_PODS).await,
        CheckId::RbacListEvents => rbac::may(run, &rbac::LIST_EVENTS).await,
        CheckId::PodTemplateRefs => references::exist(run).await,
        CheckId::JobDryRun => dry_run::job(run).await,
        CheckId::StateStorage => state_storage::usable(run).await,
    };
    outcome.unwrap_or_else(|early| early)
}

/// The outcome of a check that met an error of the cluster's API which says nothing about the
/// runner. `what` is what was tried, such as `read the namespace "x"`.
fn not_checked(run: &Run<'_>, what: &str, error: &KubeError) -> Outcome {
    let who = if run.as_runner() { "runner" } else { "caller" };
    if error.is_forbidden() {
        Outcome::incomplete(
            format!("no permission to {what}"),
            format!(
                "The {who} has no permission to {what}: {}.",
                error.message()
            ),
        )
    } else {
        Outcome::incomplete(
            "no usable response from the cluster's API",
            format!("Not checked: {error}."),
        )
    }
}
