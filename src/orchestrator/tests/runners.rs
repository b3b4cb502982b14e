//! The calls about runners, successful and refused.

use crate::frontend::Frontend;
use serde_json::{Value, json};

use super::fake::{Fake, Reply};
use super::*;
use crate::orchestrator::ApiError;

#[tokio::test]
async fn a_runner_is_created_read_updated_and_deleted() {
    let (fake, state, client) = world(None).await;
    let mut runner = runner();
    runner.description = Some("first".to_owned());
    assert_eq!(client.create_runner(&runner, &budget()).await.unwrap(), runner);
    assert_eq!(
        client.get_runner("my-runner", &budget()).await.unwrap().unwrap(),
        runner
    );

    runner.description = None;
    let updated = client.update_runner(&runner, &budget()).await.unwrap();
    assert_eq!(updated.description.as_deref(), Some(""), "the service's own form");
    client.delete_runner("my-runner", &budget()).await.unwrap();
    assert!(state.lock().unwrap().runner.is_none());

    let seen = fake.seen();
    assert_eq!(
        fake.lines(),
        [
            "POST /orgs/org/runners",
            "GET /orgs/org/runners/my-runner",
            "PATCH /orgs/org/runners/my-runner",
            "GET /orgs/org/runners/my-runner",
            "DELETE /orgs/org/runners/my-runner",
        ]
    );
    assert_eq!(seen[0].body["description"], "first");
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(
        seen[2].body,
        json!({
            "description": "",
            "runner_configuration": seen[0].body["runner_configuration"],
            "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
        })
    );
    assert_eq!(seen[2].body["runner_configuration"]["type"], "kubernetes-eks");
    for seen in seen {
        assert_eq!(
            seen.header("authorization"),
            Some("Bearer canary-3f9a1c"),
            "{}",
            seen.head
        );
        assert_eq!(seen.header("from"), None);
        assert_eq!(seen.header("user-agent"), Some("test"));
        assert_eq!(seen.header("transfer-encoding"), None);
    }
}

#[tokio::test]
async fn a_missing_runner_is_none_and_the_organization_is_confirmed_once() {
    let (fake, _, client) = world(None).await;
    assert_eq!(client.get_runner("my-runner", &budget()).await.unwrap(), None);
    assert_eq!(client.get_runner("other", &budget()).await.unwrap(), None);
    client.delete_runner("my-runner", &budget()).await.unwrap();
    assert!(client.list_runners(&budget()).await.unwrap().is_empty());
    assert_eq!(
        fake.lines(),
        [
            "GET /orgs/org/runners/my-runner",
            "GET /orgs/org/runners?per_page=100",
            "GET /orgs/org/runners/other",
            "GET /orgs/org/runners/my-runner",
        ]
    );
}

#[tokio::test]
async fn other_404s_and_refusals_are_errors() {
    let not_ours = json!({"error": "Not Found", "message": "no Route matched"});
    for (reply, expected) in [
        (Reply::html(404), "returned 404: Oops It broke"),
        (Reply::empty(404), "returned 404 and an empty body"),
        (Reply::json(404, &not_ours), "returned 404: no Route matched"),
        (Reply::json(404, &json!({})), "returned 404: {}"),
        (
            Reply::error(401, "unknown user"),
            "not authenticated (401): unknown user",
        ),
        (Reply::error(403, "may not read"), "refused (403): may not read"),
        (Reply::error(500, "broken"), "returned 500: broken"),
        (Reply::html(200), "the response cannot be parsed"),
        (
            Reply::json(200, &json!({"id": "my-runner"})),
            "missing field `runner_configuration`",
        ),
        (
            Reply::json(200, &json!([])),
            "the response cannot be parsed: invalid type: sequence, expected a map",
        ),
        (Reply::json(200, &named("other")), "it is about runner \"other\""),
        (
            Reply::json(200, &json!({"items": []})),
            "the response cannot be parsed: missing field `id`",
        ),
    ] {
        let fake = Fake::start(move |_| reply.clone()).await;
        let client = client(&fake.url());
        let read = client.get_runner("my-runner", &budget()).await.unwrap_err();
        assert!(read.to_string().contains(expected), "{expected}: {read}");
        assert!(!read.is_not_found());
        let update = client.update_runner(&runner(), &budget()).await.unwrap_err();
        assert!(
            update.report(Frontend::Terraform).contains(expected),
            "{expected}: {}",
            update.report(Frontend::Terraform)
        );
        client.delete_runner("my-runner", &budget()).await.unwrap_err();
    }
}

/// A runner that is newer than the provider is read once, and can be deleted.
#[tokio::test]
async fn a_runner_with_unknown_values_is_reported_without_a_retry() {
    let missing = json!({"type": "s3"});
    for (storage, what) in [
        (json!({"type": "http", "url": "u"}), "its state storage has type `http`"),
        (missing, "missing field `bucket`"),
    ] {
        let (fake, state, client) = world(Some(&runner())).await;
        state.lock().unwrap().runner.as_mut().unwrap()["state_storage_configuration"] = storage;
        let error = client.get_runner("my-runner", &budget()).await.unwrap_err();
        assert_eq!(
            error.report(Frontend::Terraform),
            format!(
                "Runner \"my-runner\" cannot be read by version {}: {what}.\n\nA newer version of the \
                 provider might have created it. Upgrade the provider.",
                env!("CARGO_PKG_VERSION")
            )
        );
        assert_eq!(fake.lines().len(), 1);
        client.delete_runner("my-runner", &budget()).await.unwrap();
        assert!(state.lock().unwrap().runner.is_none());
    }
}

