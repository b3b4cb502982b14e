//! The control endpoint of the sandbox's AWS (`sandbox/aws/control.py`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use super::error::Error;

/// An access key, with the session token of a role session.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    /// `AKIA…`.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The session token, if the key belongs to a role session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
}

/// Where an AWS API call is made. By default it is the sandbox's region and account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The region.
    pub region: Option<&'a str>,
    /// The account. In another one than the sandbox's, everything is allowed.
    pub account: Option<&'a str>,
}

/// Faults of AWS. Actions have the names of IAM policies, such as `eks:DescribeCluster`. The faults never happen to the
/// sandbox's own calls ([`super::Eks::aws`]).
#[derive(Clone, Debug, Default, Serialize)]
pub struct Faults {
    /// How many of the next calls of an action are throttled.
    pub throttle: BTreeMap<String, u32>,
    /// The calls per second that a service accepts, such as 15 for `iam`. More calls are throttled.
    pub rate: BTreeMap<String, f64>,
    /// The actions that are refused, whatever the policies allow.
    pub deny: Vec<String>,
    /// The actions that a policy of the AWS organization denies in simulations.
    pub organization_denies: Vec<String>,
    /// The regions whose STS is not activated for the account.
    pub sts_disabled: Vec<String>,
    /// Milliseconds added to each AWS call.
    pub delay_ms: u64,
    /// Milliseconds added to each call of the cluster's API on new connections.
    pub kubernetes_delay_ms: u64,
    /// Whether the proxy returns 504 for the cluster's endpoint, as if it were private or did not admit this address.
    pub cluster_unreachable: bool,
    /// Whether the proxy inspects TLS to the cluster's endpoint, too, with a certificate of the CA of [`Eks::aws_ca`].
    ///
    /// [`Eks::aws_ca`]: super::Eks::aws_ca
    pub opens_cluster_tls: bool,
    /// What the issuer publishes in place of its documents: `status`, `location`, `issuer`, `jwks_uri`, `keys` or
    /// `body`. With `unreachable`, the proxy does not connect to it.
    pub issuer: BTreeMap<String, Value>,
    /// Seconds until a new `role` or `access-entry` is visible, and until a new `policy` of a role counts.
    pub propagation_s: BTreeMap<String, f64>,
}

/// A client of the control endpoint.
pub(super) struct Control {
    url: String,
    agent: Agent,
}

impl Control {
    /// Creates a client for the endpoint on a port of 127.0.0.1.
    pub(super) fn new(port: u16) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).build();
        Self {
            url: format!("http://127.0.0.1:{port}"),
            agent: config.into(),
        }
    }

    /// Sends one command. Its input and its output are JSON.
    pub(super) fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let failed = |message: String| Error::Control {
            command: format!("{method} {path}"),
            message,
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .body(body.to_string())
            .map_err(|error| failed(error.to_string()))?;
        let mut response = self.agent.run(request).map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        let content: Value = response
            .body_mut()
            .read_json()
            .map_err(|error| failed(error.to_string()))?;
        if status.is_success() {
            Ok(content)
        } else {
            Err(failed(content["error"].to_string()))
        }
    }

    /// Makes one AWS API call, by default with the administrator's credentials.
    pub(super) fn call(
        &self,
        service: &str,
        operation: &str,
        parameters: &Value,
        credentials: Option<&Credentials>,
    ) -> Result<Value, Error> {
        let more = json!({"credentials": credentials});
        self.call_with(service, operation, parameters, more)
    }

    /// Makes one AWS API call at another place, with the administrator's credentials.
    pub(super) fn call_at(
        &self,
        place: Place<'_>,
        service: &str,
        operation: &str,
        parameters: &Value,
    ) -> Result<Value, Error> {
        let more = json!({"region": place.region, "account": place.account});
        self.call_with(service, operation, parameters, more)
    }

    fn call_with(
        &self,
        service: &str,
        operation: &str,
        parameters: &Value,
        mut command: Value,
    ) -> Result<Value, Error> {
        command["service"] = json!(service);
        command["operation"] = json!(operation);
        command["parameters"] = parameters.clone();
        let mut response = self.send("POST", "/call", &command)?;
        let Some(error) = response.get("error") else {
            return Ok(response["result"].take());
        };
        Err(Error::Aws {
            operation: operation.to_owned(),
            code: text(&error["code"]),
            message: text(&error["message"]),
        })
    }

    /// Sends a command whose response is `{"token": …}`.
    pub(super) fn token(&self, path: &str, command: &Value) -> Result<String, Error> {
        Ok(text(&self.send("POST", path, command)?["token"]))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
