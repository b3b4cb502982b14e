//! Whether a node takes the Job's pod, and what adds nodes where none does.

use std::time::{Duration, Instant};

use sandbox::eks::Faults;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("scheduling::taint", taint),
    ("scheduling::label_and_cordon", label_and_cordon),
    ("scheduling::too_small", too_small),
    ("scheduling::no_node_at_all", no_node_at_all),
    ("scheduling::karpenter", karpenter),
    ("scheduling::auto_mode", auto_mode),
    ("scheduling::node_group", node_group),
    ("scheduling::fargate_profile", fargate_profile),
    ("scheduling::denied", denied),
    ("scheduling::another_scheduler", another_scheduler),
];

/// Only the check `scheduling` warns, and says this.
#[track_caller]
fn warns(checked: &Checked, parts: &[&str]) {
    checked
        .outcome(&[], &["scheduling"], &[])
        .says("scheduling", parts);
    let check = checked.of("scheduling");
    for part in ["expected", "found", "fix"] {
        assert!(!check[part].is_null(), "no {part}: {check:#}");
    }
}

#[track_caller]
fn passes(checked: &Checked, parts: &[&str]) {
    checked.all_pass();
    checked.says("scheduling", parts);
}

fn no_nodes(cloud: &Cloud) {
    cloud.kubectl(&["delete", "nodes", "--all"]);
}

fn with_template(cloud: &Cloud, spec: Value) -> Value {
    cloud.with("job/pod_template", json!({"spec": spec}))
}

fn taint(cloud: &Cloud) {
    let node = cloud.eks.node_name();
    cloud.kubectl(&["taint", "node", &node, "dedicated=gpu:NoSchedule"]);
    let checked = cloud.check_documented();
    let finding = format!("node {node}: its taint dedicated=gpu:NoSchedule is not tolerated");
    warns(
        &checked,
        &["The cluster's node cannot take the Job's pod", &finding],
    );
    assert_eq!(checked.of("scheduling")["found"], finding.as_str());
    let expected = "memory 1Gi, not cordoned, no taint that the pod does not tolerate";
    assert_eq!(checked.of("scheduling")["expected"], expected);
    // The toleration works as it is printed.
    let (_, toleration) = checked
        .fix("scheduling")
        .split_once("pod_template: ")
        .unwrap();
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
    warns(&checked, &["memory 1Gi is requested, it has 512Mi"]);
    assert!(
        checked
            .fix("scheduling")
            .contains("Request at most 512Mi of memory"),
        "{}",
        checked.fix("scheduling")
    );
}

fn no_node_at_all(cloud: &Cloud) {
    no_nodes(cloud);
    let checked = cloud.check_documented();
    warns(
        &checked,
        &["The cluster has no node now, and nothing adds one that can."],
    );
    assert_eq!(
        checked.of("scheduling")["found"],
        "no node, node group, NodePool, or Fargate profile"
    );
    let fix = checked.fix("scheduling");
    assert!(
        fix.contains("aws eks create-fargate-profile --region us-west-2"),
        "{fix}"
    );
    let role = cloud.runner().role_arn.clone();
    fix::shell(cloud, &fix.replace("arn=...", &format!("arn={role}")));
    passes(
        &cloud.check_documented(),
        &["Fargate profile \"humanitec-runner\" runs the pod"],
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
        let pool = json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "runners"},
            "spec": {"template": template},
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
        let _ = self
            .0
            .eks
            .kubectl(&["delete", "crd", "nodepools.karpenter.sh"]);
    }
}

