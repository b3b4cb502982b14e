//! `state-storage`: the Job's pod can keep the deployments' state.

use futures_util::future::join_all;

use super::namespace::{cluster, look};
use super::rbac::granting;
use super::token_mount::{self, Mount};
use crate::access::check::{Outcome, Status};
use crate::access::kubernetes::user::User;
use crate::access::kubernetes::{Access, job::MAIN};
use crate::access::run::{Run, known};
use crate::access::setup::{STATE_RIGHTS, state_grant};
use crate::runner::{KubernetesStorage, StateStorage};

/// Returns the state storage in a cluster, if the state is stored in one.
pub(super) fn applies<'a>(run: &Run<'a>) -> Result<&'a KubernetesStorage, Outcome> {
    match known(&run.subject.storage, "state storage")? {
        StateStorage::Kubernetes(storage) => Ok(storage),
        other => Err(Outcome::not_applicable(format!(
            "State storage of type {:?} is not checked: the Job reaches it with its own credentials.",
            other.type_name()
        ))),
    }
}

/// Returns the outcome that follows from the runner alone: the state is not stored in a cluster, or the Job's pod
/// certainly has no token.
pub(super) fn without_calls(run: &Run<'_>) -> Option<Outcome> {
    if let Err(outcome) = applies(run) {
        return Some(outcome);
    }
    let job = run.job().ok()?;
    let mount = token_mount::find(&job["spec"]["template"]["spec"]);
    lacking(run, run.namespace().ok()?, &mount)
}

/// `state-storage`
pub(super) async fn usable(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let namespace = applies(run)?.namespace.as_str();
    let (found, refused) = tokio::join!(look(run, namespace), refused(run, namespace));
    let found = found?;
    if found.status == Status::Failed {
        return Ok(found);
    }
    let refused = match refused {
        Ok(refused) => refused,
        // That the pod has no token is certain without the reviews.
        Err(early) => match token(run).await {
            Ok(Token::Missing(outcome)) => return Ok(*outcome),
            _ => return Err(early),
        },
    };
    if !refused.is_empty() {
        return not_allowed(run, namespace, &refused).await;
    }
    let doubt = match token(run).await? {
        Token::Mounted => None,
        Token::Uncertain(doubt) => Some(doubt),
        Token::Missing(outcome) => return Ok(*outcome),
    };
    if found.status == Status::Skipped {
        return Ok(found);
    }
    let service_account = run.service_account()?;
    let allowed = format!(
        "Service account {service_account:?} is allowed to keep the state in namespace {namespace:?}."
    );
    Ok(match doubt {
        None => Outcome::passed(allowed),
        Some(doubt) => Outcome::warned(format!("{allowed} {doubt}")),
    })
}

/// The rights that the Job's service account lacks in the namespace of the state, such as `list secrets`.
async fn refused(run: &Run<'_>, namespace: &str) -> Result<Vec<String>, Outcome> {
    let user = User::service_account(run.namespace()?, run.service_account()?);
    let rights = STATE_RIGHTS.iter().flat_map(|&(group, resource, verbs)| {
        verbs.iter().map(move |&verb| Access {
            group,
            resource,
            verb,
            namespace: namespace.to_owned(),
        })
    });
    let reviews = rights.map(async |access| {
        let answer = run.ask(|cluster| cluster.may(Some(&user), &access)).await;
        (access, answer)
    });
    let mut refused = Vec::new();
    for (Access { resource, verb, .. }, answer) in join_all(reviews).await {
        match answer? {
            Ok(true) => {}
            Ok(false) => refused.push(format!("{verb} {resource}")),
            Err(error) => {
                let what = "create subjectaccessreviews, which show what the Job's service account is allowed to do";
                return Err(super::not_checked(run, what, &error));
            }
        }
    }
    Ok(refused)
}

