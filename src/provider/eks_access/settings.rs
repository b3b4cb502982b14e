//! `eks_access` of the provider block: when the access of EKS runners is checked, and how.

use std::time::Duration;

use crate::access::{AssumeRole, CheckId, Frontend, Identity, Kubeconfig, Settings, is_image};
use crate::orchestrator::Installation;
use crate::provider::timeouts;
use crate::runner::validate;
use terraform_plugin_server::{Attribute, Diagnostic, Path, Type, Value};

/// The attribute's name.
const NAME: &str = "eks_access";

/// What a failed check does during plan or apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Mode {
    /// Nothing is checked.
    Off,
    /// It is a warning.
    Warn,
    /// It is an error.
    Error,
}

impl Mode {
    const NAMES: &[&str] = &["off", "warn", "error"];

    /// The mode that `value` names. The default is `warn`.
    fn of(value: &Value) -> Self {
        match value.as_str() {
            Some("off") => Self::Off,
            Some("error") => Self::Error,
            _ => Self::Warn,
        }
    }
}

/// What a run that is not complete does to a plan or an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Incomplete {
    /// Nothing.
    Ignore,
    /// It is a warning.
    Warn,
    /// It is an error where a failed check is one.
    Error,
}

impl Incomplete {
    const NAMES: &[&str] = &["ignore", "warn", "error"];

    /// The value that `value` names. The default is `warn`.
    fn of(value: &Value) -> Self {
        match value.as_str() {
            Some("ignore") => Self::Ignore,
            Some("error") => Self::Error,
            _ => Self::Warn,
        }
    }
}

/// When and how to check.
#[derive(Debug, Clone)]
pub(in crate::provider) struct EksAccessSettings {
    /// While planning.
    pub(in crate::provider) plan: Mode,
    /// While applying.
    pub(in crate::provider) apply: Mode,
    /// Where checks that apply could not be made.
    pub(in crate::provider) incomplete: Incomplete,
    /// Whose credentials the checks use, and their time limit.
    pub(in crate::provider) settings: Settings,
}

/// The attribute's schema.
pub(in crate::provider) fn attribute() -> Attribute {
    let text = |name, description| Attribute::string(name, description).optional();
    Attribute::object(
        NAME,
        "When and how the provider checks that the Orchestrator will reach the cluster of an EKS runner: the IAM role \
         and its trust policy, the cluster, the access entry, Kubernetes RBAC and the Job itself. The checks never \
         change anything.",
        vec![
            text(
                "plan",
                "What a failed check does during plan: `off` (nothing is checked), `warn` (default), `error` (the plan \
                 fails, except for objects that do not exist yet while the runner is being created).",
            ),
            text(
                "apply",
                "What a failed check does during apply: `off`, `warn` (default: checked once the runner is \
                 registered), `error` (checked before the runner is registered, repeatedly within `timeout`; if a \
                 check fails, nothing is registered. When a runner is replaced, the old one is deleted before that, \
                 unless its `lifecycle` has `create_before_destroy`).",
            ),
            text(
                "incomplete",
                "What happens when checks that apply could not be made, because AWS credentials or a permission are \
                 missing, a service is unreachable or a call timed out: `ignore` (nothing), `warn` (default: one warning \
                 for each reason), `error` (an error wherever a failed check is one: with `plan = \"error\"` the plan \
                 fails, and with `apply = \"error\"` nothing is registered). Values that are unknown until apply do not \
                 count.",
            ),
            Attribute::new(
                "skip_checks",
                Type::List(Box::new(Type::String)),
                "The IDs of checks to skip, such as `job-dry-run` where the caller is deliberately not allowed to \
                 impersonate the runner. Checks that need a skipped check still run.",
            )
            .optional(),
            text(
                "as",
                "Who checks: `caller` (default: your own AWS credentials; the runner's permissions are looked up) or \
                 `runner` (the runner's role is assumed, and everything is done as the Orchestrator will do it).",
            ),
            text(
                "timeout",
                "With `apply = \"error\"`, how long to wait for AWS to propagate new roles and policies. Default `2m`.",
            ),
            text("profile", "The profile of the AWS configuration files. Default: as the AWS SDKs choose it."),
            Attribute::object(
                "assume_role",
                "A role that the caller assumes before any check.",
                vec![
                    Attribute::string("role_arn", "The ARN of the role.").required(),
                    text("session_name", "The name of the session."),
                    text("external_id", "The external id that the role's trust policy asks for."),
                ],
            )
            .optional(),
            text(
                "web_identity_token_file",
                "With `as = \"runner\"`: a file with an OIDC token that the role's trust policy admits.",
            ),
            text(
                "oidc_issuer",
                "The issuer of the Orchestrator's OIDC tokens. Default with Humanitec's API \
                 (`https://api.humanitec.dev`): `https://oidc.humanitec.dev`. Every other installation has an issuer of \
                 its own (`OIDC_ISSUER_URL` of its data plane) and no default here: while it is not set, the checks \
                 that need it are not made.",
            ),
            text(
                "runner_image",
                "The image of the Orchestrator's Jobs, for `job-dry-run`. Default with Humanitec's API: \
                 `ghcr.io/humanitec/humanitec-runner`, for every other installation: \
                 `ghcr.io/stellwerk-labs/platform-orchestrator-runner`, both with the tag of a release. Set it where the \
                 installation runs another image and the cluster's admission policies look at images.",
            ),
            Attribute::new(
                "orchestrator_cidrs",
                Type::List(Box::new(Type::String)),
                "The addresses from which the Orchestrator calls clusters, as CIDRs: `cluster-endpoint` fails where the \
                 cluster's public access CIDRs do not admit them. Default with Humanitec's API: the addresses that \
                 Humanitec publishes, which only warn.",
            )
            .optional(),
            Attribute::object(
                "kubeconfig",
                "A kubeconfig to use in place of a token made from the AWS credentials. No kubeconfig is ever used \
                 that is not named here. Its credential plugin (`exec`) runs without a terminal, and nothing that it \
                 prints is shown.",
                vec![
                    Attribute::string("path", "The path of the file.").required(),
                    text("context", "The context in it. Default: its current one."),
                ],
            )
            .optional(),
        ],
    )
    .optional()
}

