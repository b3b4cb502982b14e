//! The calls, one file each: decode, call the provider, check and encode its answer.

pub(super) mod apply_resource_change;
pub(super) mod configure_provider;
pub(super) mod get_metadata;
pub(super) mod get_provider_schema;
pub(super) mod import_resource_state;
pub(super) mod move_resource_state;
pub(super) mod none;
pub(super) mod plan_resource_change;
pub(super) mod read_data_source;
pub(super) mod read_resource;
pub(super) mod stop_provider;
pub(super) mod upgrade_resource_state;
pub(super) mod validate;
