//! What a create call refuses, each with the field's path.

use serde_json::{Value, json};

use crate::client::{Client, RUNNERS, eks_runner};

const CLUSTER: &str = "/runner_configuration/cluster";
const AUTH: &str = "/runner_configuration/cluster/auth";
const JOB: &str = "/runner_configuration/job";

/// A create body whose object at `parent` has this field set.
fn with(parent: &str, field: &str, value: Value) -> Value {
    let mut body = eks_runner("one");
    body.pointer_mut(parent).expect("the parent is there")[field] = value;
    body
}

/// A create body whose object at `parent` lacks this field.
fn without(parent: &str, field: &str) -> Value {
    let mut body = eks_runner("one");
    let parent = body.pointer_mut(parent).expect("the parent is there");
    parent.as_object_mut().expect("an object").remove(field);
    body
}

fn accepts(body: Value) {
    let client = Client::new();
    let response = client.post(RUNNERS, body);
    assert_eq!(response.status, 201, "{}", response.text);
}

/// The body is refused with a message that begins with the path, and nothing is stored.
fn refuses(body: &Value, path: &str) -> String {
    let client = Client::new();
    let response = client.post(RUNNERS, body.clone());
    let message = response.error(400);
    assert!(message.starts_with(&format!("{path}: ")), "{message}\n{body}");
    assert_eq!(response.json()["details"], json!({ "path": path }));
    assert!(client.orchestrator.runners().is_empty());
    message
}

#[test]
fn a_body_must_be_a_json_object() {
    let client = Client::new();
    let authorization = format!("Bearer {}", client.orchestrator.token());
    for body in ["", "{", "[]", "null", "\"x\"", r#"["one", "x", {}, {}]"#] {
        let headers = [("authorization", authorization.as_str())];
        client
            .send("POST", RUNNERS, &headers, Some(body.to_owned()))
            .expect("a response")
            .error(400);
    }
}

#[test]
fn every_required_field_must_be_there() {
    for (parent, field, path) in [
        ("", "id", "request body"),
        ("", "runner_configuration", "request body"),
        ("", "state_storage_configuration", "request body"),
        ("/runner_configuration", "type", "runner_configuration"),
        ("/runner_configuration", "cluster", "runner_configuration"),
        ("/runner_configuration", "job", "runner_configuration"),
        (CLUSTER, "name", "runner_configuration.cluster"),
        (CLUSTER, "region", "runner_configuration.cluster"),
        (CLUSTER, "auth", "runner_configuration.cluster"),
        (AUTH, "role_arn", "runner_configuration.cluster.auth"),
        (JOB, "namespace", "runner_configuration.job"),
        (JOB, "service_account", "runner_configuration.job"),
    ] {
        let message = refuses(&without(parent, field), path);
        assert!(message.contains(&format!("`{field}`")), "{message}");
        let null = client_error(with(parent, field, Value::Null));
        assert!(null.contains(path) || null.contains(field), "{null}");
    }
}

fn client_error(body: Value) -> String {
    Client::new().post(RUNNERS, body).error(400)
}

#[test]
fn an_unknown_field_of_the_configuration_is_named_with_its_path() {
    accepts(with("", "extra", json!(1)));
    for (parent, path) in [
        ("/runner_configuration", "runner_configuration."),
        (CLUSTER, "runner_configuration.cluster."),
        (AUTH, "runner_configuration.cluster.auth."),
        (JOB, "runner_configuration.job."),
    ] {
        let message = refuses(&with(parent, "extra", json!(1)), &format!("{path}extra"));
        assert!(message.ends_with(": unknown field"), "{message}");
    }
}

