//! What an EKS runner's operations ask of the Orchestrator.

use crate::orchestrator::Budget;
use crate::plugin::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Diagnostic, ImportRequest,
    ReadRequest, ReadResponse, UpdateRequest, Value,
};
use crate::provider::connection::Connection;
use crate::provider::outcome;
use crate::provider::timeouts::Operation;
use crate::runner::{Runner, validate};

use super::{model, schema};

pub(super) async fn create(
    connection: &Connection,
    context: CallContext,
    request: CreateRequest,
) -> ApplyResponse {
    const FAILED: &str = "Could not create the runner";
    let refuse = |diagnostic| ApplyResponse {
        state: Value::Null,
        diagnostics: vec![diagnostic],
    };
    let (client, runner) = match (connection.client_now(), model::runner(&request.planned)) {
        (Ok(client), Ok(runner)) => (client, runner),
        (Err(diagnostic), _) | (_, Err(diagnostic)) => return refuse(diagnostic),
    };
    match client
        .create_runner(
            &runner,
            &budget(Operation::Create, &request.planned, context),
        )
        .await
    {
        Ok(_) => ApplyResponse {
            state: request.planned,
            diagnostics: Vec::new(),
        },
        // It may exist: Terraform must know of it.
        Err(error) if error.is_uncertain() => ApplyResponse {
            state: request.planned,
            diagnostics: vec![outcome::failed(FAILED, &error)],
        },
        Err(error) => refuse(outcome::not_created(
            FAILED,
            &error,
            schema::TYPE_NAME,
            "id",
        )),
    }
}

pub(super) async fn update(
    connection: &Connection,
    context: CallContext,
    request: UpdateRequest,
) -> ApplyResponse {
    let UpdateRequest { prior, planned, .. } = request;
    let changed = match (connection.client_now(), model::runner(&planned)) {
        (Ok(client), Ok(runner)) => client
            .update_runner(&runner, &budget(Operation::Update, &planned, context))
            .await
            .map_err(|error| outcome::failed("Could not update the runner", &error)),
        (Err(diagnostic), _) | (_, Err(diagnostic)) => Err(diagnostic),
    };
    match changed {
        Ok(_) => ApplyResponse {
            state: planned,
            diagnostics: Vec::new(),
        },
        Err(diagnostic) => ApplyResponse {
            state: prior,
            diagnostics: vec![diagnostic],
        },
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
        .delete_runner(id, &budget(Operation::Delete, &request.prior, context))
        .await
    {
        Ok(()) => Vec::new(),
        Err(error) => vec![outcome::failed("Could not delete the runner", &error)],
    }
}

pub(super) async fn read(
    connection: &Connection,
    context: CallContext,
    request: ReadRequest,
) -> ReadResponse {
    let client = match connection.client() {
        Ok(Some(client)) => client,
        // The refresh waits until the provider block is known.
        Ok(None) => {
            return ReadResponse {
                state: request.state,
                diagnostics: Vec::new(),
            };
        }
        Err(diagnostic) => {
            return ReadResponse {
                state: request.state,
                diagnostics: vec![diagnostic],
            };
        }
    };
    let id = request.state.get("id").as_str().unwrap_or_default();
    let answer = client
        .get_runner(id, &budget(Operation::Read, &request.state, context))
        .await;
    let state = answer
        .map(|runner| runner.map_or(Value::Null, |runner| model::state(&runner, &request.state)));
    match state {
        Ok(state) => ReadResponse {
            state,
            diagnostics: Vec::new(),
        },
        Err(error) => ReadResponse {
            state: request.state,
            diagnostics: vec![outcome::failed("Could not read the runner", &error)],
        },
    }
}

pub(super) async fn import(
    connection: &Connection,
    context: CallContext,
    request: ImportRequest,
) -> ReadResponse {
    let refuse = |diagnostic| ReadResponse {
        state: Value::Null,
        diagnostics: vec![diagnostic],
    };
    if let Err(invalid) = validate::runner_id(&request.id) {
        return refuse(Diagnostic::error(
            "Invalid import id",
            format!(
                "The import id of a runner is the runner's id. {}",
                invalid.detail
            ),
        ));
    }
    let client = match connection.client_now() {
        Ok(client) => client,
        Err(diagnostic) => return refuse(diagnostic),
    };
    let budget = budget(Operation::Read, &Value::Null, context);
    match find(&client, &request.id, &budget).await {
        Ok(runner) => ReadResponse {
            state: model::state(&runner, &Value::Null),
            diagnostics: Vec::new(),
        },
        Err(diagnostic) => refuse(diagnostic),
    }
}

/// The runner that must be there.
pub(super) async fn find(
    client: &crate::orchestrator::Client,
    id: &str,
    budget: &Budget,
) -> Result<Runner, Diagnostic> {
    match client.get_runner(id, budget).await {
        Ok(Some(runner)) => Ok(runner),
        Ok(None) => Err(Diagnostic::error(
            "Runner not found",
            format!(
                "There is no runner {id:?} in the organization {:?}. Check the id and the provider's org_id; \
                 `hctl get runners` lists what there is.",
                client.org(),
            ),
        )),
        Err(error) => Err(outcome::failed("Could not read the runner", &error)),
    }
}

pub(super) fn budget(operation: Operation, object: &Value, context: CallContext) -> Budget {
    Budget::new(operation.timeout(object), context.stop)
}