/// What is wrong with `eks_access` of the provider block, as far as it is known.
pub(in crate::provider) fn validate(config: &Value) -> Vec<Diagnostic> {
    let given = config.get(NAME);
    let mut found = Vec::new();
    let mut one_of = |name: &str, allowed: &[&str]| {
        let Some(text) = given
            .get(name)
            .as_str()
            .filter(|text| !allowed.contains(text))
        else {
            return;
        };
        let allowed: Vec<String> = allowed.iter().map(|name| format!("{name:?}")).collect();
        found.push(wrong(
            name,
            format!(
                "{text:?} is not one of {}. Use one of them.",
                allowed.join(", ")
            ),
        ));
    };
    one_of("plan", Mode::NAMES);
    one_of("apply", Mode::NAMES);
    one_of("incomplete", Incomplete::NAMES);
    one_of("as", &["caller", "runner"]);
    found.extend(unknown_checks(given));
    if let Some(Err(why)) = given.get("timeout").as_str().map(timeouts::parse_duration) {
        found.push(wrong(
            "timeout",
            timeouts::no_duration(given.get("timeout").as_str().unwrap_or_default(), &why),
        ));
    }
    if let Some(issuer) = given.get("oidc_issuer").as_str()
        && !is_issuer(issuer)
    {
        found.push(wrong(
            "oidc_issuer",
            format!(
                "{issuer:?} is not an OIDC issuer: write it as https:// and a host, with a path where it has one, as in \
                 \"https://oidc.humanitec.dev\"."
            ),
        ));
    }
    if let Some(image) = given.get("runner_image").as_str()
        && !is_image(image)
    {
        found.push(wrong(
            "runner_image",
            format!(
                "{image:?} is not the name of an image. Write it as in \
                 \"registry.example.com/humanitec-runner:v1.2.3\", without spaces."
            ),
        ));
    }
    if given.get("profile").as_str() == Some("") {
        found.push(wrong(
            "profile",
            "It is empty. Name a profile, or leave it out: then the AWS SDK chooses, as AWS_PROFILE says.",
        ));
    }
    let role_arn = given.get("assume_role").get("role_arn");
    if let Some(Err(invalid)) = role_arn.as_str().map(validate::role_arn) {
        let path = Path::new([NAME, "assume_role", "role_arn"]);
        found.push(Diagnostic::error("Invalid eks_access", invalid.detail).at(path));
    }
    if given.get("kubeconfig").get("path").as_str() == Some("") {
        let detail = "It is empty. Name a kubeconfig, or leave `kubeconfig` out: then a token is made from the AWS \
                      credentials.";
        let path = Path::new([NAME, "kubeconfig", "path"]);
        found.push(Diagnostic::error("Invalid eks_access", detail).at(path));
    }
    for (index, cidr) in strings(given.get("orchestrator_cidrs")) {
        if cidr.parse::<ipnet::IpNet>().is_err() {
            found.push(
                Diagnostic::error(
                    "Invalid eks_access",
                    format!(
                        "{cidr:?} is not a range of addresses. Write it as CIDR: \"203.0.113.0/24\"."
                    ),
                )
                .at(Path::new([NAME, "orchestrator_cidrs"]).index(index)),
            );
        }
    }
    if given.get("web_identity_token_file").as_str().is_some()
        && !given.get("as").is_unknown()
        && given.get("as").as_str() != Some("runner")
    {
        found.push(wrong(
            "web_identity_token_file",
            "It is used only to become the runner. Set as = \"runner\", or remove it.",
        ));
    }
    let kubeconfig = given.get("kubeconfig");
    if given.get("as").as_str() == Some("runner")
        && !kubeconfig.is_null()
        && !kubeconfig.is_unknown()
    {
        found.push(wrong(
            "kubeconfig",
            "It is the caller's way to the cluster. The runner goes there with a token of its own role, as the \
             Orchestrator does. Remove it, or set as = \"caller\".",
        ));
    }
    found
}

