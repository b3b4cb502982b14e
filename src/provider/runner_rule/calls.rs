//! The API calls of a runner rule's operations.

use crate::orchestrator::{ApiError, CallBudget, Client, Existing, Rule, RuleKey};
use crate::provider::connection::Connection;
use crate::provider::{api_diagnostics, timeouts};
use terraform_plugin_server::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Diagnostic, Path, ReadRequest, ReadResponse, Value,
};

use super::schema;

pub(super) async fn create(connection: &Connection, context: CallContext, request: CreateRequest) -> ApplyResponse {
    let refuse = |diagnostic| ApplyResponse {
        state: Value::Null,
        diagnostics: vec![diagnostic],
    };
    let client = match connection.client_now() {
        Ok(client) => client,
        Err(diagnostic) => return refuse(diagnostic),
    };
    let key = super::key(&request.planned);
    let what = format!("Could not create the rule for runner {:?}", key.runner_id);
    let budget = timeouts::default_budget(&context);
    match client.create_rule(&key, &budget).await {
        Ok(rule) => ApplyResponse {
            state: super::state(&rule, &request.config),
            diagnostics: Vec::new(),
        },
        // The rule might exist, so the state must contain it. The service generates the id; until it is read, the
        // other attributes identify the rule.
        Err(error) if error.is_uncertain() => ApplyResponse {
            state: super::state_without_id(&request.config),
            diagnostics: vec![api_diagnostics::failed(
                what,
                &error,
                &[api_diagnostics::tainted_advice()],
            )],
        },
        Err(error) => refuse(not_created(what, &key, &error)),
    }
}

/// Returns the error about a rule that was certainly not created.
fn not_created(what: String, key: &RuleKey, error: &ApiError) -> Diagnostic {
    let type_name = schema::TYPE_NAME;
    if let Some(exists) = api_diagnostics::already_exists(what.clone(), error, type_name, "runner_id", UNIQUE) {
        return exists;
    }
    let (at, more) = match error {
        ApiError::AlreadyExists {
            id,
            existing: Existing::OtherRunner(selected),
            ..
        } => ("runner_id", conflict(key, id, selected)),
        ApiError::RunnerNotFound { id, .. } => (
            "runner_id",
            format!(
                "To fix it, set runner_id to the ID of an existing runner. If this configuration creates runner {id:?}, \
                 refer to the `id` of its resource, so that Terraform creates the runner first."
            ),
        ),
        ApiError::EnvTypeNotFound { .. } => (
            "env_type_id",
            "To fix it, set env_type_id to the ID of an existing environment type, or create the environment type \
             first."
                .to_owned(),
        ),
        _ => return api_diagnostics::failed(what, error, &[]),
    };
    api_diagnostics::failed(what, error, &[more]).at(Path::new([at]))
}

/// A clause that says what can exist only once.
const UNIQUE: &str = "an organization has at most one rule for each project and environment type";

/// Returns what to do about rule `id`, which selects runner `selected` for the environments of `key`.
///
/// It does not contain an `import` block, because after the import Terraform replaces the rule, which deletes it first.
fn conflict(key: &RuleKey, id: &str, selected: &str) -> String {
    let scope = match (&key.project_id, &key.env_type_id) {
        (Some(project), Some(env_type)) => {
            format!("project {project:?} and environment type {env_type:?}")
        }
        (Some(project), None) => format!("project {project:?} and every environment type"),
        (None, Some(env_type)) => format!("every project and environment type {env_type:?}"),
        (None, None) => "every project and every environment type".to_owned(),
    };
    let runner = &key.runner_id;
    format!(
        "Rule {id:?} for {scope} selects runner {selected:?}, and {UNIQUE}.\n\nTo fix it, do one of these:\n\n  - Keep the existing rule: change \
         project_id or env_type_id of this resource, or remove the resource.\n  - Replace the existing \
         rule with one for runner \
         {runner:?}: import it into this resource, with {id:?} as the import ID. A rule cannot be changed, so \
         Terraform then plans to replace it: it deletes the rule and creates a new one. Between the \
         delete and the create, and if the \
         create fails, no rule selects a runner for {scope}, and less specific rules apply.\n\n{}",
        api_diagnostics::replacement_advice(UNIQUE)
    )
}

pub(super) async fn delete(connection: &Connection, context: CallContext, request: DeleteRequest) -> Vec<Diagnostic> {
    let client = match connection.client_now() {
        Ok(client) => client,
        Err(diagnostic) => return vec![diagnostic],
    };
    let budget = timeouts::default_budget(&context);
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

pub(super) async fn read(connection: &Connection, context: CallContext, request: ReadRequest) -> ReadResponse {
    let keep = |diagnostics| ReadResponse {
        state: request.state.clone(),
        diagnostics,
    };
    let client = match connection.client() {
        Ok(Some(client)) => client,
        // The provider block has unknown values, so there is no refresh yet.
        Ok(None) => return keep(Vec::new()),
        Err(diagnostic) => return keep(vec![diagnostic]),
    };
    let budget = timeouts::default_budget(&context);
    let found = match id(&request.state) {
        Some(id) => client.get_rule(id, &budget).await,
        None => find_by_key(&client, &request.state, &budget).await,
    };
    match found {
        Ok(Some(rule)) => ReadResponse {
            state: super::state(&rule, &request.state),
            diagnostics: Vec::new(),
        },
        Ok(None) => ReadResponse {
            state: Value::Null,
            diagnostics: connection.missing_org_warning(&client).into_iter().collect(),
        },
        Err(error) => keep(vec![failed("read", &request.state, &error)]),
    }
}

/// Returns the rule's id. `None` if a create ended before it was known.
fn id(object: &Value) -> Option<&str> {
    object.get("id").as_str()
}

/// Returns the rule with the attributes of `object`.
async fn find_by_key(client: &Client, object: &Value, budget: &CallBudget) -> Result<Option<Rule>, ApiError> {
    let key = super::key(object);
    let found = client.find_rule(&key, budget).await?;
    Ok(found.filter(|rule| rule.key == key))
}

fn failed(verb: &str, object: &Value, error: &ApiError) -> Diagnostic {
    let rule = match id(object) {
        Some(id) => format!("runner rule {id:?}"),
        None => "the runner rule, whose ID is not known yet".to_owned(),
    };
    api_diagnostics::failed(format!("Could not {verb} {rule}"), error, &[])
}

/// Returns the rule, which must exist.
pub(super) async fn find(connection: &Connection, context: CallContext, id: &str) -> Result<Rule, Diagnostic> {
    let client = connection.client_now()?;
    let cli = client.cli();
    let Ok(uuid) = uuid::Uuid::try_parse(id) else {
        return Err(Diagnostic::error(
            "Invalid runner rule ID",
            format!(
                "{id:?} is not a UUID. The ID of a runner rule is the UUID that the Orchestrator generated, such as \
                 \"01234567-89ab-cdef-0123-456789abcdef\". `{cli} get runner-rules` lists the rules."
            ),
        ));
    };
    match client
        .get_rule(&uuid.to_string(), &timeouts::default_budget(&context))
        .await
    {
        Ok(Some(rule)) => Ok(rule),
        Ok(None) => Err(Diagnostic::error(
            "Runner rule not found",
            format!(
                "Runner rule {id:?} does not exist in organization {:?}.\n\nCheck the ID and the provider's org_id. \
                 `{cli} get runner-rules` lists the rules.",
                client.org(),
            ),
        )),
        Err(error) => Err(api_diagnostics::failed(
            format!("Could not read runner rule {id:?}"),
            &error,
            &[],
        )),
    }
}
