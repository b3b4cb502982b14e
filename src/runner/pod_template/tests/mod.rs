mod containers;
mod merged_pod;

use serde_json::json;

use super::*;

fn problems(template: Value) -> Vec<InvalidField> {
    let Value::Object(template) = template else {
        panic!("a template is an object");
    };
    check(&template)
}

#[track_caller]
fn accepts(template: Value) {
    assert_eq!(problems(template), []);
}

/// Asserts that the template has one problem with this path, the beginning of its summary, and a part of its detail.
#[track_caller]
fn refuses(template: Value, path: &str, summary: &str, detail: &str) {
    let problems = problems(template);
    let [problem] = problems.as_slice() else {
        panic!("{problems:#?}");
    };
    assert_eq!(problem.path, path);
    assert!(problem.invalid.summary.starts_with(summary), "{problem}");
    assert!(problem.invalid.detail.contains(detail), "{problem}");
    assert!(problem.invalid.detail.contains(path), "{problem}");
}

fn main(fields: Value) -> Value {
    let mut container = json!({"name": "main"});
    if let (Value::Object(container), Value::Object(fields)) = (&mut container, fields) {
        container.extend(fields);
    }
    json!({"spec": {"containers": [container]}})
}

#[test]
fn the_documented_examples_have_no_problems() {
    accepts(json!({}));
    accepts(json!({"metadata": {"labels": {"app.kubernetes.io/name": "humanitec-runner"}}}));
    accepts(main(json!({"env": [{
        "name": "TF_EXAMPLE",
        "valueFrom": {"secretKeyRef": {"name": "my-secret", "key": "key"}},
    }]})));
}

#[test]
fn a_template_with_every_kind_of_value_has_no_problems() {
    accepts(json!({
        "metadata": {
            "annotations": {"a/b": "c"},
            "creationTimestamp": "2026-01-31T12:00:00Z",
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": true}],
            "managedFields": [{"fieldsV1": {"f:spec": {"any": [1, {}]}}}],
        },
        "spec": {
            "activeDeadlineSeconds": 9_007_199_254_740_993_i64,
            "priority": -2_147_483_648,
            "terminationGracePeriodSeconds": 30.0,
            "hostNetwork": false,
            "serviceAccount": "deprecated-alias",
            "nodeSelector": {"kubernetes.io/arch": "arm64"},
            "overhead": {"cpu": 0.5},
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]},
            ]}}},
            "containers": [{
                "name": "main",
                "resources": {"requests": {"memory": "2Gi", "cpu": 2}, "limits": {"memory": "4e9"}},
                "livenessProbe": {"httpGet": {"port": 8080}},
                "readinessProbe": {"httpGet": {"port": "http"}},
                "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
                "env": [{"name": "M", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}}],
            }],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "500Mi"}}, {"name": "e", "ephemeral": {
                "volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
            }}],
        },
    }));
}

#[test]
fn null_is_allowed_everywhere_except_as_a_name() {
    accepts(json!({"metadata": null}));
    accepts(json!({"metadata": {"labels": {"a": null}, "creationTimestamp": null, "namespace": null}}));
    accepts(
        json!({"spec": {"priority": null, "hostNetwork": null, "initContainers": null, "serviceAccountName": null}}),
    );
    accepts(main(json!({"env": null, "resources": {"limits": {"cpu": null}}})));
}

#[test]
fn an_unknown_field_is_reported_with_the_nearest_name() {
    const UNKNOWN: &str = "Unknown field in pod_template";
    refuses(
        main(json!({"evn": []})),
        "spec.containers[0].evn",
        UNKNOWN,
        "is not a field of a Kubernetes Container. Did you mean `env`?",
    );
    refuses(
        main(json!({"serviceAccountName": "s"})),
        "spec.containers[0].serviceAccountName",
        UNKNOWN,
        "is not a field of a Kubernetes Container. Did you mean `spec.serviceAccountName`?",
    );
    for (name, nearest) in [
        ("lables", "labels"),
        ("Annotations", "annotations"),
        ("namspace", "namespace"),
    ] {
        refuses(
            json!({"metadata": {name: {}}}),
            &format!("metadata.{name}"),
            UNKNOWN,
            &format!("Kubernetes ObjectMeta. Did you mean `{nearest}`?"),
        );
    }
    for (name, nearest) in [
        ("container", "containers"),
        ("service_account_name", "serviceAccountName"),
        ("node_selector", "nodeSelector"),
        ("image_pull_secrets", "imagePullSecrets"),
        ("init_containers", "initContainers"),
        ("toleration", "tolerations"),
    ] {
        refuses(
            json!({"spec": {name: "x"}}),
            &format!("spec.{name}"),
            UNKNOWN,
            &format!("Kubernetes PodSpec. Did you mean `{nearest}`?"),
        );
    }
    for (name, nearest) in [
        ("valuefrom", "valueFrom"),
        ("value_from", "valueFrom"),
        ("valu", "value"),
    ] {
        refuses(
            main(json!({"env": [{"name": "A"}, {"name": "B", name: "x"}]})),
            &format!("spec.containers[0].env[1].{name}"),
            UNKNOWN,
            &format!("Kubernetes EnvVar. Did you mean `{nearest}`?"),
        );
    }
}

