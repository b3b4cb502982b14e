//! What adds nodes to the cluster: Karpenter, EKS Auto Mode, and the Cluster Autoscaler with managed node groups.

use serde_json::Value;

use super::node_pool::NodePool;
use super::nodes::{GroupNodes, NODE_GROUP, Nodes, OF_NODE};
use crate::access::aws::NodeGroup;
use crate::access::check_error::CheckError;
use crate::access::kubernetes::placement::{Labels, Lack, NewLabel, NewNodeFit, NodeSize, Pod, Taint, is_tiny};
use crate::access::outcome::Outcome;
use crate::access::run::Run;

/// The path of Karpenter's NodePools, which EKS Auto Mode has, too.
const NODE_POOLS_PATH: &str = "/apis/karpenter.sh/v1/nodepools";
/// The path of the ConfigMap in which the Cluster Autoscaler keeps its status ("How can I check what is going on in CA?" in its
/// FAQ). Its name and namespace can be changed, so that an autoscaler without it is possible.
const AUTOSCALER_PATH: &str = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status";

/// What adds nodes, as the Job's pod needs them.
#[derive(Default)]
pub(super) struct Growth {
    /// What can add a node for the pod, as a clause.
    pub(super) source: Option<String>,
    /// Why what there is cannot add one.
    pub(super) findings: Vec<String>,
    /// What could not be looked up or compared.
    pub(super) unknown: Option<Outcome>,
    /// A node group whose nodes could take the pod, and that nothing makes larger.
    pub(super) stuck_group: Option<StuckGroup>,
}

/// A node group whose nodes could take the pod, if it was larger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StuckGroup {
    pub(super) name: String,
    pub(super) size: i32,
    pub(super) maximum: i32,
}

impl Growth {
    /// Looks up everything that adds nodes, at once.
    ///
    /// # Errors
    /// A value of the runner is unknown until apply.
    pub(super) async fn find(run: &Run<'_>, pod: &Pod<'_>, nodes: &Nodes) -> Result<Self, CheckError> {
        let cluster = run.entry_cluster().await?;
        let (pools, groups, eks) = tokio::join!(
            run.read(NODE_POOLS_PATH.to_owned()),
            run.aws().node_groups(&cluster),
            run.eks_cluster(),
        );
        let mut growth = Self::default();
        let auto_mode = eks.is_ok_and(|cluster| cluster.auto_mode);
        match pools {
            Ok(pools) => growth.add_pools(pod, &pools["items"], auto_mode),
            Err(error) if error.is_not_found() && !auto_mode => {}
            Err(error) if error.is_not_found() => growth.missed(Outcome::incomplete(
                "the cluster does not serve nodepools",
                "EKS Auto Mode is enabled, but the cluster's API does not serve NodePools (karpenter.sh/v1).",
            )),
            Err(error) => growth.missed(super::not_read(run, "nodepools.karpenter.sh", error)),
        }
        match groups {
            Ok(groups) => {
                let growing = growth.add_groups(pod, nodes, &groups);
                if growth.source.is_none() && !growing.is_empty() {
                    growth.add_growing(run, growing).await;
                }
            }
            Err(error) => growth.missed(error.outcome()),
        }
        Ok(growth)
    }

    fn found(&mut self, source: String) {
        self.source.get_or_insert(source);
    }

    fn missed(&mut self, outcome: Outcome) {
        self.unknown.get_or_insert(outcome);
    }

    fn add_pools(&mut self, pod: &Pod<'_>, pools: &Value, auto_mode: bool) {
        let pools = pools.as_array().map(Vec::as_slice).unwrap_or_default();
        if pools.is_empty() && auto_mode {
            self.findings.push("EKS Auto Mode: it has no NodePool".to_owned());
        }
        for pool in pools.iter().map(NodePool) {
            let what = pool.label();
            if let Some(obstacle) = pool.obstacle(pod) {
                self.findings.push(format!("{what}: {obstacle}"));
            } else if self.fits(&what, &pool.fit(pod)) {
                self.found(format!("{what} can add one"));
            }
        }
    }

    /// Returns whether the pod fits a new node, and notes why not.
    fn fits(&mut self, what: &str, fit: &NewNodeFit) -> bool {
        if !fit.lacks.is_empty() {
            self.findings.push(format!("{what}: {}", joined(&fit.lacks)));
            return false;
        }
        if !fit.unknown.is_empty() {
            let unknown: Vec<&str> = fit.unknown.iter().map(String::as_str).collect();
            self.missed(Outcome::incomplete(
                "what a new node has is unknown",
                format!("{what} might add one, but its nodes might lack {}.", unknown.join(", ")),
            ));
            return false;
        }
        true
    }

