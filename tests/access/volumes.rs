//! The volumes of the Job's pod: what decides whether it starts, and on which node.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    unmounted,
    without_a_class,
    without_a_driver,
    with_topologies,
    in_another_zone,
];

/// Returns a pod template whose container `main` mounts all of its volumes.
pub(crate) fn mounted(volumes: &Value) -> Value {
    let names = volumes.as_array().unwrap().iter().map(|one| &one["name"]);
    let mounts: Vec<Value> = names
        .map(|name| json!({"name": name, "mountPath": format!("/mnt/{name}")}))
        .collect();
    let main = json!({"name": "main", "volumeMounts": mounts});
    json!({"spec": {"containers": [main], "volumes": volumes}})
}

/// A CSIDriver with one mode, which is removed at the end.
pub(crate) struct Driver<'a>(&'a Cloud, &'a str);

impl<'a> Driver<'a> {
    pub(crate) fn new(cloud: &'a Cloud, name: &'a str, mode: &str) -> Self {
        let driver = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
            "metadata": {"name": name},
            "spec": {"volumeLifecycleModes": [mode]},
        });
        cloud.eks.apply(&driver.to_string()).unwrap();
        Self(cloud, name)
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        let _ = self.0.eks.kubectl(&["delete", "csidriver", self.1]);
    }
}

/// The kubelet skips a volume that no container mounts, and the scheduler waits for its claim.
fn unmounted(cloud: &Cloud) {
    let secret = json!({"name": "a", "secret": {"secretName": "absent"}});
    let claim = json!({"name": "b", "persistentVolumeClaim": {"claimName": "absent"}});
    let with = |template: Value| cloud.check(&cloud.with("job/pod_template", template));
    with(json!({"spec": {"volumes": [secret]}})).all_pass();
    with(mounted(&json!([secret])))
        .only(&["pod-template-refs"], &[])
        .says("pod-template-refs", &["Secret \"absent\" does not exist"]);
    with(json!({"spec": {"volumes": [claim]}}))
        .only(&["pod-template-refs"], &[])
        .says(
            "pod-template-refs",
            &["PersistentVolumeClaim \"absent\" does not exist"],
        );
}

/// A pod template with an ephemeral volume of a class.
fn ephemeral(class: &str) -> Value {
    let spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": class,
    });
    let volume = json!({"name": "cache", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}});
    mounted(&json!([volume]))
}

/// The class `gp2` of EKS names the provisioner that was a part of Kubernetes, and needs the add-on.
fn without_a_driver(cloud: &Cloud) {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "gp2"},
        "provisioner": "kubernetes.io/aws-ebs",
        "volumeBindingMode": "WaitForFirstConsumer",
    });
    cloud.eks.apply(&class.to_string()).unwrap();
    let runner = cloud.with("job/pod_template", ephemeral("gp2"));
    let checked = cloud.check(&runner);
    checked.outcome(&[], &["pod-template-refs"], &[]).says(
        "pod-template-refs",
        &["StorageClass \"gp2\" needs the CSI driver ebs.csi.aws.com"],
    );
    let fix = checked.fix("pod-template-refs");
    assert!(fix.contains("aws-ebs-csi-driver"), "{fix}");
    fix::shell(cloud, fix);
    let _driver = Driver::new(cloud, "ebs.csi.aws.com", "Persistent");
    cloud.check(&runner).all_pass();
    cloud.kubectl(&["delete", "storageclass", "gp2"]);
}

/// Whether a volume can be created where a node is, is not compared.
fn with_topologies(cloud: &Cloud) {
    let label = json!({"key": "topology.kubernetes.io/zone", "values": ["us-west-2a"]});
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "zonal"},
        "provisioner": "example.com/other",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{"matchLabelExpressions": [label]}],
    });
    cloud.eks.apply(&class.to_string()).unwrap();
    let checked = cloud.check(&cloud.with("job/pod_template", ephemeral("zonal")));
    checked.outcome(&[], &[], &["scheduling"]).says(
        "scheduling",
        &["Not compared: allowedTopologies of StorageClass \"zonal\"."],
    );
    cloud.kubectl(&["delete", "storageclass", "zonal"]);
}

