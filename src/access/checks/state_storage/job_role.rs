//! The role with which the Job uses its bucket.

use super::super::pod_identity;
use crate::access::cause::RunnerCause;
use crate::access::fix::Fix;
use crate::access::kubernetes::environment::ContainerEnvironment;
use crate::access::outcome::Outcome;
use crate::access::run::{CredentialSource, PodAws, Run};
use crate::runner::RoleArn;

/// Returns the role that uses the bucket.
///
/// # Errors
/// The outcome of the check if the pod has no role, or none that is known.
pub(super) async fn find(
    run: &Run<'_>,
    pod: &PodAws,
    environment: &ContainerEnvironment,
    bucket: &str,
) -> Result<RoleArn, Box<Outcome>> {
    let arn = match (&pod.identity, pod.identity.role_arn()) {
        (_, Some(arn)) => arn,
        (CredentialSource::Node { because }, _) => {
            let because = because.as_deref();
            return Err(Box::new(match without_metadata(run, pod, environment).await {
                Some(why) => no_credentials(run, because, &why),
                None => of_node(because, bucket),
            }));
        }
        (CredentialSource::Own { from, .. }, _) => {
            let what = format!("whether the Job is allowed to use bucket {bucket:?}, which exists");
            return Err(Box::new(own_credentials(from, &what)));
        }
        _ => {
            return Err(Box::new(Outcome::incomplete(
                "the Job's AWS identity is unknown",
                "Not checked: the Job's role is unknown.",
            )));
        }
    };
    arn.parse().map_err(|_| Box::new(missing(run, pod, arn)))
}

/// Returns the outcome for credentials that `pod_template` names. `what` says what could not be checked.
pub(super) fn own_credentials(from: &str, what: &str) -> Outcome {
    Outcome::incomplete(
        "AWS credentials in pod_template",
        format!("Could not check {what}: the Job's AWS credentials come from {from} in pod_template."),
    )
}

/// Returns the outcome for a role that does not exist. `arn` is not always an ARN.
pub(super) fn missing(run: &Run<'_>, pod: &PodAws, arn: &str) -> Outcome {
    let (cause, fix) = match &pod.identity {
        CredentialSource::Own { .. } => (
            run.runner_cause(RunnerCause::StateCredentials),
            "Set AWS_ROLE_ARN in job.pod_template to the ARN of an existing role.".to_owned(),
        ),
        _ => (
            match pod_identity::cause(run) {
                Ok(cause) => cause,
                Err(error) => return error.into(),
            },
            format!(
                "Create the role {arn}, or use another one. The check pod-identity shows the trust policy that it needs."
            ),
        ),
    };
    let outcome = Outcome::failed(format!("The Job's role {arn} does not exist."))
        .compare(arn, "not found")
        .fix(cause, Fix::note(fix))
        .not_yet();
    pod.unless_other_program(outcome)
}

/// Returns the outcome for a pod that might have the role of its node.
fn of_node(because: Option<&str>, bucket: &str) -> Outcome {
    Outcome::warned(format!(
        "The Job's pod has no AWS identity of its own.{} It can use bucket {bucket:?} only if it reaches the metadata service \
         of its node, and only with the permissions of the node's role.",
        because.map_or_else(String::new, |why| format!(" {why}"))
    ))
}

/// Returns why the pod certainly does not get the role of its node from the metadata service, as a whole sentence.
///
/// Sources: `config/env_config.go` of aws/aws-sdk-go-v2 for the variable, and "Simplify compute management with AWS Fargate" in
/// the EKS user guide, which says that the metadata service is not available to pods on Fargate.
async fn without_metadata(run: &Run<'_>, pod: &PodAws, environment: &ContainerEnvironment) -> Option<String> {
    const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
    if pod.replaced.might_set_variables() {
        return None;
    }
    let is_true = |value: &str| value.eq_ignore_ascii_case("true");
    if environment.get(DISABLED).value().is_some_and(is_true) {
        return Some(format!(
            "{DISABLED} in pod_template prevents the AWS SDK from using the node's metadata service."
        ));
    }
    let profile = run.fargate_profile().await.ok()??;
    Some(format!(
        "It runs on Fargate (profile {profile:?}), where the metadata service of a node is not available."
    ))
}

/// Returns the outcome for a pod without any credentials. `why` says why it does not have those of its node.
fn no_credentials(run: &Run<'_>, because: Option<&str>, why: &str) -> Outcome {
    let (account, cause) = match (run.service_account(), pod_identity::cause(run)) {
        (Ok(account), Ok(cause)) => (account, cause),
        (Err(error), _) | (_, Err(error)) => return error.into(),
    };
    let outcome = Outcome::failed(match because {
        None => {
            format!("The Job's pod has no AWS credentials: its service account has none. {why}")
        }
        Some(because) => format!("The Job's pod has no AWS credentials. {because} {why}"),
    })
    .compare("the AWS identity of the service account", "none");
    match because {
        // The same apply might create the identity.
        None => outcome
            .fix(
                cause,
                Fix::note(format!(
                    "Assign an AWS identity to service account {account:?}: eks-runner setup prints a role and its Pod Identity \
                     association, or with --pod-identity irsa, which works on Fargate too, its annotation."
                )),
            )
            .not_yet(),
        Some(_) => outcome.fix(
            run.runner_cause(RunnerCause::IdentityIgnored),
            Fix::note(
                "Remove the setting that the message names from job.pod_template, so that EKS injects the identity \
                 into the container.",
            ),
        ),
    }
}
