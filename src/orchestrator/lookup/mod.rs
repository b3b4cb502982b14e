//! The lookup of the API's URL, the organization and the token.
//!
//! Each value is searched in this order: the provider block, the file that `hctl_config_file` or `octl_config_file`
//! names, the environment, and the default file of `hctl` or `octl` (only if no file is named). What is not in the
//! provider block comes from the settings of one product (`selection`). The default URL is Humanitec's.

mod error;
mod files;
mod places;
mod selection;
mod values;

use secrecy::ExposeSecret;
use url::Url;

use super::environment::Environment;
use super::installation::product_on_host;
use super::settings::{ApiSettings, ApiToken, ExplicitSettings, SettingSource};
use crate::product::Product;
use error::TokenOwner;
use files::Files;
use places::{API_URL, AUTH_TOKEN, ORG_ID, Places};
use selection::select;

pub use error::LookupError;

/// Looks up the URL and the organization only, for a caller that does not call the API. The URL is `None` if nothing sets
/// it, and the selected product has no default.
///
/// # Errors
/// As [`lookup`], except for the token and for a missing URL.
pub fn lookup_without_token(
    explicit: &ExplicitSettings,
    environment: &Environment,
) -> Result<(Option<Url>, String), Vec<LookupError>> {
    let files = Files::new(explicit, environment).map_err(|error| vec![error])?;
    let places = Places::new(explicit, environment, &files, false).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let api_url = match places.api_url(explicit) {
        Err(LookupError::Missing { .. }) => Some(None),
        found => keep(found, &mut errors).map(|(url, _)| Some(url)),
    };
    let org_id = keep(places.org_id(explicit), &mut errors);
    match (api_url, org_id) {
        (Some(api_url), Some(org_id)) => Ok((api_url, org_id)),
        _ => Err(each_file_once(errors)),
    }
}

/// Looks up the three values.
///
/// ```
/// use terraform_provider_platform_orchestrator::orchestrator::{
///     Environment, ExplicitSettings, lookup,
/// };
///
/// let explicit = ExplicitSettings {
///     org_id: Some("my-org".to_owned()),
///     ..ExplicitSettings::default()
/// };
/// let environment = Environment::from_variables([("HUMANITEC_AUTH_TOKEN", "a-token")]);
/// let settings = lookup(&explicit, &environment).expect("nothing is missing");
/// assert_eq!(settings.api_url.as_str(), "https://api.humanitec.dev/");
/// let token = settings.token.expect("it is not on localhost");
/// assert_eq!(token.source.to_string(), "the environment variable HUMANITEC_AUTH_TOKEN");
/// ```
///
/// # Errors
/// Every value that is missing or cannot be used, so that a person can correct all of them at once. A file that
/// the provider block names must exist and be valid even if nothing is taken from it. A default file must be valid only
/// if a value is searched in it.
pub fn lookup(explicit: &ExplicitSettings, environment: &Environment) -> Result<ApiSettings, Vec<LookupError>> {
    let files = Files::new(explicit, environment).map_err(|error| vec![error])?;
    let places = Places::new(explicit, environment, &files, true).map_err(|error| vec![error])?;
    let product = places.product();
    let mut errors = Vec::new();
    let (api_url, url_from) = keep(places.api_url(explicit), &mut errors).unzip();
    let org_id = keep(places.org_id(explicit), &mut errors);

    let token = explicit.auth_token.as_ref();
    let found = places.search(&AUTH_TOKEN, token.map(ExposeSecret::expose_secret));
    // If the URL is wrong, it is unknown whether a token is needed.
    let optional = api_url.as_ref().is_none_or(values::is_local);
    let token = found.and_then(|found| values::token(found, optional));
    let url = api_url.as_ref().zip(url_from);
    let token = token.and_then(|token| places.for_this_api(token, url));
    let token = keep(token, &mut errors);

    match (api_url, org_id, token) {
        (Some(api_url), Some(org_id), Some(token)) => Ok(ApiSettings {
            api_url,
            org_id,
            token,
            product,
            ignored_variables: places.ignored_variables(),
        }),
        _ => Err(each_file_once(errors)),
    }
}

