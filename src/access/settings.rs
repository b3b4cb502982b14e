//! How the checks are made: as caller or runner, for how long, with which credentials.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::check::CheckId;
pub use super::frontend::Frontend as Face;
pub use super::issuer::AUDIENCE;
pub(crate) use super::issuer::{OLDER_ISSUER, issuer_host};

/// The image of the runner's Jobs in an installation of one's own whose operator did not set another: the default of
/// the Orchestrator's Helm chart (`RUNNER_IMAGE` in stellwerk-labs/platform-orchestrator), in the release that was
/// current when this provider was written. The tag is a release and not `latest`, because admission policies often
/// refuse an image without a fixed tag, which the Orchestrator never runs.
pub const DEFAULT_RUNNER_IMAGE: &str = "ghcr.io/stellwerk-labs/platform-orchestrator-runner:v2.0.0";

/// Whose credentials the checks are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Identity {
    /// The caller's own; the runner's permissions are looked up.
    #[default]
    Caller,
    /// The runner's: its role is assumed, and everything is done as the Orchestrator will do it.
    Runner,
}

/// A role that the caller assumes before any check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// The name of the session; the SDK's own when there is none.
    pub session_name: Option<String>,
    /// The external id, where the role's trust policy requires one.
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

/// How the checks are made. [`Settings::default`] is what a configuration that says nothing means for an installation
/// of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The front end that shows the outcomes.
    pub face: Face,
    /// Whose credentials the checks are made with.
    pub identity: Identity,
    /// How long to wait for what AWS is still propagating.
    pub timeout: Duration,
    /// The profile of the AWS configuration files; `AWS_PROFILE` when there is none.
    pub profile: Option<String>,
    /// A role that the caller assumes first.
    pub assume_role: Option<AssumeRole>,
    /// As the runner: a file with an OIDC token that the role's trust policy admits.
    pub web_identity_token_file: Option<PathBuf>,
    /// The issuer of the Orchestrator's OIDC tokens, without a slash at its end. `None` where it is not set and the
    /// installation has no well-known one: the checks that need it are skipped then.
    pub oidc_issuer: Option<String>,
    /// The addresses that the Orchestrator calls clusters from, as the user knows them: a cluster that does not admit
    /// one of them fails.
    pub orchestrator_cidrs: Vec<IpNet>,
    /// The addresses that the installation publishes, for where the user names none. Such lists change, so a cluster
    /// that does not admit one of them warns.
    pub published_cidrs: Vec<IpNet>,
    /// A kubeconfig in place of the token made from AWS credentials.
    pub kubeconfig: Option<Kubeconfig>,
    /// The image of the Orchestrator's Jobs, with its tag or digest.
    pub runner_image: String,
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
            oidc_issuer: None,
            orchestrator_cidrs: Vec::new(),
            published_cidrs: Vec::new(),
            kubeconfig: None,
            runner_image: DEFAULT_RUNNER_IMAGE.to_owned(),
            skip: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// The image of the Orchestrator's Jobs, with its tag or digest.
    #[must_use]
    pub fn runner_image(&self) -> &str {
        &self.runner_image
    }
}
