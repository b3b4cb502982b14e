//! The schema of `eks_access`.

use std::borrow::Cow;

use super::NAME;
use crate::access::{CheckId, CheckSetting};
use terraform_plugin_server::{Attribute, Type};

/// Returns the attribute's schema.
pub(in crate::provider) fn attribute() -> Attribute {
    Attribute::object(
        NAME,
        "When and how the provider checks that the Orchestrator will reach the cluster of an EKS runner: the IAM role \
         and its trust policy, the cluster, the access entry, Kubernetes RBAC, and the Job itself. The checks never \
         change anything.",
        [when(), who(), orchestrator(), vec![kubeconfig()]].concat(),
    )
    .optional()
}

/// Returns the attributes that say when the checks run, and what their results do.
fn when() -> Vec<Attribute> {
    vec![
        text(
            "plan",
            "What a failed check does during plan: `off` (nothing is checked), `warn` (default), `error` (the plan \
                 fails, except for objects that do not exist yet while the runner is being created).",
        ),
        text(
            "apply",
            "What a failed check does during apply: `off`, `warn` (default: checked after the runner is \
                 registered), `error` (checked before the runner is registered, repeatedly within `timeout`; if a \
                 check fails, nothing is registered). A replacement deletes the old runner before the checks, \
                 unless its `lifecycle` has `create_before_destroy`.",
        ),
        text(
            "incomplete",
            "What happens if checks that apply could not run, because AWS credentials or a permission are missing, a \
                 service is unreachable, or a call timed out: `ignore` (nothing), `warn` (default: one warning for each \
                 reason), `error` (an error wherever a failed check is one: with `plan = \"error\"` the plan fails, and \
                 with `apply = \"error\"` nothing is registered). Values that are unknown until apply have no effect.",
        ),
        Attribute::new(
            "skip_checks",
            Type::List(Box::new(Type::String)),
            "The IDs of checks to skip, such as `job-dry-run` if the caller is deliberately not allowed to \
                 impersonate the runner. Checks that need a skipped check still run.",
        )
        .optional(),
    ]
}

/// Returns the attributes that say whose AWS credentials the checks use, and for how long they wait.
fn who() -> Vec<Attribute> {
    vec![
        text(
            "as",
            "The identity that runs the checks: `caller` (default: your own AWS credentials; the runner's permissions \
                 are looked up) or `runner` (the runner's role; the checks do what the Orchestrator will do).",
        ),
        text(
            "timeout",
            "With `apply = \"error\"`, how long to wait for AWS to propagate new roles and policies. Default: `2m`.",
        ),
        text(
            "profile",
            "The profile in the AWS configuration files. Default: the profile that the AWS SDK chooses.",
        ),
        Attribute::object(
            "assume_role",
            "A role that the caller assumes before any check.",
            vec![
                Attribute::string("role_arn", "The ARN of the role.").required(),
                text("session_name", "The name of the session."),
                text("external_id", "The external ID that the role's trust policy requires."),
            ],
        )
        .optional(),
        text(
            "web_identity_token_file",
            "With `as = \"runner\"`: a file with an OIDC token that the role's trust policy admits.",
        ),
    ]
}

/// Returns the attributes that describe an installation of the Orchestrator.
fn orchestrator() -> Vec<Attribute> {
    vec![
            text(
                "oidc_issuer",
                "The issuer of the Orchestrator's OIDC tokens. Default with Humanitec's API \
                 (`https://api.humanitec.dev`): `https://oidc.humanitec.dev`. Any other installation has its own issuer \
                 (`OIDC_ISSUER_URL` of its data plane) and no default: without it, the checks that need it \
                 are skipped as incomplete.",
            ),
            text(
                "runner_image",
                format!(
                    "The image of the Orchestrator's Jobs, for {}. Default with Humanitec's API: \
                     `ghcr.io/humanitec/humanitec-runner`, for every other installation: \
                     `ghcr.io/stellwerk-labs/platform-orchestrator-runner`, both with the tag of a release. Set it if the \
                     installation runs another image.",
                    CheckId::list_using(CheckSetting::RunnerImage, "`")
                ),
            ),
            Attribute::new(
                "orchestrator_cidrs",
                Type::List(Box::new(Type::String)),
                format!(
                    "The addresses from which the Orchestrator calls clusters, as CIDRs, for {}. A check fails if the cluster's \
                     public access CIDRs or a trust policy do not admit them. Default with Humanitec's API: the addresses that \
                     Humanitec publishes, for which a check only warns.",
                    CheckId::list_using(CheckSetting::OrchestratorCidrs, "`")
                ),
            )
            .optional(),
    ]
}

fn kubeconfig() -> Attribute {
    Attribute::object(
        "kubeconfig",
        "A kubeconfig to use in place of a token created from the AWS credentials. No other kubeconfig is \
                 ever used. Its credential plugin (`exec`) runs without a terminal, and nothing that it \
                 prints is shown.",
        vec![
            Attribute::string("path", "The path of the file.").required(),
            text("context", "The context in the file. Default: its current context."),
        ],
    )
    .optional()
}

fn text(name: &'static str, description: impl Into<Cow<'static, str>>) -> Attribute {
    Attribute::string(name, description).optional()
}
