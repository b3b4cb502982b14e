//! Whether a node that something adds can take a pod, as far as the node is known before it exists.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::affinity::{admits, is_named, key, terms};
use super::{Lack, Pod, SYSTEM, Taint, text};

/// What is known about a label of a new node.
pub(crate) enum NewLabel {
    /// The label has a value, or none, that each of these requirements (`operator` and `values`) admits.
    Admitted(Vec<Value>),
    /// Only the new node shows whether the label exists, and its value.
    Unknown,
}

impl NewLabel {
    /// Returns a label that has one of these values.
    pub(crate) fn one_of(values: &[&str]) -> Self {
        Self::Admitted(vec![json!({"operator": "In", "values": values})])
    }

    /// Returns a label that can have any value.
    pub(crate) fn any() -> Self {
        Self::Admitted(vec![json!({"operator": "Exists"})])
    }

    /// Returns a label that does not exist.
    pub(crate) fn absent() -> Self {
        Self::Admitted(vec![json!({"operator": "DoesNotExist"})])
    }

    /// Returns whether the label can meet all of these requirements. `None` if that is unknown.
    fn can_meet(&self, wanted: &[&Value]) -> Option<bool> {
        match self {
            Self::Admitted(own) => {
                let all: Vec<&Value> = own.iter().chain(wanted.iter().copied()).collect();
                Some(is_possible(&all))
            }
            Self::Unknown => None,
        }
    }
}

/// Returns whether a label can meet all requirements at once.
fn is_possible(requirements: &[&Value]) -> bool {
    let is = |requirement: &Value, operator: &str| requirement["operator"] == operator;
    let admitted = |value: Option<&str>| requirements.iter().all(|one| admits(one, value));
    if let Some(list) = requirements.iter().find(|one| is(one, "In")) {
        let mut values = list["values"].as_array().into_iter().flatten();
        return values.any(|value| admitted(value.as_str()));
    }
    if admitted(None) {
        return true;
    }
    if requirements.iter().any(|one| is(one, "DoesNotExist")) {
        return false;
    }
    // Without a list of values, there is one that the others admit. It is a number within the bounds, if there are any, and
    // each of the values that are named rules out at most one of them.
    let named = requirements.iter().filter_map(|one| one["values"].as_array());
    let named: usize = named.map(Vec::len).sum();
    bounds(requirements).is_none_or(|numbers| {
        let mut numbers = numbers.take(named + 1);
        numbers.any(|number| admitted(Some(&number.to_string())))
    })
}

/// Returns the numbers within the bounds of the requirements. `None` if they have no bounds. No label is a negative number.
fn bounds(requirements: &[&Value]) -> Option<RangeInclusive<i64>> {
    let mut bounds = None;
    for one in requirements {
        let (from, to) = bounds.unwrap_or((0, i64::MAX));
        let limit = || text(&one["values"][0]).parse::<i64>().unwrap_or_default();
        bounds = match one["operator"].as_str().unwrap_or_default() {
            "Gt" => Some((from.max(limit().saturating_add(1)), to)),
            "Gte" => Some((from.max(limit()), to)),
            "Lt" => Some((from, to.min(limit().saturating_sub(1)))),
            "Lte" => Some((from, to.min(limit()))),
            _ => bounds,
        };
    }
    bounds.map(|(from, to)| from..=to)
}

/// How a pod fits a new node.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NewNodeFit {
    /// Why the node cannot take the pod.
    pub(crate) lacks: Vec<Lack>,
    /// What decides whether it can, and is unknown: selected labels, and requests.
    pub(crate) unknown: BTreeSet<String>,
}

/// The resources that a node of the smallest usual size has: EKS takes `t3.medium` (2 vCPU, 4 GiB) with 20 GiB of storage
/// for a node group that does not name anything else (`CreateNodegroup` in the EKS API reference), and the kubelet, the
/// system, and the DaemonSets need a part of it.
const OF_SMALL_NODE: [(&str, &str); 3] = [("cpu", "1500m"), ("memory", "3Gi"), ("ephemeral-storage", "10Gi")];

/// The same for the largest node of each of the usual categories of instances, `c`, `m`, and `r`, in their current generations,
/// with processors of any architecture: `c7g.16xlarge` has 64 vCPU and 128 GiB ("Amazon EC2 instance types").
const OF_USUAL_CATEGORY: [(&str, &str); 3] = [("cpu", "60"), ("memory", "110Gi"), ("ephemeral-storage", "10Gi")];