fn karpenter(cloud: &Cloud) {
    no_nodes(cloud);
    let karpenter = Karpenter::new(cloud);
    karpenter.apply(&json!({"spec": {"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}}));
    warns(
        &cloud.check_documented(),
        &["NodePool \"runners\" of Karpenter: its taint dedicated:NoSchedule is not tolerated"],
    );
    let tolerations = json!([{"key": "dedicated", "operator": "Exists"}]);
    let tolerant = with_template(cloud, json!({"tolerations": tolerations}));
    passes(
        &cloud.check(&tolerant),
        &["The cluster has no node now, but NodePool \"runners\" of Karpenter can add one."],
    );
    let picky = json!({"tolerations": tolerations, "nodeSelector": {"team": "x"}});
    warns(
        &cloud.check(&with_template(cloud, picky)),
        &["it lacks the label team=x"],
    );
}

fn auto_mode(cloud: &Cloud) {
    no_nodes(cloud);
    let compute = json!({"computeConfig": {"enabled": true, "nodePools": ["general-purpose"]}});
    cloud.eks.set_cluster(&compute).unwrap();
    passes(&cloud.check_documented(), &["EKS Auto Mode can add one"]);
    cloud
        .eks
        .set_cluster(&json!({"computeConfig": {"enabled": false}}))
        .unwrap();
}

fn node_group(cloud: &Cloud) {
    no_nodes(cloud);
    let role = cloud.runner().role_arn.clone();
    let mut group = json!({
        "clusterName": cloud.eks.options().cluster_name,
        "nodegroupName": "gpu",
        "nodeRole": role,
        "subnets": ["subnet-0123456789abcdef0"],
        "scalingConfig": {"minSize": 0, "maxSize": 3, "desiredSize": 0},
        "taints": [{"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"}],
    });
    cloud.aws("eks", "CreateNodegroup", &group);
    warns(
        &cloud.check_documented(),
        &["node group \"gpu\": its taint gpu=yes:NoSchedule is not tolerated"],
    );
    group["nodegroupName"] = json!("full");
    group["scalingConfig"] = json!({"minSize": 0, "maxSize": 1, "desiredSize": 1});
    group["taints"] = json!([]);
    cloud.aws("eks", "CreateNodegroup", &group);
    let checked = cloud.check_documented();
    warns(
        &checked,
        &["node group \"full\": it is at its maximum of 1"],
    );
    fix::shell(cloud, checked.fix("scheduling"));
    let named = json!({"clusterName": cloud.eks.options().cluster_name, "nodegroupName": "full"});
    let described = cloud.aws("eks", "DescribeNodegroup", &named);
    let scaling = &described["nodegroup"]["scalingConfig"];
    assert_eq!(
        (&scaling["maxSize"], &scaling["desiredSize"]),
        (&json!(2), &json!(2))
    );
    group["nodegroupName"] = json!("workers");
    group["scalingConfig"] = json!({"minSize": 0, "maxSize": 3, "desiredSize": 0});
    cloud.aws("eks", "CreateNodegroup", &group);
    passes(
        &cloud.check_documented(),
        &["node group \"workers\" has 0 of at most 3 nodes"],
    );
}

fn fargate_profile(cloud: &Cloud) {
    no_nodes(cloud);
    let profile = json!({
        "clusterName": cloud.eks.options().cluster_name,
        "fargateProfileName": "web",
        "podExecutionRoleArn": cloud.runner().role_arn,
        "selectors": [{"namespace": "humanitec-*", "labels": {"app": "runner"}}],
    });
    cloud.aws("eks", "CreateFargateProfile", &profile);
    warns(
        &cloud.check_documented(),
        &["Fargate profile \"web\": it does not match the pod's namespace and labels"],
    );
    let template = json!({"metadata": {"labels": {"app": "runner"}}});
    let labeled = cloud.with("job/pod_template", template);
    passes(
        &cloud.check(&labeled),
        &["Fargate profile \"web\" runs the pod"],
    );
}

/// Without a permission, what adds nodes is unknown, but the run is still complete: the check only warns.
fn denied(cloud: &Cloud) {
    no_nodes(cloud);
    for action in ["eks:ListNodegroups", "eks:ListFargateProfiles"] {
        cloud.faults(Faults {
            deny: vec![action.to_owned()],
            ..Faults::default()
        });
        let checked = cloud.check_documented();
        checked.outcome(&[], &[], &["scheduling"]).says(
            "scheduling",
            &[
                "The cluster has no node now. Whether something adds one is unknown",
                action,
            ],
        );
        assert_eq!(checked.of("scheduling")["skip"], "incomplete");
        assert_eq!(checked.exit_code, 0);
    }
}

fn another_scheduler(cloud: &Cloud) {
    no_nodes(cloud);
    let runner = with_template(cloud, json!({"schedulerName": "volcano"}));
    let checked = cloud.check(&runner);
    checked.outcome(&[], &[], &["scheduling"]).says(
        "scheduling",
        &["The scheduler \"volcano\" of pod_template decides"],
    );
    assert_eq!(checked.of("scheduling")["skip"], "not-applicable");
}
