//! The settings of the checks: whose credentials they use, for how long, and what they know of the installation.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::check::CheckId;
use crate::frontend::Frontend;

/// The image of the runner's Jobs in an installation of one's own whose operator did not set another: the default of
/// the Orchestrator's Helm chart (`RUNNER_IMAGE` in stellwerk-labs/platform-orchestrator), in the release that was
/// current when this provider was written. The tag is a release and not `latest`, because admission policies often
/// refuse an image without a fixed tag, which the Orchestrator never runs.
pub const DEFAULT_RUNNER_IMAGE: &str = "ghcr.io/stellwerk-labs/platform-orchestrator-runner:v2.0.0";

/// Whose credentials the checks use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Identity {
    /// The caller's own credentials. The runner's permissions are looked up.
    #[default]
    Caller,
    /// The runner's credentials: its role is assumed, and the checks do what the Orchestrator will do.
    Runner,
}

/// A setting that the texts of the checks name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckSetting {
    /// Whose credentials the checks use.
    Identity(Identity),
    /// The issuer of the Orchestrator's OIDC tokens.
    OidcIssuer,
    /// The addresses from which the Orchestrator calls clusters.
    OrchestratorCidrs,
    /// The image of the Orchestrator's Jobs.
    RunnerImage,
    /// The profile of the AWS configuration files.
    Profile,
    /// The role that the caller assumes first.
    AssumeRole,
    /// The kubeconfig of the caller.
    Kubeconfig,
}

impl CheckSetting {
    /// The settings of a call of AWS.
    pub(super) const AWS: &[Self] = &[Self::Identity(Identity::Runner), Self::Profile, Self::AssumeRole];
    /// The settings of a call of the cluster, whose endpoint and token come from AWS.
    pub(super) const CLUSTER: &[Self] = &[
        Self::Identity(Identity::Runner),
        Self::Profile,
        Self::AssumeRole,
        Self::Kubeconfig,
    ];

    /// Returns the name: that of an attribute of the provider block, or that of an option of the command.
    #[must_use]
    pub fn name(self, frontend: Frontend) -> &'static str {
        match self {
            Self::Identity(Identity::Caller) => frontend.words("as = \"caller\"", "--as caller"),
            Self::Identity(Identity::Runner) => frontend.words("as = \"runner\"", "--as runner"),
            Self::OidcIssuer => frontend.words("eks_access.oidc_issuer", "--oidc-issuer"),
            Self::OrchestratorCidrs => frontend.words("eks_access.orchestrator_cidrs", "--orchestrator-cidr"),
            Self::RunnerImage => frontend.words("eks_access.runner_image", "--runner-image"),
            Self::Profile => frontend.words("eks_access.profile", "--profile"),
            Self::AssumeRole => frontend.words("eks_access.assume_role", "--assume-role-arn"),
            Self::Kubeconfig => frontend.words("eks_access.kubeconfig", "--kubeconfig"),
        }
    }
}

/// A role that the caller assumes before any check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// The name of the session. Without one, the SDK makes up a name.
    pub session_name: Option<String>,
    /// The external ID, if the role's trust policy requires one.
    pub external_id: Option<String>,
}

/// A kubeconfig that replaces the token that is made from AWS credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The file.
    pub path: PathBuf,
    /// The context in it. Without one, the file's current context is used.
    pub context: Option<String>,
}

