//! Checking configurations, which may hold unknown values: of the provider block, of resources and
//! of data sources. What is wrong by the schema is answered with what the provider finds.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::configured;
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::value::Value;
use crate::plugin::wire::catalog::Described;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::{
    DynamicValue, validate_data_resource_config, validate_provider_config, validate_resource_config,
};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn provider(
    service: &ProviderService,
    request: validate_provider_config::Request,
) -> validate_provider_config::Response {
    let checked = async {
        let catalog = service.catalog().await?;
        let what = "provider's configuration";
        check(
            &catalog.provider,
            request.config,
            what,
            |it, config| async move { it.validate(config).await },
        )
        .await
    };
    validate_provider_config::Response {
        diagnostics: diagnostics(checked.await.unwrap_or_else(one)),
    }
}

pub(in crate::plugin::wire) async fn resource(
    service: &ProviderService,
    request: validate_resource_config::Request,
) -> validate_resource_config::Response {
    let checked = async {
        let catalog = service.catalog().await?;
        let resource = catalog.resource(&request.type_name)?;
        let what = format!("configuration of a {}", request.type_name);
        check(resource, request.config, &what, |it, config| async move {
            it.validate(config).await
        })
        .await
    };
    validate_resource_config::Response {
        diagnostics: diagnostics(checked.await.unwrap_or_else(one)),
    }
}

pub(in crate::plugin::wire) async fn data_source(
    service: &ProviderService,
    request: validate_data_resource_config::Request,
) -> validate_data_resource_config::Response {
    let checked = async {
        let catalog = service.catalog().await?;
        let source = catalog.data_source(&request.type_name)?;
        let what = format!("configuration of a {}", request.type_name);
        check(source, request.config, &what, |it, config| async move {
            it.validate(config).await
        })
        .await
    };
    validate_data_resource_config::Response {
        diagnostics: diagnostics(checked.await.unwrap_or_else(one)),
    }
}

/// Everything that is wrong with a configuration, which is called `what`.
///
/// # Errors
/// Where it cannot be read.
async fn check<T: ?Sized, F>(
    of: &Described<T>,
    config: Option<DynamicValue>,
    what: &str,
    validate: impl FnOnce(Arc<T>, Value) -> F,
) -> Result<Vec<Diagnostic>, Diagnostic>
where
    F: Future<Output = Vec<Diagnostic>> + Send + 'static,
{
    let config = dynamic::decode(config.as_ref(), &of.ty, what)?;
    let mut found = configured::check(&of.schema, &config);
    let validated = validate(Arc::clone(&of.it), config);
    let validated = isolated(&format!("checking the {what}"), validated).await;
    found.extend(validated.unwrap_or_else(one));
    Ok(found)
}

fn one(diagnostic: Diagnostic) -> Vec<Diagnostic> {
    vec![diagnostic]
}