/// Returns the errors with each broken file once, although each value was searched in it.
fn each_file_once(mut errors: Vec<LookupError>) -> Vec<LookupError> {
    errors.dedup_by(|a, b| match (a, b) {
        (LookupError::File { path: a, .. }, LookupError::File { path: b, .. }) => a == b,
        _ => false,
    });
    errors
}

impl<'a> Places<'a> {
    /// Selects the product, unless the settings themselves have all values, and no file is named.
    fn new(
        explicit: &'a ExplicitSettings,
        environment: &'a Environment,
        files: &'a Files<'a>,
        with_token: bool,
    ) -> Result<Self, LookupError> {
        let has_all =
            explicit.api_url.is_some() && explicit.org_id.is_some() && (explicit.auth_token.is_some() || !with_token);
        let selection = if has_all && files.named().is_none() {
            None
        } else {
            select(explicit, environment, files)?
        };
        Ok(Self {
            environment,
            files,
            empty: &explicit.empty,
            selection,
        })
    }

    /// Returns the selected product.
    fn product(&self) -> Option<&'static Product> {
        self.selection.as_ref().map(|selection| selection.product)
    }

    fn api_url(&self, explicit: &ExplicitSettings) -> Result<(Url, SettingSource), LookupError> {
        let found = self.search(&API_URL, explicit.api_url.as_deref())?;
        values::api_url(found, self.product())
    }

    fn org_id(&self, explicit: &ExplicitSettings) -> Result<String, LookupError> {
        values::org_id(self.search(&ORG_ID, explicit.org_id.as_deref())?)
    }

    /// Returns the token, unless it is for another API: it comes from the settings of the selected product, and the URL is that
    /// of the own API of another one, or it comes from a file that has the URL of another host than the one in the block. The
    /// variable of the product's own URL replaces that of its file, as in the Go providers.
    fn for_this_api(
        &self,
        token: Option<ApiToken>,
        url: Option<(&Url, SettingSource)>,
    ) -> Result<Option<ApiToken>, LookupError> {
        let (Some(found), Some((url, url_from)), Some(token_product)) = (&token, url, self.product()) else {
            return Ok(token);
        };
        let token_for = match (&found.source, product_on_host(url)) {
            (SettingSource::Explicit(..), _) => None,
            (_, Some(other)) if other != token_product => Some(TokenOwner::OtherProduct {
                token_product,
                url_product: other,
            }),
            (SettingSource::File { path, .. }, _) if matches!(url_from, SettingSource::Explicit(..)) => self
                .files
                .url_in(path, token_product)
                .filter(|own| own.host_str() != url.host_str())
                .map(|own| TokenOwner::OtherHost(own.to_string())),
            _ => None,
        };
        match token_for {
            Some(token_for) => Err(LookupError::OtherApi {
                token_from: found.source.clone(),
                token_for,
                url_from,
            }),
            None => Ok(token),
        }
    }
}

/// Returns what is wrong with the explicit settings, before anything else is searched. A setting whose value is
/// unknown is not in `explicit`.
#[must_use]
pub fn check_explicit(explicit: &ExplicitSettings, environment: &Environment) -> Vec<LookupError> {
    let mut errors = Vec::new();
    keep(Files::new(explicit, environment), &mut errors);
    if let Some(found) = API_URL.in_block(explicit.api_url.as_deref(), explicit.frontend) {
        keep(found.and_then(|found| values::api_url(found, None)), &mut errors);
    }
    if let Some(found) = ORG_ID.in_block(explicit.org_id.as_deref(), explicit.frontend) {
        keep(found.and_then(values::org_id), &mut errors);
    }
    let token = explicit.auth_token.as_ref().map(ExposeSecret::expose_secret);
    if let Some(found) = AUTH_TOKEN.in_block(token, explicit.frontend) {
        keep(found.and_then(|found| values::token(found, true)), &mut errors);
    }
    errors
}

/// Returns the value, or moves the error to `errors`.
fn keep<T>(result: Result<T, LookupError>, errors: &mut Vec<LookupError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}
