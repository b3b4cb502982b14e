//! What every API server refuses in the merged pod.

use serde::Deserialize;

use super::*;

/// An entry of the table: why kube-apiserver refuses the Job with the template.
#[derive(Deserialize)]
struct Entry {
    name: String,
    template: Value,
    errors: Vec<String>,
}

/// The mistakes in fields that only the template sets. The check `job-dry-run` finds them in the cluster.
const LEFT_TO_THE_CLUSTER: [&str; 23] = [
    "gpu fraction",
    "unknown resource",
    "storage",
    "seccomp annotation",
    "another system",
    "Linux with windowsOptions",
    "tofu with a negative size",
    "volume with an empty name",
    "mount of a missing volume",
    "mount without a name",
    "tofu's mount without its name",
    "mount of a missing volume in a sidecar",
    "mount of a missing volume in an init container",
    "sidecar with one path twice",
    "device in place of a mount",
    "subPath and subPathExpr",
    "upper case name",
    "name with a dot",
    "an empty reference",
    "a null variable of a sidecar",
    "activeDeadlineSeconds",
    "sidecar with a null gpu request",
    "sidecar with a null limit",
];

#[test]
fn only_what_an_api_server_refuses_is_refused() {
    let table = include_str!("../../../../tests/oracles/pod-template/table.json");
    let table: Vec<Entry> = serde_json::from_str(table).unwrap();
    assert!(table.len() >= 150);
    let mut left = Vec::new();
    for entry in &table {
        let found = problems(entry.template.clone());
        match (found.is_empty(), entry.errors.is_empty()) {
            (true, false) => left.push(entry.name.as_str()),
            (false, true) => panic!("{}: {found:#?}", entry.name),
            _ => {}
        }
    }
    assert_eq!(left, LEFT_TO_THE_CLUSTER);
}

#[test]
fn a_request_above_its_limit_is_refused() {
    const SUMMARY: &str = "Request and limit that contradict in pod_template";
    let resources = |resources: Value| main(json!({"resources": resources}));
    for (template, path, detail) in [
        (
            resources(json!({"limits": {"memory": "512Mi"}})),
            "spec.containers[0].resources.limits.memory",
            "limits the container to 512Mi, but the Orchestrator requests 1Gi,",
        ),
        (
            resources(json!({"limits": {"memory": 1_000_000_000}})),
            "spec.containers[0].resources.limits.memory",
            "limits the container to 1000000000, but",
        ),
        (
            resources(json!({"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}})),
            "spec.containers[0].resources.limits.cpu",
            "limits the container to 1500m, but the container requests 2,",
        ),
        (
            resources(json!({"requests": {"a/b": 1}, "limits": {"a/b": 2}})),
            "spec.containers[0].resources.limits[\"a/b\"]",
            "requires both to be equal",
        ),
        (
            resources(json!({"requests": {"a/b": 1}})),
            "spec.containers[0].resources.requests[\"a/b\"]",
            "without a limit",
        ),
        (
            json!({"spec": {"containers": [
                {"name": "main", "resources": {"limits": {"memory": "2Gi"}}},
                {"name": "main", "resources": {"limits": {"memory": "1Mi"}}},
            ]}}),
            "spec.containers[1].resources.limits.memory",
            "limits the container to 1Mi",
        ),
    ] {
        refuses(template, path, SUMMARY, detail);
    }
    refuses(
        resources(json!({"requests": {"cpu": "-1m"}})),
        "spec.containers[0].resources.requests.cpu",
        "Negative quantity",
        "is -1m",
    );
}

#[test]
fn a_security_context_must_not_contradict_itself() {
    let context = |context: Value| main(json!({"securityContext": context}));
    let at = |field: &str| format!("spec.containers[0].securityContext.{field}");
    let own = "but the Orchestrator sets `allowPrivilegeEscalation` to false";
    for (template, path, summary, detail) in [
        (
            context(json!({"privileged": true})),
            at("privileged"),
            "Contradicting security context",
            own,
        ),
        (
            context(json!({"capabilities": {"add": ["CAP_SYS_ADMIN"]}})),
            at("capabilities.add"),
            "Contradicting security context",
            own,
        ),
        (
            context(json!({"privileged": true, "allowPrivilegeEscalation": false})),
            at("privileged"),
            "Contradicting security context",
            "but `allowPrivilegeEscalation` is false",
        ),
        (
            context(json!({"seccompProfile": {"localhostProfile": "p"}})),
            at("seccompProfile"),
            "Invalid seccomp profile",
            "the Orchestrator sets `type` to \"RuntimeDefault\"",
        ),
        (
            json!({"spec": {"os": {"name": "windows"}}}),
            "spec.os".to_owned(),
            "Windows",
            "security context for Linux",
        ),
    ] {
        refuses(template, &path, summary, detail);
    }
}

#[test]
fn what_a_job_cannot_be_without_or_twice_is_refused() {
    let claim = json!({"claimName": "c"});
    for (spec, path, summary, detail) in [
        (
            json!({"restartPolicy": "Always"}),
            "spec.restartPolicy",
            "Invalid restart policy",
            "\"Never\" or \"OnFailure\"",
        ),
        (
            json!({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "tofu", "persistentVolumeClaim": claim}]}),
            "spec.volumes[1]",
            "Volume with two sources",
            "The Orchestrator sets `emptyDir`",
        ),
        (
            json!({"volumes": [{"name": "v", "emptyDir": {}, "persistentVolumeClaim": claim}]}),
            "spec.volumes[0]",
            "Volume with two sources",
            "(emptyDir, persistentVolumeClaim)",
        ),
        (
            json!({"initContainers": [{"name": "a", "image": "i"}, {"name": "main", "image": "i"}]}),
            "spec.initContainers[1]",
            "Container name used twice",
            "but the Orchestrator's own container has the same name",
        ),
        (
            json!({"initContainers": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]}),
            "spec.initContainers[1]",
            "Container name used twice",
            "but another container has the same name",
        ),
        (json!({"volumes": null}), "spec.volumes", "Field removed", "is null"),
        (
            json!({"containers": null}),
            "spec.containers",
            "Field removed",
            "is null",
        ),
        (Value::Null, "spec", "Field removed", "is null"),
        (
            json!({"volumes": [{"emptyDir": {}}]}),
            "spec",
            "Unmergeable",
            "an entry of `volumes` has no `name`",
        ),
    ] {
        refuses(json!({"spec": spec}), path, summary, detail);
    }
}
