//! The checks, in the order in which the Orchestrator meets what they look at.
//!
//! Each is a function from a run to an outcome. An outcome that ends a check early, because a value
//! or a response is missing, is its `Err`.

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

use super::check::{Category, CheckId, Outcome};
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
    scoped(run, id, outcome.unwrap_or_else(|early| early))
}

/// The outcome of a check that follows from the runner and the settings alone, such as that it does
/// not apply, whatever the other checks come to.
pub(super) fn without_calls(run: &Run<'_>, id: CheckId) -> Option<Outcome> {
    let outcome = match id {
        CheckId::AssumeRole => identity::assume_role_applies(run).err(),
        CheckId::PodTemplateRefs => references::no_references(run),
        CheckId::StateStorage => state_storage::without_calls(run),
        _ => None,
    };
    outcome.map(|outcome| scoped(run, id, outcome))
}

/// The outcome with a cause that is equal for no more than what one fix solves.
fn scoped(run: &Run<'_>, id: CheckId, mut outcome: Outcome) -> Outcome {
    if let Some(cause) = &outcome.cause
        && let Some(scope) = scope(run, id)
    {
        outcome.cause = Some(format!("{scope}/{cause}").into());
    }
    outcome
}

/// What a cause holds for: a session name is set in one runner, and what is in a cluster is not in
/// a cluster of the same name in another account or region. `None` for causes that name an IAM
/// object by its ARN.
fn scope(run: &Run<'_>, id: CheckId) -> Option<String> {
    let of_cluster = match id.category() {
        Category::Cluster | Category::Kubernetes => true,
        // `cluster-active` reports the same cause as the runner.
        Category::Iam => id == CheckId::RolePermission,
        Category::Identity => false,
    };
    if id == CheckId::SessionName {
        return run.subject.own_name();
    }
    of_cluster.then(|| {
        let account = run.role().map_or("", |role| role.account.as_str());
        let region = run.region().unwrap_or_default();
        let cluster = run.cluster_name().unwrap_or_default();
        format!("{account}/{region}/{cluster}")
    })
}

/// The outcome of a check that could not read an object, such as `namespace "x"`.
fn not_read(run: &Run<'_>, object: &str, error: &KubeError) -> Outcome {
    not_checked(run, &format!("read {object}"), error)
}

/// The outcome of a check that met an error of the cluster's API which says nothing about the runner. `what` is what
/// was tried, such as `create the Job`.
fn not_checked(run: &Run<'_>, what: &str, error: &KubeError) -> Outcome {
    if !error.is_forbidden() {
        return Outcome::incomplete(
            "no usable response from the cluster's API",
            format!("Not checked: {error}."),
        );
    }
    let who = if run.as_runner() { "runner" } else { "caller" };
    Outcome::incomplete(
        format!("no permission to {what}"),
        format!(
            "The {who} has no permission to {what}: {}.",
            error.message()
        ),
    )
}
