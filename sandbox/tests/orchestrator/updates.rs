//! The merge rules of PATCH.

use serde_json::{Value, json};

use crate::client::{Client, RUNNERS};

const ONE: &str = "/orgs/my-org/runners/one";

fn client_with_one() -> (Client, Value) {
    let client = Client::new();
    let one = client.create("one");
    (client, one)
}

/// Sends the update, and returns the runner, which a GET must show alike.
fn updated(client: &Client, body: Value) -> Value {
    let response = client.patch(ONE, body);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(client.get(ONE).json(), response.json());
    response.json()
}

#[test]
fn what_is_absent_is_left_as_it_was() {
    let (client, before) = client_with_one();
    for body in [
        json!({}),
        json!({ "id": "two", "desc": "fields that an update does not have" }),
        json!({ "runner_configuration": { "type": "kubernetes-eks" } }),
    ] {
        let mut after = updated(&client, body);
        assert!(after["updated_at"].as_str() > before["updated_at"].as_str());
        after["updated_at"] = before["updated_at"].clone();
        assert_eq!(after, before);
    }
}

#[test]
fn a_description_is_changed_and_emptied_but_never_removed() {
    let (client, _) = client_with_one();
    let after = updated(&client, json!({ "description": "new" }));
    assert_eq!(after["description"], "new");
    let after = updated(&client, json!({ "description": "" }));
    assert_eq!(after["description"], "");
}

#[test]
fn null_is_refused() {
    let (client, before) = client_with_one();
    for (body, field) in [
        (json!({ "description": null }), "description"),
        (json!({ "runner_configuration": null }), "runner_configuration"),
        (
            json!({ "state_storage_configuration": null }),
            "state_storage_configuration",
        ),
        (
            json!({ "runner_configuration": { "type": "kubernetes-eks", "cluster": null } }),
            "runner_configuration.cluster",
        ),
        (
            json!({ "runner_configuration": { "type": "kubernetes-eks", "job": null } }),
            "runner_configuration.job",
        ),
    ] {
        let message = client.patch(ONE, body).error(400);
        assert!(
            message.starts_with(&format!("{field}: invalid type: null")),
            "{message}"
        );
    }
    assert_eq!(client.get(ONE).json(), before);
}

#[test]
fn a_cluster_replaces_the_old_one_whole_and_leaves_the_job() {
    let (client, before) = client_with_one();
    let cluster = json!({
        "name": "other",
        "region": "us-east-1",
        "auth": { "role_arn": "arn:aws:iam::123456789012:role/other" },
    });
    let after = updated(
        &client,
        json!({ "runner_configuration": { "type": "kubernetes-eks", "cluster": cluster } }),
    );
    assert_eq!(after["runner_configuration"]["cluster"], cluster);
    assert_eq!(
        after["runner_configuration"]["job"],
        before["runner_configuration"]["job"]
    );
    assert_eq!(after["description"], before["description"]);
}

#[test]
fn a_job_replaces_the_old_one_whole_and_leaves_the_cluster() {
    let (client, before) = client_with_one();
    let job = json!({ "namespace": "other", "service_account": "runner" });
    let after = updated(
        &client,
        json!({ "runner_configuration": { "type": "kubernetes-eks", "job": job } }),
    );
    assert_eq!(after["runner_configuration"]["job"], job);
    assert_eq!(
        after["runner_configuration"]["cluster"],
        before["runner_configuration"]["cluster"]
    );
}

#[test]
fn a_part_that_is_sent_must_be_whole() {
    let (client, before) = client_with_one();
    let patch = |part: Value| client.patch(ONE, json!({ "runner_configuration": part }));
    let message = patch(json!({ "type": "kubernetes-eks", "job": { "namespace": "x" } })).error(400);
    assert_eq!(message, "runner_configuration.job: missing field `service_account`");
    let message = patch(json!({ "type": "kubernetes-eks", "cluster": { "name": "x", "region": "y" } })).error(400);
    assert_eq!(message, "runner_configuration.cluster: missing field `auth`");
    assert_eq!(client.get(ONE).json(), before);
}

