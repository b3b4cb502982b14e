//! The configuration files: the one that the provider block names, and the default ones. Each is read at most once.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use url::Url;

use super::error::LookupError;
use crate::frontend::Frontend;
use crate::orchestrator::config_file::{self, ConfigFile};
use crate::orchestrator::environment::Environment;
use crate::orchestrator::settings::{ExplicitSettings, ProviderAttribute};
use crate::product::{PRODUCTS, Product};

/// The configuration files.
pub(super) struct Files<'a> {
    environment: &'a Environment,
    /// The program that takes the settings.
    pub(super) frontend: Frontend,
    named: Option<(&'static Product, NamedFile)>,
    defaults: [OnceCell<DefaultFile>; PRODUCTS.len()],
}

/// A file that the provider block names, and its values.
pub(super) type NamedFile = (PathBuf, ConfigFile);

/// A default file if it exists: its path, and its values or what is wrong with it.
pub(super) type DefaultFile = Option<(PathBuf, Result<ConfigFile, String>)>;

impl<'a> Files<'a> {
    /// Reads the file that the provider block names.
    ///
    /// # Errors
    /// That file does not exist or cannot be used, or the block names one for each product.
    pub(super) fn new(explicit: &ExplicitSettings, environment: &'a Environment) -> Result<Self, LookupError> {
        let named = match explicit.config_files.as_slice() {
            [] => None,
            [(product, path)] => Some((*product, read_named(product, path, environment, explicit.frontend)?)),
            [(product, _), ..] => return Err(LookupError::TwoNamedFiles { product }),
        };
        Ok(Self {
            environment,
            frontend: explicit.frontend,
            named,
            defaults: Default::default(),
        })
    }

    /// Returns the file that the provider block names, and its product.
    pub(super) fn named(&self) -> Option<(&'static Product, &NamedFile)> {
        self.named.as_ref().map(|(product, file)| (*product, file))
    }

    /// Returns the default file of a product.
    pub(super) fn default_of(&self, product: &Product) -> &DefaultFile {
        let read = || {
            let mut files = self.environment.default_files(product).into_iter();
            files.find_map(|path| {
                let read = config_file::read(&path).transpose()?;
                Some((path, read))
            })
        };
        let index = PRODUCTS.iter().position(|other| *other == product);
        self.defaults[index.unwrap_or_default()].get_or_init(read)
    }

    /// Returns the path of the default file of a product, if it has a value or cannot be read.
    pub(super) fn default_with_values(&self, product: &Product) -> Option<PathBuf> {
        let (path, read) = self.default_of(product).as_ref()?;
        let is_empty = read.as_ref().is_ok_and(ConfigFile::is_empty);
        (!is_empty).then(|| path.clone())
    }
}

impl Files<'_> {
    /// Returns the URL of the API in one of the files, if the file at the path has one.
    pub(super) fn url_in(&self, path: &Path, product: &Product) -> Option<Url> {
        let named = self.named.as_ref().map(|(_, (path, config))| (path, config));
        let default = || match self.default_of(product) {
            Some((path, Ok(config))) => Some((path, config)),
            _ => None,
        };
        let (_, config) = named
            .filter(|(named, _)| *named == path)
            .or_else(|| default().filter(|(default, _)| *default == path))?;
        Url::parse(config.api_url.as_deref()?.trim()).ok()
    }
}

fn read_named(
    product: &'static Product,
    path: &str,
    environment: &Environment,
    frontend: Frontend,
) -> Result<NamedFile, LookupError> {
    let attribute = ProviderAttribute::ConfigFile(product);
    if path.trim().is_empty() {
        return Err(LookupError::Empty { attribute });
    }
    let path = environment.expand(path);
    let name = attribute.setting_or_description(frontend);
    let problem = match config_file::read(&path) {
        Ok(Some(config)) => return Ok((path, config)),
        Ok(None) => {
            format!("it does not exist. Correct {name}, or remove it to use the default file")
        }
        Err(problem) => format!("{problem}. Correct it, name another file, or remove {name} to use the default file"),
    };
    Err(LookupError::File {
        attribute,
        product,
        path,
        problem,
    })
}
