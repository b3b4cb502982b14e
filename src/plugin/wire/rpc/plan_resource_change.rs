//! Planning a change. With an error, the plan is what Terraform proposed.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::conform;
use crate::plugin::diagnostic::{Diagnostic, Path};
use crate::plugin::provider::PlanRequest;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::DynamicValue;
use crate::plugin::wire::proto::plan_resource_change::{Request, Response};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn answer(
    service: &ProviderService,
    request: Request,
) -> Response {
    let mut found = Vec::new();
    let planned = plan(service, &request, &mut found).await;
    let (planned, replaced) = planned.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        (None, Vec::new())
    });
    Response {
        planned_state: planned.or(request.proposed_new_state),
        requires_replace: replaced.into_iter().map(Into::into).collect(),
        diagnostics: diagnostics(found),
        planned_private: request.prior_private,
        planned_identity: request.prior_identity,
        ..Default::default()
    }
}

/// The planned state and the attributes that ask for a new object. `None` where it is what
/// Terraform proposed.
async fn plan(
    service: &ProviderService,
    request: &Request,
    found: &mut Vec<Diagnostic>,
) -> Result<(Option<DynamicValue>, Vec<Path>), Diagnostic> {
    let catalog = service.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let ty = &resource.ty;
    let proposed = request.proposed_new_state.as_ref();
    let proposed = dynamic::decode(proposed, ty, "proposed state")?;
    if proposed.is_null() {
        // It shall be destroyed: there is nothing to plan.
        return Ok((None, Vec::new()));
    }
    let prior = dynamic::decode_known(request.prior_state.as_ref(), ty, "prior state")?;
    let config = dynamic::decode(request.config.as_ref(), ty, "configuration")?;
    if config.is_null() {
        return Err(Diagnostic::error(
            "The plan has no configuration",
            "Terraform asked for a plan of something that is not configured. Please report this \
             with the log of a run with TF_LOG=TRACE.",
        ));
    }
    let plan_request = PlanRequest {
        prior: prior.clone(),
        config: config.clone(),
        proposed,
    };
    let (it, context) = (Arc::clone(&resource.it), service.context());
    let doing = format!("planning a {}", request.type_name);
    let answer = isolated(&doing, async move { it.plan(context, plan_request).await }).await?;
    let failed = answer.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(answer.diagnostics);
    if failed {
        return Ok((None, Vec::new()));
    }
    let planned = dynamic::encode(&answer.planned, ty, "plan")?;
    conform::check_plan(&resource.schema, ty, &prior, &config, &answer.planned)
        .and_then(|()| conform::check_replaced(&answer.requires_replace, &prior, &answer.planned))
        .map_err(|error| {
            Diagnostic::bug(format!(
                "The provider planned a change that Terraform does not allow. {error}"
            ))
        })?;
    Ok((Some(planned), answer.requires_replace))
}
