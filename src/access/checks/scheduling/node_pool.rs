//! NodePools of Karpenter and of EKS Auto Mode, which is built on Karpenter.
//!
//! Source: "NodePools" and "Scheduling" in Karpenter's documentation (v1), and its code: `Provisioner.NewScheduler`,
//! `Requirements.Compatible`, and `NodeClaimTemplate` (sigs.k8s.io/karpenter, pkg/controllers/provisioning and
//! pkg/scheduling).

use serde_json::{Value, json};

use crate::access::kubernetes::placement::{COMPUTE_TYPE, NewLabel, NewNodeFit, NodeSize, Pod, Taint, is_tiny};

/// The API group of the NodeClasses of EKS Auto Mode ("Create a Node Pool for EKS Auto Mode" in the EKS user guide).
const AUTO_MODE: &str = "eks.amazonaws.com";

/// The labels that a pod can select although the NodePool does not name them: `WellKnownLabels` of Karpenter.
const WELL_KNOWN: [&str; 5] = [
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "topology.k8s.aws/zone-id",
    "node.kubernetes.io/instance-type",
    "node.kubernetes.io/windows-build",
];
/// The same for labels of Karpenter on AWS, by their beginnings (aws/karpenter-provider-aws, pkg/apis/v1/labels.go).
const WELL_KNOWN_OF_KARPENTER: [&str; 2] = ["karpenter.k8s.aws/instance-", "karpenter.k8s.aws/capacity-reservation-"];
/// The same for those of EKS Auto Mode ("EKS Auto Mode Supported Labels" in the EKS user guide).
const WELL_KNOWN_OF_AUTO_MODE: [&str; 2] = ["eks.amazonaws.com/instance-", "eks.amazonaws.com/capacity-reservation-"];
/// The older names of labels, which Karpenter translates (`NormalizedLabels`).
const NORMALIZED: [(&str, &str); 6] = [
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/region",
    ),
    ("topology.ebs.csi.aws.com/zone", "topology.kubernetes.io/zone"),
];
/// The end of the key that selects the category of an instance. Some categories have only small ones, such as `t`.
const CATEGORY: &str = "/instance-category";
/// The usual categories, whose newer generations have large instances. The NodePools of EKS Auto Mode itself use these, of
/// generation 5 or later ("Enable or Disable Built-in NodePools" in the EKS user guide).
const USUAL_CATEGORIES: [&str; 3] = ["c", "m", "r"];
/// The ends of the other keys that select the size of an instance. Older generations have smaller ones.
const SIZES: [&str; 7] = [
    "/instance-generation",
    "/instance-hypervisor",
    "/instance-type",
    "/instance-family",
    "/instance-size",
    "/instance-cpu",
    "/instance-memory",
];

/// A NodePool.
pub(super) struct NodePool<'a>(pub(super) &'a Value);

