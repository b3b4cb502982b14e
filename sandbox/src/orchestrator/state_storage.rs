//! `state_storage_configuration`: `type` and that type's fields side by side in one object.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use super::strict::{decode, matches};

const AT: &str = "state_storage_configuration";
const BUCKET: &str = r"^[a-z0-9][a-z0-9\-]*[a-z0-9]$";
const PATH_PREFIX: &str = r"^[a-zA-Z0-9._-]+(?:\/[a-zA-Z0-9._-]+)*\/?$";

#[derive(Deserialize)]
struct Discriminator {
    r#type: String,
}

#[derive(Serialize, Deserialize)]
struct Kubernetes {
    r#type: String,
    namespace: String,
}

#[derive(Serialize, Deserialize)]
struct Bucket {
    r#type: String,
    bucket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_prefix: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Azurerm {
    r#type: String,
    storage_account_name: String,
    container_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_group_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_prefix: Option<String>,
}

/// Checks the configuration and returns it as the service stores it: without nulls. The error is
/// a 400. An EKS runner takes all four types.
pub(super) fn check(sent: &Value) -> Result<Value, ApiError> {
    let Discriminator { r#type } = discriminator(sent)?;
    let stored = match r#type.as_str() {
        "kubernetes" => serde_json::to_value(decode::<Kubernetes>(sent, AT)?),
        "s3" => {
            let s3: Bucket = decode(sent, AT)?;
            matches(&format!("{AT}.bucket"), &s3.bucket, BUCKET)?;
            if let Some(prefix) = &s3.path_prefix {
                matches(&format!("{AT}.path_prefix"), prefix, PATH_PREFIX)?;
            }
            serde_json::to_value(s3)
        }
        "gcs" => {
            let gcs: Bucket = decode(sent, AT)?;
            matches(&format!("{AT}.bucket"), &gcs.bucket, BUCKET)?;
            serde_json::to_value(gcs)
        }
        "azurerm" => serde_json::to_value(decode::<Azurerm>(sent, AT)?),
        other => {
            return Err(ApiError::invalid(
                &format!("{AT}.type"),
                format!("{other:?} is not one of kubernetes, s3, gcs, azurerm"),
            ));
        }
    };
    Ok(stored.expect("strings serialize"))
}

/// Only the type is read here: the other fields are that type's business.
fn discriminator(sent: &Value) -> Result<Discriminator, ApiError> {
    Discriminator::deserialize(sent).map_err(|error| ApiError::invalid(AT, error))
}