/// The same for a node of any size: `u-24tb1.112xlarge` has 448 vCPU and 24 TiB. Its storage is what a volume has.
const OF_LARGEST_NODE: [(&str, &str); 3] = [("cpu", "400"), ("memory", "20Ti"), ("ephemeral-storage", "10Gi")];

/// What is known about the size of a new node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeSize {
    /// The node can be of any size.
    Any,
    /// The node can be of any size that the categories `c`, `m`, and `r` have.
    OfUsualCategory,
    /// The node might be small.
    Small,
    /// The node can be of a size that is too small.
    Unknown,
}

/// The sizes of instances that have at most 1 GiB: `nano` and `micro` ("Amazon EC2 instance types"; all of them are of the
/// category `t`).
const TINY: [&str; 2] = ["nano", "micro"];

/// Returns whether an instance type, such as `t3.micro`, or a size, such as `micro`, is too small for a usual pod.
pub(crate) fn is_tiny(instance: &str) -> bool {
    let (_, size) = instance.rsplit_once('.').unwrap_or(("", instance));
    TINY.contains(&size)
}

impl NodeSize {
    /// Returns the resources that the node has if a pod needs them.
    fn resources(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Any => &OF_LARGEST_NODE,
            Self::OfUsualCategory => &OF_USUAL_CATEGORY,
            Self::Small => &OF_SMALL_NODE,
            Self::Unknown => &[],
        }
    }
}

/// The labels that every node in AWS has: the kubelet and the cloud provider set them ("Well-Known Labels, Annotations and
/// Taints" in the Kubernetes documentation).
const OF_EVERY_NODE: [&str; 3] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

impl Pod<'_> {
    /// Returns how the pod fits a new node with these taints. `label` returns what is known about a label of the node.
    pub(crate) fn fit_of_new(&self, taints: &[Taint], size: NodeSize, label: impl Fn(&str) -> NewLabel) -> NewNodeFit {
        let mut fit = NewNodeFit::default();
        let unknown = |key: &str| format!("the selected label {key}");
        let selector: Vec<Value> = self
            .selector()
            .map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]}))
            .collect();
        for ((key, value), requirement) in self.selector().zip(&selector) {
            match label(key).can_meet(&[requirement]) {
                Some(true) => {}
                Some(false) => fit.lacks.push(Lack::Label(key.clone(), value)),
                None => fit.unknown.extend([unknown(key)]),
            }
        }
        let linux = json!({"operator": "In", "values": ["linux"]});
        if label(SYSTEM).can_meet(&[&linux]) == Some(false) {
            fit.lacks.push(Lack::Windows);
        }
        for (nodes, lack) in self.node_selectors() {
            let Some(terms) = terms(nodes) else { continue };
            // The keys that are unknown for each term that can be met.
            let keys = terms.iter().filter_map(|term| {
                let fields_are_met = term.fields.iter().all(|field| is_named(field, None));
                fields_are_met.then(|| unknown_keys(&term.labels, &selector, &label))?
            });
            match keys.min_by_key(BTreeSet::len) {
                Some(keys) => fit.unknown.extend(keys.iter().map(|key| unknown(key))),
                None => fit.lacks.push(lack),
            }
        }
        let exists = json!({"operator": "Exists"});
        for key in self.topology_keys().filter(|key| !OF_EVERY_NODE.contains(key)) {
            match label(key).can_meet(&[&exists]) {
                Some(true) => {}
                Some(false) => fit.lacks.push(Lack::Topology(key.to_owned())),
                None => fit.unknown.extend([format!("the label {key}")]),
            }
        }
        let intolerable = taints.iter().filter(|taint| !self.tolerates(taint));
        fit.lacks.extend(intolerable.cloned().map(Lack::Taint));
        fit.unknown.extend(self.requests_over(size.resources()));
        fit
    }
}

/// Returns the keys that decide whether a new node meets a term together with the node selector, and whose labels are
/// unknown. `None` if no new node meets it.
fn unknown_keys(term: &[Value], selector: &[Value], label: impl Fn(&str) -> NewLabel) -> Option<BTreeSet<String>> {
    let keys: BTreeSet<&str> = term.iter().map(key).collect();
    let mut unknown = BTreeSet::new();
    for name in keys {
        let all = term.iter().chain(selector);
        let wanted: Vec<&Value> = all.filter(|one| key(one) == name).collect();
        match label(name).can_meet(&wanted) {
            Some(true) => {}
            Some(false) => return None,
            None => unknown.extend([name.to_owned()]),
        }
    }
    Some(unknown)
}

