//! The `User-Agent` of the calls.

use super::environment::Environment;

/// Returns the `User-Agent`: this provider's version, Terraform's, and what `TF_APPEND_USER_AGENT` adds.
#[must_use]
pub fn user_agent(terraform_version: &str, environment: &Environment) -> String {
    let own = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    let appended = environment.variable("TF_APPEND_USER_AGENT").unwrap_or_default();
    format!("{own} (+Terraform/{terraform_version}) {appended}")
        .chars()
        .filter(|character| character.is_ascii_graphic() || *character == ' ')
        .collect::<String>()
        .trim()
        .to_owned()
}
