//! What a provider offers, with its schemas: built once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::provider::{DataSource, Provider, Resource};
use crate::plugin::schema::Schema;
use crate::plugin::value::Type;

/// A provider, its resources and its data sources by their type names.
pub(super) struct Catalog {
    pub(super) provider: Described<dyn Provider>,
    pub(super) resources: BTreeMap<&'static str, Described<dyn Resource>>,
    pub(super) data_sources: BTreeMap<&'static str, Described<dyn DataSource>>,
}

/// Something that has a schema.
pub(super) struct Described<T: ?Sized> {
    pub(super) it: Arc<T>,
    pub(super) schema: Schema,
    pub(super) ty: Type,
}

impl<T: ?Sized> Described<T> {
    fn new(it: Arc<T>, schema: Schema) -> Self {
        let ty = schema.ty();
        Self { it, schema, ty }
    }
}

impl Catalog {
    /// Asks the provider what it offers.
    pub(super) fn new(provider: Arc<dyn Provider>) -> Self {
        let resources = provider.resources().into_iter().map(|it| {
            let schema = it.schema();
            (it.type_name(), Described::new(it, schema))
        });
        let data_sources = provider.data_sources().into_iter().map(|it| {
            let schema = it.schema();
            (it.type_name(), Described::new(it, schema))
        });
        Self {
            resources: resources.collect(),
            data_sources: data_sources.collect(),
            provider: {
                let schema = provider.schema();
                Described::new(provider, schema)
            },
        }
    }

    /// The resource of this type.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn resource(&self, type_name: &str) -> Result<&Described<dyn Resource>, Diagnostic> {
        let found = self.resources.get(type_name);
        found.ok_or_else(|| unknown("resource", type_name, self.resources.keys()))
    }

    /// The data source of this type.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn data_source(
        &self,
        type_name: &str,
    ) -> Result<&Described<dyn DataSource>, Diagnostic> {
        let found = self.data_sources.get(type_name);
        found.ok_or_else(|| unknown("data source", type_name, self.data_sources.keys()))
    }
}

fn unknown<'a>(
    kind: &str,
    type_name: &str,
    known: impl Iterator<Item = &'a &'static str>,
) -> Diagnostic {
    let known: Vec<_> = known.map(|name| format!("  - {name}")).collect();
    Diagnostic::error(
        format!("No {kind} has the type {type_name}"),
        format!(
            "This version of the provider has these types of {kind}s:\n{}\n\nCheck the spelling of \
             the type, or install the version of the provider that has it.",
            known.join("\n")
        ),
    )
}
