//! Creating, reading, listing, updating, and deleting runners.

use serde_json::{Value, json};

use crate::client::{Client, RUNNERS, eks_runner};

fn at(id: &str) -> String {
    format!("{RUNNERS}/{id}")
}

#[test]
fn a_runner_is_created_read_listed_and_deleted() {
    let client = Client::new();
    let created = client.create("one");
    let sent = eks_runner("one");
    for field in [
        "id",
        "description",
        "runner_configuration",
        "state_storage_configuration",
    ] {
        assert_eq!(created[field], sent[field], "{field}");
    }
    assert_eq!(created["org_id"], "my-org");
    assert_eq!(created["created_at"], created["updated_at"]);
    assert_rfc3339(&created["created_at"]);

    assert_eq!(client.get(&at("one")).json(), created);
    let list = client.get(RUNNERS).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 1);
    assert!(list.get("next_page_token").is_none());

    let deleted = client.delete(&at("one"));
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(client.get(&at("one")).error(404), "runner not found");
    assert_eq!(client.delete(&at("one")).error(404), "runner not found");
    assert!(client.orchestrator.runners().is_empty());
}

fn assert_rfc3339(time: &Value) {
    let time = time.as_str().expect("a text");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let (seconds, fraction) = shape.split_at(19);
    assert_eq!(seconds, "0000-00-00T00:00:00", "{time}");
    assert!(fraction.ends_with('Z'), "{time}");
}

#[test]
fn a_summary_holds_only_the_types() {
    let client = Client::new();
    let mut runner = client.create("one");
    runner["runner_configuration"] = json!({ "type": "kubernetes-eks" });
    runner["state_storage_configuration"] = json!({ "type": "s3" });
    assert_eq!(client.get(RUNNERS).json()["items"], json!([runner]));
}

#[test]
fn a_runner_without_its_optional_fields_is_returned_without_them() {
    let client = Client::new();
    let mut body = eks_runner("one");
    let remove = |parent: &mut Value, field: &str| {
        parent.as_object_mut().expect("an object").remove(field);
    };
    remove(&mut body, "description");
    let auth = &mut body["runner_configuration"]["cluster"]["auth"];
    *auth = json!({ "role_arn": auth["role_arn"] });
    remove(&mut body["runner_configuration"]["job"], "pod_template");
    let created = client.post(RUNNERS, body).json();
    assert!(created.get("description").is_none());
    assert_eq!(
        created["runner_configuration"],
        json!({
            "type": "kubernetes-eks",
            "cluster": {
                "name": "prod",
                "region": "eu-central-1",
                "auth": { "role_arn": "arn:aws:iam::123456789012:role/team/runner" },
            },
            "job": { "namespace": "runners", "service_account": "runner" },
        })
    );
}

#[test]
fn an_id_is_taken_once() {
    let client = Client::new();
    client.create("one");
    let again = client.post(RUNNERS, eks_runner("one"));
    assert_eq!(again.error(409), "runner with id one already exists");
    assert_eq!(client.orchestrator.runners().len(), 1);
    client.delete(&at("one"));
    client.create("one");
}

#[test]
fn another_organization_is_forbidden() {
    let client = Client::new();
    client.create("one");
    for (path, permission) in [
        ("/orgs/other/runners", "runner_read"),
        ("/orgs/other/runners/one", "runner_read"),
        ("/orgs/other/runner-rules", "runner_rule_read"),
        ("/orgs/other/envs", "organization_read"),
    ] {
        let response = client.get(path);
        assert_eq!(response.error(403), "Forbidden");
        assert_eq!(
            response.json()["details"]["failed_checks"],
            json!([{"permission": permission, "resource": "organization:other"}])
        );
    }
    let response = client.post("/orgs/other/runners", json!({}));
    let check = &response.json()["details"]["failed_checks"][0];
    assert_eq!(check["permission"], "runner_write");
}

/// For a caller with rights on it, an organization that does not exist is an empty one.
#[test]
fn an_organization_that_does_not_exist_has_no_runners() {
    let client = Client::with(sandbox::orchestrator::OrchestratorOptions {
        every_org: true,
        ..Default::default()
    });
    client.create("one");
    let other = "/orgs/other/runners";
    let created = client.post(other, eks_runner("two"));
    assert_eq!(created.error(409), "organization not found");
    assert_eq!(client.get(other).json(), json!({ "items": [] }));
    let one = format!("{other}/one");
    assert_eq!(client.get(&one).error(404), "runner not found");
    assert_eq!(client.patch(&one, json!({})).error(404), "runner not found");
    assert_eq!(client.delete(&one).error(404), "runner not found");
    assert_eq!(client.orchestrator.runners().len(), 1);
}

#[test]
fn a_runner_in_use_cannot_be_deleted() {
    let client = Client::new();
    client.create("one");
    client.orchestrator.set_environments("one", &["shop/prod", "shop/dev"]);
    assert_eq!(
        client.delete(&at("one")).error(409),
        "runner one is in use by the environments: shop/dev, shop/prod"
    );
    assert_eq!(client.orchestrator.runners().len(), 1);
    client.orchestrator.set_environments("one", &[]);
    assert_eq!(client.delete(&at("one")).status, 204);
}