    /// Compares the node groups with the pod, and returns those that are below their maximum and whose nodes can take it.
    fn add_groups<'a>(&mut self, pod: &Pod<'_>, nodes: &Nodes, groups: &'a [NodeGroup]) -> Vec<&'a NodeGroup> {
        let mut growing = Vec::new();
        for group in groups {
            let what = format!("node group {:?}", group.name);
            let fit = |labels: Option<&Labels>, size| {
                let taints: Vec<Taint> = group.taints.iter().map(taint).collect();
                pod.fit_of_new(&taints, size, |key| node_label(group, labels, key))
            };
            let fits = match nodes.groups.get(&group.name) {
                Some(GroupNodes::Fit) => true,
                // What its nodes lack is among the findings of the nodes.
                Some(GroupNodes::Unfit) => continue,
                Some(GroupNodes::OtherSize(_)) if !group.has_several_types() => continue,
                Some(GroupNodes::OtherSize(labels)) => self.fits(&what, &fit(Some(labels), NodeSize::Unknown)),
                // The size of its nodes is known to be enough.
                Some(GroupNodes::OtherPlace(labels)) => self.fits(&what, &fit(Some(labels), NodeSize::Any)),
                None => self.fits(&what, &fit(None, size_of_first(group))),
            };
            if !fits {
                continue;
            }
            if !group.is_usable {
                self.findings.push(format!("{what}: it is not active"));
            } else if group.size < group.maximum {
                growing.push(group);
            } else {
                let finding = format!("{what}: it is at its maximum of {}", group.maximum);
                self.findings.push(finding);
                self.stuck_group.get_or_insert_with(|| stuck(group));
            }
        }
        growing
    }

    /// Looks for the Cluster Autoscaler, which makes the node groups larger.
    async fn add_growing(&mut self, run: &Run<'_>, groups: Vec<&NodeGroup>) {
        let autoscaler = run.read(AUTOSCALER_PATH.to_owned()).await;
        for group in groups {
            let what = format!("node group {:?}", group.name);
            let size = format!("{} of at most {} nodes", group.size, group.maximum);
            match &autoscaler {
                Ok(_) => self.found(format!("{what} has {size}, so the Cluster Autoscaler can add one")),
                Err(error) if error.is_not_found() => {
                    self.findings.push(format!(
                        "{what}: it has {size}, but no Cluster Autoscaler was found in namespace kube-system (ConfigMap \
                         cluster-autoscaler-status), the only namespace where the check looks for it"
                    ));
                    self.stuck_group = Some(stuck(group));
                }
                Err(error) => {
                    let object = "ConfigMap \"cluster-autoscaler-status\" in namespace \"kube-system\"";
                    self.missed(super::not_read(run, object, error.clone()));
                }
            }
        }
    }
}

fn stuck(group: &NodeGroup) -> StuckGroup {
    StuckGroup {
        name: group.name.clone(),
        size: group.size,
        maximum: group.maximum,
    }
}

/// Returns what is known about the size of the first node of a managed node group.
fn size_of_first(group: &NodeGroup) -> NodeSize {
    if group.instance_types.iter().any(|name| is_tiny(name)) {
        NodeSize::Unknown
    } else {
        NodeSize::Small
    }
}

/// Returns what is known about a label of the nodes of a managed node group. `of_node` has the labels of one of them, if there is
/// one. A launch template can add labels that the group itself does not have ("Customize managed nodes with launch templates" in
/// the EKS user guide: it can pass arguments to the kubelet).
fn node_label(group: &NodeGroup, of_node: Option<&Labels>, key: &str) -> NewLabel {
    let image = group.ami_type.as_str();
    let known = |value: Option<&str>| value.map_or(NewLabel::Unknown, |value| NewLabel::one_of(&[value]));
    if let Some(own) = group.labels.get(key) {
        return NewLabel::one_of(&[own]);
    }
    let has_other_labels = of_node.is_none() && group.has_launch_template;
    let of_node = of_node.and_then(|labels| labels.get(key));
    match key {
        NODE_GROUP => NewLabel::one_of(&[&group.name]),
        "node.kubernetes.io/instance-type" | "beta.kubernetes.io/instance-type" if !group.has_several_types() => {
            known(of_node.map(String::as_str))
        }
        "eks.amazonaws.com/capacityType" => known(Some(&group.capacity_type)),
        "kubernetes.io/arch" | "beta.kubernetes.io/arch" => known(architecture(image)),
        "kubernetes.io/os" | "beta.kubernetes.io/os" => known(match image {
            "" | "CUSTOM" => None,
            windows if windows.starts_with("WINDOWS") => Some("windows"),
            _ => Some("linux"),
        }),
        key if OF_NODE.contains(&key) => NewLabel::Unknown,
        _ => match of_node {
            Some(value) => NewLabel::one_of(&[value]),
            None if has_other_labels => NewLabel::Unknown,
            None => NewLabel::absent(),
        },
    }
}

