//! Runner rules.

use sandbox::orchestrator::OrchestratorOptions;
use serde_json::{Value, json};

use crate::client::{Client, RUNNERS};

const RULES: &str = "/orgs/my-org/runner-rules";

fn client_with(runners: &[&str]) -> Client {
    let client = Client::new();
    for id in runners {
        client.create(id);
    }
    client
}

fn create(client: &Client, rule: Value) -> Value {
    let response = client.post(RULES, rule);
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()
}

fn at(rule: &Value) -> String {
    format!("{RULES}/{}", rule["id"].as_str().expect("an id"))
}

#[test]
fn a_rule_is_created_read_listed_and_deleted() {
    let client = client_with(&["one"]);
    let rule = create(&client, json!({ "runner_id": "one", "project_id": "shop" }));
    assert_eq!(rule["org_id"], "my-org");
    assert_eq!(rule["runner_id"], "one");
    assert_eq!(rule["project_id"], "shop");
    assert_eq!(rule["env_type_id"], "");
    assert_eq!(rule["id"].as_str().expect("an id").len(), 36);
    assert!(rule["created_at"].as_str().expect("a time").ends_with('Z'));
    assert_eq!(client.get(&at(&rule)).json(), rule);
    assert_eq!(client.get(RULES).json(), json!({ "items": [rule] }));
    let deleted = client.delete(&at(&rule));
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(client.get(&at(&rule)).error(404), "runner rule not found");
    assert_eq!(client.delete(&at(&rule)).error(404), "runner rule not found");
    client.get(&format!("{RULES}/no-uuid")).error(400);
    client.call("PATCH", &at(&rule), Some(json!({}))).error(405);
}

#[test]
fn a_pair_of_project_and_environment_type_has_one_rule() {
    let client = client_with(&["one", "two"]);
    let pairs = [
        json!({}),
        json!({ "project_id": "shop" }),
        json!({ "env_type_id": "prod" }),
        json!({ "project_id": "shop", "env_type_id": "prod" }),
    ];
    let with_runner = |pair: &Value, runner: &str| {
        let mut rule = pair.clone();
        rule["runner_id"] = json!(runner);
        rule
    };
    for pair in &pairs {
        let existing = create(&client, with_runner(pair, "one"));
        for runner in ["one", "two"] {
            assert_eq!(
                client.post(RULES, with_runner(pair, runner)).error(409),
                format!(
                    "runner rule conflicts with existing rule '{}' for runner 'one'",
                    existing["id"].as_str().expect("an id")
                )
            );
        }
    }
    let empty = json!({ "runner_id": "two", "project_id": "", "env_type_id": "" });
    client.post(RULES, empty).error(409);
    assert_eq!(client.orchestrator.rules().len(), 4);
}

#[test]
fn a_rule_needs_what_it_names() {
    let client = Client::with(OrchestratorOptions {
        env_types: Some(vec!["prod".to_owned()]),
        ..OrchestratorOptions::default()
    });
    client.create("one");
    for (rule, message) in [
        (json!({ "runner_id": "two" }), "runner 'two' not found"),
        (
            json!({ "runner_id": "one", "env_type_id": "dev" }),
            "environment type 'dev' not found",
        ),
    ] {
        assert_eq!(client.post(RULES, rule).error(409), message);
    }
    create(&client, json!({ "runner_id": "one" }));
    create(
        &client,
        json!({ "runner_id": "one", "project_id": "any", "env_type_id": "prod" }),
    );
    // A conflict is reported before what is missing.
    let message = client.post(RULES, json!({ "runner_id": "two" })).error(409);
    assert!(message.ends_with("for runner 'one'"), "{message}");
}

#[test]
fn a_body_that_is_no_rule_is_refused() {
    let client = client_with(&["one"]);
    for (rule, message) in [
        (json!({}), "request body: missing field `runner_id`"),
        (
            json!({ "runner_id": "" }),
            "runner_id is mandatory to create a runner rule",
        ),
    ] {
        assert_eq!(client.post(RULES, rule).error(400), message);
    }
    let message = client.post(RULES, json!({ "runner_id": 1 })).error(400);
    assert!(message.starts_with("runner_id: invalid type"), "{message}");
    for field in ["project_id", "env_type_id"] {
        let message = client
            .post(RULES, json!({ "runner_id": "one", field: null }))
            .error(400);
        assert!(
            message.starts_with(&format!("{field}: invalid type: null")),
            "{message}"
        );
    }
    create(&client, json!({ "runner_id": "one", "project": "an unknown field" }));
}

#[test]
fn the_id_of_a_rule_is_a_uuid() {
    let client = client_with(&["one"]);
    for id in ["x", "1"] {
        client.get(&format!("{RULES}/{id}")).error(400);
        client.delete(&format!("{RULES}/{id}")).error(400);
    }
}

#[test]
fn an_organization_that_does_not_exist_has_no_rules() {
    let client = Client::with(OrchestratorOptions {
        every_org: true,
        ..OrchestratorOptions::default()
    });
    client.create("one");
    let rule = create(&client, json!({ "runner_id": "one" }));
    let other = "/orgs/other/runner-rules";
    assert_eq!(client.get(other).json(), json!({ "items": [] }));
    let created = client.post(other, json!({ "runner_id": "one", "project_id": "x" }));
    assert_eq!(created.error(409), "organization not found");
    let there = at(&rule).replace("my-org", "other");
    client.get(&there).error(404);
    client.delete(&there).error(404);
}

#[test]
fn a_list_is_filtered_and_paged() {
    let client = client_with(&["one", "two"]);
    for (runner, project, env_type) in [
        ("one", "a", "x"),
        ("one", "b", "x"),
        ("two", "a", "y"),
        ("two", "", "x"),
    ] {
        create(
            &client,
            json!({ "runner_id": runner, "project_id": project, "env_type_id": env_type }),
        );
    }
    for (query, count) in [
        ("", 4),
        ("byRunnerId=one", 2),
        // A rule without a project is for every project.
        ("byProjectId=a", 3),
        ("byProjectId=c", 1),
        ("byEnvTypeId=x", 3),
        ("byProjectId=a&byEnvTypeId=x", 2),
        ("byRunnerId=one&byEnvTypeId=x", 2),
        ("byRunnerId=two&byProjectId=b", 1),
        ("byRunnerId=three", 0),
        ("byProjectId=", 1),
    ] {
        let page = client.get(&format!("{RULES}?{query}")).json();
        assert_eq!(page["items"].as_array().expect("items").len(), count, "{query}");
    }
    let all = client.get(RULES).json();
    let keys: Vec<(&str, &str)> = all["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|rule| {
            let text = |field: &str| rule[field].as_str().expect("a text");
            (text("runner_id"), text("id"))
        })
        .collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let page = client.get(&format!("{RULES}?byEnvTypeId=x&per_page=2")).json();
    assert_eq!(page["items"].as_array().expect("items").len(), 2);
    let token = page["next_page_token"].as_str().expect("a token");
    let token: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let rest = client
        .get(&format!("{RULES}?byEnvTypeId=x&per_page=2&page={token}"))
        .json();
    assert_eq!(rest["items"].as_array().expect("items").len(), 1);
    assert!(rest.get("next_page_token").is_none());
}

#[test]
fn a_deleted_runner_takes_its_rules_along() {
    let client = client_with(&["one", "two"]);
    create(&client, json!({ "runner_id": "one", "project_id": "a" }));
    create(&client, json!({ "runner_id": "two", "project_id": "b" }));
    client.delete(&format!("{RUNNERS}/one"));
    let rules = client.orchestrator.rules();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].runner_id, "two");
}
