//! The API calls of an EKS runner's operations.

use std::sync::Arc;

use crate::access::Subject;
use crate::orchestrator::{ApiError, CallBudget, Client};
use crate::provider::api_diagnostics;
use crate::provider::connection::Connection;
use crate::provider::eks_access::EksAccess;
use crate::provider::runner_user::RunnerUser;
use crate::provider::timeouts::{self, Operation};
use crate::runner::{Runner, validate};
use terraform_plugin_server::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Diagnostic, ImportRequest, Path, ReadRequest,
    ReadResponse, UpdateRequest, Value,
};

use super::ids_in_use::IdsInUse;
use super::{ENVIRONMENTS, model, schema, subject};

pub(super) async fn create(
    connection: &Connection,
    ids: &IdsInUse,
    context: CallContext,
    request: CreateRequest,
) -> ApplyResponse {
    let planned = request.planned;
    let refuse = |diagnostic| ApplyResponse {
        state: Value::Null,
        diagnostics: vec![diagnostic],
    };
    let (client, runner) = match (connection.client_now(), model::runner(&planned)) {
        (Ok(client), Ok(runner)) => (client, runner),
        (Err(diagnostic), _) | (_, Err(diagnostic)) => return refuse(diagnostic),
    };
    let access = AccessChecks::new(connection, &Value::Null, &planned, &context);
    let mut diagnostics = match access.before().await {
        Ok(diagnostics) => diagnostics,
        Err(diagnostics) => {
            return ApplyResponse {
                state: Value::Null,
                diagnostics,
            };
        }
    };
    let budget = budget(Operation::Create, &planned, context.clone());
    ids.see_creating(&runner.id);
    match client.create_runner(&runner, &budget).await {
        Ok(_) => {
            diagnostics.extend(access.after().await);
            ApplyResponse {
                state: planned,
                diagnostics,
            }
        }
        // The runner might exist, so the state must contain it.
        Err(error) if error.is_uncertain() => {
            let diagnostics = vec![failed(Operation::Create, &planned, &error)];
            ApplyResponse {
                state: planned,
                diagnostics,
            }
        }
        // An import would put the runner that the other resource has created at two addresses.
        Err(error) if error.is_already_exists() && ids.is_repeated(&runner.id) => {
            let more = "Another resource of this configuration has this ID. Change `id`.".to_owned();
            let what = could_not(Operation::Create, &planned);
            refuse(api_diagnostics::failed(what, &error, &[more]).at(Path::new(["id"])))
        }
        Err(error) => {
            let what = could_not(Operation::Create, &planned);
            let unique = "a runner's ID is unique in its organization";
            let exists = api_diagnostics::already_exists(what, &error, schema::TYPE_NAME, "id", unique);
            refuse(exists.unwrap_or_else(|| failed(Operation::Create, &planned, &error)))
        }
    }
}

/// The EKS access checks of one apply, before and after the runner is registered or changed.
struct AccessChecks<'a> {
    /// `None` if the change does not change anything that is checked.
    checks: Option<(Arc<EksAccess>, Subject)>,
    context: &'a CallContext,
}

impl<'a> AccessChecks<'a> {
    fn new(connection: &Connection, prior: &Value, planned: &Value, context: &'a CallContext) -> Self {
        let checks = connection
            .checks()
            .filter(|_| subject::is_changed(prior, planned))
            .and_then(|(access, org)| Some((access, subject::subject(&org, planned)?)));
        Self { checks, context }
    }

    /// Returns what to report, or why nothing must be registered or changed.
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

pub(super) async fn update(connection: &Connection, context: CallContext, request: UpdateRequest) -> ApplyResponse {
    let UpdateRequest { prior, planned, .. } = request;
    let refuse = |prior, diagnostics| ApplyResponse {
        state: prior,
        diagnostics,
    };
    let (client, runner) = match (connection.client_now(), model::runner(&planned)) {
        (Ok(client), Ok(runner)) => (client, runner),
        (Err(diagnostic), _) | (_, Err(diagnostic)) => return refuse(prior, vec![diagnostic]),
    };
    // Only `timeouts` or a spelling differs, which the Orchestrator does not store.
    if model::runner(&prior).is_ok_and(|registered| registered == runner) {
        return ApplyResponse {
            state: planned,
            diagnostics: Vec::new(),
        };
    }
    let access = AccessChecks::new(connection, &prior, &planned, &context);
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
        Err(error) => refuse(prior, vec![failed(Operation::Update, &planned, &error)]),
    }
}

pub(super) async fn delete(connection: &Connection, context: CallContext, request: DeleteRequest) -> Vec<Diagnostic> {
    let client = match connection.client_now() {
        Ok(client) => client,
        Err(diagnostic) => return vec![diagnostic],
    };
    let budget = budget(Operation::Delete, &request.prior, context);
    match client.delete_runner(id(&request.prior), &budget).await {
        Ok(()) => Vec::new(),
        Err(error) => vec![failed(Operation::Delete, &request.prior, &error)],
    }
}

