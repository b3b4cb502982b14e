//! Containers and their variables.

use super::*;

#[test]
fn every_container_needs_a_name() {
    for list in ["containers", "initContainers"] {
        for container in [
            json!({"image": "i"}),
            json!({"name": ""}),
            json!({"name": null}),
            json!(null),
        ] {
            refuses(
                json!({"spec": {list: [{"name": "a", "image": "i"}, container]}}),
                &format!("spec.{list}[1]"),
                "Container without a name",
                "has no `name`",
            );
        }
    }
}

#[test]
fn the_orchestrators_variables_are_reserved_in_main() {
    for name in [
        "ORG_ID",
        "DEPLOYMENT_ID",
        "MODE",
        "TOKEN",
        "ENCRYPTING_KEY",
        "PLATFORM_ORCHESTRATOR_BASE_URL",
    ] {
        for variable in [
            json!({"name": name, "value": "s3cret"}),
            json!({"name": name}),
            json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
        ] {
            refuses(
                main(json!({"env": [{"name": "FINE", "value": "x"}, variable]})),
                "spec.containers[0].env[1]",
                "Reserved variable",
                &format!("sets {name}, which only the Orchestrator itself sets"),
            );
            refuses(
                json!({"spec": {"containers": [
                    {"name": "platform-orchestrator-runner", "image": "i", "env": [variable]},
                ]}}),
                "spec.containers[0].env[0]",
                "Reserved variable",
                name,
            );
        }
        accepts(
            json!({"spec": {"containers": [{"name": "sidecar", "image": "i", "env": [{"name": name, "value": "x"}]}]}}),
        );
        accepts(
            json!({"spec": {"initContainers": [{"name": "init", "image": "i", "env": [{"name": name, "value": "x"}]}]}}),
        );
    }
    accepts(main(json!({"env": [{"name": "token", "value": "x"}]})));
}

#[test]
fn ssh_keys_are_set_only_by_reference() {
    let reference = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    accepts(main(
        json!({"env": [{"name": "RUNNER_GIT_SSH_KEYS", "valueFrom": reference}]}),
    ));
    for variable in [
        json!({"name": "RUNNER_GIT_SSH_KEYS", "value": "s3cret"}),
        json!({"name": "RUNNER_GIT_SSH_KEYS"}),
        json!({"name": "RUNNER_GIT_SSH_KEYS", "valueFrom": null}),
        json!({"name": "RUNNER_GIT_SSH_KEYS", "value": "s3cret", "valueFrom": reference}),
    ] {
        refuses(
            main(json!({"env": [variable]})),
            "spec.containers[0].env[0]",
            "Variable with a value",
            "only through `valueFrom`",
        );
    }
}

#[test]
fn a_variable_of_the_orchestrator_cannot_have_a_reference() {
    let reference = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    for name in [
        "RUNNER_ID",
        "DEPLOYMENT_ENV_UUID",
        "LOG_LEVEL",
        "RUNNER_GATEWAY_URL",
        "ENCRYPTING_LOGS_KEY",
        "METADATA_KEY",
    ] {
        refuses(
            main(json!({"env": [{"name": name, "valueFrom": reference}]})),
            "spec.containers[0].env[0]",
            "Variable with two values",
            &format!("sets {name} through `valueFrom`, but the Orchestrator sets {name} with `value`"),
        );
        // What the merge leaves is one of the two.
        for variable in [
            json!({"name": name, "value": "x"}),
            json!({"name": name, "value": null, "valueFrom": reference}),
            json!({"name": name, "value": "", "valueFrom": reference}),
            json!({"name": name, "valueFrom": null}),
        ] {
            accepts(main(json!({"env": [variable]})));
        }
        accepts(main(
            json!({"env": [{"name": name, "valueFrom": reference}, {"name": name, "value": null}]}),
        ));
        accepts(json!({"spec": {"containers": [
            {"name": "sidecar", "image": "i", "env": [{"name": name, "valueFrom": reference}]},
        ]}}));
    }
    refuses(
        json!({"spec": {"initContainers": [
            {"name": "a", "image": "i", "env": [{"name": "A", "value": "x", "valueFrom": reference}]},
        ]}}),
        "spec.initContainers[0].env[0]",
        "Variable with two values",
        "both `value` and `valueFrom`",
    );
}

/// A new container keeps both entries: Kubernetes uses the last one.
#[test]
fn a_variable_of_another_container_can_be_listed_twice() {
    let reference = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    let env = json!([{"name": "A", "value": "x"}, {"name": "A", "valueFrom": reference}]);
    for list in ["containers", "initContainers"] {
        accepts(json!({"spec": {list: [{"name": "b", "image": "i", "env": env}]}}));
    }
    refuses(
        main(json!({"env": env})),
        "spec.containers[0].env[1]",
        "Variable with two values",
        "both `value` and `valueFrom`",
    );
}

#[test]
fn other_containers_than_the_orchestrators_need_an_image() {
    let without = |list: &str, containers: Value, path: &str, detail: &str| {
        refuses(
            json!({"spec": {list: containers}}),
            path,
            "Container without an image",
            detail,
        );
    };
    for name in ["canyon-runner", "platform-orchestrator-runner", "Main"] {
        without(
            "containers",
            json!([{"name": name}]),
            "spec.containers[0]",
            "Did you mean \"main\"",
        );
    }
    without(
        "containers",
        json!([{"name": "main"}, {"name": "b"}]),
        "spec.containers[1]",
        "Add `image`",
    );
    without(
        "containers",
        json!([{"name": "main", "image": ""}]),
        "spec.containers[0]",
        "Remove the empty `image`",
    );
    without(
        "initContainers",
        json!([{"name": "init"}]),
        "spec.initContainers[0]",
        "Add `image`",
    );
    // Two of one name become one.
    accepts(json!({"spec": {"containers": [{"name": "main"}, {"name": "main", "image": "i"}]}}));
    accepts(json!({"spec": {"containers": [{"name": "b", "image": "i"}, {"name": "b", "stdin": true}]}}));
    without(
        "containers",
        json!([{"name": "b", "image": "i"}, {"name": "b", "image": null}]),
        "spec.containers[0]",
        "image",
    );
}

#[test]
fn ephemeral_containers_are_refused() {
    refuses(
        json!({"spec": {"ephemeralContainers": [{"name": "a", "image": "i"}]}}),
        "spec.ephemeralContainers",
        "Field not allowed",
        "must not be set",
    );
    accepts(json!({"spec": {"ephemeralContainers": []}}));
}

#[test]
fn overridden_variables_are_reported() {
    let overridden = |variable: Value| {
        let Value::Object(template) = main(json!({"env": [variable]})) else {
            panic!("a template is an object");
        };
        overrides(&template).len()
    };
    assert_eq!(
        overridden(json!({"name": "RUNNER_GATEWAY_URL", "value": "https://x"})),
        1
    );
    assert_eq!(overridden(json!({"name": "METADATA_KEY", "value": null})), 1);
    assert_eq!(overridden(json!({"name": "LOG_LEVEL", "value": "debug"})), 0);
    assert_eq!(overridden(json!({"name": "MINE", "value": "x"})), 0);
}