/// An error for each element of `skip_checks` that is not the id of a check.
fn unknown_checks(given: &Value) -> impl Iterator<Item = Diagnostic> {
    strings(given.get("skip_checks")).filter_map(|(index, id)| {
        let unknown = id.parse::<CheckId>().err()?;
        let path = Path::new([NAME, "skip_checks"]).index(index);
        Some(Diagnostic::error("Invalid eks_access", unknown.to_string()).at(path))
    })
}

/// Whether a text is `https://`, a host, and perhaps a port and a path: what an issuer may be made of.
fn is_issuer(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~/:%".contains(c))
    })
}

fn wrong(name: &str, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error("Invalid eks_access", detail).at(Path::new([NAME, name]))
}

/// The settings of a provider block for an installation of the Orchestrator. `None` where they are not known yet.
pub(in crate::provider) fn settings(
    config: &Value,
    installation: &Installation,
) -> Option<EksAccessSettings> {
    let given = config.get(NAME);
    if !given.is_wholly_known() {
        return None;
    }
    let text = |name: &str| given.get(name).as_str().map(str::to_owned);
    let defaults = Settings::default();
    let assume_role = given.get("assume_role");
    let kubeconfig = given.get("kubeconfig");
    Some(EksAccessSettings {
        plan: Mode::of(given.get("plan")),
        apply: Mode::of(given.get("apply")),
        incomplete: Incomplete::of(given.get("incomplete")),
        settings: Settings {
            frontend: Frontend::Terraform,
            identity: match given.get("as").as_str() {
                Some("runner") => Identity::Runner,
                _ => Identity::Caller,
            },
            timeout: timeout(given).unwrap_or(defaults.timeout),
            profile: text("profile"),
            assume_role: assume_role
                .get("role_arn")
                .as_str()
                .map(|role_arn| AssumeRole {
                    role_arn: role_arn.to_owned(),
                    session_name: assume_role.get("session_name").as_str().map(str::to_owned),
                    external_id: assume_role.get("external_id").as_str().map(str::to_owned),
                }),
            web_identity_token_file: text("web_identity_token_file").map(Into::into),
            // As the command has it: IAM and the tokens have none.
            oidc_issuer: text("oidc_issuer")
                .map(|issuer| issuer.trim_end_matches('/').to_owned())
                .or_else(|| installation.oidc_issuer.map(str::to_owned)),
            orchestrator_cidrs: strings(given.get("orchestrator_cidrs"))
                .filter_map(|(_, cidr)| cidr.parse().ok())
                .collect(),
            published_cidrs: installation.source_cidrs(),
            kubeconfig: kubeconfig.get("path").as_str().map(|path| Kubeconfig {
                path: path.into(),
                context: kubeconfig.get("context").as_str().map(str::to_owned),
            }),
            runner_image: text("runner_image")
                .or_else(|| installation.runner_image.map(str::to_owned))
                .unwrap_or(defaults.runner_image),
            skip: strings(given.get("skip_checks"))
                .filter_map(|(_, id)| id.parse().ok())
                .collect(),
        },
    })
}

fn timeout(given: &Value) -> Option<Duration> {
    timeouts::parse_duration(given.get("timeout").as_str()?).ok()
}

/// The known elements of a list of strings, each with its index.
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

    fn of(attributes: Value, installation: &Installation) -> Settings {
        let block = Value::object([(NAME, attributes)]);
        settings(&block, installation).unwrap().settings
    }

    #[test]
    fn an_issuer_is_without_its_last_slash_and_never_assumed_elsewhere() {
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
            let settings = of(block.clone(), &Installation::SAAS);
            assert_eq!(settings.oidc_issuer.as_deref(), saas);
            assert_eq!(of(block, &other).oidc_issuer.as_deref(), elsewhere);
        }
    }

    #[test]
    fn the_image_is_the_block_s_else_the_installation_s() {
        let image = |given: Value, installation: &Installation| {
            let block = Value::object([("runner_image", given)]);
            of(block, installation).runner_image.to_owned()
        };
        let (saas, other) = (Installation::SAAS, Installation::default());
        assert!(image(Value::Null, &saas).starts_with("ghcr.io/humanitec/humanitec-runner:v"));
        assert!(
            image(Value::Null, &other)
                .starts_with("ghcr.io/stellwerk-labs/platform-orchestrator-runner:v")
        );
        for installation in [&saas, &other] {
            assert_eq!(
                image(Value::from("mirror/runner:1"), installation),
                "mirror/runner:1"
            );
        }
    }

    #[test]
    fn only_the_saas_has_published_addresses() {
        let published = |installation| of(Value::Null, installation).published_cidrs;
        let texts: Vec<String> = published(&Installation::SAAS)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(texts, ["35.198.140.114/32", "35.246.198.96/32"]);
        assert!(published(&Installation::default()).is_empty());
    }
}
