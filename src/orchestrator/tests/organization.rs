//! The organization: the list of its runners, and responses that say that it does not exist.

use crate::frontend::Frontend;
use serde_json::json;

use super::fake::{Fake, Reply};
use super::*;
use crate::orchestrator::ApiError;

#[tokio::test]
async fn a_404_for_a_missing_organization_is_an_error() {
    let state = Shared::default();
    let fake = Fake::start(api::handler(&state)).await;
    let mut settings = settings(&fake.url());
    settings.org_id = "nowhere".to_owned();
    let client = Client::new(settings, String::new());
    let error = client.get_runner("my-runner", &budget()).await.unwrap_err();
    assert_eq!(
        error.report(Frontend::Terraform),
        format!(
            "Organization \"nowhere\" does not exist: GET {}/orgs/nowhere/runners?per_page=100 was refused (404): \
             organization not found.\n\nCheck org_id, and that api_url is the base URL of the installation that has \
             this organization, without the API's own paths (`/orgs/…`).",
            fake.url()
        )
    );
    let error = client.delete_runner("my-runner", &budget()).await.unwrap_err();
    assert!(matches!(error, ApiError::OrgNotFound { .. }), "{error}");
}

/// The control plane returns an empty list for an organization that does not exist, so only an item proves that the
/// organization exists.
#[tokio::test]
async fn an_empty_list_does_not_prove_that_the_organization_exists() {
    for (listed, proven) in [
        (vec![], false),
        (
            vec![json!({"id": "r", "runner_configuration": {"type": "kubernetes"}})],
            true,
        ),
    ] {
        let (_fake, state, client) = world(None).await;
        state.lock().unwrap().listed = listed;
        assert_eq!(client.get_runner("gone", &budget()).await.unwrap(), None);
        assert_eq!(client.has_seen_org(), proven);
    }
    let (_fake, _, client) = world(Some(&runner())).await;
    client.get_runner("my-runner", &budget()).await.unwrap();
    assert!(client.has_seen_org());
}

#[tokio::test]
async fn all_runners_are_listed_page_by_page() {
    let fake = Fake::start(|seen| {
        let summary = |id: &str, kind: &str| json!({"id": id, "runner_configuration": {"type": kind}});
        match seen.target.as_str() {
            "/orgs/org/runners?per_page=100" => Reply::json(
                200,
                &json!({"items": [summary("a", "kubernetes-eks")], "next_page_token": "+a&"}),
            ),
            "/orgs/org/runners?per_page=100&page=%2Ba%26" => Reply::json(
                200,
                &json!({"items": [summary("b", "serverless-ecs")], "next_page_token": ""}),
            ),
            other => panic!("{other}"),
        }
    })
    .await;
    let client = client(&fake.url());
    let listed = client.list_runners(&budget()).await.unwrap();
    let listed: std::collections::BTreeMap<_, _> = listed.iter().collect();
    let expected = [("a", "kubernetes-eks"), ("b", "serverless-ecs")];
    assert!(
        listed
            .iter()
            .map(|(id, kind)| (id.as_str(), kind.as_str()))
            .eq(expected)
    );
    assert_eq!(fake.lines().len(), 2);
}

/// Terraform reads ten runners at a time, and here none of them exists. One list is enough for all of them, also if the
/// caller has no permission to list.
#[tokio::test]
async fn the_runners_are_listed_once_for_all_calls() {
    for listing in [
        Reply::json(200, &json!({"items": []})),
        Reply::error(403, "no permission"),
    ] {
        let fake = Fake::start(move |seen| match seen.target.as_str() {
            "/orgs/org/runners?per_page=100" => listing.clone(),
            _ => Reply::error(404, "runner not found"),
        })
        .await;
        let client = std::sync::Arc::new(client(&fake.url()));
        let reads = (0..10).map(|n| {
            let client = std::sync::Arc::clone(&client);
            tokio::spawn(async move { client.get_runner(&format!("r{n}"), &budget()).await })
        });
        for read in reads.collect::<Vec<_>>() {
            assert_eq!(read.await.unwrap().unwrap(), None);
        }
        let listed = client.list_runners(&budget()).await;
        match listed {
            Ok(runners) => assert!(runners.is_empty()),
            Err(error) => assert!(error.to_string().contains("refused (403): no permission")),
        }
        let lists = fake.lines();
        let lists = lists.iter().filter(|line| line.contains("per_page"));
        assert_eq!(lists.count(), 1);
    }
}

/// The deadline ends a list that has no last page.
#[tokio::test]
async fn a_list_without_a_last_page_ends_at_the_deadline() {
    let page = std::sync::atomic::AtomicUsize::new(0);
    let fake = Fake::start(move |_| {
        let page = page.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Reply::json(200, &json!({"items": [], "next_page_token": page.to_string()}))
    })
    .await;
    let short = CallBudget::new(Duration::from_millis(300), CancellationToken::new());
    let error = client(&fake.url()).list_runners(&short).await.unwrap_err();
    assert!(error.is_deadline_exceeded(), "{error:?}");
}

/// The response to the list decides whether a 404 counts.
#[tokio::test]
async fn a_404_counts_only_for_an_authenticated_caller() {
    for (listing, gone) in [
        (Reply::json(200, &json!({"items": []})), true),
        (Reply::error(403, "no permission"), true),
        (Reply::error(401, "unknown token"), false),
        (Reply::html(200), false),
        (Reply::html(404), false),
        (Reply::html(403), false),
        (Reply::error(500, "broken"), false),
    ] {
        let listing_ = listing.clone();
        let fake = Fake::start(move |seen| match seen.target.as_str() {
            "/orgs/org/runners?per_page=100" => listing.clone(),
            _ => Reply::error(404, "runner not found"),
        })
        .await;
        let found = client(&fake.url()).get_runner("my-runner", &budget()).await;
        assert_eq!(matches!(found, Ok(None)), gone, "{listing_:?}: {found:?}");
    }
}

#[tokio::test]
async fn a_409_for_a_missing_organization_is_reported_as_such() {
    for listing in [
        Reply::error(404, "organization not found"),
        Reply::json(200, &json!({"items": []})),
    ] {
        let fake = Fake::start(move |seen| match (seen.method.as_str(), seen.target.as_str()) {
            ("POST", _) => Reply::error(409, "organization not found"),
            ("GET", "/orgs/org/runners?per_page=100" | "/orgs/org/runner-rules") => listing.clone(),
            _ => Reply::error(404, "runner not found"),
        })
        .await;
        assert_creates_report_the_organization(&client(&fake.url())).await;
    }
}

async fn assert_creates_report_the_organization(client: &Client) {
    let key = crate::orchestrator::RuleKey {
        runner_id: "r".to_owned(),
        project_id: None,
        env_type_id: None,
    };
    for error in [
        client.create_runner(&runner(), &budget()).await.unwrap_err(),
        client.create_rule(&key, &budget()).await.unwrap_err(),
    ] {
        assert!(matches!(error, ApiError::OrgNotFound { .. }), "{error:?}");
        assert!(
            error.report(Frontend::Terraform).contains("Check org_id"),
            "{}",
            error.report(Frontend::Terraform)
        );
    }
}
