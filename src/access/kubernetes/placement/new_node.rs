//! Whether a node that something adds can take a pod, as far as the node is known before it exists.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::affinity::{admits, is_named, key, terms};
use super::{Lack, Pod, Taint};

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
    // Without a list of values, there is one that the others admit, or the label must not exist.
    admitted(None) || !requirements.iter().any(|one| is(one, "DoesNotExist"))
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
const OF_SMALL_NODE: [(&str, &str); 3] = [
    ("cpu", "1500m"),
    ("memory", "3Gi"),
    ("ephemeral-storage", "10Gi"),
];

/// The same for a node of any size: `u-24tb1.112xlarge` has 448 vCPU and 24 TiB. Its storage is what a volume has.
const OF_LARGEST_NODE: [(&str, &str); 3] = [
    ("cpu", "400"),
    ("memory", "20Ti"),
    ("ephemeral-storage", "10Gi"),
];

impl Pod<'_> {
    /// Returns how the pod fits a new node with these taints, of any size or of one that is not known. `label` returns what
    /// is known about a label of the node.
    pub(crate) fn fit_of_new(
        &self,
        taints: &[Taint],
        has_any_size: bool,
        label: impl Fn(&str) -> NewLabel,
    ) -> NewNodeFit {
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
        // The keys that are unknown for each term that can be met.
        let mut possible = terms(self.spec).map(|terms| {
            let keys = terms.iter().filter_map(|term| {
                let fields_are_met = term.fields.iter().all(|field| is_named(field, None));
                fields_are_met.then(|| unknown_keys(&term.labels, &selector, &label))?
            });
            keys.collect::<Vec<_>>()
        });
        if let Some(possible) = &mut possible {
            possible.sort_by_key(BTreeSet::len);
            match possible.first() {
                Some(keys) => fit.unknown.extend(keys.iter().map(|key| unknown(key))),
                None => fit.lacks.push(Lack::Affinity),
            }
        }
        let intolerable = taints.iter().filter(|taint| !self.tolerates(taint));
        fit.lacks.extend(intolerable.cloned().map(Lack::Taint));
        fit.unknown.extend(self.requests_over(if has_any_size {
            &OF_LARGEST_NODE
        } else {
            &OF_SMALL_NODE
        }));
        fit
    }
}

/// Returns the keys that decide whether a new node meets a term together with the node selector, and whose labels are
/// unknown. `None` if no new node meets it.
fn unknown_keys(
    term: &[Value],
    selector: &[Value],
    label: impl Fn(&str) -> NewLabel,
) -> Option<BTreeSet<String>> {
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
            "free" => NewLabel::any(),
            "size" => NewLabel::Admitted(vec![
                json!({"operator": "Gt", "values": ["3"]}),
                json!({"operator": "Lt", "values": ["8"]}),
            ]),
            _ => NewLabel::absent(),
        }
    }

    fn fit(spec: &Value, has_any_size: bool) -> (Vec<String>, Vec<String>) {
        let template = json!({"spec": spec});
        let taint = Taint::read(&json!({"key": "gpu", "effect": "NoSchedule"}));
        let fit = Pod::read(&template).fit_of_new(&[taint], has_any_size, label);
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
            (
                json!({"team": "x", "free": "1", "size": "4"}),
                &[][..],
                &[][..],
            ),
            (json!({"team": "y"}), &["it lacks the label team=y"], &[]),
            (json!({"size": "9"}), &["it lacks the label size=9"], &[]),
            (json!({"other": "y"}), &["it lacks the label other=y"], &[]),
            (json!({"zone": "a"}), &[], &["the selected label zone"]),
        ] {
            let found = fit(&tolerant(json!({"nodeSelector": selector})), true);
            assert_eq!(found.0, lacks, "{selector}");
            assert_eq!(found.1, unknown, "{selector}");
        }
        let (lacks, _) = fit(&json!({}), true);
        assert_eq!(lacks, ["its taint gpu:NoSchedule is not tolerated"]);
    }

    #[test]
    fn one_term_is_met_together_with_the_selector() {
        let with = |selector: Value, terms: Value| {
            let required = json!({REQUIRED: {"nodeSelectorTerms": terms}});
            let affinity = json!({"nodeAffinity": required});
            fit(
                &tolerant(json!({"nodeSelector": selector, "affinity": affinity})),
                true,
            )
        };
        let wants = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        let is_named = |operator: &str| json!({"matchFields": [{"key": "metadata.name", "operator": operator, "values": ["n"]}]});
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
    fn a_large_or_special_request_is_uncertain() {
        let with = |requests: Value, has_any_size: bool| {
            let containers = json!([{"resources": {"requests": requests}}]);
            fit(&tolerant(json!({"containers": containers})), has_any_size).1
        };
        for (requests, of_any_size, of_some_size) in [
            (json!({"cpu": "1", "memory": "1Gi"}), &[][..], &[][..]),
            (json!({"memory": "200Gi"}), &[], &["memory 200Gi"]),
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
            assert_eq!(with(requests.clone(), true), of_any_size, "{requests}");
            assert_eq!(with(requests.clone(), false), of_some_size, "{requests}");
        }
    }
}