/// Returns the architecture of an image by its type (`amiType` of `Nodegroup` in the EKS API reference). `None` for an image
/// of the user's own.
fn architecture(image: &str) -> Option<&'static str> {
    if image.contains("ARM_64") {
        Some("arm64")
    } else if image.contains("x86_64") || image.starts_with("WINDOWS") {
        Some("amd64")
    } else {
        None
    }
}

fn taint([key, value, effect]: &[String; 3]) -> Taint {
    Taint {
        key: key.clone(),
        value: value.clone(),
        effect: effect.clone(),
    }
}

fn joined(lacks: &[Lack]) -> String {
    let lacks: Vec<String> = lacks.iter().map(ToString::to_string).collect();
    lacks.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group(size: i32, label: &str) -> NodeGroup {
        NodeGroup {
            name: "g".to_owned(),
            is_usable: true,
            size,
            maximum: 3,
            labels: [("team".to_owned(), label.to_owned())].into(),
            ami_type: "AL2023_x86_64_STANDARD".to_owned(),
            capacity_type: "ON_DEMAND".to_owned(),
            instance_types: vec!["t3.medium".to_owned()],
            has_launch_template: false,
            taints: Vec::new(),
        }
    }

    fn find(spec: Value, nodes: &Nodes, group: &NodeGroup) -> (Growth, usize) {
        let template = json!({"spec": spec});
        let mut growth = Growth::default();
        let growing = growth
            .add_groups(&Pod::read(&template), nodes, std::slice::from_ref(group))
            .len();
        (growth, growing)
    }

    #[test]
    fn a_node_group_grows_to_its_maximum() {
        let find = |nodes: &Nodes, group: &NodeGroup| find(json!({"nodeSelector": {"team": "x"}}), nodes, group);
        let none = Nodes::default();
        assert_eq!(find(&none, &group(0, "x")).1, 1);
        let (full, growing) = find(&none, &group(3, "x"));
        assert_eq!((full.stuck_group, growing), (Some(stuck(&group(3, "x"))), 0));
        let (other, _) = find(&none, &group(0, "y"));
        assert_eq!(other.findings, ["node group \"g\": it lacks the label team=x"]);
        // The nodes of the group are known, and a new one would be too small as well.
        let small = Nodes {
            groups: [("g".to_owned(), GroupNodes::Unfit)].into(),
            ..Nodes::default()
        };
        let (small, growing) = find(&small, &group(1, "x"));
        assert_eq!((growing, small.findings), (0, Vec::new()));
    }

    #[test]
    fn the_next_node_of_a_group_is_known_by_the_labels_of_its_nodes() {
        let labels: Labels = [("team".to_owned(), "of the launch template".to_owned())].into();
        let memory = json!([{"resources": {"requests": {"memory": "8Gi"}}}]);
        let zone = json!({"topology.kubernetes.io/zone": "b", "lt": "y"});
        let with_lt: Labels = [("lt".to_owned(), "y".to_owned())].into();
        // Whether the nodes can take the pod; `None` if that is unknown.
        let with = |spec: &Value, found: GroupNodes, has_several_types: bool| {
            let nodes = Nodes {
                groups: [("g".to_owned(), found)].into(),
                ..Nodes::default()
            };
            let mut group = group(0, "x");
            if has_several_types {
                group.instance_types.push("t3.large".to_owned());
            }
            let (growth, growing) = find(spec.clone(), &nodes, &group);
            match (growing, growth.unknown) {
                (0, Some(unknown)) => Err(unknown.message),
                (growing, _) => Ok(growing == 1),
            }
        };
        let place = json!({"nodeSelector": zone, "containers": memory});
        let unknown = with(&place, GroupNodes::OtherPlace(with_lt), false).unwrap_err();
        assert!(
            unknown.ends_with("its nodes might lack the selected label topology.kubernetes.io/zone."),
            "{unknown}"
        );
        // All nodes of the group are of one type.
        let kind = "node.kubernetes.io/instance-type";
        let of_type: Labels = [(kind.to_owned(), "m5.large".to_owned())].into();
        let other_type = json!({"nodeSelector": {kind: "m5.xlarge"}});
        let place = || GroupNodes::OtherPlace(of_type.clone());
        assert_eq!(with(&other_type, place(), false), Ok(false));
        assert!(with(&other_type, place(), true).is_err());
        let size = json!({"containers": memory});
        let too_small = || GroupNodes::OtherSize(labels.clone());
        assert_eq!(with(&size, too_small(), false), Ok(false));
        let unknown = with(&size, too_small(), true).unwrap_err();
        assert!(unknown.ends_with("might lack memory 8Gi."), "{unknown}");
        // Its nodes are smaller than what counts as small elsewhere.
        let little = json!({"containers": [{"resources": {"requests": {"memory": "1Gi"}}}]});
        assert!(with(&little, too_small(), true).is_err());
    }

    #[test]
    fn a_node_group_without_nodes_is_known_by_its_labels_and_its_image() {
        let none = Nodes::default();
        // Whether the nodes can take the pod; `None` if that is unknown.
        let with = |selector: Value, image: &str| {
            let mut group = group(0, "x");
            group.ami_type = image.to_owned();
            let (growth, growing) = find(json!({"nodeSelector": selector}), &none, &group);
            match (growing, growth.unknown) {
                (0, Some(_)) => None,
                (growing, _) => Some(growing == 1),
            }
        };
        for (key, value, expected) in [
            (NODE_GROUP, "g", Some(true)),
            (NODE_GROUP, "runners", Some(false)),
            ("kubernetes.io/arch", "amd64", Some(true)),
            ("kubernetes.io/arch", "arm64", Some(false)),
            ("beta.kubernetes.io/os", "linux", Some(true)),
            ("eks.amazonaws.com/capacityType", "SPOT", Some(false)),
            ("node-role.kubernetes.io/x", "", Some(false)),
            ("karpenter.sh/nodepool", "x", Some(false)),
            ("topology.kubernetes.io/zone", "us-west-2a", None),
            ("node.kubernetes.io/instance-type", "m5.large", None),
        ] {
            let found = with(json!({key: value}), "AL2023_x86_64_STANDARD");
            assert_eq!(found, expected, "{key}={value}");
        }
        let arm = json!({"kubernetes.io/arch": "arm64"});
        assert_eq!(with(arm.clone(), "BOTTLEROCKET_ARM_64_NVIDIA"), Some(true));
        assert_eq!(with(arm, "CUSTOM"), None);
    }

    #[test]
    fn a_launch_template_can_add_labels_to_the_first_node() {
        let selects = |key: &str, value: &str| json!({"nodeSelector": {key: value}});
        let mut group = group(0, "x");
        group.has_launch_template = true;
        let unknown = |spec: Value, nodes: &Nodes| {
            let (growth, growing) = find(spec, nodes, &group);
            assert_eq!(growing, 0);
            growth.unknown.map(|unknown| unknown.message)
        };
        let none = Nodes::default();
        assert_eq!(
            unknown(selects("lt", "y"), &none).unwrap(),
            "node group \"g\" might add one, but its nodes might lack the selected label lt."
        );
        assert_eq!(unknown(selects("team", "y"), &none), None);
        // The node that exists shows what the launch template adds.
        let nodes = Nodes {
            groups: [("g".to_owned(), GroupNodes::OtherPlace(Labels::new()))].into(),
            ..Nodes::default()
        };
        assert_eq!(unknown(selects("lt", "y"), &nodes), None);
    }

    #[test]
    fn the_first_node_of_a_group_might_be_tiny() {
        let spec = json!({"containers": [{"resources": {"requests": {"memory": "1Gi"}}}]});
        let with = |types: &[&str]| {
            let mut group = group(0, "x");
            group.instance_types = types.iter().map(|&name| name.to_owned()).collect();
            find(spec.clone(), &Nodes::default(), &group)
        };
        for types in [&["t3.micro"][..], &["t3.large", "t4g.nano"]] {
            let (growth, growing) = with(types);
            assert_eq!(growing, 0, "{types:?}");
            assert_eq!(
                growth.unknown.unwrap().message,
                "node group \"g\" might add one, but its nodes might lack memory 1Gi."
            );
        }
        for types in [&[][..], &["t3.medium"]] {
            assert_eq!(with(types).1, 1, "{types:?}");
        }
    }

    #[test]
    fn what_the_nodes_of_a_group_have_is_unknown_until_there_is_one() {
        let containers = json!([{"resources": {"limits": {"nvidia.com/gpu": 1}}}]);
        let spec = json!({"containers": containers});
        let (growth, growing) = find(spec.clone(), &Nodes::default(), &group(0, "x"));
        assert_eq!(growing, 0);
        assert_eq!(
            growth.unknown.unwrap().message,
            "node group \"g\" might add one, but its nodes might lack nvidia.com/gpu 1."
        );
        let nodes = Nodes {
            groups: [("g".to_owned(), GroupNodes::Fit)].into(),
            ..Nodes::default()
        };
        assert_eq!(find(spec, &nodes, &group(1, "x")).1, 1);
    }
}
