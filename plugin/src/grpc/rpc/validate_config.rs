//! Validating configurations, which can contain unknown values: the provider block, resources, data sources, list
//! resources, and actions. The diagnostics of the provider follow those about the schema.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::grpc::catalog::Described;
use crate::grpc::proto::{
    DynamicValue, validate_action_config, validate_data_resource_config, validate_list_resource_config,
    validate_provider_config, validate_resource_config,
};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::required_arguments;
use crate::validation::ValidateConfig;

pub(in crate::grpc) async fn provider(
    provider: &ServedProvider,
    request: validate_provider_config::Request,
) -> validate_provider_config::Response {
    let found = async {
        let catalog = provider.catalog().await?;
        let what = "provider's configuration";
        validate(&catalog.provider, request.config, what, |provider| {
            provider.validate_config()
        })
        .await
    };
    validate_provider_config::Response {
        diagnostics: provider.diagnostics(found.await.unwrap_or_else(one)),
    }
}

pub(in crate::grpc) async fn resource(
    provider: &ServedProvider,
    request: validate_resource_config::Request,
) -> validate_resource_config::Response {
    let found = async {
        let catalog = provider.catalog().await?;
        let resource = catalog.resource(&request.type_name)?;
        let what = format!("configuration of a {}", request.type_name);
        validate(resource, request.config, &what, |resource| resource.validate_config()).await
    };
    validate_resource_config::Response {
        diagnostics: provider.diagnostics(found.await.unwrap_or_else(one)),
    }
}

pub(in crate::grpc) async fn data_source(
    provider: &ServedProvider,
    request: validate_data_resource_config::Request,
) -> validate_data_resource_config::Response {
    let found = async {
        let catalog = provider.catalog().await?;
        let source = catalog.data_source(&request.type_name)?;
        let what = format!("configuration of a {}", request.type_name);
        validate(source, request.config, &what, |source| source.validate_config()).await
    };
    validate_data_resource_config::Response {
        diagnostics: provider.diagnostics(found.await.unwrap_or_else(one)),
    }
}

pub(in crate::grpc) async fn list_resource(
    provider: &ServedProvider,
    request: validate_list_resource_config::Request,
) -> validate_list_resource_config::Response {
    let found = async {
        let catalog = provider.catalog().await?;
        let list = catalog.list_resource(&request.type_name)?;
        let what = format!("configuration of a {}", request.type_name);
        validate(list, request.config, &what, |list| list.validate_config()).await
    };
    validate_list_resource_config::Response {
        diagnostics: provider.diagnostics(found.await.unwrap_or_else(one)),
    }
}

pub(in crate::grpc) async fn action(
    provider: &ServedProvider,
    request: validate_action_config::Request,
) -> validate_action_config::Response {
    let found = async {
        let catalog = provider.catalog().await?;
        let action = catalog.action(&request.action_type)?;
        let what = format!("configuration of a {}", request.action_type);
        validate(action, request.config, &what, |action| action.validate_config()).await
    };
    validate_action_config::Response {
        diagnostics: provider.diagnostics(found.await.unwrap_or_else(one)),
    }
}

/// Returns everything that is wrong with a configuration. `what` names it in errors, and `validator` returns the
/// provider's own validation.
///
/// # Errors
/// Returns the diagnostic to show if the configuration cannot be read.
async fn validate<T: ?Sized + Send + Sync + 'static>(
    described: &Described<T>,
    config: Option<DynamicValue>,
    what: &str,
    validator: fn(&T) -> Option<&dyn ValidateConfig>,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let config = value::decode(config.as_ref(), &described.ty, what)?;
    let mut found = required_arguments::check(&described.schema, &config);
    let implementation = Arc::clone(&described.implementation);
    let doing = format!("validating the {what}");
    let validated = run_isolated(&doing, async move {
        match validator(&implementation) {
            Some(validator) => validator.validate(config).await,
            None => Vec::new(),
        }
    });
    found.extend(validated.await.unwrap_or_else(one));
    Ok(found)
}

fn one(diagnostic: Diagnostic) -> Vec<Diagnostic> {
    vec![diagnostic]
}
