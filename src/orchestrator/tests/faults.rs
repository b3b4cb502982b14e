//! Every fault during every call: an object is created once, and nothing is lost.

use super::api::When::{self, After, Before};
use super::fake::Reply;
use super::*;
use crate::frontend::Frontend;
use crate::orchestrator::{ApiError, Existing, RuleKey};

/// Returns the faults, each with its name and the moment when it happens.
fn faults() -> Vec<(&'static str, When, Reply)> {
    let wait = "Retry-After: 0";
    let huge = "x".repeat(5 * 1024 * 1024);
    let mut faults = vec![
        ("429", Before, Reply::error(429, "slow down").with_header(wait)),
        ("429 of a proxy", Before, Reply::html(429)),
        (
            "redirect",
            Before,
            Reply::empty(307).with_header("Location: /elsewhere"),
        ),
        ("truncated", After, Reply::Truncated(0, String::new())),
    ];
    for when in [Before, After] {
        faults.extend([
            ("500", when, Reply::error(500, "broken")),
            ("502", when, Reply::html(502)),
            ("503", when, Reply::empty(503).with_header(wait)),
            ("504", when, Reply::html(504)),
            ("lost", when, Reply::Lost),
            ("silence", when, Reply::Silence),
            ("html", when, Reply::html(200)),
            (
                "half json",
                when,
                Reply::Response(201, String::new(), "{\"id\": \"my-".into()),
            ),
            ("huge", when, Reply::Response(200, String::new(), huge.clone())),
        ]);
    }
    faults
}

/// Runs the case with every fault concurrently, because most of them wait.
async fn each_fault<F>(case: impl Fn(&'static str, When, Reply) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut cases = tokio::task::JoinSet::new();
    for (name, when, reply) in faults() {
        cases.spawn(case(name, when, reply));
    }
    cases.join_all().await;
}

/// Returns an API and a client with short time limits if the fault is silence.
async fn world_for(name: &str, runner: Option<&Runner>) -> (fake::Fake, Shared, Client) {
    let (fake, state, mut client) = world(runner).await;
    if name == "silence" {
        client.retry.attempt = Duration::from_millis(300);
        client.retry.settling = Duration::from_millis(500);
    }
    (fake, state, client)
}

/// Returns whether the service requests another attempt later. The client repeats until its deadline.
fn asks_to_retry(name: &str) -> bool {
    name.starts_with("429") || name == "503"
}

/// Returns a short budget for a fault that requests another attempt forever.
fn budget_for(name: &str) -> CallBudget {
    if asks_to_retry(name) {
        CallBudget::new(Duration::from_secs(3), CancellationToken::new())
    } else {
        budget()
    }
}

/// Makes the fault happen once, to the first request with this method.
fn once(state: &Shared, method: &'static str, when: When, reply: Reply) {
    let mut armed = Some((when, reply));
    state
        .lock()
        .unwrap()
        .fail(move |seen| if seen.method == method { armed.take() } else { None });
}

/// Makes the fault happen to every request with these methods.
fn always(state: &Shared, methods: &'static [&'static str], when: When, reply: Reply) {
    state
        .lock()
        .unwrap()
        .fail(move |seen| methods.contains(&seen.method.as_str()).then(|| (when, reply.clone())));
}

