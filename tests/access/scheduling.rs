//! Whether a node takes the Job's pod, and what adds nodes where none does.

use std::time::{Duration, Instant};

use sandbox::eks::Faults;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud};
use crate::fix;
use crate::identity::create_fargate_profile;
use crate::node_groups::{ClusterAutoscaler, create_node_group};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    taint,
    label_and_cordon,
    too_small,
    limit_range,
    no_node_at_all,
    named_node,
    gates,
    karpenter,
    auto_mode,
    fargate_profile,
    fargate_takes_the_pod,
    other_rules,
    windows,
    denied,
    another_scheduler,
];

/// Only the check `scheduling` warns, and says this.
#[track_caller]
pub(crate) fn warns(checked: &Checked, parts: &[&str]) {
    checked.outcome(&[], &["scheduling"], &[]).says("scheduling", parts);
    let check = checked.of("scheduling");
    for part in ["expected", "found", "fix"] {
        assert!(!check[part].is_null(), "no {part}: {check:#}");
    }
}

#[track_caller]
pub(crate) fn passes(checked: &Checked, parts: &[&str]) {
    checked.all_pass();
    checked.says("scheduling", parts);
}

pub(crate) fn no_nodes(cloud: &Cloud) {
    cloud.kubectl(&["delete", "nodes", "--all"]);
}

pub(crate) fn with_template(cloud: &Cloud, spec: Value) -> Value {
    cloud.with("job/pod_template", json!({"spec": spec}))
}

fn taint(cloud: &Cloud) {
    let node = cloud.eks.node_name();
    cloud.kubectl(&["taint", "node", &node, "dedicated=gpu:NoSchedule"]);
    let checked = cloud.check_documented();
    let finding = format!("node {node}: its taint dedicated=gpu:NoSchedule is not tolerated");
    warns(&checked, &["The cluster's node cannot take the Job's pod", &finding]);
    assert_eq!(checked.of("scheduling")["found"], finding.as_str());
    let expected = "memory 1Gi, not cordoned, no taint that the pod does not tolerate";
    assert_eq!(checked.of("scheduling")["expected"], expected);
    // The toleration works as it is printed.
    let (_, toleration) = checked.fix("scheduling").split_once("pod_template: ").unwrap();
    let toleration: Value = serde_json::from_str(toleration.trim()).unwrap();
    let tolerant = with_template(cloud, json!({"tolerations": [toleration]}));
    passes(&cloud.check(&tolerant), &[&node]);
}

fn label_and_cordon(cloud: &Cloud) {
    let node = cloud.eks.node_name();
    let runner = with_template(cloud, json!({"nodeSelector": {"team": "x"}}));
    cloud.kubectl(&["cordon", &node]);
    let checked = cloud.check(&runner);
    warns(&checked, &["it is cordoned, it lacks the label team=x"]);
    fix::shell(cloud, checked.fix("scheduling"));
    passes(&cloud.check(&runner), &[&node]);
}

fn too_small(cloud: &Cloud) {
    let allocatable = r#"--patch={"status":{"allocatable":{"memory":"512Mi"}}}"#;
    cloud.kubectl(&[
        "patch",
        "node",
        &cloud.eks.node_name(),
        "--subresource=status",
        "--type=merge",
        allocatable,
    ]);
    let checked = cloud.check_documented();
    warns(&checked, &["it has memory 512Mi, but the pod requests 1Gi"]);
    assert!(
        checked.fix("scheduling").contains("Request at most 512Mi of memory"),
        "{}",
        checked.fix("scheduling")
    );
}

/// The pod is compared as the cluster admits it, unless it cannot be tried.
fn limit_range(cloud: &Cloud) {
    let limits = json!({
        "apiVersion": "v1", "kind": "LimitRange",
        "metadata": {"name": "defaults", "namespace": cloud.runner().namespace},
        "spec": {"limits": [{"type": "Container", "defaultRequest": {"cpu": "4"}, "default": {"cpu": "4"}}]},
    });
    cloud.eks.apply(&limits.to_string()).unwrap();
    warns(&cloud.check_documented(), &["it has cpu 1930m, but the pod requests 4"]);
    let runner = cloud.configuration();
    let untried = cloud.check_with(&runner, &["--skip", "job-dry-run"]);
    assert_eq!(untried.status("scheduling"), "passed");
}