/// The settings of the checks. [`Settings::default`] is what an empty configuration means for an installation of which
/// nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The program that shows the outcomes.
    pub frontend: Frontend,
    /// Whose credentials the checks use.
    pub identity: Identity,
    /// How long to wait for what AWS is still propagating.
    pub timeout: Duration,
    /// The profile of the AWS configuration files. Without one, `AWS_PROFILE` applies.
    pub profile: Option<String>,
    /// A role that the caller assumes first.
    pub assume_role: Option<AssumeRole>,
    /// For checks as the runner: a file with an OIDC token that the role's trust policy admits.
    pub web_identity_token_file: Option<PathBuf>,
    /// The issuer of the Orchestrator's OIDC tokens, without a slash at its end. `None` if it is not set and the
    /// installation has no well-known one: the checks that need it are then skipped.
    pub oidc_issuer: Option<String>,
    /// The addresses from which the Orchestrator calls clusters, as the user knows them. A cluster that does not admit
    /// one of them fails.
    pub orchestrator_cidrs: Vec<IpNet>,
    /// The addresses that the installation publishes, for users who set none. Such lists change, so a cluster that
    /// does not admit one of them warns.
    pub published_cidrs: Vec<IpNet>,
    /// A kubeconfig in place of the token that is made from AWS credentials.
    pub kubeconfig: Option<Kubeconfig>,
    /// The image of the Orchestrator's Jobs, with its tag or digest.
    pub runner_image: String,
    /// The checks that the user skips by name.
    pub skip: BTreeSet<CheckId>,
    /// The checks that run, with the checks that they need. All checks run if it is empty.
    pub only: BTreeSet<CheckId>,
}

impl Settings {
    /// Returns the addresses from which an installation that publishes its addresses makes its calls: those that the user sets,
    /// or else the published ones. The list is empty for any other installation, which can be inside a VPC.
    pub(super) fn public_cidrs(&self) -> &[IpNet] {
        match (&*self.published_cidrs, &*self.orchestrator_cidrs) {
            ([], _) => &[],
            (published, []) => published,
            (_, configured) => configured,
        }
    }

    /// Returns the checks that run or are skipped by name, in order: all of them, or those that the user selects with the
    /// checks that they need.
    #[must_use]
    pub fn selected(&self) -> Vec<CheckId> {
        let mut next: Vec<CheckId> = self.only.iter().copied().collect();
        if next.is_empty() {
            return CheckId::ALL.to_vec();
        }
        let mut selected = BTreeSet::new();
        while let Some(id) = next.pop() {
            if selected.insert(id) {
                next.extend(self.needs(id));
            }
        }
        let is_selected = |id: &CheckId| selected.contains(id);
        CheckId::ALL.into_iter().filter(is_selected).collect()
    }

    /// Returns whether a check runs: it is selected, and the user does not skip it by name. Only such a check can be referred
    /// to in place of an outcome of one's own.
    #[must_use]
    pub fn runs(&self, id: CheckId) -> bool {
        !self.skip.contains(&id) && self.selected().contains(&id)
    }

    /// Returns the checks that a check needs. A check that is skipped by name is replaced by the checks that it needs
    /// itself.
    pub(super) fn needs(&self, id: CheckId) -> Vec<CheckId> {
        let needed = id.needs(self.identity == Identity::Runner).iter();
        needed
            .flat_map(|&needed| {
                if self.skip.contains(&needed) {
                    self.needs(needed)
                } else {
                    vec![needed]
                }
            })
            .collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            frontend: Frontend::default(),
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
            only: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_runs_if_it_is_selected_or_needed_and_not_skipped() {
        let id = |text: &str| -> CheckId { text.parse().unwrap() };
        let settings = |only: &[&str], skip: &[&str]| Settings {
            only: only.iter().copied().map(id).collect(),
            skip: skip.iter().copied().map(id).collect(),
            ..Settings::default()
        };
        for (only, skip, check, runs) in [
            (&[][..], &[][..], "namespace", true),
            (&[], &["namespace"], "namespace", false),
            (&["role-trust"], &[], "role-exists", true),
            (&["role-trust"], &["role-exists"], "role-exists", false),
            // The need of a skipped check.
            (&["role-trust"], &["role-exists"], "aws-credentials", true),
            (&["service-account"], &[], "namespace", false),
        ] {
            let settings = settings(only, skip);
            assert_eq!(settings.runs(id(check)), runs, "{only:?} {skip:?} {check}");
        }
    }
}