/// Returns the outcome for a service account that lacks rights.
async fn not_allowed(
    run: &Run<'_>,
    namespace: &str,
    refused: &[String],
) -> Result<Outcome, Outcome> {
    let (job_namespace, service_account) = (run.namespace()?, run.service_account()?);
    let cluster = cluster(run).await?;
    let needed =
        STATE_RIGHTS.map(|(_, resource, verbs)| format!("{} {resource}", verbs.join(", ")));
    let refused = refused.join(", ");
    Ok(Outcome::failed(format!(
        "Service account {service_account:?} is not allowed to {refused} in namespace {namespace:?}, where the state \
         is kept."
    ))
    .compare(needed.join("; "), format!("not allowed: {refused}"))
    .fix(
        format!(
            "state-storage:{}:{namespace}:{job_namespace}:{service_account}",
            run.cluster_name()?
        ),
        granting(&cluster, state_grant(namespace, job_namespace, service_account)).await,
    )
    .not_yet())
}

/// Whether the Job's pod has the token of its service account.
enum Token {
    Mounted,
    /// It may have; the sentence says why that is not certain.
    Uncertain(String),
    /// It has not: the outcome of the check.
    Missing(Box<Outcome>),
}

/// Returns the outcome for a pod without the token with which the kubernetes backend, whose block has
/// `in_cluster_config = true`, calls the API.
fn missing(why: String, cause: String, fix: String) -> Outcome {
    Outcome::failed(format!(
        "The Job's pod has no service account token, and OpenTofu cannot reach its state without one \
         (in_cluster_config): {why}."
    ))
    .compare(
        format!(
            "a token and ca.crt in {} of container {MAIN:?}",
            token_mount::DIRECTORY
        ),
        why,
    )
    .fix(cause, fix)
}

/// Returns the outcome for a `pod_template` that keeps the token from the pod.
fn lacking(run: &Run<'_>, namespace: &str, mount: &Mount) -> Option<Outcome> {
    match mount {
        Mount::Lacks(file) => Some(missing(
            format!("pod_template mounts a volume there without {file}"),
            run.own(&format!("token-mount:{namespace}:{file}")),
            format!(
                "# In job.pod_template, remove the volume that is mounted at {}, or add {file} to it.\n",
                token_mount::DIRECTORY
            ),
        )),
        Mount::Off => Some(missing(
            "pod_template sets automountServiceAccountToken to false".to_owned(),
            run.own(&format!("token-mount:{namespace}:pod")),
            "# Remove spec.automountServiceAccountToken from job.pod_template, or set it to true.\n".to_owned(),
        )),
        Mount::Files | Mount::ByServiceAccount | Mount::Unknown(_) | Mount::Audience(..) => None,
    }
}

/// Looks for the token of the Job's pod.
async fn token(run: &Run<'_>) -> Result<Token, Outcome> {
    let job = run.job()?;
    let namespace = run.namespace()?;
    let mount = token_mount::find(&job["spec"]["template"]["spec"]);
    if let Some(outcome) = lacking(run, namespace, &mount) {
        return Ok(Token::Missing(Box::new(outcome)));
    }
    match mount {
        Mount::Unknown(volume) => {
            return Ok(Token::Uncertain(format!(
                "Whether volume {volume:?} holds the service account token that OpenTofu needs is unknown."
            )));
        }
        Mount::Audience(volume, audience) => {
            return Ok(Token::Uncertain(format!(
                "The service account token in volume {volume:?} is for the audience {audience:?}, and the cluster's \
                 API might refuse it. Remove \"audience\" from job.pod_template."
            )));
        }
        Mount::ByServiceAccount => {}
        Mount::Files | Mount::Lacks(_) | Mount::Off => return Ok(Token::Mounted),
    }
    let name = run.service_account()?;
    let path = run.namespaced(&format!("/serviceaccounts/{name}"))?;
    match run.read(path).await? {
        Ok(account) if account["automountServiceAccountToken"] == false => {
            Ok(Token::Missing(Box::new(missing(
                format!("service account {name:?} sets automountServiceAccountToken to false"),
                format!("token-mount:{}:{namespace}:{name}", run.cluster_name()?),
                format!(
                    "kubectl patch serviceaccount {name} -n {namespace} --patch \
                     '{{\"automountServiceAccountToken\": true}}'\n\
                     # Or set spec.automountServiceAccountToken to true in job.pod_template.\n"
                ),
            ))))
        }
        // A missing service account is reported by its own check, and a new one mounts its token.
        Ok(_) => Ok(Token::Mounted),
        Err(error) if error.is_not_found() => Ok(Token::Mounted),
        Err(error) => Err(super::not_read(
            run,
            &format!("service account {name:?}"),
            &error,
        )),
    }
}