/// Another attempt would return the same.
#[tokio::test]
async fn complete_json_that_is_not_from_the_api_is_read_once() {
    for (body, attempts) in [
        (json!({"status": "ok"}).to_string(), 1),
        (json!([]).to_string(), 1),
        ("{\"id\": \"my-".to_owned(), 5),
        (String::new(), 5),
    ] {
        let reply = Reply::Response(200, String::new(), body.clone());
        let fake = Fake::start(move |_| reply.clone()).await;
        let error = client(&fake.url())
            .get_runner("my-runner", &budget())
            .await
            .unwrap_err();
        assert!(matches!(error, ApiError::Undecodable { .. }), "{error:?}");
        assert_eq!(fake.lines().len(), attempts, "{body}");
    }
}

fn named(id: &str) -> Value {
    let mut value = serde_json::to_value(runner()).unwrap();
    value["id"] = json!(id);
    value
}

#[tokio::test]
async fn a_runner_of_another_type_is_never_read_as_an_eks_runner() {
    for kind in [
        "kubernetes",
        "kubernetes-gke",
        "kubernetes-agent",
        "serverless-ecs",
        "new",
    ] {
        let (_fake, state, client) = world(Some(&runner())).await;
        state.lock().unwrap().runner.as_mut().unwrap()["runner_configuration"] = json!({"type": kind});
        let error = client.get_runner("my-runner", &budget()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("runner \"my-runner\" has type `{kind}`, not `kubernetes-eks`")
        );
        let error = client.delete_runner("my-runner", &budget()).await.unwrap_err();
        assert!(error.is_other_type(), "{error}");
        assert!(state.lock().unwrap().runner.is_some(), "it was deleted");
        let error = client.create_runner(&runner(), &budget()).await.unwrap_err();
        assert!(error.is_already_exists(), "{error}");
        assert_eq!(
            error.report(Frontend::Terraform),
            format!(
                "Runner with id my-runner already exists.\n\nThe existing runner has type `{kind}`, which this \
                 provider cannot manage. Use another ID."
            )
        );
    }
}

#[tokio::test]
async fn an_id_in_use_is_reported_with_the_message_of_the_service() {
    for mine in [true, false] {
        let mut existing = runner();
        if !mine {
            existing.runner_configuration.job.namespace = "theirs".to_owned();
        }
        let (fake, state, client) = world(Some(&existing)).await;
        let error = client.create_runner(&runner(), &budget()).await.unwrap_err();
        assert!(error.is_already_exists() && !error.is_uncertain());
        assert_eq!(error.to_string(), "runner with id my-runner already exists");
        assert_eq!(fake.lines().len(), 2, "{:?}", fake.lines());
        assert_eq!(state.lock().unwrap().created, 0);
    }
}

#[tokio::test]
async fn a_refusal_is_reported_with_the_message_of_the_service_and_not_repeated() {
    for status in [400, 403, 404, 413, 422] {
        let fake = Fake::start(move |_| Reply::error(status, "role_arn: must match ^arn:aws:iam::")).await;
        let client = client(&fake.url());
        let create = client.create_runner(&runner(), &budget()).await.unwrap_err();
        let update = client.update_runner(&runner(), &budget()).await.unwrap_err();
        for error in [create, update] {
            let expected = format!("refused ({status}): role_arn: must match ^arn:aws:iam::");
            assert!(error.to_string().ends_with(&expected), "{error}");
            assert!(!error.is_uncertain());
        }
        assert_eq!(fake.lines().len(), 2);
    }
}

#[tokio::test]
async fn a_runner_in_use_is_not_deleted_and_its_environments_are_reported() {
    let message = "runner my-runner is in use by the environments: shop/prod, shop/dev";
    let (fake, state, client) = world(Some(&runner())).await;
    state
        .lock()
        .unwrap()
        .fail(move |seen| (seen.method == "DELETE").then(|| (api::When::Before, Reply::error(409, message))));
    let error = client.delete_runner("my-runner", &budget()).await.unwrap_err();
    assert!(error.is_conflict());
    assert!(error.to_string().ends_with(message), "{error}");
    assert_eq!(fake.lines().len(), 2);
}

#[tokio::test]
async fn ids_stay_inside_their_segment() {
    let (fake, _, client) = world(None).await;
    assert_eq!(client.get_runner("a/../b?c#d e", &budget()).await.unwrap(), None);
    assert_eq!(fake.lines()[0], "GET /orgs/org/runners/a%2F..%2Fb%3Fc%23d%20e");
    for id in ["", ".", ".."] {
        let error = client.get_runner(id, &budget()).await.unwrap_err();
        assert_eq!(
            error.report(Frontend::Terraform),
            format!(
                "{id:?} cannot be used as an ID.\n\nA URL path cannot contain an empty ID, \".\", or \"..\". Correct the \
                 ID."
            )
        );
    }
    assert_eq!(fake.lines().len(), 2, "the last three were not sent");
}

#[tokio::test]
async fn the_path_of_the_base_url_is_kept() {
    for base in ["/base/path", "/base/path/"] {
        let fake = Fake::start(|_| Reply::html(404)).await;
        let client = client(&format!("{}{base}", fake.url()));
        client.get_runner("r", &budget()).await.unwrap_err();
        assert_eq!(fake.lines(), ["GET /base/path/orgs/org/runners/r"]);
    }
}

/// The plugin layer runs every call in a task of its own.
#[test]
fn the_calls_can_move_between_threads() {
    fn is_send(_: impl Send) {}
    let client = client("http://localhost");
    let (runner, budget) = (runner(), CallBudget::new(Duration::ZERO, CancellationToken::new()));
    is_send(client.create_runner(&runner, &budget));
    is_send(client.get_runner("r", &budget));
    is_send(client.update_runner(&runner, &budget));
    is_send(client.delete_runner("r", &budget));
    is_send(client.get_rule("u", &budget));
    is_send(client.delete_rule("u", &budget));
}