#[tokio::test]
async fn a_read_survives_a_fault() {
    each_fault(|name, when, reply| async move {
        let (_fake, state, client) = world_for(name, Some(&runner())).await;
        once(&state, "GET", when, reply);
        let read = client.get_runner("my-runner", &budget()).await;
        match name {
            "500" | "redirect" | "huge" => {
                let error = read.unwrap_err();
                assert!(!error.is_not_found() && !error.is_uncertain(), "{name}: {error}");
            }
            // A success with an unexpected status is not retried.
            "half json" => assert!(
                matches!(read, Err(ApiError::Unexpected { status: 201, .. })),
                "{read:?}"
            ),
            _ => assert_eq!(read.unwrap(), Some(runner()), "{name} {when:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_create_survives_a_fault_and_creates_once() {
    each_fault(|name, when, reply| async move {
        let (fake, state, client) = world_for(name, None).await;
        once(&state, "POST", when, reply);
        let created = client.create_runner(&runner(), &budget()).await;
        if name == "redirect" {
            let error = created.unwrap_err();
            assert!(!error.is_uncertain(), "{error}");
            assert_eq!(fake.lines().len(), 1);
            assert_eq!(state.lock().unwrap().created, 0);
            return;
        }
        let created = created.unwrap_or_else(|error| panic!("{name} {when:?}: {}", error.report(Frontend::Terraform)));
        assert_eq!(created.id, "my-runner");
        assert_eq!(state.lock().unwrap().created, 1, "{name} {when:?}");
        // Before it is sent again it is looked for, unless it certainly was not carried out.
        let looked = fake.lines()[1] == "GET /orgs/org/runners/my-runner";
        assert_eq!(looked, !name.starts_with("429"), "{name} {when:?}: {:?}", fake.lines());
    })
    .await;
}

#[tokio::test]
async fn an_update_survives_a_fault() {
    each_fault(|name, when, reply| async move {
        let (_fake, state, client) = world_for(name, Some(&runner())).await;
        let mut wanted = runner();
        wanted.runner_configuration.job.namespace = "new".to_owned();
        once(&state, "PATCH", when, reply);
        let updated = client.update_runner(&wanted, &budget()).await;
        match (name, when) {
            ("redirect", _) | ("500" | "half json" | "huge", Before) => {
                let error = updated.unwrap_err();
                assert!(!error.is_uncertain(), "{name}: {error}");
            }
            _ => {
                let updated =
                    updated.unwrap_or_else(|error| panic!("{name} {when:?}: {}", error.report(Frontend::Terraform)));
                assert_eq!(updated.runner_configuration.job.namespace, "new");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_delete_survives_a_fault() {
    each_fault(|name, when, reply| async move {
        let (_fake, state, client) = world_for(name, Some(&runner())).await;
        once(&state, "DELETE", when, reply);
        let deleted = client.delete_runner("my-runner", &budget()).await;
        match (name, when) {
            ("redirect", _) | ("500" | "half json" | "html" | "huge", Before) => {
                let error = deleted.unwrap_err();
                assert!(!error.is_uncertain(), "{name}: {error}");
                assert!(state.lock().unwrap().runner.is_some());
            }
            _ => {
                deleted.unwrap_or_else(|error| panic!("{name} {when:?}: {}", error.report(Frontend::Terraform)));
                assert!(state.lock().unwrap().runner.is_none());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_rule_survives_a_fault_and_is_created_once() {
    each_fault(|name, when, reply| async move {
        let key = RuleKey {
            runner_id: "my-runner".to_owned(),
            project_id: None,
            env_type_id: Some("dev".to_owned()),
        };
        let (_fake, state, client) = world_for(name, None).await;
        once(&state, "POST", when, reply.clone());
        let created = client.create_rule(&key, &budget()).await;
        if name == "redirect" {
            assert!(!created.unwrap_err().is_uncertain());
            return;
        }
        let rule = created.unwrap_or_else(|error| panic!("{name} {when:?}: {}", error.report(Frontend::Terraform)));
        assert_eq!((rule.id.as_str(), &rule.key), ("uuid-1", &key));
        assert_eq!(state.lock().unwrap().created, 1, "{name} {when:?}");

        once(&state, "GET", when, reply.clone());
        let read = client.get_rule("uuid-1", &budget()).await;
        let definite = matches!(name, "500" | "huge" | "half json");
        assert_eq!(read.is_err(), definite, "{name} {when:?}: {read:?}");

        once(&state, "DELETE", when, reply);
        let deleted = client.delete_rule("uuid-1", &budget()).await;
        let stays = definite && when == Before || (name, when) == ("html", Before);
        assert_eq!(deleted.is_err(), stays, "{name} {when:?}: {deleted:?}");
        assert_eq!(state.lock().unwrap().rules.len(), usize::from(stays));
    })
    .await;
}

/// POSTs that always fail, while reads work: if the service itself responded to each of them, it is certain that nothing
/// was created.
#[tokio::test]
async fn a_create_that_always_fails_reports_whether_the_runner_might_exist() {
    each_fault(|name, when, reply| async move {
        let (fake, state, client) = world_for(name, None).await;
        always(&state, &["POST"], when, reply);
        let created = client.create_runner(&runner(), &budget_for(name)).await;
        if when == After {
            assert_eq!(created.unwrap().id, "my-runner", "{name}");
            assert_eq!(state.lock().unwrap().created, 1);
            return;
        }
        let error = created.unwrap_err();
        let may_come = matches!(name, "502" | "504" | "lost" | "silence");
        // The deadline can pass while one more request is in progress.
        if !asks_to_retry(name) {
            assert_eq!(error.is_uncertain(), may_come, "{name}: {error:?}");
        }
        let posts = fake.lines().iter().filter(|line| line.starts_with("POST")).count();
        match name {
            "redirect" => assert_eq!(posts, 1),
            _ if asks_to_retry(name) => assert!(posts > 5, "{name}: {posts}"),
            _ => assert_eq!(posts, 5, "{name}"),
        }
        assert!(error.next_step(Frontend::Terraform).is_some(), "{name}: {error}");
    })
    .await;
}

/// All requests fail after the POST, so the runner might exist.
#[tokio::test]
async fn a_create_that_cannot_be_looked_up_is_uncertain() {
    each_fault(|name, when, reply| async move {
        let (_fake, state, client) = world_for(name, None).await;
        always(&state, &["POST", "GET"], when, reply);
        let error = client.create_runner(&runner(), &budget_for(name)).await;
        match (name, when) {
            ("redirect", _) => assert!(!error.unwrap_err().is_uncertain()),
            ("429" | "429 of a proxy", _) => assert!(error.unwrap_err().is_deadline_exceeded()),
            _ => {
                let error = error.unwrap_err();
                assert!(error.is_uncertain(), "{name} {when:?}: {error:?}");
                assert_eq!(
                    error.to_string(),
                    "it is unknown whether runner \"my-runner\" was created"
                );
                assert!(
                    error.report(Frontend::Terraform).contains("/orgs/org/runners"),
                    "{}",
                    error.report(Frontend::Terraform)
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_permanent_fault_ends_a_call_after_five_attempts_or_at_its_deadline() {
    each_fault(|name, when, reply| async move {
        let (fake, state, client) = world_for(name, Some(&runner())).await;
        always(&state, &["GET"], when, reply);
        let error = client.get_runner("my-runner", &budget_for(name)).await.unwrap_err();
        if asks_to_retry(name) {
            assert!(fake.lines().len() > 5, "{name}");
            assert!(error.is_deadline_exceeded(), "{name}: {error}");
            assert!(error.next_step(Frontend::Terraform).is_some(), "{name}: {error}");
            return;
        }
        let definite = matches!(name, "500" | "huge" | "redirect" | "half json");
        assert_eq!(fake.lines().len(), if definite { 1 } else { 5 }, "{name}");
        let attempts = error.to_string().contains(" (attempt 5)");
        assert_eq!(attempts, !definite, "{name}: {error}");
        assert!(error.next_step(Frontend::Terraform).is_some(), "{name}: {error}");
    })
    .await;
}

/// The second POST fails with the conflict that the first one caused late.
#[tokio::test]
async fn a_conflict_with_the_own_late_success_is_a_success() {
    let state = Shared::default();
    let api = api::handler(&state);
    let posts = std::sync::atomic::AtomicUsize::new(0);
    let fake = Fake::start(move |seen| {
        if seen.method == "POST" && posts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            return fake::Reply::Lost;
        }
        if seen.method == "POST" {
            // The first POST is carried out only now.
            api(seen);
        }
        api(seen)
    })
    .await;
    let created = client(&fake.url()).create_runner(&runner(), &budget()).await.unwrap();
    assert_eq!(created.id, "my-runner");
    assert_eq!(state.lock().unwrap().created, 1);
}

#[tokio::test]
async fn another_runner_after_a_lost_response_is_not_taken_over() {
    let (_fake, state, client) = world(None).await;
    let mut theirs = serde_json::to_value(runner()).unwrap();
    theirs["description"] = "theirs".into();
    let shared = Arc::clone(&state);
    state.lock().unwrap().fail(move |seen| {
        (seen.method == "POST").then(|| {
            // The lock is held by the handler: they come a moment later.
            let (shared, theirs) = (Arc::clone(&shared), theirs.clone());
            std::thread::spawn(move || shared.lock().unwrap().runner = Some(theirs));
            (Before, Reply::Lost)
        })
    });
    let error = client.create_runner(&runner(), &budget()).await.unwrap_err();
    assert!(
        matches!(&error, ApiError::AlreadyExists { id, existing: Existing::Importable, .. } if id == "my-runner"),
        "{error:?}"
    );
    assert!(!error.is_uncertain());
}

/// Creates the runner `sent` and loses the response. The lookup finds `stored`.
async fn create_and_find(sent: &Runner, stored: serde_json::Value) -> Result<Runner, ApiError> {
    let (_fake, state, client) = world(None).await;
    let shared = Arc::clone(&state);
    state.lock().unwrap().fail(move |seen| {
        (seen.method == "POST").then(|| {
            let (shared, stored) = (Arc::clone(&shared), stored.clone());
            std::thread::spawn(move || shared.lock().unwrap().runner = Some(stored));
            (Before, Reply::Lost)
        })
    });
    client.create_runner(sent, &budget()).await
}

/// The service can return another spelling of the runner that was sent. A null in a pod template removes a value of the
/// Job, so it differs from an absent field.
#[tokio::test]
async fn a_lost_runner_is_recognized_in_another_spelling() {
    let mut sent = runner();
    sent.description = None;
    sent.state_storage_configuration =
        serde_json::from_value(json!({"type": "gcs", "bucket": "b", "path_prefix": ""})).unwrap();
    let template = json!({"spec": {"priority": 1.0, "nodeName": null, "containers": [{"name": "main"}]}});
    sent.runner_configuration.job.pod_template = template.as_object().cloned();
    let mut stored = serde_json::to_value(&sent).unwrap();
    stored["description"] = "".into();
    stored["state_storage_configuration"] = json!({"type": "gcs", "bucket": "b"});
    stored["runner_configuration"]["job"]["pod_template"] =
        json!({"spec": {"containers": [{"name": "main"}], "nodeName": null, "priority": 1}});
    let created = create_and_find(&sent, stored.clone()).await;
    assert_eq!(created.unwrap().id, "my-runner");

    stored["runner_configuration"]["job"]["pod_template"]["spec"]
        .as_object_mut()
        .unwrap()
        .remove("nodeName");
    let error = create_and_find(&sent, stored).await.unwrap_err();
    assert!(error.is_already_exists(), "{error:?}");
}

/// The runner existed before the first POST, which a fault hides: the error is the same as without the fault.
#[tokio::test]
async fn an_id_in_use_is_reported_despite_a_fault() {
    let mut theirs = serde_json::to_value(runner()).unwrap();
    theirs["description"] = "theirs".into();
    let error = create_and_find(&runner(), theirs).await.unwrap_err();
    assert_eq!(
        error.report(Frontend::Terraform),
        "Runner \"my-runner\" already exists."
    );
    let other = json!({
        "id": "my-runner",
        "runner_configuration": {"type": "kubernetes-gke"},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
    });
    let error = create_and_find(&runner(), other).await.unwrap_err();
    assert!(
        error.report(Frontend::Terraform).contains("has type `kubernetes-gke`"),
        "{}",
        error.report(Frontend::Terraform)
    );
}

/// The server closes a reused connection when the next request arrives.
#[tokio::test]
async fn a_response_lost_on_a_reused_connection_is_looked_up() {
    let (fake, state, client) = world(None).await;
    client.get_runner("other", &budget()).await.unwrap();
    once(&state, "POST", After, Reply::Lost);
    client.create_runner(&runner(), &budget()).await.unwrap();
    assert_eq!(
        fake.lines()[2..],
        ["POST /orgs/org/runners", "GET /orgs/org/runners/my-runner"]
    );
    assert_eq!(state.lock().unwrap().created, 1);
}
