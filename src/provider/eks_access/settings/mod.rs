//! `eks_access` of the provider block: when the access of EKS runners is checked, and how.

mod schema;
mod validate;

use crate::access::{AssumeRole, Frontend, Identity, Kubeconfig, Settings, parse};
use crate::orchestrator::{Environment, Installation};
use terraform_plugin_server::Value;

pub(in crate::provider) use schema::attribute;
pub(in crate::provider) use validate::validate;

/// The attribute's name.
const NAME: &str = "eks_access";

/// What a failed check does during plan or apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Mode {
    /// Nothing is checked.
    Off,
    /// A failed check is a warning.
    Warn,
    /// A failed check is an error.
    Error,
}

impl Mode {
    /// Each mode with its name.
    const ALL: [(&str, Self); 3] = [("off", Self::Off), ("warn", Self::Warn), ("error", Self::Error)];
}

/// What happens during plan and apply when checks could not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Incomplete {
    /// Nothing happens.
    Ignore,
    /// Each reason is a warning.
    Warn,
    /// Each reason is an error wherever a failed check is an error.
    Error,
}

impl Incomplete {
    /// Each value with its name.
    const ALL: [(&str, Self); 3] = [("ignore", Self::Ignore), ("warn", Self::Warn), ("error", Self::Error)];
}

/// Each identity with its name.
const IDENTITIES: [(&str, Identity); 2] = [("caller", Identity::Caller), ("runner", Identity::Runner)];

/// Returns what a value names. `None` for a name that is unknown, which validation refuses, and for a value that is not
/// set.
fn named<T: Copy>(value: &Value, all: &[(&str, T)]) -> Option<T> {
    let name = value.as_str()?;
    let found = all.iter().find(|(other, _)| *other == name);
    found.map(|(_, named)| *named)
}

/// When the access is checked, and how.
#[derive(Debug, Clone)]
pub(in crate::provider) struct EksAccessSettings {
    /// What a failed check does during plan.
    pub(in crate::provider) plan: Mode,
    /// What a failed check does during apply.
    pub(in crate::provider) apply: Mode,
    /// What happens when checks that apply could not run.
    pub(in crate::provider) incomplete: Incomplete,
    /// The settings of the checks themselves.
    pub(in crate::provider) settings: Settings,
}

/// Returns the settings of a provider block for an installation of the Orchestrator. `None` while they are not known.
pub(in crate::provider) fn settings(
    config: &Value,
    installation: &Installation,
    environment: &Environment,
) -> Option<EksAccessSettings> {
    let block = config.get(NAME);
    if !block.is_wholly_known() {
        return None;
    }
    let text = |name: &str| block.get(name).as_str().map(str::to_owned);
    let defaults = Settings::default();
    let assume_role = block.get("assume_role");
    let kubeconfig = block.get("kubeconfig");
    // Validation has refused the values that cannot be parsed.
    let timeout = text("timeout").and_then(|timeout| parse::duration(&timeout).ok());
    Some(EksAccessSettings {
        plan: named(block.get("plan"), &Mode::ALL).unwrap_or(Mode::Warn),
        apply: named(block.get("apply"), &Mode::ALL).unwrap_or(Mode::Warn),
        incomplete: named(block.get("incomplete"), &Incomplete::ALL).unwrap_or(Incomplete::Warn),
        settings: Settings {
            frontend: Frontend::Terraform,
            identity: named(block.get("as"), &IDENTITIES).unwrap_or_default(),
            timeout: timeout.unwrap_or(defaults.timeout),
            profile: text("profile"),
            assume_role: assume_role.get("role_arn").as_str().map(|role_arn| AssumeRole {
                role_arn: role_arn.to_owned(),
                session_name: assume_role.get("session_name").as_str().map(str::to_owned),
                external_id: assume_role.get("external_id").as_str().map(str::to_owned),
            }),
            web_identity_token_file: text("web_identity_token_file").map(|path| environment.expand(&path)),
            oidc_issuer: text("oidc_issuer")
                .map(|issuer| parse::issuer(&issuer).unwrap_or(issuer))
                .or_else(|| installation.oidc_issuer.map(str::to_owned)),
            orchestrator_cidrs: strings(block.get("orchestrator_cidrs"))
                .filter_map(|(_, cidr)| parse::cidr(cidr).ok())
                .collect(),
            published_cidrs: installation.source_cidrs(),
            kubeconfig: kubeconfig.get("path").as_str().map(|path| Kubeconfig {
                path: environment.expand(path),
                context: kubeconfig.get("context").as_str().map(str::to_owned),
            }),
            runner_image: text("runner_image")
                .or_else(|| installation.runner_image.map(str::to_owned))
                .unwrap_or(defaults.runner_image),
            skip: strings(block.get("skip_checks"))
                .filter_map(|(_, id)| id.parse().ok())
                .collect(),
            only: defaults.only,
        },
    })
}

