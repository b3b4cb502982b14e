//! How to ask: as whom, for how long, with which credentials.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::check::CheckId;
use super::setup::{hcl, yaml};

/// The issuer of the OIDC tokens of the Orchestrator that is offered as a service.
pub const DEFAULT_OIDC_ISSUER: &str = "https://oidc.humanitec.dev";

/// The audience of the Orchestrator's OIDC tokens, and so the client id of the IAM OIDC provider.
pub const AUDIENCE: &str = "sts.amazonaws.com";

/// Whose credentials the checks are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Identity {
    /// The caller's own; what the runner may do is asked about.
    #[default]
    Caller,
    /// The runner's: its role is assumed, and everything is done as the Orchestrator will do it.
    Runner,
}

/// Who speaks to the user, and so in which words a setting is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Face {
    /// The provider: attributes of its block and of the runner's resource.
    #[default]
    Terraform,
    /// The command: its options, and the keys of the runner's file.
    Command,
}

impl Face {
    /// The words of this face.
    pub(crate) fn words(self, terraform: &'static str, command: &'static str) -> &'static str {
        match self {
            Self::Terraform => terraform,
            Self::Command => command,
        }
    }

    /// What makes something that is missing: a resource for Terraform, or a command.
    pub(crate) fn makes(self, resource: String, command: String) -> String {
        match self {
            Self::Terraform => resource,
            Self::Command => command,
        }
    }

    /// A text as a value of the runner's `auth`, as one writes it.
    pub(crate) fn auth(self, name: &str, value: &str) -> String {
        match self {
            Self::Terraform => format!("{name} = {}\n", hcl(value)),
            Self::Command => {
                format!(
                    "# runner_configuration.cluster.auth:\n{name}: {}\n",
                    yaml(value)
                )
            }
        }
    }
}

/// A role that the caller assumes before anything is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// The name of the session; the SDK's own when there is none.
    pub session_name: Option<String>,
    /// The external id that the role's trust policy may ask for.
    pub external_id: Option<String>,
}

/// A kubeconfig that replaces the cluster's token made from AWS credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The file.
    pub path: PathBuf,
    /// The context in it; its current one when there is none.
    pub context: Option<String>,
}

/// How the checks are made. [`Settings::default`] is what a configuration that says nothing means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who speaks to the user.
    pub face: Face,
    /// Whose credentials the checks are made with.
    pub identity: Identity,
    /// How long to wait for what AWS is still propagating.
    pub timeout: Duration,
    /// The profile of the AWS configuration files; `AWS_PROFILE` when there is none.
    pub profile: Option<String>,
    /// A role that the caller assumes first.
    pub assume_role: Option<AssumeRole>,
    /// As the runner: a file with an OIDC token that the role's trust policy takes.
    pub web_identity_token_file: Option<PathBuf>,
    /// The issuer of the Orchestrator's OIDC tokens.
    pub oidc_issuer: String,
    /// The addresses that the Orchestrator calls clusters from.
    pub orchestrator_cidrs: Vec<IpNet>,
    /// A kubeconfig in place of the token made from AWS credentials.
    pub kubeconfig: Option<Kubeconfig>,
    /// The checks that the user skips by name.
    pub skip: BTreeSet<CheckId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            face: Face::default(),
            identity: Identity::Caller,
            timeout: Duration::from_secs(120),
            profile: None,
            assume_role: None,
            web_identity_token_file: None,
            oidc_issuer: DEFAULT_OIDC_ISSUER.to_owned(),
            orchestrator_cidrs: Vec::new(),
            kubeconfig: None,
            skip: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// The issuer as IAM writes it in provider ARNs and condition keys: without `https://`.
    #[must_use]
    pub fn issuer_host(&self) -> &str {
        self.oidc_issuer
            .strip_prefix("https://")
            .unwrap_or(&self.oidc_issuer)
    }
}
