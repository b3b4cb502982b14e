//! What a runner rule's operations ask of the Orchestrator.

use std::time::Duration;

use crate::orchestrator::{Budget, Rule, RuleKey};
use crate::plugin::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Diagnostic, ReadRequest,
    ReadResponse, Value,
};
use crate::provider::connection::Connection;
use crate::provider::{outcome, timeouts};

use super::schema;

const TIMEOUT: Duration = timeouts::DEFAULT;

pub(super) async fn create(
    connection: &Connection,
    context: CallContext,
    request: CreateRequest,
) -> ApplyResponse {
    const FAILED: &str = "Could not create the runner rule";
    let refuse = |diagnostic| ApplyResponse {
        state: Value::Null,
        diagnostics: vec![diagnostic],
    };
    let client = match connection.client_now() {
        Ok(client) => client,
        Err(diagnostic) => return refuse(diagnostic),
    };
    let text = |name| {
        request
            .planned
            .get(name)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let set = |name| Some(text(name)).filter(|text| !text.is_empty());
    let key = RuleKey {
        runner_id: text("runner_id"),
        project_id: set("project_id"),
        env_type_id: set("env_type_id"),
    };
    match client
        .create_rule(&key, &Budget::new(TIMEOUT, context.stop))
        .await
    {
        Ok(rule) => ApplyResponse {
            state: super::state(&rule, &request.config),
            diagnostics: Vec::new(),
        },
        // Should it exist all the same: its id is the service's to say, so there is no state to keep.
        // The next apply finds it and says how to import it.
        Err(error) => refuse(outcome::not_created(
            FAILED,
            &error,
            schema::TYPE_NAME,
            "runner_id",
        )),
    }
}

pub(super) async fn delete(
    connection: &Connection,
    context: CallContext,
    request: DeleteRequest,
) -> Vec<Diagnostic> {
    let client = match connection.client_now() {
        Ok(client) => client,
        Err(diagnostic) => return vec![diagnostic],
    };
    let id = request.prior.get("id").as_str().unwrap_or_default();
    match client
        .delete_rule(id, &Budget::new(TIMEOUT, context.stop))
        .await
    {
        Ok(()) => Vec::new(),
        Err(error) => vec![outcome::failed("Could not delete the runner rule", &error)],
    }
}

pub(super) async fn read(
    connection: &Connection,
    context: CallContext,
    request: ReadRequest,
) -> ReadResponse {
    let keep = |diagnostics| ReadResponse {
        state: request.state.clone(),
        diagnostics,
    };
    let client = match connection.client() {
        Ok(Some(client)) => client,
        // The refresh waits until the provider block is known.
        Ok(None) => return keep(Vec::new()),
        Err(diagnostic) => return keep(vec![diagnostic]),
    };
    let id = request.state.get("id").as_str().unwrap_or_default();
    match client
        .get_rule(id, &Budget::new(TIMEOUT, context.stop))
        .await
    {
        Ok(Some(rule)) => ReadResponse {
            state: super::state(&rule, &request.state),
            diagnostics: Vec::new(),
        },
        Ok(None) => ReadResponse::default(),
        Err(error) => keep(vec![outcome::failed(
            "Could not read the runner rule",
            &error,
        )]),
    }
}

/// The rule that must be there.
pub(super) async fn find(
    connection: &Connection,
    context: CallContext,
    id: &str,
) -> Result<Rule, Diagnostic> {
    if uuid::Uuid::try_parse(id).is_err() {
        return Err(Diagnostic::error(
            "Invalid id of a runner rule",
            format!(
                "{id:?} is no UUID. The id of a runner rule is the UUID that the Orchestrator gave it, such as \
                 \"01234567-89ab-cdef-0123-456789abcdef\"; `hctl get runner-rules` lists them."
            ),
        ));
    }
    let client = connection.client_now()?;
    match client
        .get_rule(id, &Budget::new(TIMEOUT, context.stop))
        .await
    {
        Ok(Some(rule)) => Ok(rule),
        Ok(None) => Err(Diagnostic::error(
            "Runner rule not found",
            format!(
                "There is no runner rule {id} in the organization {:?}. Check the id and the provider's org_id; \
                 `hctl get runner-rules` lists what there is.",
                client.org(),
            ),
        )),
        Err(error) => Err(outcome::failed("Could not read the runner rule", &error)),
    }
}
