//! Creating, reading, listing, updating and deleting runners.

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
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
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
