//! The lookup of the API's URL, the organization and the token.
//!
//! Each value is searched in this order: the provider block, the file that `hctl_config_file` names, the
//! environment, and the default file of `hctl` (only if `hctl_config_file` is not set). The default URL is the SaaS.

mod error;
mod places;
mod values;

use secrecy::ExposeSecret;

use super::environment::Environment;
use super::settings::{ApiSettings, ExplicitSettings};
use places::{API_URL, AUTH_TOKEN, ORG_ID, Places, named_file};

pub use error::LookupError;

/// Looks up the URL and the organization only, for a caller that does not call the API. The settings have no
/// token.
///
/// # Errors
/// As [`lookup`], except for the token.
pub fn lookup_without_token(
    explicit: &ExplicitSettings,
    environment: &Environment,
) -> Result<ApiSettings, Vec<LookupError>> {
    look_up(explicit, environment, false)
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
/// `hctl_config_file` names must exist and be valid even if nothing is taken from it. The default file must be
/// valid only if a value is searched in it.
pub fn lookup(
    explicit: &ExplicitSettings,
    environment: &Environment,
) -> Result<ApiSettings, Vec<LookupError>> {
    look_up(explicit, environment, true)
}

fn look_up(
    explicit: &ExplicitSettings,
    environment: &Environment,
    with_token: bool,
) -> Result<ApiSettings, Vec<LookupError>> {
    let named = match &explicit.hctl_config_file {
        Some(path) => Some(named_file(path, environment).map_err(|error| vec![error])?),
        None => None,
    };
    let places = Places::new(environment, named);
    let mut errors = Vec::new();

    let found = places.search(&API_URL, explicit.api_url.as_deref());
    let api_url = keep(found.and_then(values::api_url), &mut errors);

    let found = places.search(&ORG_ID, explicit.org_id.as_deref());
    let org_id = keep(found.and_then(values::org_id), &mut errors);

    let token = if with_token {
        let explicit_token = explicit
            .auth_token
            .as_ref()
            .map(ExposeSecret::expose_secret);
        let found = places.search(&AUTH_TOKEN, explicit_token);
        // If the URL is wrong, it is unknown whether a token is needed.
        let optional = api_url.as_ref().is_none_or(values::is_local);
        keep(
            found.and_then(|found| values::token(found, optional)),
            &mut errors,
        )
    } else {
        Some(None)
    };

    match (api_url, org_id, token) {
        (Some(api_url), Some(org_id), Some(token)) => Ok(ApiSettings {
            api_url,
            org_id,
            token,
        }),
        _ => {
            // A broken file is reported once, although each value was searched in it.
            errors.dedup_by(|a, b| match (a, b) {
                (LookupError::File { path: a, .. }, LookupError::File { path: b, .. }) => a == b,
                _ => false,
            });
            Err(errors)
        }
    }
}

/// Returns what is wrong with the explicit settings, before anything else is searched. A setting whose value is
/// unknown is not in `explicit`.
#[must_use]
pub fn check_explicit(explicit: &ExplicitSettings, environment: &Environment) -> Vec<LookupError> {
    let mut errors = Vec::new();
    if let Some(path) = &explicit.hctl_config_file {
        keep(named_file(path, environment), &mut errors);
    }
    if let Some(found) = API_URL.in_block(explicit.api_url.as_deref()) {
        keep(found.and_then(values::api_url), &mut errors);
    }
    if let Some(found) = ORG_ID.in_block(explicit.org_id.as_deref()) {
        keep(found.and_then(values::org_id), &mut errors);
    }
    let token = explicit
        .auth_token
        .as_ref()
        .map(ExposeSecret::expose_secret);
    if let Some(found) = AUTH_TOKEN.in_block(token) {
        keep(
            found.and_then(|found| values::token(found, true)),
            &mut errors,
        );
    }
    errors
}

/// Returns the value, or moves the error to `errors`.
fn keep<T>(result: Result<T, LookupError>, errors: &mut Vec<LookupError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}
