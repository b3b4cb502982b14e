//! The rules for the values that a lookup finds.

use url::Url;

use super::error::LookupError;
use super::places::{API_URL, AUTH_TOKEN, ORG_ID, SearchResult};
use crate::orchestrator::settings::{ApiToken, SettingSource};
use crate::product::{HUMANITEC, Product};

/// Returns the URL of the API and where it was found. The default is that of the selected product, or Humanitec's if no
/// product is selected.
pub(super) fn api_url(found: SearchResult, selected: Option<&Product>) -> Result<(Url, SettingSource), LookupError> {
    let (text, source) = match found {
        SearchResult::Value(text, source) => (text, source),
        SearchResult::Nothing(missing) => match selected.unwrap_or(&HUMANITEC).default_url {
            Some(url) => (url.to_owned(), SettingSource::BuiltIn),
            None => return Err(API_URL.missing(missing)),
        },
    };
    // What precedes an `@` or follows a `?` can be a secret, so such a text is not repeated.
    let shown = if text.contains(['@', '?']) {
        String::new()
    } else {
        format!(" `{text}`")
    };
    let example = "set it to a URL such as https://api.humanitec.dev";
    let problem = match Url::parse(&text) {
        Err(error) => format!("the value{shown} is not a URL ({error}); {example}"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("the URL{shown} does not begin with http:// or https://; {example}")
        }
        // For these two schemes, the parser refuses an empty host.
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            format!("the URL contains a user name or password; {example}, and set the token separately")
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            format!("the URL contains a query or a fragment (a `?` or `#` and what follows); {example}")
        }
        Ok(url) => return Ok((url, source)),
    };
    Err(API_URL.unusable(source, problem))
}

/// Returns the id of the organization.
pub(super) fn org_id(found: SearchResult) -> Result<String, LookupError> {
    match found {
        SearchResult::Value(id, source) if id == "." || id == ".." => {
            Err(ORG_ID.unusable(source, format!("`{id}` is not the ID of an organization")))
        }
        SearchResult::Value(id, _) => Ok(id),
        SearchResult::Nothing(missing) => Err(ORG_ID.missing(missing)),
    }
}

/// Returns the token. `optional`: the API can be called without one.
pub(super) fn token(found: SearchResult, optional: bool) -> Result<Option<ApiToken>, LookupError> {
    match found {
        // RFC 9110 restricts the value of a header; no token has white space inside.
        SearchResult::Value(secret, source)
            if !secret.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Err(AUTH_TOKEN.unusable(
                source,
                "it contains a space, a line break, or another character that is not valid in a token. Set it to the token \
                 only, without the `Bearer` prefix",
            ))
        }
        SearchResult::Value(secret, source) => Ok(Some(ApiToken::new(secret, source))),
        SearchResult::Nothing(_) if optional => Ok(None),
        SearchResult::Nothing(missing) => Err(AUTH_TOKEN.missing(missing)),
    }
}

/// Returns whether the URL is that of a local installation, which trusts the `From` header. Only the host name
/// `localhost` counts.
pub(super) fn is_local(api_url: &Url) -> bool {
    api_url.host_str() == Some("localhost")
}
