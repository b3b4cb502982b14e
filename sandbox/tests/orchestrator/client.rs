//! A stand-in and a client that calls it, for tests without an async runtime.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderMap;
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};
use serde_json::{Value, json};

/// What came back.
#[derive(Debug)]
pub(crate) struct ClientResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) took: Duration,
}

impl ClientResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the body is JSON")
    }

    /// The message of a response that must have this status and the API's error form.
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        let body = self.json();
        assert_eq!(body["error"], format!("HTTP-{status}"));
        body["message"].as_str().expect("a message").to_owned()
    }
}

/// One for all tests, because making one takes long. It follows no redirects and pools nothing, so
/// that each call is a connection of its own.
static HTTP: LazyLock<reqwest::Client> = LazyLock::new(|| {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(20))
        .user_agent("stand-in-tests/1")
        .build()
        .expect("a client")
});

/// The stand-in and a client that has its token.
pub(crate) struct Client {
    pub(crate) orchestrator: Orchestrator,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::with(OrchestratorOptions::default())
    }

    pub(crate) fn with(options: OrchestratorOptions) -> Self {
        Self {
            orchestrator: Orchestrator::start(options).expect("the stand-in starts"),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
            http: HTTP.clone(),
        }
    }

    /// A call with these headers and no others of ours. The error is that of the connection.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<ClientResponse, reqwest::Error> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let url = format!("{}{path}", self.orchestrator.url());
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let start = Instant::now();
        self.runtime.block_on(async {
            let response = request.send().await?;
            Ok(ClientResponse {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                text: response.text().await?,
                took: start.elapsed(),
            })
        })
    }

    /// A call with the token.
    pub(crate) fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<ClientResponse, reqwest::Error> {
        let authorization = format!("Bearer {}", self.orchestrator.token());
        self.send(
            method,
            path,
            &[("authorization", &authorization)],
            body.map(|body| body.to_string()),
        )
    }

    /// A call with the token that must get a response.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<Value>) -> ClientResponse {
        self.try_call(method, path, body).expect("a response")
    }

    pub(crate) fn get(&self, path: &str) -> ClientResponse {
        self.call("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> ClientResponse {
        self.call("POST", path, Some(body))
    }

    pub(crate) fn patch(&self, path: &str, body: Value) -> ClientResponse {
        self.call("PATCH", path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> ClientResponse {
        self.call("DELETE", path, None)
    }

    /// Creates [`eks_runner`] with this id.
    pub(crate) fn create(&self, id: &str) -> Value {
        let response = self.post(RUNNERS, eks_runner(id));
        assert_eq!(response.status, 201, "{}", response.text);
        response.json()
    }
}

/// The runners of the default organization.
pub(crate) const RUNNERS: &str = "/orgs/my-org/runners";

/// A create body with every optional field.
pub(crate) fn eks_runner(id: &str) -> Value {
    json!({
        "id": id,
        "description": "runs in EKS",
        "runner_configuration": {
            "type": "kubernetes-eks",
            "cluster": {
                "name": "prod",
                "region": "eu-central-1",
                "auth": {
                    "role_arn": "arn:aws:iam::123456789012:role/team/runner",
                    "session_name": "runner-session",
                    "sts_region": "eu-west-1",
                },
            },
            "job": {
                "namespace": "runners",
                "service_account": "runner",
                "pod_template": { "metadata": { "labels": { "app": "runner" } } },
            },
        },
        "state_storage_configuration": {
            "type": "s3",
            "bucket": "my-state",
            "path_prefix": "runners/one",
        },
    })
}
