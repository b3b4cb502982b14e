//! The provider block.

use secrecy::SecretString;

use super::eks_access;
use crate::orchestrator::{self, Environment, Given, LookupError, check};
use crate::plugin::{Attribute, Diagnostic, Path, Schema, Value};

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
                "The organization's id. Environment: `HUMANITEC_ORG_ID`.",
            )
            .optional(),
            Attribute::string(
                "auth_token",
                "The token for the API. Environment: `HUMANITEC_AUTH_TOKEN`. Not needed where the host of `api_url` \
                 is `localhost`.",
            )
            .optional()
            .sensitive(),
            Attribute::string(
                "hctl_config_file",
                "The path of a configuration file of `hctl`, which is read instead of the default one. It must exist.",
            )
            .optional(),
            eks_access::attribute(),
        ],
    }
}

/// Returns what is wrong with the block, as far as it is known. What the block does not set is looked up only when
/// Terraform configures the provider: `validate` runs without a token.
pub(super) fn validate(config: &Value) -> Vec<Diagnostic> {
    check(&given(config), &Environment::of_process())
        .iter()
        .map(lookup_failed)
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
pub(super) fn given(config: &Value) -> Given {
    let text = |name| config.get(name).as_str().map(str::to_owned);
    Given {
        api_url: text("api_url"),
        org_id: text("org_id"),
        auth_token: text("auth_token").map(SecretString::from),
        hctl_config_file: text("hctl_config_file"),
    }
}

/// Returns the error about a failed lookup.
pub(super) fn lookup_failed(error: &LookupError) -> Diagnostic {
    let mut text = error.to_string();
    if !text.ends_with('.') {
        text.push('.');
    }
    let diagnostic = Diagnostic::error("Invalid provider configuration", text);
    match error {
        // Terraform shows the line of the attribute, and with it the value.
        LookupError::Unusable {
            attribute: orchestrator::Attribute::AuthToken,
            ..
        } => diagnostic,
        // The default file: no attribute is at fault.
        LookupError::File { attribute, .. }
            if *attribute != orchestrator::Attribute::HctlConfigFile =>
        {
            diagnostic
        }
        _ => diagnostic.at(Path::of([error.attribute().name()])),
    }
}
