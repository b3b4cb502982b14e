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

/// The nodes that were compared.
#[derive(Default)]
pub(super) struct Nodes {
    /// The number of nodes.
    pub(super) count: usize,
    /// A node that can take the pod.
    pub(super) fitting: Option<String>,
    /// The nodes that cannot take the pod, by what they lack.
    pub(super) kinds: BTreeMap<Vec<Lack>, Vec<String>>,
    /// The managed node groups that have nodes, and whether a new node of the group could take the pod.
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
        self.count += 1;
        let lacks = pod.lacks(node);
        if lacks.is_empty() {
            self.fitting.get_or_insert_with(|| node.name.clone());
        } else {
            self.kinds.entry(lacks).or_default().push(node.name.clone());
        }
        if let Some(group) = node.labels.get(NODE_GROUP) {
            let fits = pod.lacks(&node.as_new()).is_empty();
            *self.groups.entry(group.clone()).or_default() |= fits;
        }
    }

    /// Returns the clause that none of the nodes can take the pod.
    pub(super) fn none(&self) -> String {
        match self.count {
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
