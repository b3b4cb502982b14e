//! What a runner rule's operations ask of the Orchestrator.

use std::time::Duration;

use crate::orchestrator::{Budget, Client, Error, Rule};
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
    let refuse = |diagnostic| ApplyResponse {
        state: Value::Null,
        diagnostics: vec![diagnostic],
    };
    let client = match connection.client_now() {
        Ok(client) => client,
        Err(diagnostic) => return refuse(diagnostic),
    };
    let key = super::key(&request.planned);
    let what = format!("Could not create the rule for the runner {}", key.runner_id);
    let budget = Budget::new(TIMEOUT, context.stop);
    match client.create_rule(&key, &budget).await {
        Ok(rule) => ApplyResponse {
            state: super::state(&rule, &request.config),
            diagnostics: Vec::new(),
        },
        // It may exist: Terraform must know of it. The id is the service's to say; until it is read, the
        // rule is known by what it matches.
        Err(error) if error.is_uncertain() => ApplyResponse {
            state: super::state_without_id(&request.config),
            diagnostics: vec![outcome::failed(what, &error, &[outcome::perhaps_created()])],
        },
        Err(error) => {
            let unique = "there is one rule for a project and an environment type";
            let (ty, at) = (schema::TYPE_NAME, "runner_id");
            let exists = outcome::exists_already(what.clone(), &error, ty, at, unique);
            refuse(exists.unwrap_or_else(|| outcome::failed(what, &error, &[])))
        }
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
    let budget = Budget::new(TIMEOUT, context.stop);
    let deleted = match id(&request.prior) {
        Some(id) => client.delete_rule(id, &budget).await,
        None => match find_by_key(&client, &request.prior, &budget).await {
            Ok(Some(rule)) => client.delete_rule(&rule.id, &budget).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        },
    };
    match deleted {
        Ok(()) => Vec::new(),
        Err(error) => vec![failed("delete", &request.prior, &error)],
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
    let budget = Budget::new(TIMEOUT, context.stop);
    let found = match id(&request.state) {
        Some(id) => client.get_rule(id, &budget).await,
        None => find_by_key(&client, &request.state, &budget).await,
    };
    match found {
        Ok(Some(rule)) => ReadResponse {
            state: super::state(&rule, &request.state),
            diagnostics: Vec::new(),
        },
        Ok(None) => ReadResponse::default(),
        Err(error) => keep(vec![failed("read", &request.state, &error)]),
    }
}

/// The rule's id; `None` where a create ended before it was known.
fn id(object: &Value) -> Option<&str> {
    object.get("id").as_str()
}

/// The rule that says what `object` says.
async fn find_by_key(
    client: &Client,
    object: &Value,
    budget: &Budget,
) -> Result<Option<Rule>, Error> {
    let key = super::key(object);
    let found = client.find_rule(&key, budget).await?;
    Ok(found.filter(|rule| rule.key == key))
}

fn failed(verb: &str, object: &Value, error: &Error) -> Diagnostic {
    let id = id(object).unwrap_or("whose id is not known yet");
    outcome::failed(format!("Could not {verb} the runner rule {id}"), error, &[])
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
        Err(error) => Err(outcome::failed(
            format!("Could not read the runner rule {id}"),
            &error,
            &[],
        )),
    }
}
