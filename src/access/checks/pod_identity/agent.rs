//! Where the pod runs: EKS Pod Identity needs its agent on the pod's node, and there is none on Fargate.
//!
//! Sources in the EKS user guide: "Set up the Amazon EKS Pod Identity Agent", which says that EKS Auto Mode has it built in,
//! and "EKS Pod Identity restrictions" for Fargate.

use crate::access::aws::{EksCluster, PodIdentityAssociation};
use crate::access::check_error::CheckError;
use crate::access::checks::findings::{CheckProblem, Finding};
use crate::access::checks::not_read;
use crate::access::fix::Fix;
use crate::access::kubernetes::NODES_PATH;
use crate::access::kubernetes::placement::{COMPUTE_TYPE, Pod};
use crate::access::objects::{POD_IDENTITY_AGENT as AGENT, ROLE_ANNOTATION};
use crate::access::render::aws_cli;
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;

/// The path of the DaemonSets, one of which is the agent's.
const DAEMON_SETS: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets";
/// The states of an add-on whose DaemonSet might not run on the nodes (`AddonStatus` in the EKS API reference).
const DOUBTFUL: [&str; 4] = ["CREATE_FAILED", "DEGRADED", "DELETING", "DELETE_FAILED"];

/// Checks that the agent runs in the cluster: as the add-on, as a DaemonSet of its own, or built into EKS Auto Mode.
///
/// # Errors
/// The finding, if it is not that the agent runs.
pub(super) async fn agent(run: &Run<'_>, cluster: &EksCluster) -> Result<Finding, Finding> {
    if cluster.auto_mode && !might_leave_auto_mode(run).await {
        return Ok(Finding::Good("EKS Auto Mode runs its agent.".to_owned()));
    }
    let signed = run.entry_cluster().await?;
    let add_on = run.aws().add_on(&signed, AGENT).await;
    let unread = match add_on.map_err(CheckError::from) {
        Ok(status) if DOUBTFUL.contains(&status.as_str()) => {
            return Err(Finding::Doubtful(CheckProblem {
                message: format!("Add-on {AGENT} is {status}: EKS Pod Identity might not work on some nodes."),
                expected: "ACTIVE".to_owned(),
                found: status.as_str().to_owned(),
                fix: aws_cli::describe_addon(&signed.region, &signed.name, AGENT).into(),
            }));
        }
        Ok(_) => return Ok(Finding::Good(format!("Add-on {AGENT} is installed."))),
        Err(error) if error.is_not_found() => None,
        Err(error) => Some(error),
    };
    match (run.read(format!("{DAEMON_SETS}/{AGENT}")).await, unread) {
        (Ok(_), _) => Ok(Finding::Good(format!("DaemonSet {AGENT} exists."))),
        (Err(_), Some(error)) => Err(error.into()),
        (Err(error), None) if error.is_not_found() => Err(Finding::Doubtful(CheckProblem {
            message: format!(
                "The cluster has neither the add-on {AGENT} nor its DaemonSet in kube-system: without the agent on its \
                 node, the Job's pod gets no credentials."
            ),
            expected: format!("the add-on {AGENT}"),
            found: "none".to_owned(),
            fix: aws_cli::create_addon(&signed.region, &signed.name, AGENT).into(),
        })),
        (Err(error), None) => Err(Finding::Unknown(not_read(
            run,
            &format!("DaemonSet {AGENT:?} in namespace \"kube-system\""),
            error,
        ))),
    }
}

/// Returns whether a node outside of EKS Auto Mode could take the Job's pod. Only the nodes of EKS Auto Mode have the agent
/// built in.
async fn might_leave_auto_mode(run: &Run<'_>) -> bool {
    let Ok(template) = run.expected_template().await else {
        return false;
    };
    let pod = Pod::read(&template);
    let mut found = false;
    // Of nodes that cannot be read, nothing is known.
    let _ = run
        .read_nodes(NODES_PATH, |node| {
            let compute_type = node.labels.get(COMPUTE_TYPE);
            found = compute_type.is_none_or(|found| found != "auto") && pod.lacks(&node).is_empty();
            found
        })
        .await;
    found
}

/// Checks that the pod does not run on Fargate, where EKS Pod Identity is not available.
///
/// # Errors
/// The finding about a pod on Fargate, or about profiles that could not be read.
pub(super) async fn not_on_fargate(run: &Run<'_>, association: &PodIdentityAssociation) -> Result<(), Finding> {
    let Some(profile) = run.fargate_profile().await? else {
        return Ok(());
    };
    let account = run.service_account()?;
    Err(Finding::Broken(CheckProblem {
        message: format!(
            "The Job's pod runs on Fargate (profile {profile:?}), where EKS Pod Identity is not available."
        ),
        expected: format!("the annotation {ROLE_ANNOTATION} of service account {account:?}"),
        found: format!("Pod Identity association {}", association.id),
        fix: annotation_in_place_of(run, association, account).await?,
    }))
}

/// Returns the fix that assigns a role to the service account (IRSA) in place of the association. An annotation that it already has
/// stays.
async fn annotation_in_place_of(
    run: &Run<'_>,
    association: &PodIdentityAssociation,
    account: &str,
) -> Result<Fix, CheckError> {
    let path = run.namespaced(&format!("/serviceaccounts/{account}"))?;
    let found = run.read(path).await.ok();
    let current = found
        .as_ref()
        .and_then(|found| found["metadata"]["annotations"][ROLE_ANNOTATION].as_str());
    let annotated = match current.filter(|role| !role.is_empty()) {
        Some(role) => Fix::note(format!(
            "Without the association, EKS uses the service account's annotation, which names {role}. Then run the checks \
             again: they verify the role's trust policy."
        )),
        None => Fix::note(
            "Use IAM roles for service accounts (IRSA) instead of the association. Then run the checks again: they verify \
             the role's trust policy.",
        )
        .then_run(
            ShellCommand::new("kubectl annotate --overwrite serviceaccount")
                .word(account)
                .option("-n", run.namespace()?)
                .word(format!("{ROLE_ANNOTATION}={}", association.effective_role())),
        ),
    };
    let delete = aws_cli::delete_pod_identity_association(run.region()?, run.cluster_name()?, &association.id);
    Ok(annotated
        .then_note(format!(
            "Delete the association last. This changes the AWS identity of every pod of service account {account:?}."
        ))
        .then_run(delete))
}
