//! Namespaces: the Job's own, and the one of the state.

use crate::access::cause::{Cause, ClusterCause};
use crate::access::check::CheckId;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::objects::KubernetesObject;
use crate::access::outcome::{Outcome, Status};
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;

/// Returns the cause of what is wrong with a namespace.
pub(super) fn namespace_cause(run: &Run<'_>, name: &str) -> Cause {
    run.cluster_cause(ClusterCause::Namespace(name.to_owned()))
}

/// Returns whether a namespace exists and stays. The API refuses new objects in a namespace that is being deleted.
pub(super) async fn judge_namespace(run: &Run<'_>, name: &str) -> Result<Outcome, CheckError> {
    Ok(match run.read(format!("/api/v1/namespaces/{name}")).await {
        Ok(found) if found["status"]["phase"] == "Terminating" => terminating(run, name),
        Ok(_) => Outcome::passed(format!("Namespace {name:?} exists.")),
        Err(error) if error.is_not_found() => missing(run, name),
        Err(error) => super::not_read(run, &format!("namespace {name:?}"), error),
    })
}

/// Returns the outcome for a namespace that does not exist.
fn missing(run: &Run<'_>, name: &str) -> Outcome {
    Outcome::failed(format!("Namespace {name:?} does not exist in the cluster."))
        .compare(name, "not found")
        .fix(namespace_cause(run, name), create_namespace(name))
        .not_yet()
}

/// Returns the outcome for a namespace that is being deleted.
pub(super) fn terminating(run: &Run<'_>, name: &str) -> Outcome {
    let wait = ShellCommand::new("kubectl wait --for=delete")
        .word(format!("namespace/{name}"))
        .word("--timeout=5m");
    Outcome::failed(format!("Namespace {name:?} is being deleted."))
        .compare("Active", "Terminating")
        .fix(namespace_cause(run, name), Fix::run(wait).then(create_namespace(name)))
}

/// Returns what creates a namespace.
pub(super) fn create_namespace(name: &str) -> Fix {
    let name = name.to_owned();
    Fix::create_in_cluster(&[KubernetesObject::Namespace { name }])
}

/// Ends a check of objects in the job's namespace if the check of that namespace fails.
pub(super) async fn require_namespace(run: &Run<'_>) -> Result<(), CheckError> {
    let found = judge_namespace(run, run.namespace()?).await?;
    match found.status {
        Status::Failed => Err(run.blocked_by(CheckId::NAMESPACE, found).into()),
        _ => Ok(()),
    }
}

/// Returns the failure if the job's namespace certainly does not exist, as the outcome of a check that needs it.
pub(super) async fn without_namespace(run: &Run<'_>, name: &str) -> Option<Outcome> {
    let found = run.read(format!("/api/v1/namespaces/{name}")).await;
    let is_absent = found.is_err_and(|error| error.is_not_found());
    is_absent.then(|| run.blocked_by(CheckId::NAMESPACE, missing(run, name)))
}
