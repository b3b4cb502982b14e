//! Whether a node can take a pod, as kube-scheduler decides it from the node's labels, taints, and resources.
//!
//! Source: kube-scheduler 1.34, the plugins NodeName, NodeAffinity, TaintToleration, NodeUnschedulable, NodeResourcesFit,
//! VolumeBinding (the node affinity of bound volumes), and PodTopologySpread (the labels that a node must have;
//! pkg/scheduler/framework/plugins). What other pods on the node use, how they are spread, and the affinity to them change
//! from moment to moment, and are not considered. A pod that names its node does not meet
//! the scheduler, but the node's kubelet repeats most of it (`AdmissionCheck` in pkg/scheduler/eventhandlers.go, and
//! `generalFilter` in pkg/kubelet/lifecycle/predicate.go).

mod affinity;
mod new_node;
mod requests;
mod taint;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::runner::quantity::thousandths_of;
pub(crate) use new_node::{NewLabel, NewNodeFit, NodeSize, is_tiny};
pub(crate) use taint::Taint;

/// Labels of a node or a pod.
pub(crate) type Labels = BTreeMap<String, String>;

/// What decides which nodes can take a pod.
pub(crate) struct Pod<'a> {
    spec: &'a Value,
    /// The sum of what the containers request of each resource, as a quantity.
    requests: BTreeMap<String, String>,
    /// The pod's labels.
    pub(crate) labels: Labels,
    /// The volumes that only some nodes can attach.
    volumes: Vec<BoundVolume>,
}

/// A PersistentVolume that a claim of the pod is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BoundVolume {
    /// The name of the claim.
    pub(crate) claim: String,
    /// The name of the volume.
    pub(crate) name: String,
    /// The nodes that can attach it: `nodeAffinity.required` of the volume.
    pub(crate) nodes: Value,
}

/// What decides which pods a node can take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClusterNode {
    /// The node's name.
    pub(crate) name: String,
    /// The node's labels.
    pub(crate) labels: Labels,
    taints: Vec<Taint>,
    allocatable: BTreeMap<String, String>,
    is_cordoned: bool,
}

/// Why a node cannot take a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lack {
    /// The node is not the one that the pod names.
    Name(String),
    /// The node is cordoned.
    Cordoned,
    /// The node lacks a label of the pod's `nodeSelector`.
    Label(String, String),
    /// The node runs Windows, but the Orchestrator's image is for Linux.
    Windows,
    /// The node does not match the pod's required node affinity.
    Affinity,
    /// The node cannot attach a volume.
    Volume {
        /// The claim that is bound to the volume.
        claim: String,
        /// The volume.
        volume: String,
    },
    /// The node lacks a label over whose values the pods must be spread.
    Topology(String),
    /// The pod does not tolerate a taint of the node.
    Taint(Taint),
    /// The node has less of a resource than the pod requests.
    Resource {
        /// The resource.
        name: String,
        /// What the pod requests.
        requested: String,
        /// What the node has.
        allocatable: String,
    },
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "spec.nodeName is {name}"),
            Self::Cordoned => f.write_str("it is cordoned"),
            Self::Label(key, value) => write!(f, "it lacks the label {key}={value}"),
            Self::Windows => f.write_str("it runs Windows"),
            Self::Affinity => f.write_str("it does not match the required node affinity"),
            Self::Volume { claim, volume } => write!(
                f,
                "it does not match the node affinity of PersistentVolume {volume:?} of claim {claim:?}"
            ),
            Self::Topology(key) => {
                write!(f, "it lacks the label {key} of topologySpreadConstraints")
            }
            Self::Taint(taint) => write!(f, "its taint {taint} is not tolerated"),
            Self::Resource {
                name,
                requested,
                allocatable,
            } => write!(f, "it has {name} {allocatable}, but the pod requests {requested}"),
        }
    }
}

impl ClusterNode {
    /// Reads a node of the API.
    pub(crate) fn read(node: &Value) -> Self {
        let taints = node["spec"]["taints"].as_array().into_iter().flatten();
        Self {
            name: text(&node["metadata"]["name"]),
            labels: labels(&node["metadata"]["labels"]),
            taints: taints.map(Taint::read).collect(),
            allocatable: labels(&node["status"]["allocatable"]),
            is_cordoned: node["spec"]["unschedulable"] == true,
        }
    }

