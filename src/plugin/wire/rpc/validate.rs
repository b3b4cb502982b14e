//! Checking configurations, which may hold unknown values: of the provider block, of resources and
//! of data sources.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::{
    validate_data_resource_config, validate_provider_config, validate_resource_config,
};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn provider(
    service: &ProviderService,
    request: validate_provider_config::Request,
) -> validate_provider_config::Response {
    let checked = async {
        let catalog = service.catalog().await?;
        let provider = &catalog.provider;
        let config = request.config.as_ref();
        let config = dynamic::decode(config, &provider.ty, "provider's configuration")?;
        let it = Arc::clone(&provider.it);
        let doing = "checking the provider's configuration";
        isolated(doing, async move { it.validate(config).await }).await
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
        let config = dynamic::decode(request.config.as_ref(), &resource.ty, "configuration")?;
        let it = Arc::clone(&resource.it);
        let doing = format!("checking the configuration of a {}", request.type_name);
        isolated(&doing, async move { it.validate(config).await }).await
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
        let config = dynamic::decode(request.config.as_ref(), &source.ty, "configuration")?;
        let it = Arc::clone(&source.it);
        let doing = format!("checking the configuration of a {}", request.type_name);
        isolated(&doing, async move { it.validate(config).await }).await
    };
    validate_data_resource_config::Response {
        diagnostics: diagnostics(checked.await.unwrap_or_else(one)),
    }
}

fn one(diagnostic: Diagnostic) -> Vec<Diagnostic> {
    vec![diagnostic]
}
