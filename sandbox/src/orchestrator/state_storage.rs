//! `state_storage_configuration`: `type` and that type's fields in one object. Fields that the type does not have are
//! kept (control plane, `getStateStorage`).

use serde::Deserialize;
use serde_json::Value;

use super::error::ApiError;
use super::strict::{decode_lenient, matches, not_null};

const AT: &str = "state_storage_configuration";
const BUCKET: &str = r"^[a-z0-9][a-z0-9\-]*[a-z0-9]$";
const PATH_PREFIX: &str = r"^[a-zA-Z0-9._-]+(?:\/[a-zA-Z0-9._-]+)*\/?$";

#[derive(Deserialize)]
struct Discriminator {
    r#type: String,
}

#[derive(Deserialize)]
struct Kubernetes {
    #[serde(rename = "namespace")]
    _namespace: String,
}

#[derive(Deserialize)]
struct Bucket {
    bucket: String,
    #[serde(default, deserialize_with = "not_null")]
    path_prefix: Option<String>,
}

#[derive(Deserialize)]
struct Azurerm {
    #[serde(rename = "storage_account_name")]
    _storage_account_name: String,
    #[serde(rename = "container_name")]
    _container_name: String,
    #[serde(rename = "resource_group_name", default, deserialize_with = "not_null")]
    _resource_group_name: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    path_prefix: Option<String>,
}

/// Checks the configuration and returns it as the service stores it, which is as it was sent. An EKS runner accepts all
/// four types.
///
/// # Errors
/// A 400.
pub(super) fn check(sent: Value) -> Result<Value, ApiError> {
    let Discriminator { r#type } = Discriminator::deserialize(&sent).map_err(|error| ApiError::invalid(AT, error))?;
    let path_prefix = match r#type.as_str() {
        "kubernetes" => {
            decode_lenient::<Kubernetes>(&sent, AT)?;
            None
        }
        "s3" | "gcs" => {
            let bucket: Bucket = decode_lenient(&sent, AT)?;
            matches(&format!("{AT}.bucket"), &bucket.bucket, BUCKET)?;
            bucket.path_prefix
        }
        "azurerm" => decode_lenient::<Azurerm>(&sent, AT)?.path_prefix,
        other => {
            return Err(ApiError::invalid(
                &format!("{AT}.type"),
                format!("{other:?} is not one of kubernetes, s3, gcs, azurerm"),
            ));
        }
    };
    if let Some(prefix) = path_prefix {
        matches(&format!("{AT}.path_prefix"), &prefix, PATH_PREFIX)?;
    }
    Ok(sent)
}
