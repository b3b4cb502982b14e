//! The rule of each text of a runner. The pod template has rules of its own ([`pod_template::check`](super::pod_template::check)).

use super::{Invalid, StorageType, validate};

/// A rule for one text.
pub type TextRule = fn(&str) -> Result<(), Invalid>;

/// The object in which the path of a text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The runner.
    Runner,
    /// The runner's state storage, if it has this type.
    Storage(StorageType),
}

/// Each rule with the path of its text.
pub static RULES: &[(Scope, &[&str], TextRule)] = &[
    (Scope::Runner, &["id"], validate::runner_id),
    (
        Scope::Runner,
        &["runner_configuration", "cluster", "name"],
        validate::cluster_name,
    ),
    (
        Scope::Runner,
        &["runner_configuration", "cluster", "region"],
        validate::region,
    ),
    (
        Scope::Runner,
        &["runner_configuration", "cluster", "auth", "role_arn"],
        validate::role_arn,
    ),
    (
        Scope::Runner,
        &["runner_configuration", "cluster", "auth", "session_name"],
        validate::session_name,
    ),
    (
        Scope::Runner,
        &["runner_configuration", "cluster", "auth", "sts_region"],
        validate::sts_region,
    ),
    (
        Scope::Runner,
        &["runner_configuration", "job", "namespace"],
        validate::namespace,
    ),
    (
        Scope::Runner,
        &["runner_configuration", "job", "service_account"],
        validate::service_account,
    ),
    (
        Scope::Runner,
        &["state_storage_configuration", "type"],
        validate::state_storage_type,
    ),
    (
        Scope::Storage(StorageType::Kubernetes),
        &["namespace"],
        validate::namespace,
    ),
    (Scope::Storage(StorageType::S3), &["bucket"], validate::bucket),
    (Scope::Storage(StorageType::S3), &["path_prefix"], validate::path_prefix),
    (Scope::Storage(StorageType::Gcs), &["bucket"], validate::bucket),
    (
        Scope::Storage(StorageType::Gcs),
        &["path_prefix"],
        validate::path_prefix,
    ),
    (
        Scope::Storage(StorageType::Azurerm),
        &["storage_account_name"],
        validate::storage_account_name,
    ),
    (
        Scope::Storage(StorageType::Azurerm),
        &["container_name"],
        validate::container_name,
    ),
    (
        Scope::Storage(StorageType::Azurerm),
        &["path_prefix"],
        validate::path_prefix,
    ),
];