#[cfg(test)]
mod tests {
    use super::super::affinity::REQUIRED;
    use super::*;

    /// A node of the team x with an unknown zone, with 4 to 7 processors, and with no other label.
    fn label(key: &str) -> NewLabel {
        match key {
            "team" => NewLabel::one_of(&["x"]),
            "zone" => NewLabel::Unknown,
            "free" | SYSTEM => NewLabel::any(),
            "size" => NewLabel::Admitted(vec![
                json!({"operator": "Gt", "values": ["3"]}),
                json!({"operator": "Lt", "values": ["8"]}),
            ]),
            _ => NewLabel::absent(),
        }
    }

    fn fit(spec: &Value) -> (Vec<String>, Vec<String>) {
        fit_of_size(spec, NodeSize::Any)
    }

    fn fit_of_size(spec: &Value, size: NodeSize) -> (Vec<String>, Vec<String>) {
        let template = json!({"spec": spec});
        let taint = Taint::read(&json!({"key": "gpu", "effect": "NoSchedule"}));
        let fit = Pod::read(&template).fit_of_new(&[taint], size, label);
        let lacks = fit.lacks.iter().map(ToString::to_string);
        (lacks.collect(), fit.unknown.into_iter().collect())
    }

    fn tolerant(mut spec: Value) -> Value {
        spec["tolerations"] = json!([{"operator": "Exists"}]);
        spec
    }

    #[test]
    fn a_selector_is_met_by_what_is_known() {
        for (selector, lacks, unknown) in [
            (json!({"team": "x", "free": "1", "size": "4"}), &[][..], &[][..]),
            (json!({"team": "y"}), &["it lacks the label team=y"], &[]),
            (json!({"size": "9"}), &["it lacks the label size=9"], &[]),
            (json!({"other": "y"}), &["it lacks the label other=y"], &[]),
            (json!({"zone": "a"}), &[], &["the selected label zone"]),
        ] {
            let found = fit(&tolerant(json!({"nodeSelector": selector})));
            assert_eq!(found.0, lacks, "{selector}");
            assert_eq!(found.1, unknown, "{selector}");
        }
        let (lacks, _) = fit(&json!({}));
        assert_eq!(lacks, ["its taint gpu:NoSchedule is not tolerated"]);
    }

    #[test]
    fn one_term_is_met_together_with_the_selector() {
        let with = |selector: Value, terms: Value| {
            let required = json!({REQUIRED: {"nodeSelectorTerms": terms}});
            let affinity = json!({"nodeAffinity": required});
            fit(&tolerant(json!({"nodeSelector": selector, "affinity": affinity})))
        };
        let wants = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        let is_named =
            |operator: &str| json!({"matchFields": [{"key": "metadata.name", "operator": operator, "values": ["n"]}]});
        for (term, expected) in [
            (wants("team", "In", &["y", "x"]), true),
            (wants("team", "In", &["y"]), false),
            (wants("team", "NotIn", &["x"]), false),
            (wants("team", "Exists", &[]), true),
            (wants("team", "DoesNotExist", &[]), false),
            (wants("other", "Exists", &[]), false),
            (wants("other", "DoesNotExist", &[]), true),
            (wants("other", "NotIn", &["x"]), true),
            (wants("free", "Exists", &[]), true),
            (wants("free", "Gt", &["3"]), true),
            (wants("size", "In", &["2", "4"]), true),
            (wants("size", "In", &["2", "8"]), false),
            (wants("size", "Gt", &["6"]), true),
            (wants("size", "Gt", &["7"]), false),
            (wants("size", "Lt", &["4"]), false),
            (wants("free", "Lt", &["0"]), false),
            (is_named("In"), false),
            (is_named("NotIn"), true),
            (json!({}), false),
        ] {
            let (lacks, _) = with(json!({}), json!([term]));
            assert_eq!(lacks.is_empty(), expected, "{term} {lacks:?}");
            // One term is enough.
            let (lacks, _) = with(json!({}), json!([term, wants("team", "In", &["x"])]));
            assert!(lacks.is_empty(), "{term} {lacks:?}");
        }
        // No label has two values.
        let (lacks, _) = with(json!({"free": "a"}), json!([wants("free", "In", &["b"])]));
        assert_eq!(lacks, ["it does not match the required node affinity"]);
        let (_, unknown) = with(json!({}), json!([wants("zone", "In", &["a"])]));
        assert_eq!(unknown, ["the selected label zone"]);
        let either = json!([wants("zone", "In", &["a"]), wants("team", "In", &["x"])]);
        assert_eq!(with(json!({}), either).1, [""; 0]);
    }