pub(super) async fn read(connection: &Connection, context: CallContext, request: ReadRequest) -> ReadResponse {
    let client = match connection.client() {
        Ok(Some(client)) => client,
        // The provider block has unknown values, so there is no refresh yet.
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
    if let Some(access) = connection.eks_access() {
        access.refreshed(id(&request.state));
    }
    let budget = budget(Operation::Read, &request.state, context);
    match client.get_runner(id(&request.state), &budget).await {
        Ok(Some(runner)) => ReadResponse {
            state: model::state(&runner, &request.state),
            diagnostics: Vec::new(),
        },
        Ok(None) => ReadResponse {
            state: Value::Null,
            diagnostics: connection.missing_org_warning(&client).into_iter().collect(),
        },
        Err(error) => ReadResponse {
            diagnostics: vec![failed(Operation::Read, &request.state, &error)],
            state: request.state,
        },
    }
}

pub(super) async fn import(connection: &Connection, context: CallContext, request: ImportRequest) -> ReadResponse {
    let refuse = |diagnostic| ReadResponse {
        state: Value::Null,
        diagnostics: vec![diagnostic],
    };
    if let Err(invalid) = validate::runner_id(&request.id) {
        return refuse(Diagnostic::error(
            "Invalid import ID",
            format!("The import ID of a runner is the runner's ID. {}", invalid.detail),
        ));
    }
    let client = match connection.client_now() {
        Ok(client) => client,
        Err(diagnostic) => return refuse(diagnostic),
    };
    let budget = budget(Operation::Read, &Value::Null, context);
    match find(&client, &request.id, &budget, RunnerUser::Resource).await {
        Ok(runner) => ReadResponse {
            state: model::state(&runner, &Value::Null),
            diagnostics: Vec::new(),
        },
        Err(diagnostic) => refuse(diagnostic),
    }
}

/// Returns the runner, which must exist.
async fn find(client: &Client, id: &str, budget: &CallBudget, user: RunnerUser) -> Result<Runner, Diagnostic> {
    match client.get_runner(id, budget).await {
        Ok(Some(runner)) => Ok(runner),
        Ok(None) => Err(Diagnostic::error(
            "Runner not found",
            format!(
                "Runner {id:?} does not exist in organization {:?}.\n\nCheck the ID and the provider's org_id. \
                 `{} get runners` lists the runners.",
                client.org(),
                client.cli(),
            ),
        )),
        Err(error) => {
            let mut more = Vec::new();
            if error.is_other_type() {
                more.push(format!("{} Check the ID.", user.sentence()));
            }
            let what = format!("Could not read runner {id:?}");
            Err(api_diagnostics::failed(what, &error, &more))
        }
    }
}

/// Returns the state of the runner that `config` names. An error is at the attribute `id`.
pub(in crate::provider) async fn existing(
    client: &Client,
    config: &Value,
    context: &CallContext,
    user: RunnerUser,
) -> Result<Value, Diagnostic> {
    let id = config.get("id").as_str().unwrap_or_default();
    let budget = budget(Operation::Read, config, context.clone());
    let runner = find(client, id, &budget, user)
        .await
        .map_err(|diagnostic| diagnostic.at(Path::new(["id"])))?;
    Ok(model::state(&runner, &Value::Null))
}

pub(super) fn budget(operation: Operation, object: &Value, context: CallContext) -> CallBudget {
    CallBudget::new(operation.timeout(object), context.stop)
}

fn id(object: &Value) -> &str {
    object.get("id").as_str().unwrap_or_default()
}

fn could_not(operation: Operation, object: &Value) -> String {
    format!("Could not {} runner {:?}", operation.name(), id(object))
}

/// How to fix a state whose runner was deleted, and whose id now belongs to a runner of another type.
const REPLACED: &str = "This resource did not register that runner: someone deleted its runner and reused the ID. The \
                        provider did not change the new runner.\n\nTo fix it, remove the resource from the state: run \
                        `terraform state rm` (or `tofu state rm`) with the address of the resource, or replace its \
                        block with a `removed` block with `destroy = false` and apply with -refresh=false. Then use \
                        another ID, or remove the resource from the configuration.";

/// Returns the error about a failed call, with what it means for `object`.
fn failed(operation: Operation, object: &Value, error: &ApiError) -> Diagnostic {
    let mut more = Vec::new();
    if error.is_deadline_exceeded() {
        more.push(timeouts::advice(operation, object));
    }
    match operation {
        Operation::Create if error.is_uncertain() => more.push(api_diagnostics::tainted_advice()),
        Operation::Update | Operation::Delete if error.is_uncertain() => more.push(
            "The state is unchanged. The next plan reads the runner again.".to_owned(),
        ),
        _ if error.is_other_type() => more.push(REPLACED.to_owned()),
        Operation::Update if error.is_not_found() => more.push(
            "The runner was deleted after the plan had read it. Run a new plan to create it."
                .to_owned(),
        ),
        Operation::Delete if error.is_conflict() => more.push(
            format!(
                "The runner was not deleted.\n\nTo fix it, delete the environments that use it, or move them to another \
                 runner: point the rules to that runner, then refresh the runner of each environment (`POST \
                 /orgs/{{org}}/projects/{{project}}/envs/{{environment}}/actions/refresh_runner`), because an environment \
                 keeps its runner until it is refreshed. Then delete the runner again. The Orchestrator names at most 10 \
                 environments at a time; the data source `{ENVIRONMENTS}` lists all of them."
            ),
        ),
        _ => {}
    }
    api_diagnostics::failed(could_not(operation, object), error, &more)
}
