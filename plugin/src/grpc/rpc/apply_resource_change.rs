//! Creating, updating, and deleting. The response always has the best known state: Terraform would lose an object that
//! the response does not have, although it might exist.

use std::sync::Arc;

use crate::consistency;
use crate::context::CallContext;
use crate::diagnostic::Diagnostic;
use crate::grpc::catalog::Described;
use crate::grpc::identity;
use crate::grpc::proto::apply_resource_change::{Request, Response};
use crate::grpc::proto::{DynamicValue, ResourceIdentityData};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::resource::{ApplyResponse, CreateRequest, DeleteRequest, Resource, UpdateRequest};
use crate::value::{Type, Value};

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let (state, identity, found) = match apply(provider, &request).await {
        Ok((state, identity, found)) => (Some(state), identity, found),
        // The provider was not called, so the prior state has not changed.
        Err(diagnostic) => (request.prior_state, request.planned_identity, vec![diagnostic]),
    };
    Response {
        new_state: state,
        private: request.planned_private,
        diagnostics: provider.diagnostics(found),
        new_identity: identity,
        ..Default::default()
    }
}

/// Returns the new state, its identity, and the diagnostics.
///
/// # Errors
/// Returns the diagnostic to show if the request is invalid. The provider has not been called then.
async fn apply(
    provider: &ServedProvider,
    request: &Request,
) -> Result<(DynamicValue, Option<ResourceIdentityData>, Vec<Diagnostic>), Diagnostic> {
    let catalog = provider.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let ty = &resource.ty;
    let prior = value::decode_known(request.prior_state.as_ref(), ty, "prior state")?;
    let planned = value::decode(request.planned_state.as_ref(), ty, "plan")?;
    let config = value::decode_known(request.config.as_ref(), ty, "configuration")?;

    let context = provider.context();
    let name = &request.type_name;
    // The provider can have another configuration than when the plan was saved.
    identity::verify(&catalog, name, request.planned_identity.as_ref(), &planned).await?;
    let (state, mut found) = match (prior.is_null(), planned.is_null()) {
        (true, false) => create(resource, name, context, planned, config).await,
        (false, false) => update(resource, name, context, prior, planned, config).await,
        (false, true) => delete(resource, name, context, prior).await,
        (true, true) => (Value::Null, Vec::new()),
    };
    // The planned identity of a new object can have unknown parts.
    let identity = if catalog.identities.contains_key(name.as_str()) && !state.is_null() {
        let identity = identity::known(&catalog, name, &state).await;
        identity.unwrap_or_else(|bug| {
            found.push(bug);
            None
        })
    } else {
        request.planned_identity.clone()
    };
    Ok((value::encode_known(&state, ty, "state")?, identity, found))
}

async fn create(
    resource: &Described<dyn Resource>,
    name: &str,
    context: CallContext,
    planned: Value,
    config: Value,
) -> (Value, Vec<Diagnostic>) {
    // If the provider does not return a state, the object might exist, so it must be in the state.
    let assumed = without_unknown(&planned, &config);
    let request = CreateRequest {
        planned: planned.clone(),
        config: config.clone(),
    };
    let implementation = Arc::clone(&resource.implementation);
    let doing = format!("creating a {name}");
    let response = run_isolated(&doing, async move { implementation.create(context, request).await }).await;
    match response {
        // The provider reports that nothing was created.
        Ok(response) if response.state.is_null() && has_error(&response) => (Value::Null, response.diagnostics),
        response => verified(response, &resource.ty, &planned, &config, assumed),
    }
}

async fn update(
    resource: &Described<dyn Resource>,
    name: &str,
    context: CallContext,
    prior: Value,
    planned: Value,
    config: Value,
) -> (Value, Vec<Diagnostic>) {
    let request = UpdateRequest {
        prior: prior.clone(),
        planned: planned.clone(),
        config: config.clone(),
    };
    let implementation = Arc::clone(&resource.implementation);
    let doing = format!("updating a {name}");
    let response = run_isolated(&doing, async move { implementation.update(context, request).await }).await;
    match response {
        Ok(response) if response.state.is_null() && has_error(&response) => (prior, response.diagnostics),
        response => verified(response, &resource.ty, &planned, &config, prior),
    }
}

async fn delete(
    resource: &Described<dyn Resource>,
    name: &str,
    context: CallContext,
    prior: Value,
) -> (Value, Vec<Diagnostic>) {
    let request = DeleteRequest { prior: prior.clone() };
    let implementation = Arc::clone(&resource.implementation);
    let doing = format!("deleting a {name}");
    let response = run_isolated(&doing, async move { implementation.delete(context, request).await }).await;
    let found = response.unwrap_or_else(|diagnostic| vec![diagnostic]);
    if found.iter().any(Diagnostic::is_error) {
        (prior, found)
    } else {
        (Value::Null, found)
    }
}

/// Returns the state and the diagnostics of a response in a form that Terraform accepts. `fallback` is the state if the
/// response does not have a valid one.
fn verified(
    response: Result<ApplyResponse, Diagnostic>,
    ty: &Type,
    planned: &Value,
    config: &Value,
    fallback: Value,
) -> (Value, Vec<Diagnostic>) {
    let mut response = match response {
        Ok(response) => response,
        Err(diagnostic) => return (fallback, vec![diagnostic]),
    };
    if response.state.is_null() {
        let bug = Diagnostic::bug("The provider returned no state and no error");
        response.diagnostics.push(bug);
        return (fallback, response.diagnostics);
    }
    let state = without_unknown(&response.state, config);
    if let Err(bug) = value::encode(&state, ty, "state") {
        response.diagnostics.push(bug);
        return (fallback, response.diagnostics);
    }
    if !response.state.is_wholly_known() {
        let bug = Diagnostic::bug("The provider returned a state that contains unknown values");
        response.diagnostics.push(bug);
    }
    // After an error, the state can differ from the plan.
    if !has_error(&response)
        && let Err(error) = consistency::check_applied(ty, planned, &state)
    {
        response.diagnostics.push(Diagnostic::bug(format!(
            "The provider returned a state that contradicts its plan. {error}"
        )));
    }
    (state, response.diagnostics)
}

fn has_error(response: &ApplyResponse) -> bool {
    response.diagnostics.iter().any(Diagnostic::is_error)
}

/// Returns `value` with its unknown parts replaced by the configured values, or else by null.
fn without_unknown(value: &Value, config: &Value) -> Value {
    match value {
        Value::Unknown(_) if config.is_wholly_known() => config.clone(),
        Value::Unknown(_) => Value::Null,
        Value::Map(elements) => {
            let settle = |(name, value): (&String, &Value)| (name.clone(), without_unknown(value, config.get(name)));
            Value::Map(elements.iter().map(settle).collect())
        }
        Value::List(elements) => {
            let configured = match config {
                Value::List(configured) if configured.len() == elements.len() => configured.iter(),
                _ => [].iter(),
            };
            let configured = configured.chain(std::iter::repeat(&Value::Null));
            let settle = |(value, config)| without_unknown(value, config);
            Value::List(elements.iter().zip(configured).map(settle).collect())
        }
        Value::Dynamic(ty, value) => match config {
            Value::Dynamic(config_ty, config) if config_ty == ty => {
                Value::Dynamic(ty.clone(), Box::new(without_unknown(value, config)))
            }
            _ => Value::Dynamic(ty.clone(), Box::new(without_unknown(value, &Value::Null))),
        },
        known => known.clone(),
    }
}
