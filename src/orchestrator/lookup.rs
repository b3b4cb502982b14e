//! Where the API's address, the organization and the token come from.
//!
//! For each value, in this order: the provider block, the file that `hctl_config_file` names, the
//! environment, the default file of `hctl` (only if `hctl_config_file` is not set), and for the
//! address the one of the SaaS installation.

use std::cell::OnceCell;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::hctl::{self, Environment, HctlConfig};
use super::installation::SAAS_URL;
use crate::secrets::protect;

/// What the provider block says; `None` where it says nothing.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The base URL of the Orchestrator's API.
    pub api_url: Option<String>,
    /// The id of the organization.
    pub org_id: Option<String>,
    /// The API token.
    pub auth_token: Option<SecretString>,
    /// The path of a configuration file of `hctl`.
    pub hctl_config_file: Option<String>,
}

/// The API's URL, the organization, and the token.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The base URL: `http` or `https`, with a host, without user, query and fragment.
    pub api_url: Url,
    /// The id of the organization, not empty.
    pub org_id: String,
    /// The token; `None` only for a local installation and from [`lookup_without_token`].
    pub token: Option<Token>,
}

/// An API token that fits into a header, and where it was found.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token itself.
    pub secret: SecretString,
    /// Where it was found, for the message when the API refuses it.
    pub source: Source,
}

impl Token {
    /// A token. From now on no text that leaves the process has it.
    pub(super) fn new(secret: String, source: Source) -> Self {
        protect(&secret);
        Self {
            secret: secret.into(),
            source,
        }
    }
}

/// The attributes of the provider block that a lookup is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// `api_url`
    ApiUrl,
    /// `org_id`
    OrgId,
    /// `auth_token`
    AuthToken,
    /// `hctl_config_file`
    HctlConfigFile,
}

impl Attribute {
    /// The attribute's name in the provider block.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiUrl => "api_url",
            Self::OrgId => "org_id",
            Self::AuthToken => "auth_token",
            Self::HctlConfigFile => "hctl_config_file",
        }
    }
}

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An attribute of the provider block.
    Block(Attribute),
    /// A key of a configuration file of `hctl`.
    File {
        /// The file's path.
        path: PathBuf,
        /// The key in the file.
        key: &'static str,
    },
    /// An environment variable.
    Variable(&'static str),
    /// The address of the SaaS installation, where no other is set.
    BuiltIn,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(attribute) => write!(f, "`{}` in the provider block", attribute.name()),
            Self::File { path, key } => write!(f, "`{key}` in the file {}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::BuiltIn => f.write_str("the built-in default"),
        }
    }
}

