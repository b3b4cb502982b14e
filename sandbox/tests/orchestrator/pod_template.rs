//! The strict check of `pod_template`.

use serde_json::{Value, json};

use crate::client::{Client, RUNNERS, eks_runner};

const AT: &str = "runner_configuration.job.pod_template";

fn create(template: Value) -> crate::client::ClientResponse {
    let mut body = eks_runner("one");
    body["runner_configuration"]["job"]["pod_template"] = template;
    Client::new().post(RUNNERS, body)
}

fn main_with(variable: Value) -> Value {
    json!({ "spec": { "containers": [{ "name": "main", "env": [variable] }] } })
}

#[test]
fn a_template_is_stored_as_it_was_sent() {
    for template in [
        json!({}),
        json!({ "metadata": { "labels": { "a.b/c": "d" }, "annotations": null } }),
        json!({
            "spec": {
                "initContainers": [{ "name": "wait", "image": "busybox" }],
                "containers": [
                    { "name": "main", "resources": { "requests": { "cpu": 1, "memory": "1Gi" } } },
                    { "name": "other", "env": [{ "name": "TOKEN", "value": "x" }] },
                ],
                "tolerations": [{ "key": "x", "operator": "Exists" }],
                "volumes": [{ "name": "v", "secret": { "secretName": "s" } }],
            }
        }),
    ] {
        let response = create(template.clone());
        assert_eq!(response.status, 201, "{}", response.text);
        assert_eq!(response.json()["runner_configuration"]["job"]["pod_template"], template);
    }
}

#[test]
fn what_is_no_pod_template_is_refused_by_its_path() {
    for (template, path) in [
        (json!("{}"), ""),
        (json!([]), ""),
        (json!({ "specc": {} }), ".specc"),
        (json!({ "spec": { "nodeSelectors": {} } }), ".spec.nodeSelectors"),
        (
            json!({ "spec": { "containers": [{ "name": "a" }, { "name": "b", "imagee": "x" }] } }),
            ".spec.containers.1.imagee",
        ),
        (
            json!({ "spec": { "containers": [{ "name": "a", "resources": { "request": {} } }] } }),
            ".spec.containers.0.resources.request",
        ),
        (
            json!({ "spec": { "containers": [{ "name": "a", "env": [{ "name": "X", "val": "1" }] }] } }),
            ".spec.containers.0.env.0.val",
        ),
        (json!({ "metadata": { "label": {} } }), ".metadata.label"),
        (json!({ "spec": { "hostNetwork": "yes" } }), ".spec.hostNetwork"),
    ] {
        let message = create(template).error(400);
        assert!(message.starts_with(&format!("{AT}{path}: ")), "{message}");
    }
}

#[test]
fn what_is_the_runners_own_must_not_be_set() {
    for (template, message) in [
        (
            json!({ "metadata": { "namespace": "x" } }),
            format!("{AT}.metadata.namespace: it is not allowed to specify a namespace"),
        ),
        (
            json!({ "spec": { "serviceAccountName": "x" } }),
            format!("{AT}.spec.serviceAccountName: it is not allowed to specify a serviceAccountName"),
        ),
    ] {
        assert_eq!(create(template).error(400), message);
    }
}

#[test]
fn every_container_needs_a_name() {
    for nameless in [json!({ "image": "x" }), json!({ "name": "" })] {
        let template = json!({ "spec": { "containers": [{ "name": "a" }, nameless] } });
        assert_eq!(
            create(template).error(400),
            format!("{AT}.spec.containers.1.name: is required")
        );
    }
}

#[test]
fn the_variables_of_the_runners_container_are_reserved() {
    for name in [
        "ORG_ID",
        "DEPLOYMENT_ID",
        "MODE",
        "TOKEN",
        "ENCRYPTING_KEY",
        "PLATFORM_ORCHESTRATOR_BASE_URL",
    ] {
        for container in ["main", "platform-orchestrator-runner"] {
            let mut template = main_with(json!({ "name": name, "value": "x" }));
            template["spec"]["containers"][0]["name"] = json!(container);
            assert_eq!(
                create(template).error(400),
                format!("{AT}.spec.containers.0.env.0: environment variable `{name}` is a reserved one")
            );
        }
    }
    assert_eq!(create(main_with(json!({ "name": "LEVEL", "value": "x" }))).status, 201);
}

#[test]
fn the_ssh_keys_come_through_value_from_only() {
    let key = json!({ "secretKeyRef": { "name": "s", "key": "k" } });
    let variable = |rest: Value| {
        let mut variable = json!({ "name": "RUNNER_GIT_SSH_KEYS" });
        for (field, value) in rest.as_object().expect("an object") {
            variable[field] = value.clone();
        }
        main_with(variable)
    };
    for rest in [json!({ "valueFrom": key }), json!({ "value": "x", "valueFrom": key })] {
        assert_eq!(create(variable(rest)).status, 201);
    }
    for rest in [json!({}), json!({ "value": "x" })] {
        let message = create(variable(rest)).error(400);
        assert!(
            message.ends_with("must be set using the value-from property"),
            "{message}"
        );
    }
}

#[test]
fn quantities_are_read() {
    let limits = |quantity: Value| json!({ "spec": { "containers": [{ "name": "main", "resources": { "limits": { "cpu": quantity } } }] } });
    let size =
        |quantity: &str| json!({ "spec": { "volumes": [{ "name": "v", "emptyDir": { "sizeLimit": quantity } }] } });
    for quantity in [
        "1", "0.5", ".5", "1.", "100m", "1Gi", "2E", "1e3", "+1", "-1", "12E-2", "Mi", "+", ".", "e-9", "0Ei",
    ] {
        assert_eq!(create(limits(json!(quantity))).status, 201, "{quantity}");
        assert_eq!(create(size(quantity)).status, 201, "{quantity}");
    }
    assert_eq!(create(limits(json!(2))).status, 201);
    for quantity in [
        "", "a", "1 Gi", "1gi", "1GB", "1Mib", "0x1", "1,5", "Ei", "-.Pi", "e-10", "1e",
    ] {
        for (template, path) in [
            (limits(json!(quantity)), "containers.0.resources.limits.cpu"),
            (size(quantity), "volumes.0.emptyDir.sizeLimit"),
        ] {
            let message = create(template).error(400);
            assert!(
                message.starts_with(&format!("{AT}.spec.{path}: quantities must match")),
                "{message}"
            );
        }
    }
    // A label is not a quantity, whatever its name.
    assert_eq!(
        create(json!({ "metadata": { "labels": { "sizeLimit": "x" } } })).status,
        201
    );
}