#[test]
fn a_misplaced_field_is_reported_with_the_right_place() {
    refuses(
        json!({"containers": []}),
        "containers",
        "Unknown field",
        "Kubernetes PodTemplateSpec. Did you mean `spec.containers`?",
    );
    refuses(
        json!({"spec": {"env": []}}),
        "spec.env",
        "Unknown field",
        "Did you mean `spec.containers[].env` or `spec.initContainers[].env`?",
    );
    refuses(
        json!({"spec": {"image": "i"}}),
        "spec.image",
        "Unknown field",
        "Did you mean `spec.containers[].image`, `spec.initContainers[].image` or `spec.volumes[].image`?",
    );
    refuses(
        main(json!({"runAsUser": 1000})),
        "spec.containers[0].runAsUser",
        "Unknown field",
        "Did you mean `spec.containers[0].securityContext.runAsUser`?",
    );
    refuses(
        json!({"labels": {}}),
        "labels",
        "Unknown field",
        "Did you mean `metadata.labels`?",
    );
}

#[test]
fn patch_directives_and_odd_names_are_unknown_fields() {
    refuses(
        main(json!({"$patch": "replace"})),
        "spec.containers[0][\"$patch\"]",
        "Unknown field",
        "",
    );
    refuses(json!({"": 1}), "[\"\"]", "Unknown field", "metadata, spec");
    let problems = problems(json!({"spec": {"x".repeat(1_000_000): 1}}));
    assert!(problems[0].to_string().len() < 2000);
}

#[test]
fn a_wrong_type_is_reported() {
    const WRONG: &str = "Wrong type in pod_template";
    for (template, path, detail) in [
        (
            json!({"spec": []}),
            "spec",
            "is a list, but Kubernetes expects an object here",
        ),
        (
            json!({"spec": {"containers": {}}}),
            "spec.containers",
            "is an object, but Kubernetes expects a list here",
        ),
        (
            json!({"spec": {"containers": ["main"]}}),
            "spec.containers[0]",
            "is a string, but Kubernetes expects an object",
        ),
        (
            json!({"spec": {"hostNetwork": "true"}}),
            "spec.hostNetwork",
            "is a string, but Kubernetes expects true or false",
        ),
        (
            json!({"spec": {"priority": "1"}}),
            "spec.priority",
            "is a string, but Kubernetes expects a whole number",
        ),
        (
            json!({"spec": {"nodeName": 1}}),
            "spec.nodeName",
            "is a number, but Kubernetes expects a string here. Write it in quotes.",
        ),
        (
            json!({"metadata": {"labels": {"a/b": true}}}),
            "metadata.labels[\"a/b\"]",
            "is a boolean, but Kubernetes expects a string here. Write it in quotes.",
        ),
        (
            json!({"metadata": {"namespace": 1}}),
            "metadata.namespace",
            "is a number",
        ),
        (
            main(json!({"livenessProbe": {"httpGet": {"port": true}}})),
            "spec.containers[0].livenessProbe.httpGet.port",
            "expects a whole number or a string",
        ),
        (
            main(json!({"resources": {"limits": {"cpu": {}}}})),
            "spec.containers[0].resources.limits.cpu",
            "expects a quantity",
        ),
        (
            main(json!({"env": {"name": "A"}})),
            "spec.containers[0].env",
            "is an object, but Kubernetes expects a list here. Make it a list: in YAML begin each entry with `- `, in HCL \
             write `[ … ]` around them.",
        ),
        (
            json!({"metadata": {"creationTimestamp": 1}}),
            "metadata.creationTimestamp",
            "expects a time",
        ),
    ] {
        if path == "metadata.namespace" {
            assert_eq!(problems(template)[0].invalid.summary, WRONG);
        } else {
            refuses(template, path, WRONG, detail);
        }
    }
}

