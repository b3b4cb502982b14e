//! The URL of the API, the organization and the token, and where each of them came from.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::frontend::Frontend;
use crate::product::Product;
use crate::secrets::protect;

/// The settings that the provider block or the command line sets. `None` for each other one.
#[derive(Debug, Clone, Default)]
pub struct ExplicitSettings {
    /// The program that takes the settings.
    pub frontend: Frontend,
    /// The base URL of the Orchestrator's API.
    pub api_url: Option<String>,
    /// The id of the organization.
    pub org_id: Option<String>,
    /// The API token.
    pub auth_token: Option<SecretString>,
    /// The path of a configuration file, and the product whose command line writes it.
    pub config_files: Vec<(&'static Product, String)>,
    /// The attributes of the provider block that are set to an empty text, which counts as not set.
    pub empty: Vec<ProviderAttribute>,
}

/// The API's URL, the organization, and the token.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The base URL: `http` or `https`, with a host, without user, query, and fragment.
    pub api_url: Url,
    /// The id of the organization. It is not empty.
    pub org_id: String,
    /// The token. `None` only for a local installation.
    pub token: Option<ApiToken>,
    /// The product whose settings were used. `None` if all of them are in the provider block.
    pub product: Option<&'static Product>,
    /// The environment variables of the other product that are set, if variables select the product.
    pub ignored_variables: Vec<&'static str>,
}

impl ApiSettings {
    /// Returns a note about environment variables that are not used, or `None` if there are none.
    #[must_use]
    pub fn ignored(&self) -> Option<String> {
        let product = self.product.filter(|_| !self.ignored_variables.is_empty())?;
        Some(format!(
            "The environment has variables of both products, and those of {} take precedence. Not used: {}. Unset the \
             variables of one product.",
            product.cli,
            self.ignored_variables.join(", ")
        ))
    }
}

/// An API token that fits into a header, and where it came from.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// The token itself.
    pub secret: SecretString,
    /// Where it came from, for the message when the API refuses it.
    pub source: SettingSource,
}

impl ApiToken {
    /// Creates a token. From now on it is redacted in every text that leaves the process.
    pub(super) fn new(secret: String, source: SettingSource) -> Self {
        protect(&secret);
        Self {
            secret: secret.into(),
            source,
        }
    }
}

/// The attributes of the provider block that set the connection to the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderAttribute {
    /// `api_url`
    ApiUrl,
    /// `org_id`
    OrgId,
    /// `auth_token`
    AuthToken,
    /// `hctl_config_file` or `octl_config_file`
    ConfigFile(&'static Product),
}

impl ProviderAttribute {
    /// Returns the attribute's name in the provider block.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiUrl => "api_url",
            Self::OrgId => "org_id",
            Self::AuthToken => "auth_token",
            Self::ConfigFile(product) => product.config_file_attribute,
        }
    }

    /// Returns what sets it in a program: the attribute, or the option. `None` if nothing does.
    pub(super) fn setting(self, frontend: Frontend) -> Option<String> {
        match (frontend, self) {
            (Frontend::Terraform, attribute) => Some(attribute.name().to_owned()),
            (Frontend::Command, Self::ApiUrl) => Some("--api-url".to_owned()),
            (Frontend::Command, Self::OrgId) => Some("--org".to_owned()),
            (Frontend::Command, Self::AuthToken) => None,
            (Frontend::Command, Self::ConfigFile(product)) => Some(format!("--{}-config-file", product.cli)),
        }
    }

    /// Returns the setting, or its description if nothing in the program sets it.
    pub(super) fn setting_or_description(self, frontend: Frontend) -> String {
        self.setting(frontend).unwrap_or_else(|| self.description())
    }

    /// Returns what it is, without an article.
    pub(super) fn description(self) -> String {
        match self {
            Self::ApiUrl => "URL of the API".to_owned(),
            Self::OrgId => "organization".to_owned(),
            Self::AuthToken => "token".to_owned(),
            Self::ConfigFile(product) => format!("configuration file of {}", product.cli),
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// An attribute of the provider block, or an option.
    Explicit(Frontend, ProviderAttribute),
    /// A key of a configuration file of `hctl` or `octl`.
    File {
        /// The file's path.
        path: PathBuf,
        /// The key in the file.
        key: &'static str,
    },
    /// A default configuration file as a whole.
    DefaultFile(PathBuf),
    /// An environment variable.
    Variable(&'static str),
    /// The URL of the SaaS, which is the default.
    BuiltIn,
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit(frontend, attribute) => {
                let setting = attribute.setting_or_description(*frontend);
                match frontend {
                    Frontend::Terraform => write!(f, "`{setting}` in the provider block"),
                    Frontend::Command => f.write_str(&setting),
                }
            }
            Self::File { path, key } => write!(f, "`{key}` in the file {}", path.display()),
            Self::DefaultFile(path) => write!(f, "the file {}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::BuiltIn => f.write_str("the built-in default"),
        }
    }
}
