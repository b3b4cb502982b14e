//! The strict check of `pod_template`.

use serde_json::{Value, json};

use crate::client::{Client, RUNNERS, eks_runner};

const AT: &str = "runner_configuration.job.pod_template";

fn create(template: Value) -> crate::client::Answer {
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
        let answer = create(template.clone());
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(
            answer.json()["runner_configuration"]["job"]["pod_template"],
            template
        );
    }
}

#[test]
fn what_is_no_pod_template_is_refused_by_its_path() {
    for (template, path) in [
        (json!("{}"), ""),
        (json!([]), ""),
        (json!({ "specc": {} }), ".specc"),
        (
            json!({ "spec": { "nodeSelectors": {} } }),
            ".spec.nodeSelectors",
        ),
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
        (
            json!({ "spec": { "hostNetwork": "yes" } }),
            ".spec.hostNetwork",
        ),
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
            format!("{AT}.metadata.namespace: must not be set"),
        ),
        (
            json!({ "spec": { "serviceAccountName": "x" } }),
            format!("{AT}.spec.serviceAccountName: must not be set"),
        ),
    ] {
        assert_eq!(create(template).error(400), message);
    }
}

#[test]
fn every_container_needs_a_name() {
    for list in ["containers", "initContainers"] {
        for nameless in [json!({ "image": "x" }), json!({ "name": "" })] {
            let template = json!({ "spec": { list: [{ "name": "a" }, nameless] } });
            assert_eq!(
                create(template).error(400),
                format!("{AT}.spec.{list}.1.name: a container needs a name")
            );
        }
    }
}

#[test]
fn the_variables_of_the_main_container_are_reserved() {
    for name in ["ORG_ID", "DEPLOYMENT_ID", "MODE", "TOKEN", "ENCRYPTING_KEY"] {
        let message = create(main_with(json!({ "name": name, "value": "x" }))).error(400);
        assert_eq!(
            message,
            format!(
                "{AT}.spec.containers.0.env.0: the variable {name} is reserved in the container main"
            )
        );
    }
    assert_eq!(
        create(main_with(json!({ "name": "LEVEL", "value": "x" }))).status,
        201
    );
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
    assert_eq!(create(variable(json!({ "valueFrom": key }))).status, 201);
    for rest in [
        json!({}),
        json!({ "value": "x" }),
        json!({ "value": "x", "valueFrom": key }),
    ] {
        let message = create(variable(rest)).error(400);
        assert!(
            message.ends_with("may be set only through valueFrom"),
            "{message}"
        );
    }
}
