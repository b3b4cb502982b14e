//! State in Secrets of the cluster: the Job's service account is allowed to keep it, and the pod has its token.

use futures_util::future::join_all;

use super::super::job_namespace::judge_namespace;
use super::super::pod_identity::proxy::detour;
use super::super::rbac::grants::grant_fix;
use super::super::token_mount::{self, TokenFiles};
use super::super::{not_checked, not_read};
use super::kube_variables;
use crate::access::aws::EksCluster;
use crate::access::cause::{Cause, ClusterCause, RunnerCause};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::ResourceAction;
use crate::access::kubernetes::environment::{ContainerEnvironment, Variable};
use crate::access::kubernetes::user::User;
use crate::access::objects::{STATE_RIGHTS, state_grant};
use crate::access::outcome::{Outcome, Status};
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;
use crate::runner::KubernetesStorage;
use crate::runner::job_container::MAIN;

/// Returns the outcome that follows from the runner alone: the Job's pod certainly has no token, or a variable with which the
/// backend returns an error.
pub(super) fn without_calls(run: &Run<'_>) -> Option<Outcome> {
    let job = run.job().ok()?;
    let mount = token_mount::find(&job["spec"]["template"]["spec"]);
    lacking(run, &mount).or_else(|| kube_variables::refused(run, &run.own_environment()?))
}