    /// Returns what a new node of the same kind would be: without the state of this one, which the cluster marks by
    /// taints of its own (`node.kubernetes.io/…`).
    pub(crate) fn as_new(&self) -> Self {
        let mut new = self.clone();
        new.is_cordoned = false;
        new.taints.retain(|taint| !taint.is_of_state());
        new
    }
}

/// The label for the operating system of a node, which the kubelet sets.
const SYSTEM: &str = "kubernetes.io/os";

/// The label that distinguishes the nodes of Fargate (`fargate`) and of EKS Auto Mode (`auto`) from others ("Control if a workload is
/// deployed on EKS Auto Mode nodes" in the EKS user guide).
pub(crate) const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

impl<'a> Pod<'a> {
    /// Reads the template of a Job's pod.
    pub(crate) fn read(template: &'a Value) -> Self {
        Self {
            spec: &template["spec"],
            requests: requests::requests(&template["spec"]),
            labels: labels(&template["metadata"]["labels"]),
            volumes: Vec::new(),
        }
    }

    /// Returns the pod with the volumes that its claims are bound to.
    pub(crate) fn with_volumes(self, volumes: Vec<BoundVolume>) -> Self {
        Self { volumes, ..self }
    }

    /// Returns the scheduler of the pod, if it is not the cluster's default one.
    pub(crate) fn own_scheduler(&self) -> Option<&str> {
        let name = self.spec["schedulerName"].as_str()?;
        (!["", "default-scheduler"].contains(&name)).then_some(name)
    }

    /// Returns the node that the pod names. Neither a scheduler nor what adds nodes sees such a pod.
    pub(crate) fn own_node(&self) -> Option<&str> {
        self.spec["nodeName"].as_str().filter(|name| !name.is_empty())
    }

    /// Returns whether the scheduler can choose a node that runs Windows. It reads the pod's selector and affinity alone: `spec.os`
    /// does not influence it ("Windows containers in Kubernetes" in the Kubernetes documentation).
    pub(crate) fn admits_windows(&self) -> bool {
        let label = |key: &str| match key {
            SYSTEM | "beta.kubernetes.io/os" => NewLabel::one_of(&["windows"]),
            _ => NewLabel::Unknown,
        };
        self.fit_of_new(&[], NodeSize::Any, label).lacks == [Lack::Windows]
    }

    /// Returns what a node lacks for the pod, in order. The list is empty if the node can take the pod.
    pub(crate) fn lacks(&self, node: &ClusterNode) -> Vec<Lack> {
        let mut lacks = Vec::new();
        let own_node = self.own_node();
        if let Some(name) = own_node.filter(|name| **name != *node.name) {
            lacks.push(Lack::Name(name.to_owned()));
        }
        let cordon = Taint::cordon();
        // The scheduler alone respects a cordon and the effect NoSchedule.
        let is_scheduled = own_node.is_none();
        if is_scheduled && node.is_cordoned && !self.tolerates(&cordon) {
            lacks.push(Lack::Cordoned);
        }
        let missing = self
            .selector()
            .filter(|(key, value)| node.labels.get(*key).map(String::as_str) != Some(value.as_str()));
        lacks.extend(missing.map(|(key, value)| Lack::Label(key.clone(), value)));
        if node.labels.get(SYSTEM).is_some_and(|system| system == "windows") {
            lacks.push(Lack::Windows);
        }
        for (selector, lack) in self.node_selectors() {
            if !affinity::matches(selector, node) {
                lacks.push(lack);
            }
        }
        let keys = self.topology_keys().filter(|_| is_scheduled);
        let missing = keys.filter(|key| !node.labels.contains_key(*key));
        lacks.extend(missing.map(|key| Lack::Topology(key.to_owned())));
        let taints = node.taints.iter();
        let taints = taints.filter(|taint| !(node.is_cordoned && **taint == cordon));
        let taints = taints.filter(|taint| is_scheduled || taint.effect == "NoExecute");
        let intolerable = taints.filter(|taint| !self.tolerates(taint));
        lacks.extend(intolerable.cloned().map(Lack::Taint));
        lacks.extend(self.requests.iter().filter_map(|(name, requested)| {
            let allocatable = node.allocatable.get(name).map_or("0", String::as_str);
            let (needed, available) = (thousandths_of(requested)?, thousandths_of(allocatable)?);
            (needed > available).then(|| Lack::Resource {
                name: name.clone(),
                requested: requested.clone(),
                allocatable: allocatable.to_owned(),
            })
        }));
        lacks
    }

