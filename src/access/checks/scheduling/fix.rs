//! The fix for a pod that no node can take.

use super::growth::Growth;
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
pub(super) fn fix(run: &Run<'_>, nodes: &Nodes, growth: &Growth) -> Result<Fix, CheckError> {
    let (region, cluster) = (run.region()?, run.cluster_name()?);
    if let Some((group, size)) = &growth.full_group {
        let size = size + 1;
        let command = ShellCommand::new("aws eks update-nodegroup-config")
            .option("--region", region)
            .option("--cluster-name", cluster)
            .option("--nodegroup-name", group)
            .option(
                "--scaling-config",
                format!("maxSize={size},desiredSize={size}"),
            );
        return Ok(command.into());
    }
    let kinds = nodes.kinds.iter();
    let nearest = kinds.min_by_key(|(lacks, _)| lacks.len());
    if let Some((lacks, [name, ..])) = nearest.map(|(lacks, names)| (lacks, names.as_slice())) {
        return Ok(lacks.iter().map(|lack| of(lack, name)).collect());
    }
    let namespace = run.namespace()?;
    Ok(Fix::note(format!(
        "Add a managed node group, a NodePool of Karpenter, or a Fargate profile for the namespace {}:",
        Word::from(namespace)
    ))
    .then_run(
        ShellCommand::new("aws eks create-fargate-profile")
            .option("--region", region)
            .option("--cluster-name", cluster)
            .option("--fargate-profile-name", namespace)
            .option("--selectors", format!("namespace={namespace}"))
            .word("--pod-execution-role-arn=..."),
    ))
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
