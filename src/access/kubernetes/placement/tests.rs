use serde_json::json;

use super::*;

fn node(changes: &Value) -> ClusterNode {
    let mut node = json!({
        "metadata": {"name": "n", "labels": {"zone": "a", "size": "4"}},
        "spec": {},
        "status": {"allocatable": {"cpu": "1930m", "memory": "7Gi", "pods": "29"}},
    });
    for (path, value) in changes.as_object().unwrap() {
        *node.pointer_mut(path).unwrap() = value.clone();
    }
    ClusterNode::read(&node)
}

fn lacks(spec: &Value, changes: &Value) -> Vec<String> {
    let template = json!({"spec": spec});
    let lacks = Pod::read(&template).lacks(&node(changes));
    lacks.iter().map(ToString::to_string).collect()
}

#[test]
fn labels_and_names_are_compared() {
    let none: [&str; 0] = [];
    assert_eq!(lacks(&json!({}), &json!({})), none);
    assert_eq!(lacks(&json!({"nodeSelector": {"zone": "a"}}), &json!({})), none);
    assert_eq!(
        lacks(&json!({"nodeSelector": {"zone": "b", "size": "4"}}), &json!({})),
        ["it lacks the label zone=b"]
    );
    assert_eq!(
        lacks(&json!({"nodeName": "other", "nodeSelector": {"zone": "b"}}), &json!({})),
        ["spec.nodeName is other", "it lacks the label zone=b"]
    );
}

#[test]
fn a_volume_can_be_attached_only_in_its_zone() {
    let with = |zone: &str| {
        let term = json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]});
        let volume = BoundVolume {
            claim: "cache".to_owned(),
            name: "pv-1".to_owned(),
            nodes: json!({"nodeSelectorTerms": [term]}),
        };
        let template = json!({});
        let pod = Pod::read(&template).with_volumes(vec![volume]);
        let lacks = pod.lacks(&node(&json!({})));
        lacks.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(with("a"), [""; 0]);
    assert_eq!(
        with("b"),
        ["it does not match the node affinity of PersistentVolume \"pv-1\" of claim \"cache\""]
    );
}

#[test]
fn a_node_runs_linux_and_has_the_labels_for_the_spread() {
    let windows = json!({"/metadata/labels": {"kubernetes.io/os": "windows"}});
    assert_eq!(lacks(&json!({}), &windows), ["it runs Windows"]);
    let spread =
        |key: &str, when: &str| json!({"topologySpreadConstraints": [{"topologyKey": key, "whenUnsatisfiable": when}]});
    let none = json!({});
    assert_eq!(lacks(&spread("rack", "ScheduleAnyway"), &none), [""; 0]);
    assert_eq!(lacks(&spread("zone", "DoNotSchedule"), &none), [""; 0]);
    assert_eq!(
        lacks(&spread("rack", "DoNotSchedule"), &none),
        ["it lacks the label rack of topologySpreadConstraints"]
    );
}

#[test]
fn the_kubelet_repeats_what_the_scheduler_checks() {
    let with = |spec: &Value, taint: Value| {
        let taints = json!({"/spec": {"unschedulable": true, "taints": [taint]}});
        lacks(spec, &taints)
    };
    let taint = |effect: &str| json!({"key": "gpu", "effect": effect});
    let named = json!({"nodeName": "n"});
    assert_eq!(with(&named, taint("NoSchedule")), [""; 0]);
    assert_eq!(
        with(&named, taint("NoExecute")),
        ["its taint gpu:NoExecute is not tolerated"]
    );
    let selects = json!({"nodeName": "n", "nodeSelector": {"zone": "b"}});
    assert_eq!(with(&selects, taint("NoSchedule")), ["it lacks the label zone=b"]);
}

#[test]
fn one_term_of_the_affinity_must_match() {
    let with = |terms: Value| {
        let required = json!({affinity::REQUIRED: {"nodeSelectorTerms": terms}});
        lacks(&json!({"affinity": {"nodeAffinity": required}}), &json!({})).is_empty()
    };
    let zone = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "zone", "operator": operator, "values": values}]});
    let other = |operator: &str| json!({"matchExpressions": [{"key": "other", "operator": operator, "values": ["x"]}]});
    for (terms, expected) in [
        (json!([zone("In", &["b", "a"])]), true),
        (json!([zone("In", &["b"])]), false),
        (json!([zone("In", &["b"]), zone("Exists", &[])]), true),
        (json!([zone("NotIn", &["a"])]), false),
        (json!([zone("DoesNotExist", &[])]), false),
        (json!([other("NotIn")]), true),
        (json!([other("DoesNotExist")]), true),
        (json!([other("In")]), false),
        (json!([{}]), false),
        (json!([]), false),
    ] {
        assert_eq!(with(terms.clone()), expected, "{terms}");
    }
    for (operator, value, expected) in [("Gt", "3", true), ("Gt", "4", false), ("Lt", "5", true)] {
        let term = json!({"matchExpressions": [{"key": "size", "operator": operator, "values": [value]}]});
        assert_eq!(with(json!([term])), expected, "{operator} {value}");
    }
    for (name, expected) in [("n", true), ("m", false)] {
        let term = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]});
        assert_eq!(with(json!([term])), expected, "{name}");
    }
}