fn no_node_at_all(cloud: &Cloud) {
    no_nodes(cloud);
    let checked = cloud.check_documented();
    warns(
        &checked,
        &[
            "The cluster currently has no nodes, and no managed node group, NodePool (karpenter.sh/v1), or Fargate profile adds",
            "Unless something else adds one",
        ],
    );
    assert_eq!(
        checked.of("scheduling")["found"],
        "no node, node group, NodePool, or Fargate profile"
    );
    let fargate = "a Fargate profile for the namespace humanitec-runner";
    let fix = checked.fix("scheduling");
    assert!(fix.contains(fargate), "{fix}");
    create_fargate_profile(cloud, "web", &json!({"namespace": "humanitec-runner"}));
    passes(&cloud.check_documented(), &["Fargate profile \"web\" runs the pod"]);
    // EKS Pod Identity is not available there.
    let profile = json!({
        "clusterName": cloud.eks.options().cluster_name,
        "fargateProfileName": "web",
    });
    cloud.aws("eks", "DeleteFargateProfile", &profile);
    crate::identity::set_up(cloud, "my-job-role");
    let checked = cloud.check_documented();
    let fix = checked.fix("scheduling");
    assert!(!fix.contains("Fargate"), "{fix}");
    assert!(fix.contains("Add a managed node group"), "{fix}");
}

/// Neither the scheduler nor anything that adds nodes sees a pod that names its node.
fn named_node(cloud: &Cloud) {
    let node = cloud.eks.node_name();
    let named = |selector: Value| {
        let spec = json!({"nodeName": node, "nodeSelector": selector});
        with_template(cloud, spec)
    };
    passes(
        &cloud.check(&named(json!({}))),
        &[&format!("Node {node:?}, which pod_template names, can take")],
    );
    create_node_group(cloud, "workers", 0, 3, &json!({"labels": {"team": "x"}}));
    let _autoscaler = ClusterAutoscaler::new(cloud);
    let checked = cloud.check(&named(json!({"team": "x"})));
    warns(
        &checked,
        &["it lacks the label team=x", "spec.nodeName bypasses the scheduler"],
    );
    let fix = checked.fix("scheduling");
    assert!(fix.contains("Remove spec.nodeName"), "{fix}");
}

fn gates(cloud: &Cloud) {
    let gates = json!({"schedulingGates": [{"name": "example.com/quota"}]});
    let checked = cloud.check(&with_template(cloud, gates));
    warns(
        &checked,
        &["removes the schedulingGates of job.pod_template: example.com/quota"],
    );
}

/// Karpenter's NodePools, which are removed at the end.
struct Karpenter<'a>(&'a Cloud);

impl<'a> Karpenter<'a> {
    fn new(cloud: &'a Cloud) -> Self {
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "nodepools.karpenter.sh"},
            "spec": {
                "group": "karpenter.sh",
                "scope": "Cluster",
                "names": {"kind": "NodePool", "plural": "nodepools", "singular": "nodepool"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                }],
            },
        });
        cloud.eks.apply(&crd.to_string()).unwrap();
        Self(cloud)
    }

    fn apply(&self, template: &Value) {
        self.apply_spec(&json!({"template": template}));
    }

    fn apply_spec(&self, spec: &Value) {
        let pool = json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "runners"},
            "spec": spec,
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        });
        let start = Instant::now();
        // The API serves a new kind after a moment.
        while let Err(error) = self.0.eks.apply(&pool.to_string()) {
            assert!(start.elapsed() < Duration::from_secs(20), "{error}");
        }
    }
}

impl Drop for Karpenter<'_> {
    fn drop(&mut self) {
        let _ = self.0.eks.kubectl(&["delete", "crd", "nodepools.karpenter.sh"]);
    }
}

