//! The four state storages of a runner.

use serde_json::{Value, json};

use crate::client::{Client, RUNNERS, eks_runner};

fn create(storage: Value) -> crate::client::ClientResponse {
    let mut body = eks_runner("one");
    body["state_storage_configuration"] = storage;
    Client::new().post(RUNNERS, body)
}

#[test]
fn all_four_types_are_taken_with_and_without_their_optional_fields() {
    for storage in [
        json!({ "type": "kubernetes", "namespace": "state" }),
        json!({ "type": "s3", "bucket": "my-state" }),
        json!({ "type": "s3", "bucket": "b2", "path_prefix": "a/b_c.d-e/" }),
        json!({ "type": "gcs", "bucket": "my-state" }),
        json!({ "type": "gcs", "bucket": "my-state", "path_prefix": "x" }),
        json!({ "type": "azurerm", "storage_account_name": "a", "container_name": "c" }),
        json!({
            "type": "azurerm", "storage_account_name": "a", "container_name": "c",
            "resource_group_name": "g", "path_prefix": "x",
        }),
    ] {
        let response = create(storage.clone());
        assert_eq!(response.status, 201, "{}", response.text);
        assert_eq!(response.json()["state_storage_configuration"], storage);
    }
}

#[test]
fn unknown_fields_are_kept() {
    for storage in [
        json!({ "type": "kubernetes", "namespace": "x", "bucket": "b" }),
        json!({ "type": "s3", "s3_configuration": { "bucket": "my-state" }, "bucket": "bb", "x": null }),
        json!({ "type": "azurerm", "storage_account_name": "a", "container_name": "c", "key": 1 }),
    ] {
        let response = create(storage.clone());
        assert_eq!(response.status, 201, "{}", response.text);
        assert_eq!(response.json()["state_storage_configuration"], storage);
    }
}

#[test]
fn an_optional_field_is_not_null() {
    for (storage, field) in [
        (
            json!({ "type": "s3", "bucket": "b2", "path_prefix": null }),
            "path_prefix",
        ),
        (
            json!({ "type": "gcs", "bucket": "b2", "path_prefix": null }),
            "path_prefix",
        ),
        (
            json!({ "type": "azurerm", "storage_account_name": "a", "container_name": "c", "resource_group_name": null }),
            "resource_group_name",
        ),
    ] {
        let message = create(storage).error(400);
        assert!(
            message.starts_with(&format!("state_storage_configuration.{field}: invalid type: null")),
            "{message}"
        );
    }
}

#[test]
fn what_no_type_allows_is_refused_by_its_path() {
    for (storage, message) in [
        (json!({}), "state_storage_configuration: missing field `type`"),
        (
            json!({ "type": "local" }),
            r#"state_storage_configuration.type: "local" is not one of kubernetes, s3, gcs, azurerm"#,
        ),
        (
            json!({ "type": "kubernetes" }),
            "state_storage_configuration: missing field `namespace`",
        ),
        (
            json!({ "type": "s3" }),
            "state_storage_configuration: missing field `bucket`",
        ),
        (
            json!({ "type": "gcs" }),
            "state_storage_configuration: missing field `bucket`",
        ),
        (
            json!({ "type": "azurerm", "container_name": "c" }),
            "state_storage_configuration: missing field `storage_account_name`",
        ),
        (
            json!({ "type": "azurerm", "storage_account_name": "a" }),
            "state_storage_configuration: missing field `container_name`",
        ),
    ] {
        assert_eq!(create(storage).error(400), message);
    }
}

#[test]
fn buckets_and_prefixes_follow_their_patterns() {
    for kind in ["s3", "gcs"] {
        for bucket in ["", "a", "A1", "a.b", "-ab", "ab-", "a_b", "a/b"] {
            let message = create(json!({ "type": kind, "bucket": bucket })).error(400);
            assert!(message.starts_with("state_storage_configuration.bucket: "), "{message}");
        }
    }
    for prefix in ["", "/a", "a//b", "a b", "a/b//"] {
        for storage in [
            json!({ "type": "s3", "bucket": "b2", "path_prefix": prefix }),
            json!({ "type": "gcs", "bucket": "b2", "path_prefix": prefix }),
            json!({
                "type": "azurerm", "storage_account_name": "a", "container_name": "c", "path_prefix": prefix,
            }),
        ] {
            let message = create(storage).error(400);
            assert!(
                message.starts_with("state_storage_configuration.path_prefix: "),
                "{message}"
            );
        }
    }
}
