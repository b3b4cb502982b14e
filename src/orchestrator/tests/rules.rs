//! The calls about runner rules.

use serde_json::json;

use super::fake::{Fake, Reply};
use super::*;
use crate::orchestrator::{ApiError, Existing, RuleKey};

fn key(runner: &str, project: Option<&str>, env_type: Option<&str>) -> RuleKey {
    RuleKey {
        runner_id: runner.to_owned(),
        project_id: project.map(str::to_owned),
        env_type_id: env_type.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_rule_is_created_read_found_and_deleted() {
    let (fake, _, client) = world(None).await;
    let all = key("r", None, None);
    let dev = key("r", Some("shop"), Some("dev"));
    let first = client.create_rule(&all, &budget()).await.unwrap();
    let second = client.create_rule(&dev, &budget()).await.unwrap();
    assert_eq!((first.key.clone(), second.key.clone()), (all.clone(), dev.clone()));
    assert_eq!(
        client.get_rule(&second.id, &budget()).await.unwrap(),
        Some(second.clone())
    );
    assert_eq!(client.find_rule(&dev, &budget()).await.unwrap(), Some(second.clone()));
    assert_eq!(
        client.find_rule(&key("r", None, Some("dev")), &budget()).await.unwrap(),
        None
    );
    client.delete_rule(&second.id, &budget()).await.unwrap();
    client.delete_rule(&second.id, &budget()).await.unwrap();
    assert_eq!(client.get_rule(&second.id, &budget()).await.unwrap(), None);

    let seen = fake.seen();
    assert_eq!(seen[0].body, json!({"runner_id": "r"}));
    assert_eq!(
        seen[1].body,
        json!({"runner_id": "r", "project_id": "shop", "env_type_id": "dev"})
    );
    let lists: Vec<String> = fake.lines().into_iter().filter(|line| line.contains('?')).collect();
    assert_eq!(
        lists,
        [
            "GET /orgs/org/runner-rules?byProjectId=shop&byEnvTypeId=dev",
            "GET /orgs/org/runner-rules?byProjectId=shop&byEnvTypeId=dev&page=1",
            "GET /orgs/org/runner-rules?byEnvTypeId=dev",
            "GET /orgs/org/runner-rules?byEnvTypeId=dev&page=1",
        ]
    );
}

#[tokio::test]
async fn the_same_rule_is_reported_with_the_id_to_import() {
    let (_fake, state, client) = world(Some(&runner())).await;
    let made = client
        .create_rule(&key("r", None, Some("dev")), &budget())
        .await
        .unwrap();
    let error = client.create_rule(&made.key, &budget()).await.unwrap_err();
    assert!(
        matches!(&error, ApiError::AlreadyExists { id, existing: Existing::Importable, .. } if *id == made.id),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "runner rule conflicts with existing rule 'uuid-1' for runner 'r'"
    );

    // Another runner's rule for the same pair is in the way as well.
    let error = client
        .create_rule(&key("other", None, Some("dev")), &budget())
        .await
        .unwrap_err();
    let existing = Existing::OtherRunner("r".to_owned());
    assert!(
        matches!(&error, ApiError::AlreadyExists { id, existing: e, .. } if *id == made.id && *e == existing),
        "{error:?}"
    );
    assert!(
        error.to_string().ends_with("existing rule 'uuid-1' for runner 'r'"),
        "{error}"
    );
    assert_eq!(state.lock().unwrap().created, 1);
}

/// The service reports a conflicting rule before a missing runner.
#[tokio::test]
async fn a_409_for_a_missing_runner_reports_the_runner() {
    let (_fake, state, client) = world(None).await;
    client
        .create_rule(&key("r", Some("shop"), None), &budget())
        .await
        .unwrap();
    let conflicting = key("missing", Some("shop"), None);
    let error = client.create_rule(&conflicting, &budget()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "runner \"missing\" does not exist in organization \"org\" (the Orchestrator responded: runner rule conflicts \
         with existing rule 'uuid-1' for runner 'r')"
    );
    state.lock().unwrap().fail(|seen| {
        let reply = Reply::error(409, "runner 'missing' not found");
        (seen.method == "POST").then_some((api::When::Before, reply))
    });
    let other = key("missing", Some("blog"), None);
    let error = client.create_rule(&other, &budget()).await.unwrap_err();
    assert!(
        matches!(&error, ApiError::RunnerNotFound { id, .. } if id == "missing"),
        "{error:?}"
    );
}

/// If the runner exists or cannot be looked up, the service's own message decides.
#[tokio::test]
async fn a_409_with_another_cause_is_the_services_own() {
    for runner_reply in [None, Some(Reply::error(403, "no")), Some(Reply::error(500, "broken"))] {
        let (_fake, state, client) = world(Some(&runner())).await;
        let message = "environment type 'dev' not found";
        state.lock().unwrap().fail(move |seen| match seen.method.as_str() {
            "POST" => Some((api::When::Before, Reply::error(409, message))),
            "GET" if seen.target.contains("/runners/") => runner_reply.clone().map(|reply| (api::When::Before, reply)),
            _ => None,
        });
        let error = client
            .create_rule(&key("my-runner", None, Some("dev")), &budget())
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ApiError::EnvTypeNotFound { id, .. } if id == "dev"),
            "{error:?}"
        );
        assert!(error.to_string().contains(message), "{error}");
        let error = client
            .create_rule(&key("my-runner", Some("shop"), None), &budget())
            .await
            .unwrap_err();
        assert!(error.is_conflict(), "{error:?}");
        assert!(error.to_string().ends_with(message), "{error}");
    }
}

#[tokio::test]
async fn empty_values_in_a_response_are_not_set() {
    for unset in [json!({}), json!({"project_id": "", "env_type_id": null})] {
        let mut rule = json!({"id": "u", "runner_id": "r", "created_at": "2026-01-01T00:00:00Z"});
        rule.as_object_mut().unwrap().extend(unset.as_object().unwrap().clone());
        let fake = Fake::start(move |_| Reply::json(200, &rule)).await;
        let read = client(&fake.url()).get_rule("u", &budget()).await.unwrap().unwrap();
        assert_eq!(read.key, key("r", None, None));
    }
}

#[tokio::test]
async fn a_list_with_a_repeated_page_ends() {
    let fake = Fake::start(|_| Reply::json(200, &json!({"items": [], "next_page_token": "again"}))).await;
    let error = client(&fake.url())
        .find_rule(&key("r", None, None), &budget())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("the next page is the same page again"),
        "{error}"
    );
    assert_eq!(fake.lines().len(), 2);
}
