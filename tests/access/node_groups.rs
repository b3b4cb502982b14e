//! Managed node groups, which the Cluster Autoscaler makes larger.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;
use crate::fix;
use crate::scheduling::{no_nodes, passes, unknown, warns, with_template};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![with_autoscaler, in_another_zone,];

pub(crate) fn create_node_group(cloud: &Cloud, name: &str, size: u32, maximum: u32, more: &Value) {
    let mut group = json!({
        "clusterName": cloud.eks.options().cluster_name,
        "nodegroupName": name,
        "nodeRole": cloud.runner().role_arn,
        "subnets": ["subnet-0123456789abcdef0"],
        "scalingConfig": {"minSize": 0, "maxSize": maximum, "desiredSize": size},
    });
    let more = more.as_object().unwrap().clone();
    group.as_object_mut().unwrap().extend(more);
    cloud.aws("eks", "CreateNodegroup", &group);
}

/// What the Cluster Autoscaler keeps while it runs. It is removed at the end.
pub(crate) struct ClusterAutoscaler<'a>(&'a Cloud);

impl<'a> ClusterAutoscaler<'a> {
    pub(crate) fn new(cloud: &'a Cloud) -> Self {
        let status = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "cluster-autoscaler-status", "namespace": "kube-system"},
            "data": {"status": "autoscalerStatus: Running"},
        });
        cloud.eks.apply(&status.to_string()).unwrap();
        Self(cloud)
    }
}

impl Drop for ClusterAutoscaler<'_> {
    fn drop(&mut self) {
        let name = "cluster-autoscaler-status";
        let namespace = "--namespace=kube-system";
        let _ = self.0.eks.kubectl(&["delete", "configmap", name, namespace]);
    }
}

fn with_autoscaler(cloud: &Cloud) {
    no_nodes(cloud);
    let taints = json!({"taints": [{"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"}]});
    create_node_group(cloud, "gpu", 0, 3, &taints);
    warns(
        &cloud.check_documented(),
        &["node group \"gpu\": its taint gpu=yes:NoSchedule is not tolerated"],
    );
    create_node_group(cloud, "full", 1, 1, &json!({}));
    let checked = cloud.check_documented();
    warns(&checked, &["node group \"full\": it is at its maximum of 1"]);
    fix::shell(cloud, checked.fix("scheduling"));
    let scaling = |name: &str| {
        let named = json!({"clusterName": cloud.eks.options().cluster_name, "nodegroupName": name});
        let described = cloud.aws("eks", "DescribeNodegroup", &named);
        let scaling = &described["nodegroup"]["scalingConfig"];
        (scaling["maxSize"].clone(), scaling["desiredSize"].clone())
    };
    assert_eq!(scaling("full"), (json!(2), json!(2)));
    create_node_group(cloud, "workers", 0, 3, &json!({}));
    let checked = cloud.check_documented();
    warns(
        &checked,
        &["node group \"workers\": it has 0 of at most 3 nodes, but no Cluster Autoscaler was found"],
    );
    fix::shell(cloud, checked.fix("scheduling"));
    assert_eq!(scaling("workers"), (json!(3), json!(1)));
    let _autoscaler = ClusterAutoscaler::new(cloud);
    passes(
        &cloud.check_documented(),
        &["node group \"workers\" has 1 of at most 3 nodes, so the Cluster Autoscaler can add one"],
    );
    let selects = |key: &str, value: &str| cloud.check(&with_template(cloud, json!({"nodeSelector": {key: value}})));
    let named = "eks.amazonaws.com/nodegroup";
    passes(&selects(named, "workers"), &["node group \"workers\""]);
    warns(
        &selects(named, "worker"),
        &["node group \"workers\": it lacks the label eks.amazonaws.com/nodegroup=worker"],
    );
}

/// The next node of a group does not have to be in the zone of the current one.
fn in_another_zone(cloud: &Cloud) {
    create_node_group(cloud, "workers", 1, 3, &json!({}));
    let _autoscaler = ClusterAutoscaler::new(cloud);
    let node = cloud.eks.node_name();
    for label in [
        "eks.amazonaws.com/nodegroup=workers",
        "topology.kubernetes.io/zone=us-west-2a",
    ] {
        cloud.kubectl(&["label", "node", &node, "--overwrite", label]);
    }
    let zone = json!({"nodeSelector": {"topology.kubernetes.io/zone": "us-west-2b"}});
    unknown(
        &cloud.check(&with_template(cloud, zone)),
        "node group \"workers\" might add one, but its nodes might lack the selected label topology.kubernetes.io/zone",
    );
}
