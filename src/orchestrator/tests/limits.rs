//! Budgets: deadlines, stops, and waits that the service requests.

use crate::frontend::Frontend;
use std::time::Instant;

use super::api::When::{After, Before};
use super::fake::Reply;
use super::*;
use crate::orchestrator::{ApiError, RuleKey};

fn short() -> CallBudget {
    CallBudget::new(Duration::from_millis(200), CancellationToken::new())
}

/// Returns a budget that is stopped after a moment.
fn stopped_soon() -> CallBudget {
    let budget = budget();
    let stop = budget.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.cancel();
    });
    budget
}

#[tokio::test]
async fn a_read_ends_at_its_deadline_or_stop() {
    let fake = Fake::start(|_| Reply::Silence).await;
    let client = client(&fake.url());
    let start = Instant::now();
    let error = client.get_runner("my-runner", &short()).await.unwrap_err();
    assert!(matches!(error, ApiError::DeadlineExceeded { .. }), "{error:?}");
    assert!(!error.is_stopped());
    assert_eq!(
        error.report(Frontend::Terraform),
        format!(
            "GET {}/orgs/org/runners/my-runner did not finish before the timeout.\n\nTry again later.",
            fake.url()
        )
    );
    let error = client.get_runner("my-runner", &stopped_soon()).await.unwrap_err();
    assert!(error.is_stopped());
    assert!(error.to_string().ends_with("was interrupted"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn no_change_is_sent_after_a_stop() {
    let (fake, _, client) = world(None).await;
    let budget = budget();
    budget.stop.cancel();
    let created = client.create_runner(&runner(), &budget).await.unwrap_err();
    assert!(created.is_stopped() && !created.is_uncertain());
    client.get_runner("my-runner", &budget).await.unwrap_err();
    assert!(client.update_runner(&runner(), &budget).await.unwrap_err().is_stopped());
    client.delete_runner("my-runner", &budget).await.unwrap_err();
    let lines = fake.lines();
    assert!(lines.iter().all(|line| line.starts_with("GET")), "{lines:?}");
}

/// The request is carried out, but there is no response before the deadline. The lookup finds the change.
#[tokio::test]
async fn a_change_without_a_response_is_found_after_the_deadline() {
    for budget in [short, stopped_soon] {
        let state = Shared::default();
        let fake = Fake::start(api::handler(&state)).await;
        let client = client(&fake.url());
        let silent = |method: &'static str| {
            state
                .lock()
                .unwrap()
                .fail(move |seen| (seen.method == method).then_some((After, Reply::Silence)));
        };
        silent("POST");
        let created = client.create_runner(&runner(), &budget()).await.unwrap();
        assert_eq!(created.id, "my-runner");
        let key = RuleKey {
            runner_id: "my-runner".to_owned(),
            project_id: None,
            env_type_id: None,
        };
        let rule = client.create_rule(&key, &budget()).await.unwrap();
        assert_eq!(rule.key, key);

        silent("PATCH");
        let mut wanted = runner();
        wanted.description = Some("new".to_owned());
        let updated = client.update_runner(&wanted, &budget()).await.unwrap();
        assert_eq!(updated, wanted);

        silent("DELETE");
        client.delete_rule(&rule.id, &budget()).await.unwrap();
        client.delete_runner("my-runner", &budget()).await.unwrap();
        assert!(state.lock().unwrap().runner.is_none());
    }
}

#[tokio::test]
async fn a_change_that_might_follow_is_uncertain() {
    for (budget, ended) in [
        (short as fn() -> CallBudget, "did not finish before the timeout"),
        (stopped_soon, "was interrupted"),
    ] {
        let (fake, state, client) = world(None).await;
        state
            .lock()
            .unwrap()
            .fail(|seen| (seen.method != "GET").then_some((Before, Reply::Silence)));
        let start = Instant::now();
        let error = client.create_runner(&runner(), &budget()).await.unwrap_err();
        assert!(error.is_uncertain(), "{error:?}");
        let post = format!("POST {}/orgs/org/runners", fake.url());
        assert!(
            error.report(Frontend::Terraform).starts_with(&format!(
                "It is unknown whether runner \"my-runner\" was created: {post} {ended}."
            )),
            "{}",
            error.report(Frontend::Terraform)
        );
        state.lock().unwrap().runner = Some(serde_json::to_value(runner()).unwrap());
        let mut wanted = runner();
        wanted.description = Some("new".to_owned());
        assert!(
            client
                .update_runner(&wanted, &budget())
                .await
                .unwrap_err()
                .is_uncertain()
        );
        assert!(
            client
                .delete_runner("my-runner", &budget())
                .await
                .unwrap_err()
                .is_uncertain()
        );
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}

/// The lookup after the deadline has a time limit, too.
#[tokio::test]
async fn the_lookup_after_the_deadline_is_brief() {
    let fake = Fake::start(|_| Reply::Silence).await;
    let mut client = client(&fake.url());
    client.retry.settling = Duration::from_millis(500);
    let start = Instant::now();
    let error = client.create_runner(&runner(), &short()).await.unwrap_err();
    assert!(error.is_uncertain());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

/// There was no connection yet, so the body was not sent.
#[tokio::test]
async fn a_create_that_was_not_sent_is_certain() {
    // A listener that accepts nothing, with its queue full: connecting takes for ever.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || async move {
        tokio::time::timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(address)).await
    };
    let mut queue = Vec::new();
    while let Ok(stream) = connect().await {
        queue.push(stream);
    }
    let client = client(&format!("http://{address}"));
    let start = Instant::now();
    let error = client.create_runner(&runner(), &stopped_soon()).await.unwrap_err();
    assert!(error.is_stopped() && !error.is_uncertain(), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_wait_is_as_long_as_the_service_asks_for() {
    for wait in [(|| "1".to_owned()) as fn() -> String, in_two_seconds] {
        let (fake, state, client) = world(Some(&runner())).await;
        let mut first = Some(Reply::error(429, "slow down").with_header(&format!("Retry-After: {}", wait())));
        state
            .lock()
            .unwrap()
            .fail(move |_| first.take().map(|reply| (Before, reply)));
        let start = Instant::now();
        client.get_runner("my-runner", &budget()).await.unwrap();
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(900) && took < Duration::from_secs(4),
            "{took:?}"
        );
        assert_eq!(fake.lines().len(), 2);
    }
}

/// Returns a date one to two seconds from now, because a date has whole seconds.
fn in_two_seconds() -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(2))
}

/// A service under load gets more attempts than a broken service.
#[tokio::test]
async fn a_service_that_asks_for_another_attempt_gets_it_until_the_deadline() {
    for reply in [
        Reply::error(429, "slow down").with_header("Retry-After: 0"),
        Reply::html(429),
        Reply::empty(503).with_header("Retry-After: 0"),
    ] {
        let (_fake, state, client) = world(None).await;
        let mut left = std::collections::HashMap::new();
        state.lock().unwrap().fail(move |seen| {
            let left = left.entry(seen.method.clone()).or_insert(8);
            *left -= 1;
            (*left > 0).then(|| (Before, reply.clone()))
        });
        client.create_runner(&runner(), &budget()).await.unwrap();
        client.get_runner("my-runner", &budget()).await.unwrap();
        client.delete_runner("my-runner", &budget()).await.unwrap();
        assert!(state.lock().unwrap().runner.is_none());
        assert_eq!(state.lock().unwrap().created, 1);
    }
}

#[tokio::test]
async fn a_wait_past_the_deadline_fails_at_once() {
    for (status, reply) in [(429, Reply::error(429, "slow down")), (503, Reply::empty(503))] {
        let (fake, state, client) = world(None).await;
        let reply = reply.with_header("Retry-After: 3600");
        state
            .lock()
            .unwrap()
            .fail(move |seen| (seen.method != "GET").then(|| (Before, reply.clone())));
        let start = Instant::now();
        let budget = CallBudget::new(Duration::from_secs(10), CancellationToken::new());
        let error = client.update_runner(&runner(), &budget).await.unwrap_err();
        let expected = format!("returned {status} with Retry-After 3600 s, but only 10 s remain before the timeout");
        assert!(
            error.report(Frontend::Terraform).contains(&expected),
            "{}",
            error.report(Frontend::Terraform)
        );
        let error = client.create_runner(&runner(), &budget).await.unwrap_err();
        assert!(matches!(error, ApiError::TooLongToWait { .. }), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(1));
        let posts = fake.lines().iter().filter(|line| line.starts_with("POST")).count();
        assert_eq!(posts, 1);
    }
}

#[tokio::test]
async fn a_stop_ends_a_wait_and_reports_the_cause() {
    let fake = Fake::start(|_| Reply::error(429, "slow down").with_header("Retry-After: 15")).await;
    let client = client(&fake.url());
    let start = Instant::now();
    let error = client.create_runner(&runner(), &stopped_soon()).await.unwrap_err();
    assert!(error.is_stopped() && !error.is_uncertain());
    let call = format!("POST {}/orgs/org/runners", fake.url());
    assert_eq!(
        error.report(Frontend::Terraform),
        format!("{call} was interrupted; the previous attempt failed: {call} was refused (429): slow down.")
    );
    assert!(start.elapsed() < Duration::from_secs(2));
}

/// The previous attempt might still be carried out, although the last lookup does not find the runner.
#[tokio::test]
async fn a_stop_during_a_wait_after_a_lost_response_is_uncertain() {
    let (_fake, state, mut client) = world(Some(&runner())).await;
    client.retry.base = Duration::from_secs(600);
    client.retry.cap = Duration::from_secs(600);
    state
        .lock()
        .unwrap()
        .fail(|seen| (seen.method != "GET").then_some((Before, Reply::Lost)));
    let mut wanted = runner();
    wanted.description = None;
    let error = client.update_runner(&wanted, &stopped_soon()).await.unwrap_err();
    assert!(error.is_uncertain() && error.is_stopped(), "{error:?}");
    assert!(
        error
            .report(Frontend::Terraform)
            .contains("the previous attempt failed: PATCH"),
        "{}",
        error.report(Frontend::Terraform)
    );
    state.lock().unwrap().runner = None;
    let error = client.create_runner(&runner(), &stopped_soon()).await.unwrap_err();
    assert!(error.is_uncertain() && error.is_stopped(), "{error:?}");
}