/// Checks the namespace of the state, the rights in it, and the token of the pod.
pub(super) async fn check(run: &Run<'_>, storage: &KubernetesStorage) -> Result<Outcome, CheckError> {
    let namespace = storage.namespace.as_str();
    let (found, refused) = tokio::join!(judge_namespace(run, namespace), refused(run, namespace));
    let found = found?;
    if found.status == Status::Failed {
        return Ok(found);
    }
    let refused = match refused {
        Ok(refused) => refused,
        // A missing token is certain without the reviews.
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
    let (environment, cluster) = tokio::join!(run.main_environment(), run.eks_cluster());
    let environment = environment?;
    if let Some(outcome) = kube_variables::refused(run, &environment) {
        return Ok(outcome);
    }
    if found.status == Status::Skipped {
        return Ok(found);
    }
    let cluster = cluster.as_deref().ok();
    if let Some(outcome) =
        kube_variables::doubtful(run, &environment, cluster).or_else(|| through_proxy(run, &environment, cluster?))
    {
        return Ok(outcome);
    }
    let service_account = run.service_account()?;
    let allowed =
        format!("Service account {service_account:?} is allowed to store the state in namespace {namespace:?}.");
    Ok(match doubt {
        None => Outcome::passed(allowed),
        Some(doubt) => Outcome::warned(format!("{allowed} {doubt}")),
    })
}

/// Returns the outcome for a container that calls the cluster's API through a proxy.
///
/// Sources: `InClusterConfig` in client-go, rest/config.go, which calls `https://$KUBERNETES_SERVICE_HOST`, the address of the
/// Service `kubernetes`, and client-go, transport/cache.go, which takes the environment's proxy. `HTTP_PROXY` does not count for
/// HTTPS (`golang.org/x/net/http/httpproxy`).
fn through_proxy(run: &Run<'_>, environment: &ContainerEnvironment, cluster: &EksCluster) -> Option<Outcome> {
    const HOST: &str = "KUBERNETES_SERVICE_HOST";
    // Another host needs another exception, which is unknown.
    if environment.get(HOST) != Variable::Absent {
        return None;
    }
    let address = cluster.api_service()?.to_string();
    let detour = detour(environment, ["HTTPS_PROXY", "https_proxy"], &address, 443)?;
    let outcome = Outcome::warned(format!(
        "pod_template sets {}, but {} {}: OpenTofu then calls the cluster's API, which stores the state, through the proxy, \
         which usually cannot reach it.",
        detour.proxy, detour.exceptions, detour.doubt
    ));
    Some(
        outcome
            .compare(format!("{address} in {}", detour.exceptions), detour.doubt)
            .fix(run.runner_cause(RunnerCause::StateProxy), detour.fix),
    )
}

/// Returns the rights that the Job's service account lacks in the namespace of the state, such as `list secrets`.
async fn refused(run: &Run<'_>, namespace: &str) -> Result<Vec<String>, CheckError> {
    let user = User::service_account(run.namespace()?, run.service_account()?);
    let rights = STATE_RIGHTS.iter().flat_map(|&(group, resource, verbs)| {
        verbs.iter().map(move |&verb| ResourceAction {
            group,
            resource,
            verb,
            namespace: namespace.to_owned(),
        })
    });
    let reviews = rights.map(async |action| {
        let is_allowed = run.call(|cluster| cluster.is_allowed(Some(&user), &action));
        let is_allowed = is_allowed.await;
        (action, is_allowed)
    });
    let mut refused = Vec::new();
    for (ResourceAction { resource, verb, .. }, is_allowed) in join_all(reviews).await {
        match is_allowed {
            Ok(true) => {}
            Ok(false) => refused.push(format!("{verb} {resource}")),
            Err(error) => {
                let action = "create subjectaccessreviews, which show what the Job's service account is allowed to do";
                return Err(not_checked(run, action, error).into());
            }
        }
    }
    Ok(refused)
}

/// Returns the outcome for a service account that lacks rights.
async fn not_allowed(run: &Run<'_>, namespace: &str, refused: &[String]) -> Result<Outcome, CheckError> {
    let (job_namespace, service_account) = (run.namespace()?, run.service_account()?);
    let cluster = run.cluster().await?;
    let needed = STATE_RIGHTS.map(|(_, resource, verbs)| format!("{} {resource}", verbs.join(", ")));
    let refused = refused.join(", ");
    Ok(Outcome::failed(format!(
        "Service account {service_account:?} is not allowed to {refused} in namespace {namespace:?}, which stores the \
         state."
    ))
    .compare(needed.join("; "), format!("not allowed: {refused}"))
    .fix(
        run.cluster_cause(ClusterCause::StateRights {
            namespace: namespace.to_owned(),
            job_namespace: job_namespace.to_owned(),
            service_account: service_account.to_owned(),
        }),
        grant_fix(&cluster, state_grant(namespace, job_namespace, service_account)).await,
    )
    .not_yet())
}

/// Whether the Job's pod has the token of its service account.
enum Token {
    /// The pod has it.
    Mounted,
    /// The pod might have it. The sentence says why that is not certain.
    Uncertain(String),
    /// The pod does not have it: the outcome of the check.
    Missing(Box<Outcome>),
}

/// Returns the outcome for a pod without the token with which the kubernetes backend, whose block has
/// `in_cluster_config = true`, calls the API.
fn missing(why: String, cause: Cause, fix: Fix) -> Outcome {
    Outcome::failed(format!(
        "The Job's pod has no service account token, and OpenTofu cannot reach its state without one \
         (in_cluster_config): {why}."
    ))
    .compare(
        format!("a token and ca.crt in {} of container {MAIN:?}", token_mount::DIRECTORY),
        why,
    )
    .fix(cause, fix)
}

/// Returns the outcome for a `pod_template` without the token.
fn lacking(run: &Run<'_>, mount: &TokenFiles) -> Option<Outcome> {
    match mount {
        TokenFiles::Lacks(file) => Some(missing(
            format!("pod_template mounts a volume without {file} at the token's path"),
            run.runner_cause(RunnerCause::TokenMountLacks { file }),
            Fix::note(format!(
                "In job.pod_template, remove the volume that is mounted at {}, or add {file} to it.",
                token_mount::DIRECTORY
            )),
        )),
        TokenFiles::Off => Some(missing(
            "pod_template sets automountServiceAccountToken to false".to_owned(),
            run.runner_cause(RunnerCause::TokenMountOff),
            Fix::note("Remove spec.automountServiceAccountToken from job.pod_template, or set it to true."),
        )),
        TokenFiles::Files
        | TokenFiles::ByServiceAccount
        | TokenFiles::Linked(_)
        | TokenFiles::Unknown(_)
        | TokenFiles::Audience(..) => None,
    }
}

/// Returns what is known about a token that only an image with a link has at the right place.
fn if_linked(volume: &str) -> Token {
    Token::Uncertain(format!(
        "Volume {volume:?} contains the service account token that OpenTofu needs in {} only if the image has a link from \
         /var/run to /run. Mount the volume at that path in job.pod_template.",
        token_mount::DIRECTORY
    ))
}

/// Looks for the token of the Job's pod.
async fn token(run: &Run<'_>) -> Result<Token, CheckError> {
    let job = run.job()?;
    let namespace = run.namespace()?;
    let mount = token_mount::find(&job["spec"]["template"]["spec"]);
    if let Some(outcome) = lacking(run, &mount) {
        return Ok(Token::Missing(Box::new(outcome)));
    }
    match mount {
        TokenFiles::Unknown(volume) => {
            return Ok(Token::Uncertain(format!(
                "It is unknown whether volume {volume:?} contains the service account token that OpenTofu needs."
            )));
        }
        TokenFiles::Linked(volume) => return Ok(if_linked(&volume)),
        TokenFiles::Audience(volume, audience) => {
            return Ok(Token::Uncertain(format!(
                "The service account token in volume {volume:?} is for the audience {audience:?}, so the cluster's API \
                 might refuse it. Remove \"audience\" from job.pod_template."
            )));
        }
        TokenFiles::ByServiceAccount => {}
        TokenFiles::Files | TokenFiles::Lacks(_) | TokenFiles::Off => return Ok(Token::Mounted),
    }
    let name = run.service_account()?;
    let path = run.namespaced(&format!("/serviceaccounts/{name}"))?;
    match run.read(path).await {
        Ok(account) if account["automountServiceAccountToken"] == false => {
            if let Some(volume) = token_mount::linked(&job["spec"]["template"]["spec"]) {
                return Ok(if_linked(&volume));
            }
            Ok(Token::Missing(Box::new(missing(
                format!("service account {name:?} sets automountServiceAccountToken to false"),
                run.cluster_cause(ClusterCause::TokenNotMounted {
                    namespace: namespace.to_owned(),
                    service_account: name.to_owned(),
                }),
                Fix::run(
                    ShellCommand::new("kubectl patch serviceaccount")
                        .word(name)
                        .option("-n", namespace)
                        .option("--patch", "{\"automountServiceAccountToken\": true}"),
                )
                .then_note("Or set spec.automountServiceAccountToken to true in job.pod_template."),
            ))))
        }
        // A missing service account is reported by its own check, and a new one mounts its token.
        Ok(_) => Ok(Token::Mounted),
        Err(error) if error.is_not_found() => Ok(Token::Mounted),
        Err(error) => {
            let object = format!("service account {name:?}");
            Err(not_read(run, &object, error).into())
        }
    }
}