impl NodePool<'_> {
    /// Returns the NodePool as the subject of a clause.
    pub(super) fn label(&self) -> String {
        let kind = if self.is_auto_mode() {
            "EKS Auto Mode"
        } else {
            "Karpenter"
        };
        format!("{kind} NodePool {:?}", self.name())
    }

    fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn is_auto_mode(&self) -> bool {
        self.template()["spec"]["nodeClassRef"]["group"] == AUTO_MODE
    }

    fn template(&self) -> &Value {
        &self.0["spec"]["template"]
    }

    /// Returns why the NodePool adds no node for any pod, or none as large as this one.
    ///
    /// Karpenter leaves out a NodePool whose condition Ready is not True, one that is being deleted, and one with
    /// `replicas` ("Static Capacity Node Pools in EKS Auto Mode" in the EKS user guide), and adds no node that exceeds
    /// `limits`, together with `status.resources`.
    pub(super) fn obstacle(&self, pod: &Pod<'_>) -> Option<String> {
        if !self.0["metadata"]["deletionTimestamp"].is_null() {
            return Some("it is being deleted".to_owned());
        }
        if !self.0["spec"]["replicas"].is_null() {
            return Some("spec.replicas fixes its number of nodes".to_owned());
        }
        let conditions = self.0["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        if !conditions.any(|one| one["type"] == "Ready" && one["status"] == "True") {
            return Some("it is not ready".to_owned());
        }
        let limits = self.0["spec"]["limits"].as_object();
        let mut limits = limits.into_iter().flatten();
        limits.find_map(|(name, limit)| {
            let used = &self.0["status"]["resources"][name];
            pod.exceeds(name, used, limit).then(|| {
                let limit = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
                format!("its {name} limit of {limit} leaves no room for the pod")
            })
        })
    }

    /// Returns how the pod fits a node of the NodePool.
    pub(super) fn fit(&self, pod: &Pod<'_>) -> NewNodeFit {
        let taints = self.template()["spec"]["taints"].as_array();
        let taints: Vec<Taint> = taints.into_iter().flatten().map(Taint::read).collect();
        pod.fit_of_new(&taints, self.size(), |key| self.node_label(key))
    }

    /// Returns what the requirements say about the size of the nodes. With the operator `In`, Karpenter can add an instance of any
    /// category in the list ("NodePools" in the Karpenter documentation, `spec.template.spec.requirements`).
    fn size(&self) -> NodeSize {
        let mut size = NodeSize::Any;
        for one in self.requirements() {
            let key = one["key"].as_str().unwrap_or_default();
            let operator = one["operator"].as_str().unwrap_or_default();
            let values = one["values"].as_array().into_iter().flatten();
            let mut values = values.filter_map(Value::as_str).peekable();
            if key.ends_with(CATEGORY) && operator == "In" {
                if !values.any(|value| USUAL_CATEGORIES.contains(&value)) {
                    return NodeSize::Small;
                }
                size = NodeSize::OfUsualCategory;
            } else if SIZES.iter().any(|size| key.ends_with(size)) && ["In", "Lt", "Lte"].contains(&operator) {
                // Karpenter chooses the type in which the pod fits.
                let is_tiny = values.peek().is_some() && values.all(is_tiny);
                return if is_tiny { NodeSize::Unknown } else { NodeSize::Small };
            }
        }
        size
    }

    fn requirements(&self) -> impl Iterator<Item = &Value> {
        let requirements = self.template()["spec"]["requirements"].as_array();
        requirements.into_iter().flatten()
    }

    /// Returns what is known about a label of the nodes.
    fn node_label(&self, key: &str) -> NewLabel {
        let key = normalized(key);
        let requirements = self.requirements();
        let requirements = requirements.filter(|one| one["key"].as_str().map(normalized) == Some(key));
        let own = self
            .own_label(key)
            .map(|value| json!({"operator": "In", "values": [value]}));
        let own: Vec<Value> = own.into_iter().chain(requirements.cloned()).collect();
        if !own.is_empty() {
            return NewLabel::Admitted(own);
        }
        let of_provider = if self.is_auto_mode() {
            WELL_KNOWN_OF_AUTO_MODE
        } else {
            WELL_KNOWN_OF_KARPENTER
        };
        match key {
            "kubernetes.io/arch" => NewLabel::one_of(&["amd64", "arm64"]),
            "kubernetes.io/os" => NewLabel::one_of(&["linux", "windows"]),
            "karpenter.sh/capacity-type" => NewLabel::one_of(&["on-demand", "spot", "reserved"]),
            COMPUTE_TYPE if self.is_auto_mode() => NewLabel::one_of(&["auto"]),
            key if WELL_KNOWN.contains(&key) || of_provider.iter().any(|start| key.starts_with(start)) => {
                NewLabel::any()
            }
            _ => NewLabel::absent(),
        }
    }

    /// Returns the value of a label that the nodes get from the NodePool itself.
    fn own_label(&self, key: &str) -> Option<&str> {
        let class = &self.template()["spec"]["nodeClassRef"];
        let is_class = key.split_once('/').is_some_and(|(group, kind)| {
            let of_class = class["kind"].as_str().unwrap_or_default();
            class["group"] == group && of_class.to_lowercase() == kind
        });
        match key {
            "karpenter.sh/nodepool" => Some(self.name()),
            _ if is_class => class["name"].as_str(),
            _ => self.template()["metadata"]["labels"][key].as_str(),
        }
    }
}

