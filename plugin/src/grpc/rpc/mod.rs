//! The calls, one file each: decode the request, call the provider, and verify and encode the response.

pub(super) mod apply_resource_change;
pub(super) mod call_function;
pub(super) mod configure_provider;
pub(super) mod get_functions;
pub(super) mod get_metadata;
pub(super) mod get_provider_schema;
pub(super) mod get_resource_identity_schemas;
pub(super) mod import_resource_state;
pub(super) mod invoke_action;
pub(super) mod list_resource;
pub(super) mod move_resource_state;
pub(super) mod not_offered;
pub(super) mod plan_action;
pub(super) mod plan_resource_change;
pub(super) mod read_data_source;
pub(super) mod read_resource;
mod saved_state;
pub(super) mod stop_provider;
pub(super) mod upgrade_resource_identity;
pub(super) mod upgrade_resource_state;
pub(super) mod validate_config;