/// Why a lookup failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// A value is nowhere.
    #[error(
        "{0} is not set. Looked in, in this order:{1}\nSet {0} in the provider block, export {variable}, or {otherwise}.",
        attribute.name(),
        list(places)
    )]
    Missing {
        /// The attribute that would set it.
        attribute: Attribute,
        /// The environment variable that would set it.
        variable: &'static str,
        /// Every place looked in, each with what was found there.
        places: Vec<String>,
        /// How it comes into the file that was looked in, as an imperative.
        otherwise: String,
    },
    /// An attribute is set to an empty string.
    #[error(
        "{} is an empty string in the provider block. Give it a value, or leave it out to have it looked up \
         in the environment and in hctl's configuration file.",
        attribute.name()
    )]
    Empty {
        /// The attribute.
        attribute: Attribute,
    },
    /// A value was found and cannot be used.
    #[error("{} cannot be used{}: {problem}", attribute.name(), from(found_in))]
    Unusable {
        /// The attribute that the value stands for.
        attribute: Attribute,
        /// Where the value was found.
        found_in: Source,
        /// What is wrong with it.
        problem: String,
    },
    /// A configuration file of `hctl` cannot be used.
    #[error("hctl's configuration file {} cannot be used: {problem}", path.display())]
    File {
        /// `hctl_config_file` if that named the file, else the attribute that was looked for.
        attribute: Attribute,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl LookupError {
    /// The attribute of the provider block that the error is about.
    #[must_use]
    pub fn attribute(&self) -> Attribute {
        match self {
            Self::Missing { attribute, .. }
            | Self::Empty { attribute }
            | Self::Unusable { attribute, .. }
            | Self::File { attribute, .. } => *attribute,
        }
    }
}

/// Where a value is from, unless the error is shown beside it.
fn from(found_in: &Source) -> String {
    match found_in {
        Source::Block(_) => String::new(),
        elsewhere => format!(" (from {elsewhere})"),
    }
}

fn list(places: &[String]) -> String {
    places
        .iter()
        .map(|place| format!("\n  - {place}"))
        .collect()
}

/// The names under which one value is looked for.
struct Wanted {
    attribute: Attribute,
    variable: &'static str,
    key: &'static str,
    in_file: fn(&HctlConfig) -> Option<&str>,
}

const API_URL: Wanted = Wanted {
    attribute: Attribute::ApiUrl,
    variable: "HUMANITEC_API_URL",
    key: "api_url",
    in_file: |config| config.api_url.as_deref(),
};

const ORG_ID: Wanted = Wanted {
    attribute: Attribute::OrgId,
    variable: "HUMANITEC_ORG_ID",
    key: "default_org_id",
    in_file: |config| config.default_org_id.as_deref(),
};

const AUTH_TOKEN: Wanted = Wanted {
    attribute: Attribute::AuthToken,
    variable: "HUMANITEC_AUTH_TOKEN",
    key: "token",
    in_file: |config| config.token.as_ref().map(ExposeSecret::expose_secret),
};

/// Looks up the URL and the organization alone, for a caller that does not call the API. The settings have no
/// token.
///
/// # Errors
/// As [`lookup`], but for the token.
pub fn lookup_without_token(
    given: &Given,
    environment: &Environment,
) -> Result<Settings, Vec<LookupError>> {
    look_up(given, environment, false)
}

/// Looks up the three values.
///
/// ```
/// use terraform_provider_platform_orchestrator::orchestrator::{Environment, Given, lookup};
///
/// let given = Given {
///     org_id: Some("my-org".to_owned()),
///     ..Given::default()
/// };
/// let environment = Environment::of([("HUMANITEC_AUTH_TOKEN", "a-token")]);
/// let settings = lookup(&given, &environment).expect("nothing is missing");
/// assert_eq!(settings.api_url.as_str(), "https://api.humanitec.dev/");
/// let token = settings.token.expect("it is not on localhost");
/// assert_eq!(token.source.to_string(), "the environment variable HUMANITEC_AUTH_TOKEN");
/// ```
///
/// # Errors
/// Every value that is missing or cannot be used, so that a person can correct all of them at once. A
/// file that `hctl_config_file` names must be there and be right, even when nothing is taken from
/// it; the default file must be right only if something is looked for in it.
pub fn lookup(given: &Given, environment: &Environment) -> Result<Settings, Vec<LookupError>> {
    look_up(given, environment, true)
}

fn look_up(
    given: &Given,
    environment: &Environment,
    with_token: bool,
) -> Result<Settings, Vec<LookupError>> {
    let named = match &given.hctl_config_file {
        Some(path) => Some(named_file(path, environment).map_err(|error| vec![error])?),
        None => None,
    };
    let places = Places {
        environment,
        named,
        default: OnceCell::new(),
    };
    let mut errors = Vec::new();

    let found = places.find(&API_URL, given.api_url.as_deref());
    let api_url = keep(found.and_then(api_url), &mut errors);

    let found = places.find(&ORG_ID, given.org_id.as_deref());
    let org_id = keep(found.and_then(org_id), &mut errors);

    let token = if with_token {
        let given_token = given.auth_token.as_ref().map(ExposeSecret::expose_secret);
        let found = places.find(&AUTH_TOKEN, given_token);
        // With an address that is wrong it is not known whether a token is needed.
        let optional = api_url.as_ref().is_none_or(is_local);
        keep(found.and_then(|found| token(found, optional)), &mut errors)
    } else {
        Some(None)
    };

    match (api_url, org_id, token) {
        (Some(api_url), Some(org_id), Some(token)) => Ok(Settings {
            api_url,
            org_id,
            token,
        }),
        _ => {
            // One broken file is reported once, although each value was looked up in it.
            errors.dedup_by(|a, b| match (a, b) {
                (LookupError::File { path: a, .. }, LookupError::File { path: b, .. }) => a == b,
                _ => false,
            });
            Err(errors)
        }
    }
}

/// What is wrong with the values of the provider block themselves, before anything is looked up: of
/// those that are not known yet, `given` has none.
#[must_use]
pub fn check(given: &Given, environment: &Environment) -> Vec<LookupError> {
    let mut errors = Vec::new();
    if let Some(path) = &given.hctl_config_file {
        keep(named_file(path, environment), &mut errors);
    }
    if let Some(found) = in_block(&API_URL, given.api_url.as_deref()) {
        keep(found.and_then(api_url), &mut errors);
    }
    if let Some(found) = in_block(&ORG_ID, given.org_id.as_deref()) {
        keep(found.and_then(org_id), &mut errors);
    }
    let given_token = given.auth_token.as_ref().map(ExposeSecret::expose_secret);
    if let Some(found) = in_block(&AUTH_TOKEN, given_token) {
        keep(found.and_then(|found| token(found, true)), &mut errors);
    }
    errors
}

/// The provider block's value, if it gives one.
fn in_block(wanted: &Wanted, given: Option<&str>) -> Option<Result<Found, LookupError>> {
    let attribute = wanted.attribute;
    Some(match given?.trim() {
        "" => Err(LookupError::Empty { attribute }),
        value => Ok(Found::Value(value.to_owned(), Source::Block(attribute))),
    })
}

fn keep<T>(result: Result<T, LookupError>, errors: &mut Vec<LookupError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn named_file(path: &str, environment: &Environment) -> Result<(PathBuf, HctlConfig), LookupError> {
    let attribute = Attribute::HctlConfigFile;
    if path.trim().is_empty() {
        return Err(LookupError::Empty { attribute });
    }
    let path = environment.expand(path);
    let problem = match hctl::read(&path) {
        Ok(Some(config)) => return Ok((path, config)),
        Ok(None) => {
            "it does not exist. Correct hctl_config_file, or leave it out to use the default file"
                .to_owned()
        }
        Err(problem) => format!(
            "{problem}. Correct it, name another file, or leave hctl_config_file out to use the default file"
        ),
    };
    Err(LookupError::File {
        attribute,
        path,
        problem,
    })
}

/// What came of looking for one value.
enum Found {
    Value(String, Source),
    Nowhere {
        /// What was found in each place instead.
        places: Vec<String>,
        /// How it comes into the file that was looked in, as an imperative.
        otherwise: String,
    },
}

/// Where values are looked for, after the provider block.
struct Places<'a> {
    environment: &'a Environment,
    named: Option<(PathBuf, HctlConfig)>,
    /// Read when something is first looked for in it.
    default: OnceCell<DefaultFile>,
}

/// The default file if there is one: its path, and its values or what is wrong with it.
type DefaultFile = Option<(PathBuf, Result<HctlConfig, String>)>;

impl Places<'_> {
    /// Empty values in files and in the environment count as not set.
    fn find(&self, wanted: &Wanted, given: Option<&str>) -> Result<Found, LookupError> {
        if let Some(found) = in_block(wanted, given) {
            return found;
        }
        let attribute = wanted.attribute;
        let mut places = vec![format!("{}: not set", Source::Block(attribute))];
        if let Some((path, config)) = &self.named {
            match wanted.take_from(path, config) {
                Ok(value) => return Ok(value),
                Err(place) => places.push(place),
            }
        }
        let source = Source::Variable(wanted.variable);
        match self.environment.variable(wanted.variable).map(str::trim) {
            Some("") => places.push(format!("{source}: empty")),
            Some(value) => return Ok(Found::Value(value.to_owned(), source)),
            None => places.push(format!("{source}: not set")),
        }
        if let Some((path, _)) = &self.named {
            places
                .push("hctl's default file: not read, because hctl_config_file is set".to_owned());
            let otherwise = format!("add `{}` to the file {}", wanted.key, path.display());
            return Ok(Found::Nowhere { places, otherwise });
        }
        match self.default_file() {
            Some((path, Ok(config))) => match wanted.take_from(path, config) {
                Ok(value) => return Ok(value),
                Err(place) => places.push(place),
            },
            Some((path, Err(problem))) => {
                return Err(LookupError::File {
                    attribute,
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
        Ok(Found::Nowhere { places, otherwise })
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

impl Wanted {
    /// The file's value, or what is to be said of the file.
    fn take_from(&self, path: &Path, config: &HctlConfig) -> Result<Found, String> {
        let key = self.key;
        match (self.in_file)(config).map(str::trim) {
            Some("") => Err(format!("the file {}: its `{key}` is empty", path.display())),
            Some(value) => {
                let path = path.to_owned();
                Ok(Found::Value(value.to_owned(), Source::File { path, key }))
            }
            None => Err(format!("the file {}: has no `{key}`", path.display())),
        }
    }

    fn missing(&self, places: Vec<String>, otherwise: String) -> LookupError {
        LookupError::Missing {
            attribute: self.attribute,
            variable: self.variable,
            places,
            otherwise,
        }
    }

    fn unusable(&self, found_in: Source, problem: impl Into<String>) -> LookupError {
        LookupError::Unusable {
            attribute: self.attribute,
            found_in,
            problem: problem.into(),
        }
    }
}

fn api_url(found: Found) -> Result<Url, LookupError> {
    let (text, source) = match found {
        Found::Value(text, source) => (text, source),
        Found::Nowhere { .. } => (SAAS_URL.to_owned(), Source::BuiltIn),
    };
    // What stands before an `@` or after a `?` may be a secret, so no such text is repeated.
    let shown = if text.contains(['@', '?']) {
        String::new()
    } else {
        format!(" `{text}`")
    };
    let example = "it must be an address such as https://api.humanitec.dev";
    let problem = match Url::parse(&text) {
        Err(error) => format!("the text{shown} is no URL ({error}); {example}"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("the URL{shown} does not begin with http:// or https://; {example}")
        }
        // An empty host is an error of the parser's for these two schemes.
        Ok(url) if !url.username().is_empty() || url.password().is_some() => format!(
            "the URL holds a user name or password; {example}, and the token is set by auth_token"
        ),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            format!("the URL holds a query or a fragment (what follows a `?` or `#`); {example}")
        }
        Ok(url) => return Ok(url),
    };
    Err(API_URL.unusable(source, problem))
}

fn org_id(found: Found) -> Result<String, LookupError> {
    match found {
        Found::Value(id, source) if id == "." || id == ".." => {
            Err(ORG_ID.unusable(source, format!("`{id}` is not the id of an organization")))
        }
        Found::Value(id, _) => Ok(id),
        Found::Nowhere { places, otherwise } => Err(ORG_ID.missing(places, otherwise)),
    }
}

fn token(found: Found, optional: bool) -> Result<Option<Token>, LookupError> {
    match found {
        // What RFC 9110 allows in a field's value; no token has spaces or line breaks inside.
        Found::Value(secret, source) if !secret.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(AUTH_TOKEN.unusable(
                source,
                "it holds a space, a line break or another character that no token has. Give the token alone, \
                 without `Bearer` before it",
            ))
        }
        Found::Value(secret, source) => Ok(Some(Token::new(secret, source))),
        Found::Nowhere { .. } if optional => Ok(None),
        Found::Nowhere { places, otherwise } => Err(AUTH_TOKEN.missing(places, otherwise)),
    }
}

/// A local installation trusts the `From` header; only the name `localhost` counts as one.
pub(super) fn is_local(api_url: &Url) -> bool {
    api_url.host_str() == Some("localhost")
}
