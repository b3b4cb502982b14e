//! What an EKS runner's operations ask of the Orchestrator.

use std::sync::Arc;

use crate::access::Subject;
use crate::orchestrator::{Budget, Client};
use crate::plugin::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Diagnostic, ImportRequest, Path,
    ReadRequest, ReadResponse, UpdateRequest, Value,
};
use crate::provider::connection::Connection;
use crate::provider::eks_access::{self, EksAccess};
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
    let access = Access::of(connection, &Value::Null, &request.planned, &context);
    let mut diagnostics = match access.before().await {
        Ok(diagnostics) => diagnostics,
        Err(diagnostics) => {
            return ApplyResponse {
                state: Value::Null,
                diagnostics,
            };
        }
    };
    let budget = budget(Operation::Create, &request.planned, context.clone());
    match client.create_runner(&runner, &budget).await {
        Ok(_) => {
            diagnostics.extend(access.after().await);
            ApplyResponse {
                state: request.planned,
                diagnostics,
            }
        }
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

/// The EKS access checks of one apply, if there are any: before and after the runner is registered or
/// changed.
struct Access<'a> {
    checks: Option<(Arc<EksAccess>, Subject)>,
    context: &'a CallContext,
}

impl<'a> Access<'a> {
    fn of(
        connection: &Connection,
        prior: &Value,
        planned: &Value,
        context: &'a CallContext,
    ) -> Self {
        let checks = connection
            .checks()
            .filter(|_| eks_access::is_relevant(prior, planned))
            .and_then(|(access, org)| Some((access, eks_access::subject(&org, planned)?)));
        Self { checks, context }
    }

    /// What there is to be told, or why nothing must be registered or changed.
    async fn before(&self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        match &self.checks {
            Some((access, subject)) => access.before(subject, self.context).await,
            None => Ok(Vec::new()),
        }
    }

    async fn after(&self) -> Vec<Diagnostic> {
        match &self.checks {
            Some((access, subject)) => access.after(subject, self.context).await,
            None => Vec::new(),
        }
    }
}

pub(super) async fn update(
    connection: &Connection,
    context: CallContext,
    request: UpdateRequest,
) -> ApplyResponse {
    let UpdateRequest { prior, planned, .. } = request;
    let refuse = |prior, diagnostics| ApplyResponse {
        state: prior,
        diagnostics,
    };
    let (client, runner) = match (connection.client_now(), model::runner(&planned)) {
        (Ok(client), Ok(runner)) => (client, runner),
        (Err(diagnostic), _) | (_, Err(diagnostic)) => return refuse(prior, vec![diagnostic]),
    };
    let access = Access::of(connection, &prior, &planned, &context);
    let mut diagnostics = match access.before().await {
        Ok(diagnostics) => diagnostics,
        Err(diagnostics) => return refuse(prior, diagnostics),
    };
    let budget = budget(Operation::Update, &planned, context.clone());
    match client.update_runner(&runner, &budget).await {
        Ok(_) => {
            diagnostics.extend(access.after().await);
            ApplyResponse {
                state: planned,
                diagnostics,
            }
        }
        Err(error) => refuse(
            prior,
            vec![outcome::failed("Could not update the runner", &error)],
        ),
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
pub(super) async fn find(client: &Client, id: &str, budget: &Budget) -> Result<Runner, Diagnostic> {
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

/// The state of the runner that a data source's `config` names.
pub(in crate::provider) async fn existing(
    client: &Client,
    config: &Value,
    context: &CallContext,
) -> Result<Value, Diagnostic> {
    let id = config.get("id").as_str().unwrap_or_default();
    let budget = budget(Operation::Read, config, context.clone());
    let runner = find(client, id, &budget)
        .await
        .map_err(|diagnostic| diagnostic.at(Path::of(["id"])))?;
    Ok(model::state(&runner, &Value::Null))
}

pub(super) fn budget(operation: Operation, object: &Value, context: CallContext) -> Budget {
    Budget::new(operation.timeout(object), context.stop)
}
