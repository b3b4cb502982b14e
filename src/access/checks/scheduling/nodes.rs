//! The nodes of the cluster, as the Job's pod needs them.

use std::collections::BTreeMap;

use crate::access::check_error::CheckError;
use crate::access::kubernetes::NODES_PATH;
use crate::access::kubernetes::placement::{COMPUTE_TYPE, ClusterNode, Labels, Lack, Pod};
use crate::access::run::Run;

/// The label that a managed node group gives to its nodes ("Simplify node lifecycle with managed node groups" in the EKS user
/// guide: its labels have the prefix `eks.amazonaws.com`).
pub(super) const NODE_GROUP: &str = "eks.amazonaws.com/nodegroup";

/// The labels of the nodes of a managed node group whose values are known only when there is a node: the kubelet, the
/// cloud provider, and EKS set them ("Well-Known Labels, Annotations and Taints" in the Kubernetes documentation).
pub(super) const OF_NODE: [&str; 14] = [
    "eks.amazonaws.com/nodegroup-image",
    "eks.amazonaws.com/sourceLaunchTemplateId",
    "eks.amazonaws.com/sourceLaunchTemplateVersion",
    "k8s.io/cloud-provider-aws",
    "kubernetes.io/hostname",
    "node.kubernetes.io/instance-type",
    "node.kubernetes.io/windows-build",
    "topology.ebs.csi.aws.com/zone",
    "topology.k8s.aws/zone-id",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "beta.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
];

/// The path of the nodes that run Windows.
pub(super) const WINDOWS_NODES_PATH: &str = "/api/v1/nodes?labelSelector=kubernetes.io/os%3Dwindows&limit=100";

/// The nodes that were compared.
#[derive(Default)]
pub(super) struct Nodes {
    /// The number of nodes, without those of Fargate.
    pub(super) count: usize,
    /// Whether there are nodes of Fargate.
    pub(super) has_fargate: bool,
    /// A node that can take the pod.
    pub(super) fitting: Option<String>,
    /// A node that runs Windows, which the scheduler can choose for the pod all the same.
    pub(super) windows: Option<String>,
    /// The nodes that cannot take the pod, by what they lack.
    pub(super) kinds: BTreeMap<Vec<Lack>, Vec<String>>,
    /// The managed node groups that have nodes.
    pub(super) groups: BTreeMap<String, GroupNodes>,
}

/// What the nodes of a managed node group show about its next node. Of different nodes, the last one in this order counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GroupNodes {
    /// The next node cannot take the pod either.
    Unfit,
    /// The nodes are too small, and might be in the wrong place as well. The next node of a group with several instance types can
    /// be larger. These are the labels of one of the nodes.
    OtherSize(Labels),
    /// The nodes are in the wrong place, such as another zone, in which the next node does not have to be. These are the labels of
    /// one of them.
    OtherPlace(Labels),
    /// The next node can take the pod.
    Fit,
}

impl GroupNodes {
    /// Judges a node of the group by what a new one of its kind would lack. Whether the required node affinity is about the place
    /// is decided later, by what is known about the labels of a new node.
    fn new(lacks: &[Lack], labels: &Labels) -> Self {
        let is_place = |lack: &Lack| match lack {
            Lack::Volume { .. } | Lack::Affinity => true,
            Lack::Label(key, _) => OF_NODE.contains(&key.as_str()),
            _ => false,
        };
        let is_size = |lack: &Lack| matches!(lack, Lack::Resource { .. });
        match lacks {
            [] => Self::Fit,
            lacks if lacks.iter().all(is_place) => Self::OtherPlace(labels.clone()),
            lacks if lacks.iter().all(|lack| is_place(lack) || is_size(lack)) => Self::OtherSize(labels.clone()),
            _ => Self::Unfit,
        }
    }
}

impl Nodes {
    /// Reads the nodes, page by page, until one can take the pod, and those that run Windows.
    ///
    /// # Errors
    /// The nodes cannot be read.
    pub(super) async fn find(run: &Run<'_>, pod: &Pod<'_>) -> Result<Self, CheckError> {
        let mut nodes = Self::default();
        let all = run.read_nodes(NODES_PATH, |node| {
            nodes.add(pod, &node);
            nodes.fitting.is_some()
        });
        let (all, windows) = tokio::join!(all, windows_node(run, pod));
        all?;
        nodes.windows = windows?;
        Ok(nodes)
    }

    fn add(&mut self, pod: &Pod<'_>, node: &ClusterNode) {
        // Each node of Fargate runs the one pod that it was added for ("AWS Fargate considerations" in the EKS user guide).
        let compute_type = node.labels.get(COMPUTE_TYPE);
        if compute_type.is_some_and(|kind| kind == "fargate") && pod.own_node() != Some(node.name.as_str()) {
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
            let found = GroupNodes::new(&pod.lacks(&node.as_new()), &node.labels);
            let known = self.groups.entry(group.clone());
            let known = known.or_insert(GroupNodes::Unfit);
            if found > *known {
                *known = found;
            }
        }
    }

    /// Returns the clause that none of the nodes can take the pod.
    pub(super) fn none(&self) -> String {
        match self.count {
            0 if self.has_fargate => "The cluster has only Fargate nodes, which run one pod each".to_owned(),
            0 => "The cluster currently has no nodes".to_owned(),
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

/// Returns a node that runs Windows and lacks nothing else for the pod.
async fn windows_node(run: &Run<'_>, pod: &Pod<'_>) -> Result<Option<String>, CheckError> {
    let mut found = None;
    if pod.admits_windows() {
        run.read_nodes(WINDOWS_NODES_PATH, |node| {
            if pod.lacks(&node) == [Lack::Windows] {
                found = Some(node.name);
            }
            found.is_some()
        })
        .await?;
    }
    Ok(found)
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
            "The cluster has only Fargate nodes, which run one pod each"
        );
        let named = nodes(json!({"nodeName": "n"}), labels);
        assert_eq!(named.fitting.as_deref(), Some("n"));
        let of_auto_mode = nodes(json!({}), json!({COMPUTE_TYPE: "auto"}));
        assert_eq!(of_auto_mode.fitting.as_deref(), Some("n"));
    }

    #[test]
    fn the_next_node_of_a_group_can_be_in_another_zone_or_larger() {
        const ZONE: &str = "topology.kubernetes.io/zone";
        let labels = json!({NODE_GROUP: "g", ZONE: "a", "team": "x"});
        let own: Labels = serde_json::from_value(labels.clone()).unwrap();
        let selects = |key: &str, value: &str| json!({"nodeSelector": {key: value}});
        let term = json!({"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["b"]}]});
        let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}});
        let large = json!({"containers": [{"resources": {"requests": {"memory": "1Gi"}}}]});
        for (spec, expected) in [
            (json!({}), GroupNodes::Fit),
            (selects(ZONE, "a"), GroupNodes::Fit),
            (selects(ZONE, "b"), GroupNodes::OtherPlace(own.clone())),
            (
                json!({"affinity": {"nodeAffinity": required}}),
                GroupNodes::OtherPlace(own.clone()),
            ),
            (selects("team", "y"), GroupNodes::Unfit),
            (large, GroupNodes::OtherSize(own)),
        ] {
            let found = nodes(spec.clone(), labels.clone()).groups;
            assert_eq!(found["g"], expected, "{spec}");
        }
    }
}
