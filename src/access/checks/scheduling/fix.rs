//! The fix for a pod that no node can take.

use super::growth::{Growth, StuckGroup};
use super::nodes::Nodes;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::placement::Lack;
use crate::access::render::shell::{ShellCommand, Word};
use crate::access::run::Run;

/// Returns what makes the kind of node fit that lacks the least, or what adds a node.
///
/// # Errors
/// A value of the runner is unknown until apply.
pub(super) async fn fix(run: &Run<'_>, nodes: &Nodes, growth: &Growth) -> Result<Fix, CheckError> {
    if let Some(group) = &growth.stuck_group {
        return resize(run, group);
    }
    let kinds = nodes.kinds.iter();
    let nearest = kinds.min_by_key(|(lacks, _)| lacks.len());
    if let Some((lacks, [name, ..])) = nearest.map(|(lacks, names)| (lacks, names.as_slice())) {
        return Ok(lacks.iter().map(|lack| of(lack, name)).collect());
    }
    // EKS Pod Identity is not available on Fargate.
    let has_association = !matches!(run.pod_identity_association().await, Ok(None));
    let fargate = if has_association {
        String::new()
    } else {
        let namespace = Word::from(run.namespace()?);
        format!(", or a Fargate profile for the namespace {namespace}")
    };
    Ok(Fix::note(format!(
        "Add a managed node group or a NodePool of Karpenter{fargate}."
    )))
}

/// Returns what adds a node to a group.
fn resize(run: &Run<'_>, group: &StuckGroup) -> Result<Fix, CheckError> {
    let size = group.size + 1;
    let config = if size > group.maximum {
        format!("maxSize={size},desiredSize={size}")
    } else {
        format!("desiredSize={size}")
    };
    Ok(ShellCommand::new("aws eks update-nodegroup-config")
        .option("--region", run.region()?)
        .option("--cluster-name", run.cluster_name()?)
        .option("--nodegroup-name", &group.name)
        .option("--scaling-config", config)
        .into())
}

/// Returns what removes one obstacle of a node.
fn of(lack: &Lack, node: &str) -> Fix {
    match lack {
        Lack::Cordoned => ShellCommand::new("kubectl uncordon").word(node).into(),
        Lack::Label(key, value) => ShellCommand::new("kubectl label node")
            .word(node)
            .word("--overwrite")
            .word(format!("{key}={value}"))
            .comment("or change spec.nodeSelector in job.pod_template")
            .into(),
        Lack::Taint(taint) => Fix::note(format!(
            "Add to spec.tolerations in job.pod_template: {}",
            taint.toleration()
        )),
        Lack::Affinity => Fix::note(
            "Change spec.affinity.nodeAffinity in job.pod_template, or the labels of the nodes:",
        )
        .then_run(ShellCommand::new("kubectl get nodes --show-labels")),
        Lack::Name(_) => Fix::note("Remove spec.nodeName from job.pod_template."),
        Lack::Resource {
            name, allocatable, ..
        } => Fix::note(format!(
            "Request at most {allocatable} of {name} in job.pod_template, or add larger nodes."
        )),
    }
}