/// Returns the known elements of a list of strings, each with its index.
fn strings(value: &Value) -> impl Iterator<Item = (usize, &str)> {
    let elements = match value {
        Value::List(elements) => elements.as_slice(),
        _ => &[],
    };
    let known = elements.iter().map(Value::as_str).enumerate();
    known.filter_map(|(index, text)| Some((index, text?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the settings of a provider block whose `eks_access` has these attributes.
    fn settings_with(attributes: Value, installation: &Installation) -> Settings {
        let block = Value::object([(NAME, attributes)]);
        let environment = Environment::from_variables([("HOME", "/home/ann")]);
        settings(&block, installation, &environment).unwrap().settings
    }

    #[test]
    fn a_tilde_in_a_path_is_the_home_directory() {
        let block = Value::object([
            ("web_identity_token_file", Value::from("~/token")),
            ("kubeconfig", Value::object([("path", Value::from("~/.kube/config"))])),
        ]);
        let settings = settings_with(block, &Installation::default());
        assert_eq!(
            settings.web_identity_token_file.as_deref(),
            Some("/home/ann/token".as_ref())
        );
        let kubeconfig = settings.kubeconfig.unwrap();
        assert_eq!(kubeconfig.path.as_os_str(), "/home/ann/.kube/config");
    }

    #[test]
    fn an_issuer_loses_its_last_slash_and_only_the_saas_has_a_default() {
        let other = Installation::default();
        for (given, saas, elsewhere) in [
            (Value::Null, Some("https://oidc.humanitec.dev"), None),
            (
                Value::from("https://oidc.example.com/"),
                Some("https://oidc.example.com"),
                Some("https://oidc.example.com"),
            ),
        ] {
            let block = Value::object([("oidc_issuer", given)]);
            let settings = settings_with(block.clone(), &Installation::SAAS);
            assert_eq!(settings.oidc_issuer.as_deref(), saas);
            assert_eq!(settings_with(block, &other).oidc_issuer.as_deref(), elsewhere);
        }
    }

    #[test]
    fn the_image_of_the_block_replaces_the_one_of_the_installation() {
        let image = |given: Value, installation: &Installation| {
            let block = Value::object([("runner_image", given)]);
            settings_with(block, installation).runner_image
        };
        let (saas, other) = (Installation::SAAS, Installation::default());
        assert!(image(Value::Null, &saas).starts_with("ghcr.io/humanitec/humanitec-runner:v"));
        assert!(image(Value::Null, &other).starts_with("ghcr.io/stellwerk-labs/platform-orchestrator-runner:v"));
        for installation in [&saas, &other] {
            assert_eq!(image(Value::from("mirror/runner:1"), installation), "mirror/runner:1");
        }
    }

    #[test]
    fn only_the_saas_has_published_addresses() {
        let published = |installation| settings_with(Value::Null, installation).published_cidrs;
        let texts: Vec<String> = published(&Installation::SAAS).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["35.198.140.114/32", "35.246.198.96/32"]);
        assert!(published(&Installation::default()).is_empty());
    }
}
