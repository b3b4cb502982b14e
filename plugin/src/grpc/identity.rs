//! Identities in requests and responses.

use std::sync::Arc;

use super::catalog::{Catalog, Described};
use super::proto::ResourceIdentityData;
use super::value;
use crate::diagnostic::Diagnostic;
use crate::isolation::run_isolated;
use crate::resource::{IdentitySchema, Resource};
use crate::value::{Type, Value};

/// Returns the identity of the object with this state. Returns `None` if the resource has no identity, or the state has
/// none.
///
/// # Errors
/// Returns the diagnostic to show if the provider panics, or the identity does not match its schema.
async fn of(
    catalog: &Catalog,
    type_name: &str,
    state: &Value,
) -> Result<Option<ResourceIdentityData>, Diagnostic> {
    let (Some(identity), false) = (catalog.identities.get(type_name), state.is_null()) else {
        return Ok(None);
    };
    let resource: &Described<dyn Resource> = catalog.resource(type_name)?;
    let (implementation, state) = (Arc::clone(&resource.implementation), state.clone());
    let doing = format!("identifying a {type_name}");
    let found = run_isolated(&doing, async move {
        implementation.resource_identity()?.identity(&state)
    });
    found
        .await?
        .map(|found| encode(&found, &identity.ty))
        .transpose()
}

/// Returns the identity of the object with this state, if it is wholly known: Terraform and OpenTofu accept no other one
/// everywhere.
///
/// # Errors
/// As [`of`].
pub(super) async fn known(
    catalog: &Catalog,
    type_name: &str,
    state: &Value,
) -> Result<Option<ResourceIdentityData>, Diagnostic> {
    let Some(identity) = of(catalog, type_name, state).await? else {
        return Ok(None);
    };
    let ty = catalog
        .identities
        .get(type_name)
        .map(|identity| &identity.ty);
    let is_known = ty.is_some_and(|ty| decode(Some(&identity), ty).is_ok());
    Ok(is_known.then_some(identity))
}

/// Decodes an identity, which must not contain unknown values.
///
/// # Errors
/// Returns the diagnostic to show if it is missing or does not match the type.
pub(super) fn decode(
    identity: Option<&ResourceIdentityData>,
    ty: &Type,
) -> Result<Value, Diagnostic> {
    let data = identity.and_then(|identity| identity.identity_data.as_ref());
    value::decode_known(data, ty, "identity")
}

/// Encodes an identity.
///
/// # Errors
/// Returns the diagnostic to show if it does not match the type.
pub(super) fn encode(identity: &Value, ty: &Type) -> Result<ResourceIdentityData, Diagnostic> {
    Ok(ResourceIdentityData {
        identity_data: Some(value::encode(identity, ty, "identity")?),
    })
}

impl From<&IdentitySchema> for super::proto::ResourceIdentitySchema {
    fn from(schema: &IdentitySchema) -> Self {
        use super::proto::resource_identity_schema::IdentityAttribute;

        let attributes = schema.attributes.iter().map(|attribute| IdentityAttribute {
            name: attribute.name.to_owned(),
            // The encoding of a type to memory does not fail.
            r#type: serde_json::to_vec(&attribute.ty).unwrap_or_default(),
            required_for_import: attribute.is_required,
            optional_for_import: !attribute.is_required,
            description: attribute.description.to_owned(),
        });
        Self {
            version: schema.version,
            identity_attributes: attributes.collect(),
        }
    }
}
