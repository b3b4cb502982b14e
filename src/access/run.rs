//! One run of the checks for one runner: the runner's values, and what its checks look up.
//!
//! A value that is unknown until apply is an error, which becomes the outcome of the check that needs the value.

mod caller;
mod cluster;
mod connections;
mod fargate;
mod job;
mod nodes;
mod pod_identity;
mod user;

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::aws::{Aws, Session, Signer};
use super::cause::{Cause, ClusterCause, ClusterKey, RunnerCause, RunnerKey};
use super::check::CheckId;
use super::check_error::CheckError;
use super::fix::Fix;
use super::issuer::issuer_host;
use super::kubernetes::Admitted;
use super::kubernetes::environment::ContainerEnvironment;
use super::kubernetes::user::User;
use super::objects::provider_arn;
use super::outcome::{Outcome, Skip};
use super::settings::{CheckSetting, Identity, Settings};
use super::subject::{Known, Subject};
use crate::runner::RoleArn;

pub(super) use connections::{Connections, ReachedCluster};
pub(crate) use fargate::Fargate;
pub(crate) use job::Replaced;
pub(crate) use pod_identity::{
    CredentialSource, NotRead, PROFILE_FILES, PodAws, PodRegion, REGION, ROLE_ARN, TOKEN_FILE, aws_files,
};

/// One run for one runner. Each lookup is made once, whichever checks need it.
pub(crate) struct Run<'a> {
    connections: &'a Connections,
    /// The runner.
    pub(crate) subject: &'a Subject,
    /// The runner's user in the cluster.
    user: OnceCell<Result<Option<User>, CheckError>>,
    /// The variables of the Job's container.
    environment: OnceCell<Result<Arc<ContainerEnvironment>, CheckError>>,
    /// The AWS identity of the Job's container.
    pod_aws: OnceCell<Result<Arc<PodAws>, NotRead>>,
    /// The Job as the cluster admits it.
    tried_job: OnceCell<Result<Arc<Admitted>, CheckError>>,
    /// The Job's pod as the cluster admits it.
    tried_pod: OnceCell<Result<Arc<Admitted>, CheckError>>,
}

/// Returns a value, or the outcome of a check for which it is not known yet.
pub(crate) fn known<'a, T>(value: &'a Known<T>, what: &str) -> Result<&'a T, CheckError> {
    value.get().ok_or_else(|| unknown(what))
}

/// Returns the outcome of a check that must wait for the apply.
pub(crate) fn unknown(what: &str) -> CheckError {
    Outcome::skipped(Skip::Unknown, format!("The {what} is unknown until apply.")).into()
}

impl<'a> Run<'a> {
    /// Returns a run for a runner.
    pub(super) fn new(connections: &'a Connections, subject: &'a Subject) -> Self {
        Self {
            connections,
            subject,
            user: OnceCell::new(),
            environment: OnceCell::new(),
            pod_aws: OnceCell::new(),
            tried_job: OnceCell::new(),
            tried_pod: OnceCell::new(),
        }
    }

