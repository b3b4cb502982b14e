//! Tests of the client against a server that fails.

mod api;
mod encoding;
mod fake;
mod faults;
mod limits;
mod lookup;
mod network;
mod organization;
mod process;
mod products;
mod replacement;
mod rules;
mod runners;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::settings::{ApiSettings, ApiToken, SettingSource};
use super::{CallBudget, Client};
use crate::runner::Runner;
use crate::runner::fixture::documented;
use api::Shared;
use fake::Fake;

/// A token that must not appear in any text.
const TOKEN: &str = "canary-3f9a1c";

fn settings(url: &str) -> ApiSettings {
    ApiSettings {
        api_url: url.parse().unwrap(),
        org_id: "org".to_owned(),
        token: Some(ApiToken::new(
            TOKEN.to_owned(),
            SettingSource::Variable("HUMANITEC_AUTH_TOKEN"),
        )),
        product: None,
        ignored_variables: Vec::new(),
    }
}

/// Returns a client that does not wait between attempts, and not for long after a stop.
fn client(url: &str) -> Client {
    let mut client = Client::new(settings(url), "test".to_owned());
    client.retry.base = Duration::from_millis(1);
    client.retry.grace = Duration::from_millis(200);
    client
}

fn budget() -> CallBudget {
    CallBudget::new(Duration::from_secs(20), CancellationToken::new())
}

fn runner() -> Runner {
    let mut runner = documented(&json!({"type": "kubernetes", "namespace": "n"}));
    runner["description"] = json!("mine");
    serde_json::from_value(runner).unwrap()
}

/// Returns a small API with this runner, and a client of it.
async fn world(runner: Option<&Runner>) -> (Fake, Shared, Client) {
    let state = Shared::default();
    state.lock().unwrap().runner = runner.map(|runner| serde_json::to_value(runner).unwrap());
    let fake = Fake::start(api::handler(&state)).await;
    let client = client(&fake.url());
    (fake, Arc::clone(&state), client)
}
