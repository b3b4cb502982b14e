//! Connections, redirects, proxies, and TLS, and that the token does not leak.

use super::fake::{Fake, Reply};
use super::*;
use crate::frontend::Frontend;
use crate::orchestrator::{ApiError, ConnectFailure, Environment, user_agent};

#[tokio::test]
async fn a_missing_server_is_tried_five_times_and_reported() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&url);
    let read = client.get_runner("r", &budget()).await.unwrap_err();
    assert_eq!(
        read.report(Frontend::Terraform),
        format!(
            "GET {url}/orgs/org/runners/r (attempt 5): the connection was refused.\n\nCheck the host and the port in api_url (and those of the proxy, if HTTP_PROXY or \
             ALL_PROXY is set), and that the Orchestrator is running there."
        )
    );
    let created = client.create_runner(&runner(), &budget()).await.unwrap_err();
    assert!(
        matches!(
            created,
            ApiError::Connect {
                what: ConnectFailure::Refused,
                ..
            }
        ),
        "{created:?}"
    );
    let updated = client.update_runner(&runner(), &budget()).await.unwrap_err();
    assert!(!updated.is_uncertain(), "{updated}");
    let deleted = client.delete_runner("r", &budget()).await.unwrap_err();
    assert!(!deleted.is_uncertain(), "{deleted}");
}

#[tokio::test]
async fn a_server_that_starts_late_is_used() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut client = client(&format!("http://{address}"));
    client.retry.base = Duration::from_millis(100);
    client.retry.attempts = 50;
    client.retry.cap = Duration::from_millis(100);
    let state = Shared::default();
    let handler = api::handler(&state);
    let server = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Fake::on(tokio::net::TcpListener::bind(address).await.unwrap(), handler)
    });
    client.create_runner(&runner(), &budget()).await.unwrap();
    assert_eq!(
        server.await.unwrap().lines(),
        ["POST /orgs/org/runners"],
        "nothing had to be looked for"
    );
}

#[tokio::test]
async fn a_host_name_without_an_address_is_reported() {
    // Reserved for names that never exist (RFC 6761).
    let mut client = client("http://orchestrator.invalid");
    client.retry.attempts = 1;
    let error = client.get_runner("r", &budget()).await.unwrap_err();
    assert!(
        matches!(
            error,
            ApiError::Connect {
                what: ConnectFailure::Dns,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error
            .report(Frontend::Terraform)
            .contains("Check the host name in api_url"),
        "{}",
        error.report(Frontend::Terraform)
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Fake::start(|_| Reply::empty(204)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: http://user:pass@127.0.0.1:{}/new?token=x#y", target.port);
        let fake = Fake::start(move |_| Reply::empty(status).with_header(&location)).await;
        let client = client(&fake.url());
        let error = client.delete_runner("r", &budget()).await.unwrap_err();
        let to = format!("http://127.0.0.1:{}/new", target.port);
        assert_eq!(
            error.report(Frontend::Terraform),
            format!(
                "GET {}/orgs/org/runners/r returned a redirect ({status}) to {to}.\n\nRedirects are \
                 not followed. If {to} is the Orchestrator's API, set api_url to that installation's base URL.",
                fake.url()
            )
        );
        assert!(
            !client
                .create_runner(&runner(), &budget())
                .await
                .unwrap_err()
                .is_uncertain()
        );
        assert_eq!(fake.lines().len(), 2);
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn a_local_installation_gets_a_user_id_if_there_is_no_token() {
    let (fake, _, _) = world(None).await;
    let mut settings = settings(&format!("http://localhost:{}", fake.port));
    settings.token = None;
    let client = Client::new(settings, String::new());
    client.get_runner("r", &budget()).await.unwrap();
    let seen = &fake.seen()[0];
    assert_eq!(seen.header("from"), Some("00000000-0000-0000-0000-000000000000"));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn a_401_says_where_the_token_came_from() {
    let fake = Fake::start(|_| Reply::error(401, "token has expired")).await;
    let error = client(&fake.url()).get_runner("r", &budget()).await.unwrap_err();
    assert_eq!(
        error.report(Frontend::Terraform),
        format!(
            "GET {}/orgs/org/runners/r was not authenticated (401): token has expired.\n\nThe token comes from the \
             environment variable HUMANITEC_AUTH_TOKEN. It might have expired or been revoked, or it \
             might belong to a different installation than the one in api_url. Get a new token and set it there.",
            fake.url()
        )
    );
}

/// A server that repeats the token in every way it can.
#[tokio::test]
async fn the_token_is_in_no_error_and_no_debug_text() {
    let echo = |status| Reply::Response(status, String::new(), format!("<p>You sent Bearer {TOKEN}</p>"));
    let own = |status| Reply::error(status, &format!("bad token {TOKEN}"));
    // The excerpt of these texts ends within the token.
    let cut = |status| Reply::Response(status, String::new(), "x ".repeat(97) + TOKEN);
    let elsewhere = Reply::empty(307).with_header(&format!("Location: /login/{TOKEN}?t={TOKEN}"));
    let odd = Reply::json(200, &json!({"id": TOKEN, "runner_configuration": TOKEN}));
    for reply in [
        echo(200),
        echo(401),
        echo(404),
        echo(500),
        own(400),
        own(401),
        own(409),
        own(413),
        cut(200),
        cut(502),
        elsewhere,
        odd,
    ] {
        let fake = Fake::start(move |_| reply.clone()).await;
        let client = client(&fake.url());
        let mut texts = Vec::new();
        for error in [
            client.get_runner("r", &budget()).await.unwrap_err(),
            client.create_runner(&runner(), &budget()).await.unwrap_err(),
            client.update_runner(&runner(), &budget()).await.unwrap_err(),
            client.delete_runner("r", &budget()).await.unwrap_err(),
        ] {
            texts.extend([
                error.to_string(),
                error.report(Frontend::Terraform),
                format!("{error:?}"),
            ]);
        }
        // By now the HTTP client with its headers is there.
        texts.push(format!("{client:?}"));
        for text in texts {
            assert!(!text.contains(&TOKEN[..5]), "{text}");
        }
    }
}

#[test]
fn the_user_agent_names_both_versions_and_what_the_user_adds() {
    let own = format!("terraform-provider-platform-orchestrator/{}", env!("CARGO_PKG_VERSION"));
    let agent = user_agent("1.11.4", &Environment::from_variables([]));
    assert_eq!(agent, format!("{own} (+Terraform/1.11.4)"));
    let environment = Environment::from_variables([("TF_APPEND_USER_AGENT", "ci/7 \r\nX: y\u{e9}")]);
    let agent = user_agent("1.11.4", &environment);
    assert_eq!(agent, format!("{own} (+Terraform/1.11.4) ci/7 X: y"));
}