fn karpenter(cloud: &Cloud) {
    no_nodes(cloud);
    let karpenter = Karpenter::new(cloud);
    karpenter.apply(&json!({"spec": {"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}}));
    warns(
        &cloud.check_documented(),
        &["Karpenter NodePool \"runners\": its taint dedicated:NoSchedule is not tolerated"],
    );
    let tolerations = json!([{"key": "dedicated", "operator": "Exists"}]);
    let tolerant = with_template(cloud, json!({"tolerations": tolerations}));
    passes(
        &cloud.check(&tolerant),
        &["The cluster currently has no nodes, but Karpenter NodePool \"runners\" can add one."],
    );
    let picky = json!({"tolerations": tolerations, "nodeSelector": {"team": "x"}});
    warns(
        &cloud.check(&with_template(cloud, picky)),
        &["it lacks the label team=x"],
    );
    let arm = json!({"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}]});
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [arm]}});
    let on_arm = with_template(cloud, json!({"affinity": {"nodeAffinity": required}}));
    let amd = json!([{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]);
    let template = json!({"spec": {"requirements": amd}});
    karpenter.apply(&template);
    warns(
        &cloud.check(&on_arm),
        &["Karpenter NodePool \"runners\": it does not match the required node affinity"],
    );
    let gpu = json!([{"name": "main", "resources": {"limits": {"nvidia.com/gpu": 1}}}]);
    unknown(
        &cloud.check(&with_template(cloud, json!({"containers": gpu}))),
        "Karpenter NodePool \"runners\" might add one, but its nodes might lack nvidia.com/gpu 1",
    );
    karpenter.apply_spec(&json!({"template": template, "limits": {"cpu": "0"}}));
    warns(
        &cloud.check_documented(),
        &["its cpu limit of 0 leaves no room for the pod"],
    );
}

/// The check does not know whether something adds a node.
#[track_caller]
pub(crate) fn unknown(checked: &Checked, part: &str) {
    checked
        .outcome(&[], &[], &["scheduling"])
        .says("scheduling", &["It is unknown whether something adds one", part]);
    assert_eq!(checked.of("scheduling")["skip"], "incomplete");
    assert_eq!(checked.exit_code, 0);
}

fn auto_mode(cloud: &Cloud) {
    no_nodes(cloud);
    let compute = json!({"computeConfig": {"enabled": true, "nodePools": ["general-purpose"]}});
    cloud.eks.set_cluster(&compute).unwrap();
    unknown(
        &cloud.check_documented(),
        "EKS Auto Mode is enabled, but the cluster's API does not serve NodePools",
    );
    let karpenter = Karpenter::new(cloud);
    let class = json!({"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"});
    karpenter.apply(&json!({"spec": {"nodeClassRef": class}}));
    passes(
        &cloud.check_documented(),
        &["EKS Auto Mode NodePool \"runners\" can add one"],
    );
    cloud.kubectl(&["delete", "nodepool", "runners"]);
    warns(&cloud.check_documented(), &["EKS Auto Mode: it has no NodePool"]);
    cloud
        .eks
        .set_cluster(&json!({"computeConfig": {"enabled": false}}))
        .unwrap();
}

/// A pod that matches a profile runs on Fargate, whatever the nodes are, or not at all.
fn fargate_takes_the_pod(cloud: &Cloud) {
    let on_host = with_template(cloud, json!({"hostNetwork": true}));
    let node = cloud.eks.node_name();
    passes(&cloud.check(&on_host), &[&node]);
    cloud.deny("eks:ListFargateProfiles");
    passes(&cloud.check_documented(), &[&node]);
    cloud.check(&on_host).outcome(&[], &[], &["scheduling"]).says(
        "scheduling",
        &[
            "Could not check whether a Fargate profile selects it",
            "hostNetwork is true",
        ],
    );
    cloud.faults(Faults::default());
    create_fargate_profile(cloud, "web", &json!({"namespace": "humanitec-runner"}));
    passes(&cloud.check_documented(), &["Fargate profile \"web\" runs the pod"]);
    warns(
        &cloud.check(&on_host),
        &["Fargate profile \"web\" selects the Job's pod", "hostNetwork is true"],
    );
    let arm = json!({"nodeSelector": {"kubernetes.io/arch": "arm64"}});
    warns(
        &cloud.check(&with_template(cloud, arm)),
        &["it lacks the label kubernetes.io/arch=arm64"],
    );
}

fn fargate_profile(cloud: &Cloud) {
    no_nodes(cloud);
    let selector = json!({"namespace": "humanitec-*", "labels": {"app": "runner"}});
    create_fargate_profile(cloud, "web", &selector);
    warns(
        &cloud.check_documented(),
        &["Fargate profile \"web\": it does not match the pod's namespace and labels"],
    );
    let template = json!({"metadata": {"labels": {"app": "runner"}}});
    let labeled = cloud.with("job/pod_template", template);
    passes(&cloud.check(&labeled), &["Fargate profile \"web\" runs the pod"]);
}

/// Where other pods run is not compared. The run is still complete: the check only warns.
fn other_rules(cloud: &Cloud) {
    let term = json!([{
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "runner"}},
    }]);
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": term});
    let affinity = json!({"podAffinity": required, "podAntiAffinity": required});
    let checked = cloud.check(&with_template(cloud, json!({"affinity": affinity})));
    checked.outcome(&[], &[], &["scheduling"]).says(
        "scheduling",
        &[
            &cloud.eks.node_name(),
            "Not compared: spec.affinity.podAffinity, spec.affinity.podAntiAffinity.",
        ],
    );
    assert_eq!(checked.exit_code, 0);
}

/// The scheduler does not know that the Orchestrator's image is for Linux.
fn windows(cloud: &Cloud) {
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "windows", "labels": {"kubernetes.io/os": "windows"}},
    });
    let status = json!({"status": {"allocatable": {"memory": "7Gi", "cpu": "2", "pods": "9"}}});
    cloud.eks.apply(&node.to_string()).unwrap();
    cloud.kubectl(&[
        "patch",
        "node",
        "windows",
        "--subresource=status",
        "--type=merge",
        &format!("--patch={status}"),
    ]);
    // A new node has this taint until its kubelet is ready.
    cloud.kubectl(&["taint", "node", "windows", "node.kubernetes.io/not-ready-"]);
    let checked = cloud.check_documented();
    warns(
        &checked,
        &["The scheduler can choose node \"windows\" for the Job's pod, because pod_template does not select Linux."],
    );
    // The selector works as it is printed.
    let (_, selector) = checked.fix("scheduling").split_once("pod_template: ").unwrap();
    let selector: Value = serde_json::from_str(selector.trim()).unwrap();
    let node = cloud.eks.node_name();
    cloud.kubectl(&["label", "node", &node, "--overwrite", "kubernetes.io/os=linux"]);
    passes(
        &cloud.check(&with_template(cloud, json!({"nodeSelector": selector}))),
        &[&node],
    );
    // A taint keeps the pod away as well.
    cloud.kubectl(&["taint", "node", "windows", "os=windows:NoSchedule"]);
    passes(&cloud.check_documented(), &[&node]);
}

/// Without a permission, what adds nodes is unknown, but the run is still complete: the check only warns.
fn denied(cloud: &Cloud) {
    no_nodes(cloud);
    create_node_group(cloud, "full", 1, 1, &json!({}));
    create_fargate_profile(cloud, "web", &json!({"namespace": "others"}));
    for action in [
        "eks:ListNodegroups",
        "eks:DescribeNodegroup",
        "eks:ListFargateProfiles",
        "eks:DescribeFargateProfile",
    ] {
        cloud.deny(action);
        unknown(&cloud.check_documented(), action);
    }
}

fn another_scheduler(cloud: &Cloud) {
    no_nodes(cloud);
    let runner = with_template(cloud, json!({"schedulerName": "volcano"}));
    let checked = cloud.check(&runner);
    checked
        .outcome(&[], &[], &["scheduling"])
        .says("scheduling", &["pod_template sets the scheduler \"volcano\""]);
    assert_eq!(checked.of("scheduling")["skip"], "not-applicable");
}
