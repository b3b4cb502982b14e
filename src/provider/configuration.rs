//! The provider block.

use secrecy::SecretString;

use super::eks_access;
use crate::orchestrator::{self, Environment, ExplicitSettings, LookupError, check_explicit};
use terraform_plugin_server::{Attribute, Diagnostic, Path, Schema, Value};

const ATTRIBUTES: [&str; 4] = ["api_url", "org_id", "auth_token", "hctl_config_file"];

/// Returns the schema of the provider block.
pub(super) fn schema() -> Schema {
    Schema {
        version: 0,
        description: "Manages EKS runners of the Platform Orchestrator, and the rules that select them.",
        attributes: vec![
            Attribute::string(
                "api_url",
                "The base URL of the Orchestrator's API. Environment: `HUMANITEC_API_URL`. Default: \
                 `https://api.humanitec.dev`.",
            )
            .optional(),
            Attribute::string(
                "org_id",
                "The organization's ID. Environment: `HUMANITEC_ORG_ID`.",
            )
            .optional(),
            Attribute::string(
                "auth_token",
                "The token for the API. Environment: `HUMANITEC_AUTH_TOKEN`. Not needed if the host of `api_url` \
                 is `localhost`.",
            )
            .optional()
            .sensitive(),
            Attribute::string(
                "hctl_config_file",
                "The path of a configuration file of `hctl` to read instead of the default one. The file must exist.",
            )
            .optional(),
            eks_access::attribute(),
        ],
    }
}

/// Returns what is wrong with the block, as far as its values are known. What the block does not set is looked up only
/// when Terraform configures the provider, because `validate` runs without a token.
pub(super) fn validate(config: &Value) -> Vec<Diagnostic> {
    let explicit = explicit_settings(config);
    check_explicit(&explicit, &Environment::from_process())
        .iter()
        .map(|error| lookup_failed(error, &explicit))
        .chain(eks_access::validate(config))
        .collect()
}

/// Returns the names of the attributes whose values are not known yet.
pub(super) fn unknown(config: &Value) -> Vec<&'static str> {
    ATTRIBUTES
        .into_iter()
        .filter(|name| config.get(name).is_unknown())
        .collect()
}

/// Returns the settings in the block, as far as they are known.
pub(super) fn explicit_settings(config: &Value) -> ExplicitSettings {
    let text = |name| config.get(name).as_str().map(str::to_owned);
    ExplicitSettings {
        api_url: text("api_url"),
        org_id: text("org_id"),
        auth_token: text("auth_token").map(SecretString::from),
        hctl_config_file: text("hctl_config_file"),
    }
}

/// Returns the error about a failed lookup of the settings in the block.
pub(super) fn lookup_failed(error: &LookupError, explicit: &ExplicitSettings) -> Diagnostic {
    let mut text = error.to_string();
    if !text.ends_with('.') {
        text.push('.');
    }
    let diagnostic = Diagnostic::error("Invalid provider configuration", text);
    // What precedes an `@` or follows a `?` can be a secret.
    let api_url = explicit.api_url.as_deref().unwrap_or_default();
    let hides_secret = api_url.contains(['@', '?']);
    match error {
        // Terraform would show the line of the attribute, and with it the value.
        LookupError::Unusable {
            attribute: orchestrator::ProviderAttribute::AuthToken,
            ..
        } => diagnostic,
        LookupError::Unusable {
            attribute: orchestrator::ProviderAttribute::ApiUrl,
            ..
        } if hides_secret => diagnostic,
        // The default file: no attribute names it.
        LookupError::File { attribute, .. }
            if *attribute != orchestrator::ProviderAttribute::HctlConfigFile =>
        {
            diagnostic
        }
        _ => diagnostic.at(Path::new([error.attribute().name()])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Terraform prints the line of the attribute that a diagnostic names.
    #[test]
    fn the_error_about_a_url_with_a_secret_names_no_attribute() {
        for (url, is_shown) in [
            ("https://me:C4nary@api.example.com", false),
            ("https://C4nary@api.example.com", false),
            ("https://me:C4n/ary@api.example.com", false),
            ("ftp://me:C4nary@api.example.com", false),
            ("https://api.example.com?token=C4nary", false),
            ("api.example.com", true),
        ] {
            let explicit = ExplicitSettings {
                api_url: Some(url.to_owned()),
                ..ExplicitSettings::default()
            };
            let errors = check_explicit(
                &explicit,
                &Environment::from_variables([("HOME", "/nonexistent")]),
            );
            let [error] = errors.as_slice() else {
                panic!("{url}: {errors:?}")
            };
            let diagnostic = lookup_failed(error, &explicit);
            assert_eq!(diagnostic.path.is_some(), is_shown, "{diagnostic:?}");
            let text = format!("{} {}", diagnostic.summary, diagnostic.detail);
            assert!(text.contains("api_url") && !text.contains("C4n"), "{text}");
        }
    }
}
