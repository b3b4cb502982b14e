//! The cluster's node: an `m6i.large` of the managed node group `workers`, as EKS registers it.

use serde_json::{Value, json};

use super::EksOptions;

/// Returns the node's name.
pub(super) fn name(options: &EksOptions) -> String {
    format!("ip-10-0-1-23.{}.compute.internal", options.region)
}

/// Returns the node, ready for pods.
pub(super) fn node(options: &EksOptions) -> Value {
    let (name, region) = (name(options), &options.region);
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "Sandbox"});
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
                "node.kubernetes.io/instance-type": "m6i.large",
                "topology.kubernetes.io/region": region,
                "topology.kubernetes.io/zone": format!("{region}a"),
                "eks.amazonaws.com/nodegroup": "workers",
                "eks.amazonaws.com/capacityType": "ON_DEMAND",
            },
        },
        "spec": {"providerID": format!("aws:///{region}a/i-0123456789abcdef0")},
        "status": {
            "capacity": {"cpu": "2", "memory": "8Gi", "ephemeral-storage": "80Gi", "pods": "29"},
            "allocatable": {"cpu": "1930m", "memory": "7Gi", "ephemeral-storage": "70Gi", "pods": "29"},
            "conditions": [
                condition("Ready", "True"),
                condition("MemoryPressure", "False"),
                condition("DiskPressure", "False"),
                condition("PIDPressure", "False"),
            ],
            "addresses": [
                {"type": "InternalIP", "address": "10.0.1.23"},
                // Where KWOK listens in place of the kubelet.
                {"type": "ExternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "containerd://2.1.5",
                "kernelVersion": "6.12.0",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.34.4",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "Amazon Linux 2023",
                "systemUUID": "",
            },
        },
    })
}
