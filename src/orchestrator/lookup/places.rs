//! The places where a setting is searched, in order.

use std::path::Path;

use secrecy::ExposeSecret;

use super::error::LookupError;
use super::files::Files;
use super::selection::Selection;
use crate::frontend::Frontend;
use crate::orchestrator::config_file::ConfigFile;
use crate::orchestrator::environment::Environment;
use crate::orchestrator::settings::{ProviderAttribute, SettingSource};
use crate::product::{PRODUCTS, Product, names};

/// The names of one setting in each place.
pub(super) struct Setting {
    attribute: ProviderAttribute,
    variable: fn(&Product) -> &'static str,
    key: &'static str,
    in_file: fn(&ConfigFile) -> Option<&str>,
}

pub(super) const API_URL: Setting = Setting {
    attribute: ProviderAttribute::ApiUrl,
    variable: |product| product.api_url_variable,
    key: "api_url",
    in_file: |config| config.api_url.as_deref(),
};

pub(super) const ORG_ID: Setting = Setting {
    attribute: ProviderAttribute::OrgId,
    variable: |product| product.org_id_variable,
    key: "default_org_id",
    in_file: |config| config.default_org_id.as_deref(),
};

pub(super) const AUTH_TOKEN: Setting = Setting {
    attribute: ProviderAttribute::AuthToken,
    variable: |product| product.auth_token_variable,
    key: "token",
    in_file: |config| config.token.as_ref().map(ExposeSecret::expose_secret),
};

/// What the search for one setting found.
pub(super) enum SearchResult {
    /// A value.
    Value(String, SettingSource),
    /// No value.
    Nothing(Missing),
}

/// A setting without a value.
pub(super) struct Missing {
    /// The environment variables that set it, joined by "or".
    variable: String,
    /// What was found in each place instead.
    places: Vec<String>,
    /// How to set it in the file that was searched, as an imperative.
    otherwise: String,
}

impl Setting {
    /// Returns the value in the provider block, if the block sets it.
    pub(super) fn in_block(
        &self,
        explicit: Option<&str>,
        frontend: Frontend,
    ) -> Option<Result<SearchResult, LookupError>> {
        let attribute = self.attribute;
        Some(match explicit?.trim() {
            "" => Err(LookupError::Empty { attribute }),
            value => {
                let source = SettingSource::Explicit(frontend, attribute);
                Ok(SearchResult::Value(value.to_owned(), source))
            }
        })
    }

    /// Returns the value in a file, or what to say about the file.
    fn in_config(&self, path: &Path, config: &ConfigFile) -> Result<SearchResult, String> {
        let key = self.key;
        match (self.in_file)(config).map(str::trim) {
            Some("") => Err(format!("the file {}: its `{key}` is empty", path.display())),
            Some(value) => {
                let path = path.to_owned();
                let source = SettingSource::File { path, key };
                Ok(SearchResult::Value(value.to_owned(), source))
            }
            None => Err(format!("the file {}: has no `{key}`", path.display())),
        }
    }

    /// Returns the value in the environment, or what to say about the variable.
    fn in_environment(&self, product: &Product, environment: &Environment) -> Result<SearchResult, String> {
        let name = (self.variable)(product);
        let variable = SettingSource::Variable(name);
        match environment.variable(name).map(str::trim) {
            Some("") => Err(format!("{variable}: empty")),
            Some(value) => Ok(SearchResult::Value(value.to_owned(), variable)),
            None => Err(format!("{variable}: not set")),
        }
    }

    pub(super) fn missing(&self, missing: Missing) -> LookupError {
        LookupError::Missing {
            attribute: self.attribute,
            variable: missing.variable,
            places: missing.places,
            otherwise: missing.otherwise,
        }
    }

    pub(super) fn unusable(&self, found_in: SettingSource, problem: impl Into<String>) -> LookupError {
        LookupError::Unusable {
            attribute: self.attribute,
            found_in,
            problem: problem.into(),
        }
    }
}

/// The places that are searched after the provider block.
pub(super) struct Places<'a> {
    pub(super) environment: &'a Environment,
    pub(super) files: &'a Files<'a>,
    /// The attributes of the provider block that are set to an empty text.
    pub(super) empty: &'a [ProviderAttribute],
    pub(super) selection: Option<Selection>,
}