    /// Returns the settings of the checks.
    pub(crate) fn settings(&self) -> &'a Settings {
        &self.connections.settings
    }

    /// Returns the client of AWS.
    pub(crate) fn aws(&self) -> &'a Arc<Aws> {
        &self.connections.aws
    }

    /// Returns the wording for the program that shows the outcomes, such as the name of a setting.
    pub(crate) fn words(&self, terraform: &'static str, command: &'static str) -> &'static str {
        self.settings().frontend.words(terraform, command)
    }

    /// Returns the name of a setting for the program that shows the outcomes.
    pub(crate) fn name(&self, setting: CheckSetting) -> &'static str {
        setting.name(self.settings().frontend)
    }

    /// Returns whether the checks use the runner's credentials.
    pub(crate) fn as_runner(&self) -> bool {
        self.settings().identity == Identity::Runner
    }

    /// Returns the cluster's region.
    pub(crate) fn region(&self) -> Result<&'a str, CheckError> {
        known(&self.subject.region, "cluster's region").map(String::as_str)
    }

    /// Returns the role.
    pub(crate) fn role(&self) -> Result<&'a RoleArn, CheckError> {
        known(&self.subject.role, "role's ARN")
    }

    /// Returns the name of the cluster.
    pub(crate) fn cluster_name(&self) -> Result<&'a str, CheckError> {
        known(&self.subject.cluster, "cluster's name").map(String::as_str)
    }

    /// Returns the namespace of the Jobs.
    pub(crate) fn namespace(&self) -> Result<&'a str, CheckError> {
        known(&self.subject.namespace, "job's namespace").map(String::as_str)
    }

    /// Returns the service account of the Jobs' pods.
    pub(crate) fn service_account(&self) -> Result<&'a str, CheckError> {
        let account = self.subject.pod_service_account();
        account.ok_or_else(|| unknown("job's service account"))
    }

    /// Returns the session of the runner's role.
    pub(crate) fn session(&self) -> Result<Session, CheckError> {
        let (name, _) = self.subject.session().ok_or_else(|| unknown("session name"))?;
        let sts_region = self.subject.sts_region().ok_or_else(|| unknown("region of STS"))?;
        Ok(Session {
            role_arn: self.role()?.to_string(),
            name,
            sts_region: sts_region.to_owned(),
        })
    }

    /// Returns whose credentials the checks use.
    pub(crate) fn signer(&self) -> Result<Signer, CheckError> {
        if self.as_runner() {
            Ok(Signer::Runner(self.session()?))
        } else {
            Ok(Signer::Caller)
        }
    }

    /// Returns the issuer of the Orchestrator's OIDC tokens.
    pub(crate) fn issuer(&self) -> Result<&'a str, CheckError> {
        let issuer = self.settings().oidc_issuer.as_deref();
        issuer.ok_or_else(|| {
            Outcome::incomplete(
                "the OIDC issuer is not set",
                format!(
                    "Not checked: the issuer of the Orchestrator's OIDC tokens is unknown, because the API is not \
                     Humanitec's. Set {} to the OIDC_ISSUER_URL of the installation's data plane.",
                    self.name(CheckSetting::OidcIssuer)
                ),
            )
            .fix(
                Cause::IssuerNotSet,
                Fix::add(self.words(
                    "oidc_issuer = \"https://<issuer of the installation>\"",
                    "--oidc-issuer https://<issuer of the installation>",
                )),
            )
            .into()
        })
    }

    /// Returns the ARN of the OIDC provider that the role's account must have.
    pub(crate) fn provider_arn(&self) -> Result<String, CheckError> {
        Ok(provider_arn(self.role()?, issuer_host(self.issuer()?)))
    }

    /// Returns the outcome of a check that ends because of a failure that the check `needed` reports. If `needed` does not
    /// run, the check reports the failure itself: no other check of the report does.
    pub(crate) fn blocked_by(&self, needed: CheckId, failure: Outcome) -> Outcome {
        if self.settings().runs(needed) {
            Outcome::blocked(needed, &failure.message)
        } else {
            failure
        }
    }

    /// Returns a cause in this runner's cluster. A cluster of the same name in another account or region is another
    /// one.
    pub(crate) fn cluster_cause(&self, cause: ClusterCause) -> Cause {
        let text = |value: Result<&str, CheckError>| value.unwrap_or_default().to_owned();
        let cluster = ClusterKey {
            account: text(self.role().map(|role| role.account.as_str())),
            region: text(self.region()),
            name: text(self.cluster_name()),
        };
        Cause::Cluster(cluster, cause)
    }

    /// Returns a cause that one fix solves for this runner alone: the fix changes the runner's own attribute.
    pub(crate) fn runner_cause(&self, cause: RunnerCause) -> Cause {
        let name = self.subject.own_name().unwrap_or_default();
        Cause::Runner(RunnerKey(name), cause)
    }
}
