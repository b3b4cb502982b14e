//! The identity of objects.

use async_trait::async_trait;

use crate::diagnostic::Diagnostic;
use crate::value::{Type, Value};

/// The identity of an object: what distinguishes it from all others of its type, whatever its other attributes are.
///
/// Terraform 1.12 and later stores it beside the state, imports by it, and `terraform query` returns it. Without it, an
/// object is imported by an ID only, and cannot be listed.
#[async_trait]
pub trait ResourceIdentity: Send + Sync {
    /// Returns the attributes of the identity.
    fn identity_schema(&self) -> IdentitySchema;

    /// Returns the identity of the object with this state, which can be a planned one. Attributes that only an apply can
    /// compute are unknown. Returns `None` if the state has no identity.
    fn identity(&self, state: &Value) -> Option<Value>;

    /// Returns the import ID ([`ImportRequest::id`](super::ImportRequest::id)) of the object with this identity.
    ///
    /// # Errors
    /// Returns why no object of this provider has the identity.
    fn import_id(&self, identity: &Value) -> Result<String, Diagnostic>;

    /// Returns the JSON of an identity of the current version of the schema, made of one of an earlier version. By
    /// default it is read as one of the current version.
    ///
    /// # Errors
    /// Returns why the identity cannot be upgraded.
    async fn upgrade_identity(
        &self,
        _version: i64,
        identity: serde_json::Value,
    ) -> Result<serde_json::Value, Diagnostic> {
        Ok(identity)
    }
}

/// The attributes of an identity.
#[derive(Debug, Clone, Default)]
pub struct IdentitySchema {
    /// The version of the identities, 0 at first.
    pub version: i64,
    /// The attributes.
    pub attributes: Vec<IdentityAttribute>,
}

/// One attribute of an identity.
#[derive(Debug, Clone)]
pub struct IdentityAttribute {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub ty: Type,
    /// What it is.
    pub description: &'static str,
    /// Whether an import by identity must set it. Otherwise it can.
    pub is_required: bool,
}

impl IdentityAttribute {
    /// Returns an attribute of the type string that an import must set.
    #[must_use]
    pub fn required(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            ty: Type::String,
            description,
            is_required: true,
        }
    }

    /// Returns an attribute of the type string that an import can set.
    #[must_use]
    pub fn optional(name: &'static str, description: &'static str) -> Self {
        Self {
            is_required: false,
            ..Self::required(name, description)
        }
    }
}

impl IdentitySchema {
    /// Returns the type of an identity, which is an object with all attributes.
    pub fn ty(&self) -> Type {
        let attributes = self.attributes.iter();
        Type::Object(
            attributes
                .map(|attribute| (attribute.name.to_owned(), attribute.ty.clone()))
                .collect(),
        )
    }
}