fn normalized(key: &str) -> &str {
    let found = NORMALIZED.iter().find(|(old, _)| *old == key);
    found.map_or(key, |(_, new)| new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(changes: &Value) -> Value {
        let mut pool = json!({
            "metadata": {"name": "runners"},
            "spec": {
                "template": {
                    "metadata": {"labels": {"team": "x"}},
                    "spec": {
                        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                        "taints": [{"key": "dedicated", "value": "runners", "effect": "NoSchedule"}],
                        "startupTaints": [{"key": "starting", "effect": "NoSchedule"}],
                        "requirements": [
                            {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                            {"key": "karpenter.k8s.aws/instance-generation", "operator": "Gt", "values": ["4"]},
                            {"key": "karpenter.k8s.aws/instance-memory", "operator": "Gte", "values": ["8192"]},
                        ],
                    },
                },
            },
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        });
        for (path, value) in changes.as_object().unwrap() {
            let (parent, name) = path.rsplit_once('/').unwrap();
            pool.pointer_mut(parent).unwrap()[name] = value.clone();
        }
        pool
    }

    fn lacks(pool: &Value, mut spec: Value) -> String {
        spec["tolerations"] = json!([{"key": "dedicated", "operator": "Exists"}]);
        let template = json!({"spec": spec});
        let lacks = NodePool(pool).fit(&Pod::read(&template)).lacks;
        let lacks: Vec<String> = lacks.iter().map(ToString::to_string).collect();
        lacks.join(", ")
    }

    #[test]
    fn a_pod_selects_what_the_template_and_karpenter_know() {
        let own = pool(&json!({}));
        for (key, value, expected) in [
            ("team", "x", true),
            ("team", "y", false),
            ("other", "x", false),
            ("kubernetes.io/arch", "amd64", true),
            ("kubernetes.io/arch", "arm64", false),
            ("beta.kubernetes.io/arch", "arm64", false),
            ("karpenter.k8s.aws/instance-generation", "5", true),
            ("karpenter.k8s.aws/instance-generation", "4", false),
            ("karpenter.k8s.aws/instance-cpu", "4", true),
            ("karpenter.k8s.aws/instance-memory", "8192", true),
            ("karpenter.k8s.aws/instance-memory", "4096", false),
            ("karpenter.k8s.aws/ec2nodeclass", "default", true),
            ("karpenter.k8s.aws/ec2nodeclass", "other", false),
            ("karpenter.sh/nodepool", "runners", true),
            ("karpenter.sh/nodepool", "others", false),
            ("karpenter.sh/capacity-type", "spot", true),
            ("topology.kubernetes.io/zone", "us-west-2a", true),
            ("eks.amazonaws.com/nodegroup", "runners", false),
            ("eks.amazonaws.com/instance-cpu", "4", false),
            ("node-role.kubernetes.io/x", "", false),
            ("kubernetes.io/hostname", "n", false),
        ] {
            let found = lacks(&own, json!({"nodeSelector": {key: value}}));
            let lack = format!("it lacks the label {key}={value}");
            assert_eq!(found, if expected { "" } else { &lack }, "{key}={value}");
        }
        let auto = pool(&json!({
            "/spec/template/spec/nodeClassRef": {"group": AUTO_MODE, "kind": "NodeClass", "name": "default"},
        }));
        assert_eq!(NodePool(&auto).label(), "EKS Auto Mode NodePool \"runners\"");
        for (key, value, expected) in [
            ("eks.amazonaws.com/instance-cpu", "4", true),
            (COMPUTE_TYPE, "auto", true),
            (COMPUTE_TYPE, "fargate", false),
            ("eks.amazonaws.com/nodegroup", "runners", false),
            ("karpenter.k8s.aws/instance-cpu", "4", false),
        ] {
            let found = lacks(&auto, json!({"nodeSelector": {key: value}}));
            assert_eq!(found.is_empty(), expected, "{key}={value}");
        }
        let windows = json!([{"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}]);
        let windows = pool(&json!({"/spec/template/spec/requirements": windows}));
        assert_eq!(lacks(&windows, json!({})), "it runs Windows");
        // Startup taints are removed by others, and the other ones stay.
        let template = json!({});
        let fit = NodePool(&own).fit(&Pod::read(&template));
        assert_eq!(
            fit.lacks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["its taint dedicated=runners:NoSchedule is not tolerated"]
        );
    }

    #[test]
    fn a_limit_of_the_size_makes_a_large_request_uncertain() {
        let template = json!({"spec": {"containers": [{"resources": {"requests": {"memory": "200Gi"}}}]}});
        let pod = Pod::read(&template);
        let unknown = |operator: &str| {
            let requirement =
                json!([{"key": "karpenter.k8s.aws/instance-size", "operator": operator, "values": ["nano"]}]);
            let pool = pool(&json!({"/spec/template/spec/requirements": requirement}));
            NodePool(&pool).fit(&pod).unknown.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(unknown("NotIn"), [""; 0]);
        assert_eq!(unknown("In"), ["memory 200Gi"]);
    }

    #[test]
    fn a_tiny_node_might_be_too_small_for_the_default_request() {
        let template = json!({"spec": {"containers": [{"resources": {"requests": {"memory": "1Gi"}}}]}});
        let is_unknown = |key: &str, values: &[&str]| {
            let requirement = json!([{"key": key, "operator": "In", "values": values}]);
            let pool = pool(&json!({"/spec/template/spec/requirements": requirement}));
            !NodePool(&pool).fit(&Pod::read(&template)).unknown.is_empty()
        };
        let kind = "node.kubernetes.io/instance-type";
        assert!(is_unknown(kind, &["t3.micro", "t3a.nano"]));
        assert!(is_unknown("karpenter.k8s.aws/instance-size", &["micro"]));
        assert!(!is_unknown(kind, &["t3.micro", "t3.large"]));
        assert!(!is_unknown(kind, &["t3.medium"]));
    }

    /// The requirements of `general-purpose` of EKS Auto Mode are of the first kind.
    #[test]
    fn the_usual_categories_have_large_nodes() {
        let category =
            |values: &[&str]| json!({"key": "eks.amazonaws.com/instance-category", "operator": "In", "values": values});
        let generation = |operator: &str| json!({"key": "eks.amazonaws.com/instance-generation", "operator": operator, "values": ["4"]});
        let unknown = |memory: &str, requirements: &[Value]| {
            let requests = json!({"requests": {"memory": memory}});
            let template = json!({"spec": {"containers": [{"resources": requests}]}});
            let pool = pool(&json!({"/spec/template/spec/requirements": requirements}));
            !NodePool(&pool).fit(&Pod::read(&template)).unknown.is_empty()
        };
        let usual = category(&["c", "m", "r"]);
        for (memory, requirements, expected) in [
            ("100Gi", &[usual.clone(), generation("Gt")][..], false),
            ("100Gi", &[category(&["t", "m"])], false),
            ("4Gi", &[category(&["t"])], true),
            ("100Gi", &[usual.clone(), generation("In")], true),
            ("1Ti", &[usual], true),
        ] {
            assert_eq!(unknown(memory, requirements), expected, "{memory} {requirements:?}");
        }
    }

    #[test]
    fn a_pool_that_does_not_grow_says_why() {
        let template = json!({"spec": {"containers": [{"resources": {"requests": {"memory": "4Gi"}}}]}});
        let pod = Pod::read(&template);
        let of = |changes: Value| NodePool(&pool(&changes)).obstacle(&pod);
        let resources = |used: Value| json!({"conditions": [{"type": "Ready", "status": "True"}], "resources": used});
        assert_eq!(of(json!({})), None);
        for (changes, expected) in [
            (
                json!({"/metadata/deletionTimestamp": "2026-01-01T00:00:00Z"}),
                "it is being deleted",
            ),
            (json!({"/spec/replicas": 0}), "spec.replicas fixes its number of nodes"),
            (json!({"/status": {}}), "it is not ready"),
            (
                json!({"/status/conditions": [{"type": "Ready", "status": "False"}]}),
                "it is not ready",
            ),
            (
                json!({"/spec/limits": {"cpu": 0}}),
                "its cpu limit of 0 leaves no room for the pod",
            ),
            (
                json!({"/spec/limits": {"cpu": "10"}, "/status": resources(json!({"cpu": "10"}))}),
                "its cpu limit of 10 leaves no room for the pod",
            ),
            (
                json!({"/spec/limits": {"memory": "10Gi"}, "/status": resources(json!({"memory": "7Gi"}))}),
                "its memory limit of 10Gi leaves no room for the pod",
            ),
        ] {
            assert_eq!(of(changes.clone()).as_deref(), Some(expected), "{changes}");
        }
        let room =
            json!({"/spec/limits": {"cpu": "10", "nvidia.com/gpu": 0}, "/status": resources(json!({"cpu": "9"}))});
        assert_eq!(of(room), None);
    }
}