impl Places<'_> {
    /// Searches for a setting. Empty values count as not set, except those of the command's options.
    pub(super) fn search(&self, setting: &Setting, explicit: Option<&str>) -> Result<SearchResult, LookupError> {
        let found = match setting.in_block(explicit, self.files.frontend) {
            Some(found) => found,
            None => self.search_outside(setting),
        };
        if let Ok(SearchResult::Value(_, source)) = &found {
            tracing::debug!(setting = setting.attribute.name(), %source, "found a setting");
        }
        found
    }

    fn search_outside(&self, setting: &Setting) -> Result<SearchResult, LookupError> {
        let (attribute, frontend) = (setting.attribute, self.files.frontend);
        let explicit = SettingSource::Explicit(frontend, attribute);
        let is_settable = attribute.setting(frontend).is_some();
        let mut places = Vec::new();
        let is_empty = self.empty.contains(&attribute);
        let nothing = if is_empty { "empty" } else { "not set" };
        places.extend(is_settable.then(|| format!("{explicit}: {nothing}")));
        let Some(Selection { product, .. }) = self.selection else {
            return Ok(self.nowhere(setting, places));
        };
        let named = self.files.named();
        if let Some((_, (path, config))) = named {
            match setting.in_config(path, config) {
                Ok(value) => return Ok(value),
                Err(place) => places.push(place),
            }
        }
        match setting.in_environment(product, self.environment) {
            Ok(value) => return Ok(value),
            Err(place) => places.push(place),
        }
        let otherwise = if let Some((_, (path, _))) = named {
            let named_by = ProviderAttribute::ConfigFile(product);
            places.push(format!(
                "{}'s default file: not read, because {} is set",
                product.cli,
                named_by.setting_or_description(frontend)
            ));
            format!("add `{}` to the file {}", setting.key, path.display())
        } else {
            match self.in_default_file(product, setting)? {
                Ok(value) => return Ok(value),
                Err(found) => places.extend(found),
            }
            format!("log in with {}", product.cli)
        };
        places.extend(self.not_used(setting));
        Ok(SearchResult::Nothing(Missing {
            variable: (setting.variable)(product).to_owned(),
            places,
            otherwise,
        }))
    }

    /// Searches for a setting in the default file of a product. Returns what to say about the file if it has no value.
    fn in_default_file(
        &self,
        product: &'static Product,
        setting: &Setting,
    ) -> Result<Result<SearchResult, Vec<String>>, LookupError> {
        match self.files.default_of(product) {
            Some((path, Ok(config))) => Ok(setting.in_config(path, config).map_err(|place| vec![place])),
            Some((path, Err(problem))) => Err(LookupError::File {
                attribute: setting.attribute,
                product,
                path: path.clone(),
                problem: format!("{problem}. Correct it, or delete it and log in with {}", product.cli),
            }),
            None => Ok(Err(self.absent_default_file(product))),
        }
    }

    /// Returns what to say about a default file that does not exist.
    fn absent_default_file(&self, product: &Product) -> Vec<String> {
        let files = self.environment.default_files(product);
        if files.is_empty() {
            return vec![format!(
                "{}'s default file: the home directory is not known",
                product.cli
            )];
        }
        let absent = |path: std::path::PathBuf| format!("the file {}: does not exist", path.display());
        files.into_iter().map(absent).collect()
    }

    /// Returns the result if no product has any setting.
    fn nowhere(&self, setting: &Setting, mut places: Vec<String>) -> SearchResult {
        let variables = PRODUCTS.map(|product| setting.in_environment(product, self.environment));
        places.extend(variables.into_iter().filter_map(Result::err));
        for product in PRODUCTS {
            match self.files.default_of(product) {
                Some((path, Ok(config))) => places.extend(setting.in_config(path, config).err()),
                _ => places.extend(self.absent_default_file(product)),
            }
        }
        SearchResult::Nothing(Missing {
            variable: names(setting.variable),
            places,
            otherwise: format!("log in with {}", names(|product| product.cli)),
        })
    }

    /// Returns the variables of the other products that are set, if a variable selects the product.
    pub(super) fn ignored_variables(&self) -> Vec<&'static str> {
        let Some(Selection {
            product,
            by: SettingSource::Variable(_),
        }) = self.selection
        else {
            return Vec::new();
        };
        let others = PRODUCTS.into_iter().filter(|other| *other != product);
        let variables = others.flat_map(Product::variables);
        variables.filter(|name| self.environment.has_value(name)).collect()
    }

    /// Returns where the other products have a value, and why it is not used.
    fn not_used(&self, setting: &Setting) -> Vec<String> {
        let Some(selection) = &self.selection else {
            return Vec::new();
        };
        let others = PRODUCTS.into_iter().filter(|product| *product != selection.product);
        let mut found = Vec::new();
        for product in others {
            if let Ok(SearchResult::Value(_, source)) = setting.in_environment(product, self.environment) {
                found.push(source);
            }
            if let Some((path, Ok(config))) = self.files.default_of(product)
                && let Ok(SearchResult::Value(_, source)) = setting.in_config(path, config)
            {
                found.push(source);
            }
        }
        let Selection { product, by } = selection;
        let why = |source: SettingSource| {
            format!(
                "{source}: not used, because {by} selects the settings of {}",
                product.cli
            )
        };
        found.into_iter().map(why).collect()
    }
}
