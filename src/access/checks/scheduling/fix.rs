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
    let nearest = kinds.min_by_key(|(lacks, _)| (lacks.contains(&Lack::Windows), lacks.len()));
    if let Some((lacks, [name, ..])) = nearest.map(|(lacks, names)| (lacks, names.as_slice())) {
        return Ok(lacks.iter().map(|lack| fix_for(lack, name)).collect());
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
        "Add a managed node group or a Karpenter NodePool{fargate}."
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

/// The beginnings of labels that describe a node: with another value, they would be wrong.
const DESCRIBING: [&str; 8] = [
    "kubernetes.io/",
    "k8s.io/",
    "topology.",
    "node.kubernetes.io/",
    "beta.kubernetes.io/",
    "failure-domain.",
    "eks.amazonaws.com/",
    "karpenter.",
];

/// Returns what removes one obstacle of a node.
fn fix_for(lack: &Lack, node: &str) -> Fix {
    match lack {
        Lack::Cordoned => ShellCommand::new("kubectl uncordon").word(node).into(),
        Lack::Label(key, value) if DESCRIBING.iter().any(|start| key.starts_with(start)) => Fix::note(format!(
            "Change spec.nodeSelector in job.pod_template, or add nodes with the label {key}={value}."
        )),
        Lack::Label(key, value) => ShellCommand::new("kubectl label node")
            .word(node)
            .word("--overwrite")
            .word(format!("{key}={value}"))
            .comment("or change spec.nodeSelector in job.pod_template")
            .into(),
        Lack::Windows => Fix::note("Add nodes that run Linux."),
        Lack::Topology(key) => Fix::note(format!(
            "Change spec.topologySpreadConstraints in job.pod_template, or add nodes with the label {key}."
        )),
        Lack::Volume { claim, volume } => Fix::note(format!(
            "Add nodes that match the volume's node affinity, or replace claim {claim} in job.pod_template:"
        ))
        .then_run(ShellCommand::new("kubectl describe pv").word(volume)),
        Lack::Taint(taint) if taint.is_of_state() => ShellCommand::new("kubectl describe node")
            .word(node)
            .comment("it shows what is wrong with the node")
            .into(),
        Lack::Taint(taint) => Fix::note(format!(
            "Add to spec.tolerations in job.pod_template: {}",
            taint.toleration()
        )),
        Lack::Affinity => {
            Fix::note("Change spec.affinity.nodeAffinity in job.pod_template, or the labels of the nodes:")
                .then_run(ShellCommand::new("kubectl get nodes --show-labels"))
        }
        Lack::Name(_) => Fix::note("Remove spec.nodeName from job.pod_template."),
        Lack::Resource { name, allocatable, .. } => Fix::note(format!(
            "Request at most {allocatable} of {name} in job.pod_template, or add larger nodes."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::kubernetes::placement::Taint;

    #[test]
    fn a_fix_changes_no_label_that_describes_a_node_and_tolerates_no_broken_node() {
        let label = |key: &str| fix_for(&Lack::Label(key.to_owned(), "x".to_owned()), "n").to_string();
        assert!(label("team").starts_with("kubectl label node n --overwrite team=x"));
        assert!(label("node-role.kubernetes.io/runner").starts_with("kubectl label node"));
        for key in [
            "kubernetes.io/arch",
            "topology.kubernetes.io/zone",
            "node.kubernetes.io/instance-type",
            "eks.amazonaws.com/nodegroup",
            "karpenter.sh/nodepool",
        ] {
            let fix = label(key);
            assert!(!fix.contains("kubectl"), "{fix}");
            assert!(fix.contains(&format!("add nodes with the label {key}=x")));
        }
        let taint = |key: &str| {
            let taint = Taint::read(&serde_json::json!({"key": key, "effect": "NoSchedule"}));
            fix_for(&Lack::Taint(taint), "n").to_string()
        };
        assert!(taint("dedicated").contains("spec.tolerations"));
        for key in [
            "node.kubernetes.io/disk-pressure",
            "node.cloudprovider.kubernetes.io/uninitialized",
        ] {
            assert!(taint(key).starts_with("kubectl describe node n"));
        }
    }
}