#[test]
fn the_type_must_be_there_and_be_the_runners() {
    let (client, before) = client_with_one();
    let patch = |part: Value| client.patch(ONE, json!({ "description": "new", "runner_configuration": part }));
    let job = json!({ "namespace": "x", "service_account": "y" });
    assert_eq!(
        patch(json!({ "job": job })).error(400),
        "runner_configuration: missing field `type`"
    );
    assert_eq!(
        patch(json!({ "type": "kubernetes", "job": job })).error(400),
        r#"runner_configuration.type: "kubernetes" is not the runner's type "kubernetes-eks""#
    );
    patch(json!({ "type": "nomad" })).error(400);
    assert_eq!(client.get(ONE).json(), before);
}

#[test]
fn a_storage_replaces_the_old_one_whole() {
    let (client, _) = client_with_one();
    for storage in [
        json!({ "type": "s3", "bucket": "other" }),
        json!({ "type": "kubernetes", "namespace": "state" }),
    ] {
        let after = updated(&client, json!({ "state_storage_configuration": storage }));
        assert_eq!(after["state_storage_configuration"], storage);
    }
}

#[test]
fn what_a_create_refuses_an_update_refuses() {
    let (client, before) = client_with_one();
    for (body, field) in [
        (
            json!({ "runner_configuration": { "type": "kubernetes-eks", "jobs": {} } }),
            "runner_configuration.jobs",
        ),
        (
            json!({ "state_storage_configuration": { "type": "s3", "bucket": "UPPER" } }),
            "state_storage_configuration.bucket",
        ),
        (json!({ "description": 1 }), "description"),
    ] {
        let message = client.patch(ONE, body).error(400);
        assert!(message.starts_with(&format!("{field}: ")), "{message}");
    }
    assert_eq!(client.get(ONE).json(), before);
}

#[test]
fn a_runner_that_is_not_there_cannot_be_updated() {
    let (client, _) = client_with_one();
    let response = client.patch(&format!("{RUNNERS}/two"), json!({}));
    assert_eq!(response.error(404), "runner not found");
}

#[test]
fn a_missing_runner_is_reported_before_what_only_the_strict_check_refuses() {
    let (client, _) = client_with_one();
    let job = |template: Value| json!({ "namespace": "n", "service_account": "s", "pod_template": template });
    for part in [
        json!({ "type": "kubernetes-eks", "jobs": {} }),
        json!({ "type": "kubernetes-eks", "job": job(json!({ "specs": {} })) }),
        json!({ "type": "kubernetes-eks", "job": job(json!({ "metadata": { "namespace": "x" } })) }),
    ] {
        let body = json!({ "runner_configuration": part });
        let response = client.patch(&format!("{RUNNERS}/two"), body.clone());
        assert_eq!(response.error(404), "runner not found");
        client.patch(ONE, body).error(400);
    }
    // The service's OpenAPI document is checked before the runner is looked up.
    let auth = json!({ "role_arn": "none" });
    let cluster = json!({ "name": "c", "region": "r", "auth": auth });
    for body in [
        json!({ "runner_configuration": { "type": "kubernetes-eks", "cluster": cluster } }),
        json!({ "runner_configuration": { "type": "kubernetes-eks", "job": {} } }),
        json!({ "description": null }),
    ] {
        client.patch(&format!("{RUNNERS}/two"), body).error(400);
    }
}

#[test]
fn a_runner_of_another_type_is_merged_alike() {
    let (client, _) = client_with_one();
    client.orchestrator.put_runner(
        "one",
        None,
        json!({ "type": "kubernetes", "cluster": { "url": "a", "ca": "b" }, "job": { "namespace": "x" } }),
        json!({ "type": "kubernetes", "namespace": "state" }),
    );
    let after = updated(
        &client,
        json!({ "runner_configuration": { "type": "kubernetes", "cluster": { "url": "c" } } }),
    );
    assert_eq!(
        after["runner_configuration"],
        json!({ "type": "kubernetes", "cluster": { "url": "c" }, "job": { "namespace": "x" } })
    );
}
