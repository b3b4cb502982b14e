//! The places where a setting is searched, in order.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::error::LookupError;
use crate::orchestrator::environment::Environment;
use crate::orchestrator::hctl::{self, HctlConfig};
use crate::orchestrator::settings::{ProviderAttribute, SettingSource};

/// The names of one setting in each place.
pub(super) struct Setting {
    attribute: ProviderAttribute,
    variable: &'static str,
    key: &'static str,
    in_file: fn(&HctlConfig) -> Option<&str>,
}

pub(super) const API_URL: Setting = Setting {
    attribute: ProviderAttribute::ApiUrl,
    variable: "HUMANITEC_API_URL",
    key: "api_url",
    in_file: |config| config.api_url.as_deref(),
};

pub(super) const ORG_ID: Setting = Setting {
    attribute: ProviderAttribute::OrgId,
    variable: "HUMANITEC_ORG_ID",
    key: "default_org_id",
    in_file: |config| config.default_org_id.as_deref(),
};

pub(super) const AUTH_TOKEN: Setting = Setting {
    attribute: ProviderAttribute::AuthToken,
    variable: "HUMANITEC_AUTH_TOKEN",
    key: "token",
    in_file: |config| config.token.as_ref().map(ExposeSecret::expose_secret),
};

/// What the search for one setting found.
pub(super) enum SearchResult {
    /// A value.
    Value(String, SettingSource),
    /// No value.
    Nothing {
        /// What was found in each place instead.
        places: Vec<String>,
        /// How to set it in the file that was searched, as an imperative.
        otherwise: String,
    },
}

impl Setting {
    /// Returns the value in the provider block, if the block sets it.
    pub(super) fn in_block(
        &self,
        explicit: Option<&str>,
    ) -> Option<Result<SearchResult, LookupError>> {
        let attribute = self.attribute;
        Some(match explicit?.trim() {
            "" => Err(LookupError::Empty { attribute }),
            value => {
                let source = SettingSource::ProviderBlock(attribute);
                Ok(SearchResult::Value(value.to_owned(), source))
            }
        })
    }

    /// Returns the value in a file, or what to say about the file.
    fn in_config(&self, path: &Path, config: &HctlConfig) -> Result<SearchResult, String> {
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

    pub(super) fn missing(&self, places: Vec<String>, otherwise: String) -> LookupError {
        LookupError::Missing {
            attribute: self.attribute,
            variable: self.variable,
            places,
            otherwise,
        }
    }

    pub(super) fn unusable(
        &self,
        found_in: SettingSource,
        problem: impl Into<String>,
    ) -> LookupError {
        LookupError::Unusable {
            attribute: self.attribute,
            found_in,
            problem: problem.into(),
        }
    }
}

/// The places that are searched after the provider block.
pub(super) struct Places<'a> {
    environment: &'a Environment,
    /// The file that `hctl_config_file` names.
    named: Option<(PathBuf, HctlConfig)>,
    /// The default file, read when it is first searched.
    default: OnceCell<DefaultFile>,
}

/// The default file if it exists: its path, and its values or what is wrong with it.
type DefaultFile = Option<(PathBuf, Result<HctlConfig, String>)>;

impl<'a> Places<'a> {
    /// Creates the places of this environment. `named` is the file that `hctl_config_file` names.
    pub(super) fn new(environment: &'a Environment, named: Option<(PathBuf, HctlConfig)>) -> Self {
        Self {
            environment,
            named,
            default: OnceCell::new(),
        }
    }

    /// Searches for a setting. Empty values in files and in the environment count as not set.
    pub(super) fn search(
        &self,
        setting: &Setting,
        explicit: Option<&str>,
    ) -> Result<SearchResult, LookupError> {
        if let Some(found) = setting.in_block(explicit) {
            return found;
        }
        let block = SettingSource::ProviderBlock(setting.attribute);
        let mut places = vec![format!("{block}: not set")];
        if let Some((path, config)) = &self.named {
            match setting.in_config(path, config) {
                Ok(value) => return Ok(value),
                Err(place) => places.push(place),
            }
        }
        let variable = SettingSource::Variable(setting.variable);
        match self.environment.variable(setting.variable).map(str::trim) {
            Some("") => places.push(format!("{variable}: empty")),
            Some(value) => return Ok(SearchResult::Value(value.to_owned(), variable)),
            None => places.push(format!("{variable}: not set")),
        }
        if let Some((path, _)) = &self.named {
            places
                .push("hctl's default file: not read, because hctl_config_file is set".to_owned());
            let otherwise = format!("add `{}` to the file {}", setting.key, path.display());
            return Ok(SearchResult::Nothing { places, otherwise });
        }
        self.search_default_file(setting, places)
    }

    /// Searches for a setting in the default file, after `places`.
    fn search_default_file(
        &self,
        setting: &Setting,
        mut places: Vec<String>,
    ) -> Result<SearchResult, LookupError> {
        match self.default_file() {
            Some((path, Ok(config))) => match setting.in_config(path, config) {
                Ok(value) => return Ok(value),
                Err(place) => places.push(place),
            },
            Some((path, Err(problem))) => {
                return Err(LookupError::File {
                    attribute: setting.attribute,
                    path: path.clone(),
                    problem: format!("{problem}. Correct it, or delete it and log in with hctl"),
                });
            }
            None => {
                let files = self.environment.default_files();
                if files.is_empty() {
                    places.push("hctl's default file: the home directory is not known".to_owned());
                }
                for path in files {
                    places.push(format!("the file {}: does not exist", path.display()));
                }
            }
        }
        let otherwise = "log in with hctl".to_owned();
        Ok(SearchResult::Nothing { places, otherwise })
    }

    fn default_file(&self) -> Option<&(PathBuf, Result<HctlConfig, String>)> {
        self.default
            .get_or_init(|| {
                let files = self.environment.default_files();
                files.into_iter().find_map(|path| {
                    let read = hctl::read(&path).transpose()?;
                    Some((path, read))
                })
            })
            .as_ref()
    }
}

/// Reads the file that `hctl_config_file` names.
pub(super) fn named_file(
    path: &str,
    environment: &Environment,
) -> Result<(PathBuf, HctlConfig), LookupError> {
    let attribute = ProviderAttribute::HctlConfigFile;
    if path.trim().is_empty() {
        return Err(LookupError::Empty { attribute });
    }
    let path = environment.expand(path);
    let problem = match hctl::read(&path) {
        Ok(Some(config)) => return Ok((path, config)),
        Ok(None) => {
            "it does not exist. Correct hctl_config_file, or remove it to use the default file"
                .to_owned()
        }
        Err(problem) => format!(
            "{problem}. Correct it, name another file, or remove hctl_config_file to use the default file"
        ),
    };
    Err(LookupError::File {
        attribute,
        path,
        problem,
    })
}
