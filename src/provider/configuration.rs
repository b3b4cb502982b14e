//! The provider block.

use secrecy::SecretString;

use super::eks_access;
use crate::frontend::Frontend;
use crate::orchestrator::{Environment, ExplicitSettings, LookupError, ProviderAttribute, check_explicit};
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
    let auth_token = with_variables("The token for the API.", |product| product.auth_token_variable);
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

/// Returns the settings in the block, as far as they are known. An empty text counts as not set, as in the Go provider
/// (`ValueString()` in its `provider.go`).
pub(super) fn explicit_settings(config: &Value) -> ExplicitSettings {
    let is_blank = |text: &&str| text.trim().is_empty();
    let text = |name| {
        let text = config.get(name).as_str();
        text.filter(|text| !is_blank(text)).map(str::to_owned)
    };
    let attributes = [
        ProviderAttribute::ApiUrl,
        ProviderAttribute::OrgId,
        ProviderAttribute::AuthToken,
    ];
    let is_empty = |attribute: &ProviderAttribute| {
        config
            .get(attribute.name())
            .as_str()
            .is_some_and(|text| is_blank(&text))
    };
    ExplicitSettings {
        frontend: Frontend::Terraform,
        api_url: text("api_url"),
        org_id: text("org_id"),
        auth_token: text("auth_token").map(SecretString::from),
        config_files: PRODUCTS
            .into_iter()
            .filter_map(|product| Some((product, text(product.config_file_attribute)?)))
            .collect(),
        empty: attributes.into_iter().filter(is_empty).collect(),
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
            attribute: ProviderAttribute::AuthToken,
            ..
        } => diagnostic,
        LookupError::Unusable {
            attribute: ProviderAttribute::ApiUrl,
            ..
        } if hides_secret => diagnostic,
        // The default file: no attribute names it.
        LookupError::File { attribute, .. } if !matches!(attribute, ProviderAttribute::ConfigFile(_)) => diagnostic,
        _ => match error.attribute() {
            Some(attribute) => diagnostic.at(Path::new([attribute.name()])),
            None => diagnostic,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::lookup;

    /// A configuration for the Go provider can set an attribute to a variable that is empty.
    #[test]
    fn an_empty_attribute_counts_as_not_set() {
        let environment = Environment::from_variables([
            ("HOME", "/nonexistent"),
            ("HUMANITEC_API_URL", "https://env.example"),
            ("HUMANITEC_ORG_ID", "env-org"),
            ("HUMANITEC_AUTH_TOKEN", "env-token"),
        ]);
        let attributes = ["api_url", "org_id", "auth_token"];
        let files = PRODUCTS.map(|product| product.config_file_attribute);
        for name in attributes.into_iter().chain(files) {
            for text in ["", " \n"] {
                let explicit = explicit_settings(&Value::object([(name, Value::from(text))]));
                assert_eq!(check_explicit(&explicit, &environment), [], "{name}");
                let found = lookup(&explicit, &environment).unwrap();
                assert_eq!(found.api_url.as_str(), "https://env.example/", "{name}");
                assert_eq!(found.org_id, "env-org", "{name}");
                assert!(found.token.is_some(), "{name}");
                assert_eq!(explicit.empty.len(), usize::from(attributes.contains(&name)));
            }
        }
        // The other values of the block do not need the settings of a product.
        let explicit = explicit_settings(&Value::object([
            ("api_url", Value::from("")),
            ("org_id", Value::from("block-org")),
            ("auth_token", Value::from("block-token")),
        ]));
        let found = lookup(&explicit, &environment).unwrap();
        assert_eq!(found.api_url.as_str(), "https://env.example/");
        assert_eq!(found.org_id, "block-org");
    }

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
            let errors = check_explicit(&explicit, &Environment::from_variables([("HOME", "/nonexistent")]));
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
