//! Planning a change. After an error, the plan is what Terraform proposed.

use std::sync::Arc;

use crate::consistency;
use crate::diagnostic::{Diagnostic, Path, report_to};
use crate::grpc::identity;
use crate::grpc::proto::plan_resource_change::{Request, Response};
use crate::grpc::proto::{DynamicValue, ResourceIdentityData};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::resource::PlanRequest;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let mut found = Vec::new();
    let planned = plan(provider, &request, &mut found).await;
    let planned = planned.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        Planned::as_proposed(&request)
    });
    Response {
        planned_state: planned.state.or(request.proposed_new_state),
        requires_replace: planned.requires_replace.into_iter().map(Into::into).collect(),
        diagnostics: provider.diagnostics(found),
        planned_private: request.prior_private,
        planned_identity: planned.identity,
        ..Default::default()
    }
}

/// What the provider planned.
struct Planned {
    /// The planned state. `None` if it is what Terraform proposed.
    state: Option<DynamicValue>,
    /// The attributes whose change replaces the object.
    requires_replace: Vec<Path>,
    /// The identity of the planned object, if it is known.
    identity: Option<ResourceIdentityData>,
}

impl Planned {
    /// Returns the plan that is what Terraform proposed, for an object that keeps its identity.
    fn as_proposed(request: &Request) -> Self {
        Self {
            state: None,
            requires_replace: Vec::new(),
            identity: request.prior_identity.clone(),
        }
    }
}

/// Returns what the provider planned. Adds diagnostics to `found`.
///
/// # Errors
/// Returns the diagnostic to show if the request or the response of the provider is invalid.
async fn plan(
    provider: &ServedProvider,
    request: &Request,
    found: &mut Vec<Diagnostic>,
) -> Result<Planned, Diagnostic> {
    let catalog = provider.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let ty = &resource.ty;
    let prior = value::decode_known(request.prior_state.as_ref(), ty, "prior state")?;
    let name = &request.type_name;
    identity::verify(&catalog, name, request.prior_identity.as_ref(), &prior).await?;
    let proposed = request.proposed_new_state.as_ref();
    let proposed = value::decode(proposed, ty, "proposed state")?;
    if proposed.is_null() {
        // The object will be destroyed, which needs no plan.
        return Ok(Planned::as_proposed(request));
    }
    let config = value::decode(request.config.as_ref(), ty, "configuration")?;
    if config.is_null() {
        return Err(Diagnostic::error(
            "The plan has no configuration",
            format!(
                "Terraform requested a plan of a resource without a configuration. Report it{} with the log of a run with \
                 TF_LOG=TRACE.",
                report_to()
            ),
        ));
    }
    let plan_request = PlanRequest {
        prior: prior.clone(),
        config: config.clone(),
        proposed,
    };
    let (implementation, context) = (Arc::clone(&resource.implementation), provider.context());
    let doing = format!("planning a {name}");
    let response = run_isolated(&doing, async move { implementation.plan(context, plan_request).await });
    let response = response.await?;
    let failed = response.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(response.diagnostics);
    if failed {
        return Ok(Planned::as_proposed(request));
    }
    let planned = value::encode(&response.planned, ty, "plan")?;
    consistency::check_plan(&resource.schema, ty, &prior, &config, &response.planned)
        .and_then(|()| consistency::check_requires_replace(&response.requires_replace, &prior, &response.planned))
        .map_err(|error| {
            Diagnostic::bug(format!(
                "The provider planned a change that Terraform does not allow. {error}"
            ))
        })?;
    // OpenTofu 1.12 fails to save a plan whose identities have unknown parts. Terraform accepts a plan without one.
    let identity = identity::known(&catalog, name, &response.planned).await?;
    let is_new = prior.is_null() || !response.requires_replace.is_empty();
    let has_identity = catalog.identities.contains_key(name.as_str());
    let identity = match identity {
        None if !is_new || !has_identity => request.prior_identity.clone(),
        identity => identity,
    };
    Ok(Planned {
        state: Some(planned),
        requires_replace: response.requires_replace,
        identity,
    })
}