#[test]
fn taints_are_tolerated() {
    let taint = |value: Value| json!({"/spec": {"taints": [value]}});
    let gpu = taint(json!({"key": "gpu", "value": "yes", "effect": "NoSchedule"}));
    let with = |toleration: Value, changes: &Value| lacks(&json!({"tolerations": [toleration]}), changes).is_empty();
    assert_eq!(
        lacks(&json!({}), &gpu),
        ["its taint gpu=yes:NoSchedule is not tolerated"]
    );
    for (toleration, expected) in [
        (json!({"key": "gpu", "value": "yes"}), true),
        (json!({"key": "gpu", "operator": "Equal", "value": "no"}), false),
        (json!({"key": "gpu", "operator": "Exists"}), true),
        (json!({"operator": "Exists"}), true),
        (
            json!({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}),
            false,
        ),
        (json!({"key": "other", "operator": "Exists"}), false),
    ] {
        assert_eq!(with(toleration.clone(), &gpu), expected, "{toleration}");
    }
    let prefers = taint(json!({"key": "gpu", "effect": "PreferNoSchedule"}));
    assert!(lacks(&json!({}), &prefers).is_empty());
    let not_ready = |effect: &str| taint(json!({"key": "node.kubernetes.io/not-ready", "effect": effect}));
    assert!(lacks(&json!({}), &not_ready("NoExecute")).is_empty());
    assert!(!lacks(&json!({}), &not_ready("NoSchedule")).is_empty());
    let read = Taint::read(&json!({"key": "gpu", "value": "yes", "effect": "NoSchedule"}));
    assert!(with(read.toleration(), &gpu));
}

#[test]
fn a_cordoned_node_says_so_once() {
    let cordoned = json!({"/spec": {
        "unschedulable": true,
        "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
    }});
    assert_eq!(lacks(&json!({}), &cordoned), ["it is cordoned"]);
    assert!(Pod::read(&json!({})).lacks(&node(&cordoned).as_new()).is_empty());
}

#[test]
fn requests_are_summed_up() {
    let requesting = |requests: Value| json!({"resources": {"requests": requests}});
    let with = |spec: Value| lacks(&spec, &json!({}));
    assert!(with(json!({"containers": [requesting(json!({"memory": "7Gi", "cpu": 1}))]})).is_empty());
    assert_eq!(
        with(
            json!({"containers": [requesting(json!({"memory": "6Gi"})), requesting(json!({"memory": "2Gi", "cpu": "2"}))]})
        ),
        [
            "it has cpu 1930m, but the pod requests 2",
            "it has memory 7Gi, but the pod requests 8192Mi"
        ]
    );
    assert_eq!(
        with(json!({"containers": [{"resources": {"limits": {"nvidia.com/gpu": 1}}}]})),
        ["it has nvidia.com/gpu 0, but the pod requests 1"]
    );
    // An init container of its own, and a sidecar beside the container.
    let init = json!({"containers": [requesting(json!({"memory": "4Gi"}))], "initContainers": [requesting(json!({"memory": "5Gi"}))]});
    assert!(with(init).is_empty());
    let mut sidecar = requesting(json!({"memory": "4Gi"}));
    sidecar["restartPolicy"] = json!("Always");
    let beside = json!({"containers": [requesting(json!({"memory": "4Gi"}))], "initContainers": [sidecar]});
    assert_eq!(with(beside), ["it has memory 7Gi, but the pod requests 8192Mi"]);
    // The pod's own resources count instead.
    let whole =
        json!({"containers": [requesting(json!({"memory": "8Gi"}))], "resources": {"requests": {"memory": "1Gi"}}});
    assert!(with(whole).is_empty());
    // Its limits count only for what no container requests, and only for what a pod as a whole can limit.
    let limits = json!({"memory": "8Gi", "cpu": "2", "nvidia.com/gpu": 1});
    let limited = json!({"containers": [requesting(json!({"memory": "4Gi"}))], "resources": {"limits": limits}});
    assert_eq!(with(limited), ["it has cpu 1930m, but the pod requests 2"]);
    // The overhead of a RuntimeClass comes on top.
    let mut heavy = json!({"containers": [requesting(json!({"memory": "6Gi"}))]});
    heavy["overhead"] = json!({"memory": "2Gi"});
    assert_eq!(with(heavy), ["it has memory 7Gi, but the pod requests 8192Mi"]);
}
