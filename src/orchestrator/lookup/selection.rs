//! Which product's settings are used. A lookup never mixes the settings of two products, so that a token is not sent to
//! the installation of another one.

use url::Url;

use super::error::LookupError;
use super::files::Files;
use crate::orchestrator::environment::Environment;
use crate::orchestrator::installation::product_on_host;
use crate::orchestrator::settings::{ExplicitSettings, ProviderAttribute, SettingSource};
use crate::product::{PRODUCTS, Product};

/// The selected product.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) product: &'static Product,
    /// The setting that selects it.
    pub(super) by: SettingSource,
}

/// Returns the selected product, or `None` if nothing selects one. The first of these selects it: the attribute that
/// names a configuration file, an `api_url` in the provider block that is the own API of a product, an environment
/// variable (the first product in [`PRODUCTS`] takes precedence), and the default configuration file.
///
/// # Errors
/// Both products have a default configuration file, and nothing else selects one of them.
pub(super) fn select(
    explicit: &ExplicitSettings,
    environment: &Environment,
    files: &Files<'_>,
) -> Result<Option<Selection>, LookupError> {
    if let Some((product, _)) = files.named() {
        let by = SettingSource::Explicit(files.frontend, ProviderAttribute::ConfigFile(product));
        return Ok(Some(Selection { product, by }));
    }
    if let Some(product) = product_in_block(explicit) {
        let by = SettingSource::Explicit(files.frontend, ProviderAttribute::ApiUrl);
        return Ok(Some(Selection { product, by }));
    }
    for product in PRODUCTS {
        let mut variables = product.variables().into_iter();
        let is_set = |name: &&str| environment.has_value(name);
        if let Some(variable) = variables.find(is_set) {
            let by = SettingSource::Variable(variable);
            return Ok(Some(Selection { product, by }));
        }
    }
    let defaults: Vec<_> = PRODUCTS
        .into_iter()
        .filter_map(|product| Some((product, files.default_with_values(product)?)))
        .collect();
    match defaults.as_slice() {
        [] => Ok(None),
        [(product, path)] => {
            let by = SettingSource::DefaultFile(path.clone());
            Ok(Some(Selection { product, by }))
        }
        several => Err(LookupError::TwoDefaultFiles {
            paths: several.iter().map(|(_, path)| path.clone()).collect(),
        }),
    }
}

/// Returns the product whose own API the block sets.
fn product_in_block(explicit: &ExplicitSettings) -> Option<&'static Product> {
    let url = Url::parse(explicit.api_url.as_deref()?.trim()).ok()?;
    product_on_host(&url)
}
