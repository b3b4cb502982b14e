//! Planning a change. After an error, the plan is what Terraform proposed.

use std::sync::Arc;

use crate::consistency;
use crate::diagnostic::{Diagnostic, Path};
use crate::grpc::proto::DynamicValue;
use crate::grpc::proto::plan_resource_change::{Request, Response};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::resource::PlanRequest;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let mut found = Vec::new();
    let planned = plan(provider, &request, &mut found).await;
    let (planned, requires_replace) = planned.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        (None, Vec::new())
    });
    Response {
        planned_state: planned.or(request.proposed_new_state),
        requires_replace: requires_replace.into_iter().map(Into::into).collect(),
        diagnostics: provider.diagnostics(found),
        planned_private: request.prior_private,
        planned_identity: request.prior_identity,
        ..Default::default()
    }
}

/// Returns the planned state, or `None` if it is what Terraform proposed, and the attributes whose change replaces the
/// object. Adds diagnostics to `found`.
///
/// # Errors
/// Returns the diagnostic to show if the request or the response of the provider is invalid.
async fn plan(
    provider: &ServedProvider,
    request: &Request,
    found: &mut Vec<Diagnostic>,
) -> Result<(Option<DynamicValue>, Vec<Path>), Diagnostic> {
    let catalog = provider.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let ty = &resource.ty;
    let proposed = request.proposed_new_state.as_ref();
    let proposed = value::decode(proposed, ty, "proposed state")?;
    if proposed.is_null() {
        // The object will be destroyed, which needs no plan.
        return Ok((None, Vec::new()));
    }
    let prior = value::decode_known(request.prior_state.as_ref(), ty, "prior state")?;
    let config = value::decode(request.config.as_ref(), ty, "configuration")?;
    if config.is_null() {
        return Err(Diagnostic::error(
            "The plan has no configuration",
            "Terraform requested a plan of a resource without a configuration. Report it with the log of a run with \
             TF_LOG=TRACE.",
        ));
    }
    let plan_request = PlanRequest {
        prior: prior.clone(),
        config: config.clone(),
        proposed,
    };
    let (implementation, context) = (Arc::clone(&resource.implementation), provider.context());
    let doing = format!("planning a {}", request.type_name);
    let response = run_isolated(&doing, async move {
        implementation.plan(context, plan_request).await
    });
    let response = response.await?;
    let failed = response.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(response.diagnostics);
    if failed {
        return Ok((None, Vec::new()));
    }
    let planned = value::encode(&response.planned, ty, "plan")?;
    consistency::check_plan(&resource.schema, ty, &prior, &config, &response.planned)
        .and_then(|()| {
            consistency::check_requires_replace(
                &response.requires_replace,
                &prior,
                &response.planned,
            )
        })
        .map_err(|error| {
            Diagnostic::bug(format!(
                "The provider planned a change that Terraform does not allow. {error}"
            ))
        })?;
    Ok((Some(planned), response.requires_replace))
}
