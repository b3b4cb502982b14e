//! What a provider offers, with its schemas. It is built once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::Action;
use crate::data_source::DataSource;
use crate::diagnostic::Diagnostic;
use crate::function::{Function, Signature};
use crate::list::ListResource;
use crate::provider::Provider;
use crate::resource::{IdentitySchema, Resource};
use crate::schema::Schema;
use crate::value::Type;

/// A provider, and what it offers by name.
pub(super) struct Catalog {
    pub(super) provider: Described<dyn Provider>,
    pub(super) resources: BTreeMap<&'static str, Described<dyn Resource>>,
    pub(super) data_sources: BTreeMap<&'static str, Described<dyn DataSource>>,
    pub(super) functions: BTreeMap<&'static str, SignedFunction>,
    /// The identities of the resources that have one.
    pub(super) identities: BTreeMap<&'static str, DescribedIdentity>,
    pub(super) list_resources: BTreeMap<&'static str, Described<dyn ListResource>>,
    pub(super) actions: BTreeMap<&'static str, Described<dyn Action>>,
}

/// The schema of an identity.
pub(super) struct DescribedIdentity {
    pub(super) schema: IdentitySchema,
    pub(super) ty: Type,
}

/// An implementation with its schema.
pub(super) struct Described<T: ?Sized> {
    pub(super) implementation: Arc<T>,
    pub(super) schema: Schema,
    pub(super) ty: Type,
}

/// A function with its signature.
pub(super) struct SignedFunction {
    pub(super) implementation: Arc<dyn Function>,
    pub(super) signature: Signature,
}

impl<T: ?Sized> Described<T> {
    fn new(implementation: Arc<T>, schema: Schema) -> Self {
        let ty = schema.ty();
        Self {
            implementation,
            schema,
            ty,
        }
    }
}

impl Catalog {
    /// Reads from the provider what it offers.
    pub(super) fn new(provider: Arc<dyn Provider>) -> Self {
        let mut identities = BTreeMap::new();
        let resources = provider.resources().into_iter().map(|resource| {
            if let Some(identity) = resource.resource_identity() {
                let schema = identity.identity_schema();
                let ty = schema.ty();
                identities.insert(resource.type_name(), DescribedIdentity { schema, ty });
            }
            let schema = resource.schema();
            (resource.type_name(), Described::new(resource, schema))
        });
        let list_resources = provider.list_resources().into_iter().map(|list| {
            let schema = list.schema();
            (list.type_name(), Described::new(list, schema))
        });
        let actions = provider.actions().into_iter().map(|action| {
            let schema = action.schema();
            (action.type_name(), Described::new(action, schema))
        });
        let data_sources = provider.data_sources().into_iter().map(|source| {
            let schema = source.schema();
            (source.type_name(), Described::new(source, schema))
        });
        let functions = provider.functions().into_iter().map(|function| {
            let signed = SignedFunction {
                signature: function.signature(),
                implementation: Arc::clone(&function),
            };
            (function.name(), signed)
        });
        Self {
            resources: resources.collect(),
            data_sources: data_sources.collect(),
            functions: functions.collect(),
            identities,
            list_resources: list_resources.collect(),
            actions: actions.collect(),
            provider: {
                let schema = provider.schema();
                Described::new(provider, schema)
            },
        }
    }

    /// Returns the resource of this type.
    ///
    /// # Errors
    /// Returns the diagnostic to show if it does not exist.
    pub(super) fn resource(&self, type_name: &str) -> Result<&Described<dyn Resource>, Diagnostic> {
        let found = self.resources.get(type_name);
        found.ok_or_else(|| unknown("resource", type_name, self.resources.keys()))
    }

    /// Returns the data source of this type.
    ///
    /// # Errors
    /// Returns the diagnostic to show if it does not exist.
    pub(super) fn data_source(&self, type_name: &str) -> Result<&Described<dyn DataSource>, Diagnostic> {
        let found = self.data_sources.get(type_name);
        found.ok_or_else(|| unknown("data source", type_name, self.data_sources.keys()))
    }

    /// Returns the list resource of this type.
    ///
    /// # Errors
    /// Returns the diagnostic to show if it does not exist.
    pub(super) fn list_resource(&self, type_name: &str) -> Result<&Described<dyn ListResource>, Diagnostic> {
        let found = self.list_resources.get(type_name);
        found.ok_or_else(|| unknown("list resource", type_name, self.list_resources.keys()))
    }

    /// Returns the action of this type.
    ///
    /// # Errors
    /// Returns the diagnostic to show if it does not exist.
    pub(super) fn action(&self, type_name: &str) -> Result<&Described<dyn Action>, Diagnostic> {
        let found = self.actions.get(type_name);
        found.ok_or_else(|| unknown("action", type_name, self.actions.keys()))
    }
}

fn unknown<'a>(kind: &str, type_name: &str, known: impl Iterator<Item = &'a &'static str>) -> Diagnostic {
    let known: Vec<_> = known.map(|name| format!("  - {name}")).collect();
    Diagnostic::error(
        format!("Unsupported {kind} type {type_name:?}"),
        format!(
            "This version of the provider has these types of {kind}s:\n{}\n\nTo fix it: check the spelling of the \
             type, or install a version of the provider that has it.",
            known.join("\n")
        ),
    )
}
