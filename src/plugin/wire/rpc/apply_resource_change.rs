//! Creating, changing and deleting. Whatever happens, the answer is the best known state: what is
//! not answered is lost, though it may exist.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::conform;
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::provider::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Resource, UpdateRequest,
};
use crate::plugin::value::{Type, Value};
use crate::plugin::wire::catalog::Described;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::DynamicValue;
use crate::plugin::wire::proto::apply_resource_change::{Request, Response};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn answer(
    service: &ProviderService,
    request: Request,
) -> Response {
    let (state, found) = match apply(service, &request).await {
        Ok((state, found)) => (Some(state), found),
        // The provider was not called: what there was is there still.
        Err(diagnostic) => (request.prior_state, vec![diagnostic]),
    };
    Response {
        new_state: state,
        private: request.planned_private,
        diagnostics: diagnostics(found),
        new_identity: request.planned_identity,
        ..Default::default()
    }
}

/// The new state and the diagnostics.
///
/// # Errors
/// Where the request makes no sense, before the provider was called.
async fn apply(
    service: &ProviderService,
    request: &Request,
) -> Result<(DynamicValue, Vec<Diagnostic>), Diagnostic> {
    let catalog = service.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let ty = &resource.ty;
    let prior = dynamic::decode_known(request.prior_state.as_ref(), ty, "prior state")?;
    let planned = dynamic::decode(request.planned_state.as_ref(), ty, "plan")?;
    let config = dynamic::decode_known(request.config.as_ref(), ty, "configuration")?;

    let context = service.context();
    let name = &request.type_name;
    let (state, found) = match (prior.is_null(), planned.is_null()) {
        (true, false) => create(resource, name, context, planned, config).await,
        (false, false) => update(resource, name, context, prior, planned, config).await,
        (false, true) => delete(resource, name, context, prior).await,
        (true, true) => (Value::Null, Vec::new()),
    };
    Ok((dynamic::encode_known(&state, ty, "state")?, found))
}

async fn create(
    resource: &Described<dyn Resource>,
    name: &str,
    context: CallContext,
    planned: Value,
    config: Value,
) -> (Value, Vec<Diagnostic>) {
    // Where the provider does not say: it may exist, so it has to be in the state.
    let perhaps = settled(&planned, &config);
    let request = CreateRequest {
        planned: planned.clone(),
        config: config.clone(),
    };
    let it = Arc::clone(&resource.it);
    let doing = format!("creating a {name}");
    let answer = isolated(&doing, async move { it.create(context, request).await }).await;
    match answer {
        // The provider is sure that nothing exists.
        Ok(answer) if answer.state.is_null() && has_error(&answer) => {
            (Value::Null, answer.diagnostics)
        }
        answer => checked(answer, &resource.ty, &planned, &config, perhaps),
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
    let it = Arc::clone(&resource.it);
    let doing = format!("changing a {name}");
    let answer = isolated(&doing, async move { it.update(context, request).await }).await;
    match answer {
        Ok(answer) if answer.state.is_null() && has_error(&answer) => (prior, answer.diagnostics),
        answer => checked(answer, &resource.ty, &planned, &config, prior),
    }
}

async fn delete(
    resource: &Described<dyn Resource>,
    name: &str,
    context: CallContext,
    prior: Value,
) -> (Value, Vec<Diagnostic>) {
    let request = DeleteRequest {
        prior: prior.clone(),
    };
    let it = Arc::clone(&resource.it);
    let doing = format!("deleting a {name}");
    let answer = isolated(&doing, async move { it.delete(context, request).await }).await;
    let found = answer.unwrap_or_else(|diagnostic| vec![diagnostic]);
    if found.iter().any(Diagnostic::is_error) {
        (prior, found)
    } else {
        (Value::Null, found)
    }
}

/// The state and the diagnostics of an answer that Terraform will take. `otherwise` is the state
/// where the answer has none that could be used.
fn checked(
    answer: Result<ApplyResponse, Diagnostic>,
    ty: &Type,
    planned: &Value,
    config: &Value,
    otherwise: Value,
) -> (Value, Vec<Diagnostic>) {
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(diagnostic) => return (otherwise, vec![diagnostic]),
    };
    if answer.state.is_null() {
        let bug = Diagnostic::bug("The provider answered that nothing is there, and no error");
        answer.diagnostics.push(bug);
        return (otherwise, answer.diagnostics);
    }
    let state = settled(&answer.state, config);
    if let Err(bug) = dynamic::encode(&state, ty, "state") {
        answer.diagnostics.push(bug);
        return (otherwise, answer.diagnostics);
    }
    if !answer.state.is_wholly_known() {
        let bug = Diagnostic::bug("The provider answered a state that holds unknown values");
        answer.diagnostics.push(bug);
    }
    // With an error, the state may well be another than the planned one.
    if !has_error(&answer)
        && let Err(error) = conform::check_applied(ty, planned, &state)
    {
        answer.diagnostics.push(Diagnostic::bug(format!(
            "The provider answered a state that contradicts its plan. {error}"
        )));
    }
    (state, answer.diagnostics)
}

fn has_error(answer: &ApplyResponse) -> bool {
    answer.diagnostics.iter().any(Diagnostic::is_error)
}

/// `value` with what is unknown in it replaced by what is configured there, or else by null.
fn settled(value: &Value, config: &Value) -> Value {
    match value {
        Value::Unknown(_) if config.is_wholly_known() => config.clone(),
        Value::Unknown(_) => Value::Null,
        Value::Map(elements) => {
            let settle =
                |(name, value): (&String, &Value)| (name.clone(), settled(value, config.get(name)));
            Value::Map(elements.iter().map(settle).collect())
        }
        Value::List(elements) => {
            let configured = match config {
                Value::List(configured) if configured.len() == elements.len() => configured.iter(),
                _ => [].iter(),
            };
            let configured = configured.chain(std::iter::repeat(&Value::Null));
            let settle = |(value, config)| settled(value, config);
            Value::List(elements.iter().zip(configured).map(settle).collect())
        }
        Value::Dynamic(ty, value) => match config {
            Value::Dynamic(config_ty, config) if config_ty == ty => {
                Value::Dynamic(ty.clone(), Box::new(settled(value, config)))
            }
            _ => Value::Dynamic(ty.clone(), Box::new(settled(value, &Value::Null))),
        },
        known => known.clone(),
    }
}