#[test]
fn a_value_out_of_range_is_reported() {
    const INVALID: &str = "Invalid value in pod_template";
    for (template, path, detail) in [
        (
            json!({"spec": {"priority": 2_147_483_648_i64}}),
            "spec.priority",
            "is 2147483648, but Kubernetes expects a whole number from -2147483648 to 2147483647",
        ),
        (json!({"spec": {"priority": 1.5}}), "spec.priority", "is 1.5"),
        (
            json!({"spec": {"activeDeadlineSeconds": u64::MAX}}),
            "spec.activeDeadlineSeconds",
            "is 18446744073709551615",
        ),
        (
            json!({"metadata": {"creationTimestamp": "yesterday"}}),
            "metadata.creationTimestamp",
            "\"yesterday\"",
        ),
        (
            main(json!({"livenessProbe": {"httpGet": {"port": 1e12}}})),
            "spec.containers[0].livenessProbe.httpGet.port",
            "whole number",
        ),
        (
            main(json!({"resources": {"limits": {"memory": "1GB"}}})),
            "spec.containers[0].resources.limits.memory",
            "is \"1GB\", which is not a Kubernetes quantity",
        ),
    ] {
        refuses(template, path, INVALID, detail);
    }
}

#[test]
fn quantities_are_those_that_kubernetes_accepts() {
    let size = |text: &str| json!({"name": "v", "emptyDir": {"sizeLimit": text}});
    let memory = |text: &str| problems(json!({"spec": {"volumes": [size(text)]}})).len();
    for text in [
        "0", "1", "1Gi", "+1.5M", "-1", ".5", "5.", "1e3", "1E-3", "2E", "100m", "3n", "4u", "1k", " 1Ki ", "1Ei",
        "Mi", "+", ".", "e5",
    ] {
        assert_eq!(memory(text), 0, "{text}");
    }
    for text in [
        "", " ", "Ei", ".Pi", "1GB", "1 Gi", "1gi", "Gigs", "1.2.3", "1e", "1e1.5", "--1", "1K", "１",
    ] {
        assert_eq!(memory(text), 1, "{text}");
    }
}

#[test]
fn the_namespace_and_the_service_account_are_reserved() {
    refuses(
        json!({"metadata": {"namespace": "other"}}),
        "metadata.namespace",
        "Reserved field",
        "must not be set",
    );
    refuses(
        json!({"spec": {"serviceAccountName": "other"}}),
        "spec.serviceAccountName",
        "Reserved field",
        "must not be set",
    );
    accepts(json!({"metadata": {"namespace": ""}, "spec": {"serviceAccountName": ""}}));
}

#[test]
fn a_removed_service_account_is_an_override() {
    for (spec, expected) in [
        (json!({"serviceAccountName": null}), Some("default")),
        (json!({"serviceAccountName": ""}), Some("default")),
        (
            json!({"serviceAccountName": null, "serviceAccount": "other"}),
            Some("other"),
        ),
        (json!({"serviceAccount": "other"}), None),
        (json!({"priority": 1}), None),
    ] {
        let template = Map::from_iter([("spec".to_owned(), spec)]);
        assert_eq!(own_service_account(&template), expected, "{template:?}");
        let details: Vec<String> = overrides(&template).into_iter().map(|one| one.invalid.detail).collect();
        assert_eq!(details.len(), usize::from(expected.is_some()));
        for (detail, account) in details.iter().zip(expected) {
            assert!(detail.contains(&format!("run as the service account {account:?}")));
        }
    }
}

#[test]
fn every_problem_is_reported_without_values_of_variables() {
    let problems = problems(json!({
        "metadata": {"namespace": "n", "x": 1},
        "spec": {"serviceAccountName": "s", "containers": [
            {"env": [{"name": "A", "value": ["s3cret"], "secret": "s3cret"}]},
            {"name": "main", "env": [{"name": "TOKEN", "value": "s3cret"}, "s3cret"]},
        ]},
    }));
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "metadata.x",
            "spec.containers[0].env[0].secret",
            "spec.containers[0].env[0].value",
            "spec.containers[1].env[1]",
            "metadata.namespace",
            "spec.serviceAccountName",
            "spec.containers[0]",
            "spec.containers[1].env[0]",
        ]
    );
    assert!(problems.iter().all(|p| !p.to_string().contains("s3cret")));
}
