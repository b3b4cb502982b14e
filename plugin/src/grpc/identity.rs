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
/// Returns the diagnostic to show if the provider panics.
async fn identify(catalog: &Catalog, type_name: &str, state: &Value) -> Result<Option<Value>, Diagnostic> {
    if state.is_null() || !catalog.identities.contains_key(type_name) {
        return Ok(None);
    }
    let resource: &Described<dyn Resource> = catalog.resource(type_name)?;
    let (implementation, state) = (Arc::clone(&resource.implementation), state.clone());
    let doing = format!("identifying a {type_name}");
    run_isolated(
        &doing,
        async move { implementation.resource_identity()?.identity(&state) },
    )
    .await
}

/// Returns the identity of the object with this state, if it is wholly known: Terraform and OpenTofu accept no other one
/// everywhere.
///
/// # Errors
/// Returns the diagnostic to show if the provider panics, or the identity does not match its schema.
pub(super) async fn known(
    catalog: &Catalog,
    type_name: &str,
    state: &Value,
) -> Result<Option<ResourceIdentityData>, Diagnostic> {
    let Some(schema) = catalog.identities.get(type_name) else {
        return Ok(None);
    };
    let identity = identify(catalog, type_name, state).await?;
    let encoded = identity.map(|identity| encode(&identity, &schema.ty));
    let encoded = encoded.transpose()?;
    Ok(encoded.filter(|identity| decode(Some(identity), &schema.ty).is_ok()))
}

/// Verifies that the object with this state, which the provider's configuration selects, is the one whose identity
/// Terraform stored or planned. Values that are not known or not stored can be any.
///
/// # Errors
/// Returns the diagnostic to show if it is another object: a call would read or change that one.
pub(super) async fn verify(
    catalog: &Catalog,
    type_name: &str,
    stored: Option<&ResourceIdentityData>,
    state: &Value,
) -> Result<(), Diagnostic> {
    let stored = stored.and_then(|stored| stored.identity_data.as_ref());
    let (Some(schema), Some(stored)) = (catalog.identities.get(type_name), stored) else {
        return Ok(());
    };
    let stored = value::decode(Some(stored), &schema.ty, "identity")?;
    let Some(current) = identify(catalog, type_name, state).await? else {
        return Ok(());
    };
    for attribute in &schema.schema.attributes {
        let name = attribute.name;
        if let (Some(stored), Some(current)) = (stored.get(name).as_str(), current.get(name).as_str())
            && stored != current
        {
            return Err(Diagnostic::error(
                "The state belongs to another object",
                format!(
                    "The identity of this {type_name} in the state has {name} = {stored:?}, but the provider is \
                     configured for {name} = {current:?}, which is another object. No request was sent.\n\nTo fix it, configure the provider for {name} = {stored:?} again. If the configuration is \
                     right, remove the object from the state, and import the other one."
                ),
            ));
        }
    }
    Ok(())
}

/// Decodes an identity, which must not contain unknown values.
///
/// # Errors
/// Returns the diagnostic to show if it is missing or does not match the type.
pub(super) fn decode(identity: Option<&ResourceIdentityData>, ty: &Type) -> Result<Value, Diagnostic> {
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