    /// Returns the requests of more than these amounts, and those of every other resource.
    pub(crate) fn requests_over(&self, most: &[(&str, &str)]) -> Vec<String> {
        let is_over = |(name, requested): &(&String, &String)| {
            let most = most.iter().find(|(most, _)| most == name);
            most.is_none_or(|(_, most)| thousandths_of(requested) > thousandths_of(most))
        };
        let requests = self.requests.iter().filter(is_over);
        requests
            .map(|(name, requested)| format!("{name} {requested}"))
            .collect()
    }

    /// Returns whether a new node with the pod exceeds a limit of what all nodes of a kind have together, of which `used`
    /// is taken. Every node has processors and memory, also for a pod that requests none.
    pub(crate) fn exceeds(&self, resource: &str, used: &Value, limit: &Value) -> bool {
        let amount = |quantity: &Value| thousandths_of(&text(quantity)).unwrap_or_default();
        let requested = self.requests.get(resource);
        let requested = requested.and_then(|requested| thousandths_of(requested));
        let is_of_every_node = ["cpu", "memory", "ephemeral-storage", "pods", "nodes"].contains(&resource);
        let least = requested.unwrap_or_default().max(is_of_every_node.into());
        amount(used).saturating_add(least) > amount(limit)
    }

    /// Returns what the pod requires of a node, as a clause for people.
    pub(crate) fn requirements(&self) -> String {
        let requests = self.requests.iter();
        let requests = requests.map(|(name, requested)| format!("{name} {requested}"));
        let selector = self.selector();
        let selector = selector.map(|(key, value)| format!("the label {key}={value}"));
        let mut requirements: Vec<String> = requests.chain(selector).collect();
        if !self.affinity().is_null() {
            requirements.push("a match of the required node affinity".to_owned());
        }
        let volumes = self.volumes.iter();
        requirements.extend(
            volumes.map(|volume| format!("a match of the node affinity of PersistentVolume {:?}", volume.name)),
        );
        requirements.extend(self.topology_keys().map(|key| format!("the label {key}")));
        requirements.push("not cordoned".to_owned());
        requirements.push("no taint that the pod does not tolerate".to_owned());
        requirements.join(", ")
    }

    fn selector(&self) -> impl Iterator<Item = (&'a String, String)> {
        let selector = self.spec["nodeSelector"].as_object().into_iter().flatten();
        selector.map(|(key, value)| (key, text(value)))
    }

    /// Returns the required node affinity of the pod.
    fn affinity(&self) -> &Value {
        &self.spec["affinity"]["nodeAffinity"][affinity::REQUIRED]
    }

    /// Returns every selector that a node must match, with what a node lacks that does not.
    fn node_selectors(&self) -> impl Iterator<Item = (&Value, Lack)> {
        let volumes = self.volumes.iter().map(|volume| {
            let lack = Lack::Volume {
                claim: volume.claim.clone(),
                volume: volume.name.clone(),
            };
            (&volume.nodes, lack)
        });
        [(self.affinity(), Lack::Affinity)].into_iter().chain(volumes)
    }

    /// Returns the labels that a node must have because the pods must be spread over their values.
    fn topology_keys(&self) -> impl Iterator<Item = &'a str> {
        let constraints = self.spec["topologySpreadConstraints"].as_array();
        let constraints = constraints.into_iter().flatten();
        let required = constraints.filter(|one| one["whenUnsatisfiable"] == "DoNotSchedule");
        required.filter_map(|one| one["topologyKey"].as_str())
    }

    fn tolerates(&self, taint: &Taint) -> bool {
        taint.is_tolerated(&self.spec["tolerations"])
    }
}

/// Reads a map of texts. Numbers are read as the API writes them in quantities.
fn labels(map: &Value) -> Labels {
    let map = map.as_object().into_iter().flatten();
    map.map(|(key, value)| (key.clone(), text(value))).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