    #[test]
    fn numeric_bounds_are_intersected() {
        let with = |requirements: &[(&str, &[&str])]| {
            let all = requirements.iter();
            let all: Vec<Value> = all
                .map(|(operator, values)| json!({"operator": operator, "values": values}))
                .collect();
            is_possible(&all.iter().collect::<Vec<_>>())
        };
        for (requirements, expected) in [
            (&[("Gt", &["4"][..]), ("Lt", &["5"])][..], false),
            (&[("Gte", &["4"]), ("Lt", &["5"])], true),
            (&[("Gte", &["4"]), ("Lte", &["4"])], true),
            (&[("Gte", &["5"]), ("Lte", &["4"])], false),
            (&[("Gte", &["4"]), ("Lte", &["4"]), ("NotIn", &["4"])], false),
            (&[("Gte", &["4"]), ("NotIn", &["4", "5"])], true),
            (&[("Gte", &["4"]), ("In", &["3"])], false),
            (&[("Lte", &["4"]), ("DoesNotExist", &[])], false),
            (&[("Gt", &["9223372036854775807"])], false),
        ] {
            assert_eq!(with(requirements), expected, "{requirements:?}");
        }
    }

    #[test]
    fn a_new_node_has_the_labels_and_zones_that_the_pod_needs() {
        let spread = |key: &str, when: &str| {
            tolerant(json!({"topologySpreadConstraints": [
                {"topologyKey": key, "whenUnsatisfiable": when, "maxSkew": 1},
            ]}))
        };
        let none = (Vec::new(), Vec::new());
        assert_eq!(fit(&spread("rack", "ScheduleAnyway")), none);
        assert_eq!(fit(&spread("team", "DoNotSchedule")), none);
        let zone = "topology.kubernetes.io/zone";
        assert_eq!(fit(&spread(zone, "DoNotSchedule")), none);
        assert_eq!(
            fit(&spread("rack", "DoNotSchedule")).0,
            ["it lacks the label rack of topologySpreadConstraints"]
        );
        assert_eq!(fit(&spread("zone", "DoNotSchedule")).1, ["the label zone"]);
        let windows = |key: &str| match key {
            SYSTEM => NewLabel::one_of(&["windows"]),
            _ => NewLabel::absent(),
        };
        let template = json!({});
        let on_windows = Pod::read(&template).fit_of_new(&[], NodeSize::Any, windows);
        assert_eq!(on_windows.lacks, [Lack::Windows]);
    }

    #[test]
    fn a_large_or_special_request_is_uncertain() {
        let with = |requests: &Value, size: NodeSize| {
            let containers = json!([{"resources": {"requests": requests}}]);
            fit_of_size(&tolerant(json!({"containers": containers})), size).1
        };
        let large = json!({"memory": "100Gi"});
        assert_eq!(with(&large, NodeSize::OfUsualCategory), [""; 0]);
        let larger = json!({"memory": "200Gi"});
        assert_eq!(with(&larger, NodeSize::OfUsualCategory), ["memory 200Gi"]);
        for (requests, of_any_size, of_some_size) in [
            (json!({"cpu": "1", "memory": "1Gi"}), &[][..], &[][..]),
            (larger, &[], &["memory 200Gi"]),
            (
                json!({"nvidia.com/gpu": 1}),
                &["nvidia.com/gpu 1"],
                &["nvidia.com/gpu 1"],
            ),
            (
                json!({"ephemeral-storage": "50Gi"}),
                &["ephemeral-storage 50Gi"],
                &["ephemeral-storage 50Gi"],
            ),
        ] {
            assert_eq!(with(&requests, NodeSize::Any), of_any_size, "{requests}");
            assert_eq!(with(&requests, NodeSize::Small), of_some_size, "{requests}");
        }
    }
}
