//! Pages of runners.

use serde_json::Value;

use crate::client::{Client, RUNNERS};

/// Percent-encodes what a page token may hold.
fn encoded(token: &str) -> String {
    token.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn ids(page: &Value) -> Vec<String> {
    page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// All ids, page by page, following the tokens.
fn pages(client: &Client, per_page: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut query = per_page.to_owned();
    loop {
        let page = client.get(&format!("{RUNNERS}?{query}")).json();
        pages.push(ids(&page));
        match page.get("next_page_token") {
            None => return pages,
            Some(token) => {
                let token = encoded(token.as_str().expect("a text"));
                query = format!("{per_page}&page={token}");
            }
        }
    }
}

#[test]
fn pages_are_ordered_by_id_and_end_without_a_token() {
    let client = Client::new();
    for id in ["cc", "aa", "ee", "bb", "dd"] {
        client.create(id);
    }
    assert_eq!(
        pages(&client, "per_page=2"),
        [vec!["aa", "bb"], vec!["cc", "dd"], vec!["ee"]]
    );
    assert_eq!(pages(&client, "per_page=5"), [["aa", "bb", "cc", "dd", "ee"]]);
    assert_eq!(pages(&Client::new(), "per_page=5"), [[""; 0]]);
}

#[test]
fn a_runner_deleted_between_two_pages_shifts_nothing() {
    let client = Client::new();
    for id in ["aa", "bb", "cc"] {
        client.create(id);
    }
    let first = client.get(&format!("{RUNNERS}?per_page=2")).json();
    client.delete(&format!("{RUNNERS}/bb"));
    let token = encoded(first["next_page_token"].as_str().expect("a token"));
    let second = client.get(&format!("{RUNNERS}?page={token}")).json();
    assert_eq!(ids(&second), ["cc"]);
}

#[test]
fn a_page_holds_100_unless_fewer_are_asked_for() {
    let client = Client::new();
    for i in 0..101 {
        client.create(&format!("r{i:03}"));
    }
    for query in ["", "per_page=100", "per_page=1000"] {
        let lengths: Vec<usize> = pages(&client, query).iter().map(Vec::len).collect();
        assert_eq!(lengths, [100, 1], "{query}");
    }
}

#[test]
fn a_page_holds_at_least_one() {
    let client = Client::new();
    client.create("aa");
    client.create("bb");
    for query in ["per_page=0", "per_page=-1"] {
        assert_eq!(pages(&client, query), [["aa"], ["bb"]], "{query}");
    }
}

#[test]
fn what_is_no_page_is_refused() {
    let client = Client::new();
    for query in ["per_page=x", "per_page=", "page=2", "page=", "page=+aa&"] {
        let message = client.get(&format!("{RUNNERS}?{query}")).error(400);
        assert!(
            message.starts_with("per_page: ") || message.starts_with("page: "),
            "{message}"
        );
    }
}

#[test]
fn environments_of_every_project_are_listed_with_their_runners() {
    let client = Client::new();
    client.orchestrator.set_environments("one", &["b/x", "a/y"]);
    client.orchestrator.set_environments("", &["a/x"]);
    let page = client.get("/orgs/my-org/envs").json();
    let found: Vec<_> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| {
            (
                item["project_id"].as_str(),
                item["id"].as_str(),
                item["runner_id"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (Some("a"), Some("x"), None),
            (Some("a"), Some("y"), Some("one")),
            (Some("b"), Some("x"), Some("one"))
        ]
    );
    let first = client.get("/orgs/my-org/envs?per_page=1").json();
    assert!(first["next_page_token"].is_string(), "{first}");
}