#[test]
fn a_wrong_type_is_named_with_its_path() {
    for (parent, field, value, path) in [
        ("", "id", json!(1), "id"),
        ("", "runner_configuration", json!("x"), "runner_configuration"),
        ("", "runner_configuration", json!([]), "runner_configuration"),
        (
            "/runner_configuration",
            "cluster",
            json!("x"),
            "runner_configuration.cluster",
        ),
        (
            "/runner_configuration",
            "cluster",
            json!(["prod", "eu-central-1", { "role_arn": "arn:aws:iam::123456789012:role/x" }]),
            "runner_configuration.cluster",
        ),
        (
            CLUSTER,
            "auth",
            json!(["arn:aws:iam::123456789012:role/x"]),
            "runner_configuration.cluster.auth",
        ),
        (
            "/runner_configuration",
            "job",
            json!(["a", "b"]),
            "runner_configuration.job",
        ),
        (CLUSTER, "name", json!(true), "runner_configuration.cluster.name"),
        (
            AUTH,
            "session_name",
            json!(12345),
            "runner_configuration.cluster.auth.session_name",
        ),
    ] {
        refuses(&with(parent, field, value), path);
    }
}

/// Fields are optional, not nullable.
#[test]
fn null_is_refused_by_its_path() {
    for (parent, field, path) in [
        ("", "description", "description"),
        (AUTH, "session_name", "runner_configuration.cluster.auth.session_name"),
        (AUTH, "sts_region", "runner_configuration.cluster.auth.sts_region"),
        (JOB, "pod_template", "runner_configuration.job.pod_template"),
    ] {
        let message = refuses(&with(parent, field, Value::Null), path);
        assert!(message.contains("invalid type: null"), "{message}");
    }
}

#[test]
fn ids_follow_their_pattern() {
    for id in ["a1", "a-", "a--b", "a_b-c9", &"a".repeat(1000)] {
        accepts(with("", "id", json!(id)));
    }
    for id in ["", "a", "1a", "-a", "A1", "a b", "a.b", "ab\n", "ä1"] {
        let message = refuses(&with("", "id", json!(id)), "id");
        assert!(message.ends_with("does not match the pattern ^[a-z][a-z0-9_-]+$"));
    }
}

#[test]
fn role_arns_are_known_in_one_partition() {
    for arn in [
        "arn:aws:iam::123456789012:role/runner",
        "arn:aws:iam::123456789012:role/team/a_b+=,.@-/runner",
    ] {
        accepts(with(AUTH, "role_arn", json!(arn)));
    }
    for arn in [
        "",
        "arn:aws-us-gov:iam::123456789012:role/runner",
        "arn:aws-cn:iam::123456789012:role/runner",
        "arn:aws:iam::12345678901:role/runner",
        "arn:aws:iam::123456789012:user/runner",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/a b",
        " arn:aws:iam::123456789012:role/runner",
    ] {
        refuses(
            &with(AUTH, "role_arn", json!(arn)),
            "runner_configuration.cluster.auth.role_arn",
        );
    }
}

#[test]
fn session_names_have_3_to_64_characters_of_their_pattern() {
    for name in ["abc", &"a".repeat(64), "A_z/0+=,.@-"] {
        accepts(with(AUTH, "session_name", json!(name)));
    }
    for name in ["", "ab", &"a".repeat(65), "a b c", "a:b", "äöü"] {
        refuses(
            &with(AUTH, "session_name", json!(name)),
            "runner_configuration.cluster.auth.session_name",
        );
    }
}

#[test]
fn sts_regions_have_three_parts() {
    accepts(with(AUTH, "sts_region", json!("ap-southeast-2")));
    for region in ["", "us-gov-west-1", "eu-central", "eu-central-10", "EU-central-1"] {
        refuses(
            &with(AUTH, "sts_region", json!(region)),
            "runner_configuration.cluster.auth.sts_region",
        );
    }
    // The cluster's region has no pattern.
    accepts(with(CLUSTER, "region", json!("us-gov-west-1")));
}

#[test]
fn other_types_are_put_by_hand_only() {
    for other in ["kubernetes", "kubernetes-gke", "kubernetes-agent", "serverless-ecs"] {
        let message = refuses(
            &with("/runner_configuration", "type", json!(other)),
            "runner_configuration.type",
        );
        assert!(message.contains("/_sandbox/runners"), "{message}");
    }
    let message = refuses(
        &with("/runner_configuration", "type", json!("nomad")),
        "runner_configuration.type",
    );
    assert!(
        message.contains("is not one of kubernetes-eks, kubernetes,"),
        "{message}"
    );
}
