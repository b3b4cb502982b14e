//! The provider block.

use secrecy::SecretString;

use super::eks_access;
use crate::frontend::Frontend;
use crate::orchestrator::{self, Environment, ExplicitSettings, LookupError, check_explicit};
use crate::product::{PRODUCTS, Product};
use terraform_plugin_server::{Attribute, Diagnostic, Path, Schema, Value};

/// Returns the schema of the provider block.
pub(super) fn schema() -> Schema {
    let mut attributes = connection_attributes();
    attributes.push(eks_access::attribute());
    Schema {
        version: 0,
        description: "Manages EKS runners of the Platform Orchestrator, and the rules that select them.",
        attributes,
    }
}

/// Returns the description of an attribute that environment variables can set as well.
fn with_variables(text: &str, variable: fn(&Product) -> &'static str) -> String {
    let variables = PRODUCTS.map(|product| format!("`{}`", variable(product)));
    format!("{text} Environment: {}.", variables.join(" or "))
}

/// Returns the attributes that set the connection to the API.
fn connection_attributes() -> Vec<Attribute> {
    let default_urls = PRODUCTS.into_iter().filter_map(|product| {
        let url = product.default_url?;
        Some(format!(
            " Default: `{url}`, if nothing selects the settings of another product."
        ))
    });
    let api_url = with_variables("The base URL of the Orchestrator's API.", |product| {
        product.api_url_variable
    });
    let auth_token = with_variables("The token for the API.", |product| {
        product.auth_token_variable
    });
    let mut attributes = vec![
        Attribute::string("api_url", api_url + &default_urls.collect::<String>()).optional(),
        Attribute::string(
            "org_id",
            with_variables("The organization's ID.", |product| product.org_id_variable),
        )
        .optional(),
        Attribute::string(
            "auth_token",
            auth_token + " Not needed if the host of `api_url` is `localhost`.",
        )
        .optional()
        .sensitive(),
    ];
    attributes.extend(PRODUCTS.map(|product| {
        let description = format!(
            "The path of a configuration file of `{}` to read instead of the default one. The file must exist.",
            product.cli
        );
        Attribute::string(product.config_file_attribute, description).optional()
    }));
    attributes
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
    connection_attributes()
        .into_iter()
        .map(|attribute| attribute.name)
        .filter(|name| config.get(name).is_unknown())
        .collect()
}

/// Returns the settings in the block, as far as they are known.
pub(super) fn explicit_settings(config: &Value) -> ExplicitSettings {
    let text = |name| config.get(name).as_str().map(str::to_owned);
    ExplicitSettings {
        frontend: Frontend::Terraform,
        api_url: text("api_url"),
        org_id: text("org_id"),
        auth_token: text("auth_token").map(SecretString::from),
        config_files: PRODUCTS
            .into_iter()
            .filter_map(|product| Some((product, text(product.config_file_attribute)?)))
            .collect(),
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
            if !matches!(attribute, orchestrator::ProviderAttribute::ConfigFile(_)) =>
        {
            diagnostic
        }
        _ => match error.attribute() {
            Some(attribute) => diagnostic.at(Path::new([attribute.name()])),
            None => diagnostic,
        },
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
