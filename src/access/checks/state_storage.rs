//! `state-storage`: the Job's pod may keep the deployments' state.

use futures_util::future::join_all;

use super::namespace::{cluster, look};
use super::rbac::granting;
use crate::access::check::{Outcome, Status};
use crate::access::kubernetes::Access;
use crate::access::kubernetes::user::User;
use crate::access::run::{Run, known};
use crate::access::setup::state_grant;
use crate::runner::{KubernetesStorage, StateStorage};

/// What the kubernetes backend writes.
const RESOURCES: [(&str, &str); 2] = [("", "secrets"), ("coordination.k8s.io", "leases")];
/// And how.
const VERBS: [&str; 4] = ["get", "create", "update", "delete"];

/// The state storage in a cluster, where the state is stored in one.
pub(super) fn applies<'a>(run: &Run<'a>) -> Result<&'a KubernetesStorage, Outcome> {
    match known(&run.subject.storage, "state storage")? {
        StateStorage::Kubernetes(storage) => Ok(storage),
        other => Err(Outcome::not_applicable(format!(
            "State storage of type {:?} is not checked: the Job reaches it with credentials of its own.",
            other.type_name()
        ))),
    }
}

/// `state-storage`
pub(super) async fn usable(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let storage = applies(run)?;
    let (namespace, job_namespace) = (storage.namespace.as_str(), run.namespace()?);
    let service_account = run.service_account()?;
    let user = User::service_account(job_namespace, service_account);
    let cluster = cluster(run).await?;

    let questions = RESOURCES.iter().flat_map(|&(group, resource)| {
        VERBS.map(|verb| Access {
            group,
            resource,
            verb,
            namespace: namespace.to_owned(),
        })
    });
    let reviews = questions.map(async |access| {
        let answer = cluster.may(Some(&user), &access).await;
        (access, answer)
    });
    let (found, reviews) = tokio::join!(look(run, namespace), join_all(reviews));
    let found = found?;
    if found.status == Status::Failed {
        return Ok(found);
    }

    let mut refused = Vec::new();
    for (Access { resource, verb, .. }, answer) in reviews {
        match answer {
            Ok(true) => {}
            Ok(false) => refused.push(format!("{verb} {resource}")),
            Err(error) => {
                let what =
                    "ask what the job's service account may do (create subjectaccessreviews)";
                return Ok(super::not_checked(run, what, &error));
            }
        }
    }
    if !refused.is_empty() {
        let cause = format!(
            "state-storage:{}:{namespace}:{}",
            run.cluster_name()?,
            user.name
        );
        return Ok(Outcome::failed(format!(
            "The job's service account {service_account:?} may not {} in {namespace:?}, where the state is kept.",
            refused.join(", ")
        ))
        .compare(
            format!("get, create, update and delete on secrets and leases for {}", user.name),
            format!("not allowed: {}", refused.join(", ")),
        )
        .fix(
            cause,
            granting(&cluster, state_grant(namespace, job_namespace, service_account)).await,
        )
        .not_yet());
    }
    if found.status == Status::Skipped {
        return Ok(found);
    }
    Ok(Outcome::passed(format!(
        "The job's service account {service_account:?} may keep the state in {namespace:?}."
    )))
}
