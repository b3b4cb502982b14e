//! The nodes of the cluster, as the Job's pod needs them.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::access::check_error::CheckError;
use crate::access::kubernetes::NODES_PATH;
use crate::access::kubernetes::placement::{ClusterNode, Lack, Pod};
use crate::access::run::Run;

/// The label that a managed node group gives to its nodes ("Simplify node lifecycle with managed node groups" in the EKS user
/// guide: its labels have the prefix `eks.amazonaws.com`).
pub(super) const NODE_GROUP: &str = "eks.amazonaws.com/nodegroup";

/// The label of the nodes of Fargate, each of which runs the one pod that it was added for ("AWS Fargate considerations" in the
/// EKS user guide).
const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

/// The nodes that were compared.
#[derive(Default)]
pub(super) struct Nodes {
    /// The number of nodes, without those of Fargate.
    pub(super) count: usize,
    /// Whether there are nodes of Fargate.
    pub(super) has_fargate: bool,
    /// A node that can take the pod.
    pub(super) fitting: Option<String>,
    /// The nodes that cannot take the pod, by what they lack.
    pub(super) kinds: BTreeMap<Vec<Lack>, Vec<String>>,
    /// The managed node groups that have nodes, and whether a new node of the group could take the pod. A group whose nodes
    /// only cannot attach a volume is not among them: its next node can be in another zone.
    pub(super) groups: BTreeMap<String, bool>,
}

impl Nodes {
    /// Reads the nodes, page by page, until one can take the pod.
    ///
    /// # Errors
    /// The nodes cannot be read.
    pub(super) async fn find(run: &Run<'_>, pod: &Pod<'_>) -> Result<Self, CheckError> {
        let mut nodes = Self::default();
        let mut path = NODES_PATH.to_owned();
        loop {
            let page = run.read(path).await?;
            for node in page["items"].as_array().into_iter().flatten() {
                nodes.add(pod, &ClusterNode::read(node));
            }
            let next = page["metadata"]["continue"].as_str().unwrap_or_default();
            if nodes.fitting.is_some() || next.is_empty() {
                return Ok(nodes);
            }
            let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
            path = format!("{NODES_PATH}&continue={next}");
        }
    }

    fn add(&mut self, pod: &Pod<'_>, node: &ClusterNode) {
        let compute_type = node.labels.get(COMPUTE_TYPE);
        if compute_type.is_some_and(|kind| kind == "fargate")
            && pod.own_node() != Some(node.name.as_str())
        {
            self.has_fargate = true;
            return;
        }
        self.count += 1;
        let lacks = pod.lacks(node);
        if lacks.is_empty() {
            self.fitting.get_or_insert_with(|| node.name.clone());
        } else {
            self.kinds.entry(lacks).or_default().push(node.name.clone());
        }
        if let Some(group) = node.labels.get(NODE_GROUP) {
            let lacks = pod.lacks(&node.as_new());
            let is_volume = |lack: &Lack| matches!(lack, Lack::Volume { .. });
            if lacks.is_empty() || !lacks.iter().all(is_volume) {
                *self.groups.entry(group.clone()).or_default() |= lacks.is_empty();
            }
        }
    }

    /// Returns the clause that none of the nodes can take the pod.
    pub(super) fn none(&self) -> String {
        match self.count {
            0 if self.has_fargate => {
                "The cluster's nodes are those of Fargate, which run one pod each".to_owned()
            }
            0 => "The cluster has no node now".to_owned(),
            1 => "The cluster's node cannot take the Job's pod".to_owned(),
            count => format!("None of the cluster's {count} nodes can take the Job's pod"),
        }
    }

    /// Returns what each kind of node lacks.
    pub(super) fn findings(&self) -> impl Iterator<Item = String> {
        self.kinds.iter().map(|(lacks, names)| {
            let nodes = match names.as_slice() {
                [name] => format!("node {name}"),
                [name, ..] => format!("{} nodes like {name}", names.len()),
                [] => String::new(),
            };
            let lacks: Vec<String> = lacks.iter().map(ToString::to_string).collect();
            format!("{nodes}: {}", lacks.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nodes(spec: serde_json::Value, labels: serde_json::Value) -> Nodes {
        let template = json!({"spec": spec});
        let node = json!({"metadata": {"name": "n", "labels": labels}});
        let mut nodes = Nodes::default();
        nodes.add(&Pod::read(&template), &ClusterNode::read(&node));
        nodes
    }

    #[test]
    fn a_node_of_fargate_takes_only_the_pod_that_names_it() {
        let labels = json!({COMPUTE_TYPE: "fargate"});
        let other = nodes(json!({}), labels.clone());
        assert_eq!((&other.fitting, other.kinds.len()), (&None, 0));
        assert_eq!(
            other.none(),
            "The cluster's nodes are those of Fargate, which run one pod each"
        );
        let named = nodes(json!({"nodeName": "n"}), labels);
        assert_eq!(named.fitting.as_deref(), Some("n"));
        let of_auto_mode = nodes(json!({}), json!({COMPUTE_TYPE: "auto"}));
        assert_eq!(of_auto_mode.fitting.as_deref(), Some("n"));
    }
}
