//! Whether AWS Fargate takes the Job's pod, and can run it.

use serde_json::Value;

use super::volumes::Volumes;
use crate::access::kubernetes::placement::{COMPUTE_TYPE, NewLabel, NewNodeFit, NodeSize, Pod};

/// The most that a pod on Fargate can request: 16 vCPU with 120 GB, of which the Kubernetes components take 256 MB, and
/// 175 GiB of storage ("Understand Fargate Pod configuration details" in the EKS user guide).
const MOST: [(&str, &str); 3] = [("cpu", "16"), ("memory", "122624Mi"), ("ephemeral-storage", "175Gi")];

/// Returns what Fargate does not run of a pod spec, as clauses. It leaves the pod Pending.
///
/// Source: "AWS Fargate considerations" in the EKS user guide, and the events of its scheduler: "fields not supported:
/// HostNetwork", and "volumes not supported: … is of an unsupported volume Type" for `hostPath` and for every driver of
/// `csi`, such as the Secrets Store CSI driver (aws/containers-roadmap, issue 1764). The claim of an ephemeral volume is created
/// after the pod, so that it is not bound yet.
pub(super) fn unsupported(spec: &Value, pod: &Pod<'_>, volumes: &Volumes) -> Vec<String> {
    let mut found = Vec::new();
    let of_host = ["hostNetwork", "hostPID", "hostIPC"].into_iter();
    let of_host = of_host.filter(|field| spec[field] == true);
    found.extend(of_host.map(|field| format!("{field} is true")));
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        let name = volume["name"].as_str().unwrap_or_default();
        let kinds = ["hostPath", "ephemeral", "csi"].into_iter();
        let kinds = kinds.filter(|kind| !volume[kind].is_null());
        found.extend(kinds.map(|kind| format!("volume {name:?} is of type {kind}")));
    }
    found.extend(volumes.not_on_fargate.iter().cloned());
    let lists = ["initContainers", "containers"].map(|list| spec[list].as_array());
    for container in lists.into_iter().flatten().flatten() {
        let name = container["name"].as_str().unwrap_or_default();
        if container["securityContext"]["privileged"] == true {
            found.push(format!("container {name:?} is privileged"));
        }
        let mut ports = container["ports"].as_array().into_iter().flatten();
        if ports.any(|port| port["hostPort"].as_u64().is_some_and(|port| port > 0)) {
            found.push(format!("container {name:?} has a hostPort"));
        }
    }
    let over = pod.requests_over(&MOST).into_iter();
    found.extend(over.map(|request| format!("the pod requests {request}")));
    found
}

/// Returns how the pod fits the node that Fargate adds for it. Whether Fargate respects the other labels that a pod can
/// select is not documented.
pub(super) fn fit(pod: &Pod<'_>) -> NewNodeFit {
    let mut fit = pod.fit_of_new(&[], NodeSize::Any, |key| match key {
        "kubernetes.io/arch" | "beta.kubernetes.io/arch" => NewLabel::one_of(&["amd64"]),
        "kubernetes.io/os" | "beta.kubernetes.io/os" => NewLabel::one_of(&["linux"]),
        COMPUTE_TYPE => NewLabel::one_of(&["fargate"]),
        _ => NewLabel::Unknown,
    });
    // Which requests fit is known.
    fit.unknown.retain(|what| what.starts_with("the selected label "));
    fit
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fargate_runs_no_privileged_large_or_special_pod() {
        let with = |spec: Value| {
            let template = json!({"spec": spec});
            unsupported(&template["spec"], &Pod::read(&template), &Volumes::default())
        };
        let main = |fields: Value| {
            let mut main = json!({"name": "main"});
            main.as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
            json!({"containers": [main]})
        };
        let requests = |requests: Value| main(json!({"resources": {"requests": requests}}));
        for (spec, expected) in [
            (json!({"hostNetwork": true}), "hostNetwork is true"),
            (json!({"hostPID": true}), "hostPID is true"),
            (json!({"hostIPC": true}), "hostIPC is true"),
            (
                json!({"volumes": [{"name": "tofu", "emptyDir": {}}, {"name": "v", "hostPath": {"path": "/x"}}]}),
                "volume \"v\" is of type hostPath",
            ),
            (
                json!({"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]}),
                "volume \"v\" is of type ephemeral",
            ),
            (
                json!({"volumes": [{"name": "v", "csi": {"driver": "secrets-store.csi.k8s.io"}}]}),
                "volume \"v\" is of type csi",
            ),
            (
                main(json!({"securityContext": {"privileged": true}})),
                "container \"main\" is privileged",
            ),
            (
                main(json!({"ports": [{"containerPort": 80, "hostPort": 80}]})),
                "container \"main\" has a hostPort",
            ),
            (
                requests(json!({"nvidia.com/gpu": 1})),
                "the pod requests nvidia.com/gpu 1",
            ),
            (requests(json!({"memory": "200Gi"})), "the pod requests memory 200Gi"),
            (requests(json!({"cpu": "17"})), "the pod requests cpu 17"),
        ] {
            assert_eq!(with(spec.clone()), [expected], "{spec}");
        }
        let ordinary = requests(json!({"cpu": "16", "memory": "100Gi", "ephemeral-storage": "20Gi"}));
        assert_eq!(with(ordinary), [""; 0]);
    }

    #[test]
    fn fargate_has_no_arm_processors() {
        let with = |selector: Value| {
            let template = json!({"spec": {"nodeSelector": selector}});
            let fit = fit(&Pod::read(&template));
            (fit.lacks.len(), fit.unknown.len())
        };
        assert_eq!(with(json!({"kubernetes.io/arch": "amd64"})), (0, 0));
        assert_eq!(with(json!({"kubernetes.io/arch": "arm64"})), (1, 0));
        assert_eq!(with(json!({"team": "x"})), (0, 1));
    }
}