/// The claim of an ephemeral volume takes the cluster's default class, unless it excludes it.
fn without_a_class(cloud: &Cloud) {
    let _driver = Driver::new(cloud, "ebs.csi.aws.com", "Persistent");
    let with = |class: Value| {
        let mut spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        if !class.is_null() {
            spec["storageClassName"] = class;
        }
        let volume = json!({"name": "cache", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}});
        cloud.check(&cloud.with("job/pod_template", mounted(&json!([volume]))))
    };
    let warns = |class: Value, part: &str| {
        let checked = with(class);
        checked.outcome(&[], &["pod-template-refs"], &[]).says(
            "pod-template-refs",
            &["ephemeral volume \"cache\" has no StorageClass", part],
        );
        let fix = checked.fix("pod-template-refs");
        assert!(fix.contains("kubectl get storageclasses"), "{fix}");
        fix::shell(cloud, fix);
    };
    warns(Value::Null, "the cluster has no default StorageClass");
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "gp3"},
        "provisioner": "ebs.csi.aws.com",
    });
    cloud.eks.apply(&class.to_string()).unwrap();
    warns(Value::Null, "the cluster has no default StorageClass");
    let default = "storageclass.kubernetes.io/is-default-class=true";
    cloud.kubectl(&["annotate", "storageclass", "gp3", default]);
    let checked = with(Value::Null);
    checked.all_pass();
    checked.says("pod-template-refs", &["the default StorageClass \"gp3\""]);
    warns(json!(""), "excludes the default one");
    with(json!("gp3")).all_pass();
    cloud.kubectl(&["delete", "storageclass", "gp3"]);
}

/// Creates a claim that is bound to a volume of Amazon EBS in a zone.
pub(crate) fn bind(cloud: &Cloud, claim: &str, zone: &str) {
    let namespace = &cloud.runner().namespace;
    let expression = json!({"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]});
    let term = json!({"matchExpressions": [expression]});
    let size = json!({"storage": "1Gi"});
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": "pv-1"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": size,
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-0123456789abcdef0"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    });
    let bound = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": size},
            "storageClassName": "",
            "volumeName": "pv-1",
        },
    });
    for object in [volume, bound] {
        cloud.eks.apply(&object.to_string()).unwrap();
    }
    let namespace = format!("--namespace={namespace}");
    let status = r#"--patch={"status":{"phase":"Bound"}}"#;
    let patch = ["patch", "pvc", claim, &namespace, "--subresource=status"];
    cloud.kubectl(&[&patch[..], &["--type=merge", status]].concat());
}

/// A volume of Amazon EBS can be attached only to nodes in its zone.
fn in_another_zone(cloud: &Cloud) {
    let node = cloud.eks.node_name();
    bind(cloud, "cache", "us-west-2a");
    let claim = json!({"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}});
    let runner = cloud.with("job/pod_template", mounted(&json!([claim])));
    let in_zone = |zone: &str| {
        let label = format!("topology.kubernetes.io/zone={zone}");
        cloud.kubectl(&["label", "node", &node, "--overwrite", &label]);
        cloud.check(&runner)
    };
    let checked = in_zone("us-west-2b");
    checked.outcome(&[], &["scheduling"], &[]).says(
        "scheduling",
        &["it does not match the node affinity of PersistentVolume \"pv-1\" of claim \"cache\""],
    );
    let fix = checked.fix("scheduling");
    assert!(fix.contains("kubectl describe pv pv-1"), "{fix}");
    in_zone("us-west-2a").all_pass();
    // Fargate mounts no volume of Amazon EBS.
    crate::identity::create_fargate_profile(cloud, "web", &json!({"namespace": "humanitec-runner"}));
    cloud.check(&runner).outcome(&[], &["scheduling"], &[]).says(
        "scheduling",
        &["but Fargate cannot run it: PersistentVolumeClaim \"cache\" has an Amazon EBS volume"],
    );
}
