//! What a check is: its id, its title, what it needs first, and what can come out of it.

use std::fmt;
use std::str::FromStr;

use super::settings::Identity;
use crate::secrets::redacted;

/// Every check, in the order in which the Orchestrator would meet what it looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckId {
    /// STS takes the session name.
    SessionName,
    /// There are AWS credentials to ask with.
    AwsCredentials,
    /// The role of `role_arn` exists.
    RoleExists,
    /// IAM knows the Orchestrator's OIDC issuer.
    OidcProvider,
    /// The trust policy lets the Orchestrator assume the role for this runner.
    RoleTrust,
    /// The role may describe the cluster.
    RolePermission,
    /// The role was assumed as the Orchestrator will assume it.
    AssumeRole,
    /// The cluster is there and in use.
    ClusterActive,
    /// The cluster's API can be reached from the Orchestrator.
    ClusterEndpoint,
    /// The cluster knows the role.
    AccessEntry,
    /// The cluster's API answers.
    ApiServer,
    /// The job's namespace exists.
    Namespace,
    /// The job's service account exists.
    ServiceAccount,
    /// The runner's user may create Jobs.
    RbacCreateJobs,
    /// The runner's user may get Jobs.
    RbacGetJobs,
    /// The runner's user may list pods.
    RbacListPods,
    /// The runner's user may list events.
    RbacListEvents,
    /// What the pod template refers to exists.
    PodTemplateRefs,
    /// The cluster admits the Orchestrator's Job.
    JobDryRun,
    /// The job may write the deployments' state.
    StateStorage,
}

/// The part of the way from the Orchestrator to the Job that a check belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Who asks, and under which name.
    Identity,
    /// The IAM role and what is allowed to it.
    Iam,
    /// The EKS cluster, seen from AWS.
    Cluster,
    /// What is in the cluster.
    Kubernetes,
}

impl Category {
    /// The category as a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Identity => "Identity",
            Self::Iam => "IAM role",
            Self::Cluster => "EKS cluster",
            Self::Kubernetes => "Kubernetes",
        }
    }
}

/// The attribute of a runner that holds the role.
const ROLE_ARN: &[&str] = &["runner_configuration", "cluster", "auth", "role_arn"];
/// The attribute of a runner that holds the job's namespace.
const NAMESPACE: &[&str] = &["runner_configuration", "job", "namespace"];

/// The page of the documentation that has a heading for every check.
const DOCS: &str = "https://registry.terraform.io/providers/platform-orchestrator/platform-orchestrator\
    /latest/docs/guides/eks-access-checks";

impl CheckId {
    /// Every check, in order.
    pub const ALL: [Self; 20] = [
        Self::SessionName,
        Self::AwsCredentials,
        Self::RoleExists,
        Self::OidcProvider,
        Self::RoleTrust,
        Self::RolePermission,
        Self::AssumeRole,
        Self::ClusterActive,
        Self::ClusterEndpoint,
        Self::AccessEntry,
        Self::ApiServer,
        Self::Namespace,
        Self::ServiceAccount,
        Self::RbacCreateJobs,
        Self::RbacGetJobs,
        Self::RbacListPods,
        Self::RbacListEvents,
        Self::PodTemplateRefs,
        Self::JobDryRun,
        Self::StateStorage,
    ];

    /// The id in writing. It never changes, and it is the docs' anchor for the check.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionName => "session-name",
            Self::AwsCredentials => "aws-credentials",
            Self::RoleExists => "role-exists",
            Self::OidcProvider => "oidc-provider",
            Self::RoleTrust => "role-trust",
            Self::RolePermission => "role-permission",
            Self::AssumeRole => "assume-role",
            Self::ClusterActive => "cluster-active",
            Self::ClusterEndpoint => "cluster-endpoint",
            Self::AccessEntry => "access-entry",
            Self::ApiServer => "api-server",
            Self::Namespace => "namespace",
            Self::ServiceAccount => "service-account",
            Self::RbacCreateJobs => "rbac-create-jobs",
            Self::RbacGetJobs => "rbac-get-jobs",
            Self::RbacListPods => "rbac-list-pods",
            Self::RbacListEvents => "rbac-list-events",
            Self::PodTemplateRefs => "pod-template-refs",
            Self::JobDryRun => "job-dry-run",
            Self::StateStorage => "state-storage",
        }
    }

    /// Where the documentation says what the check looks at and how to mend what it finds.
    #[must_use]
    pub fn docs(self) -> String {
        format!("{DOCS}#{self}")
    }

    /// What is true when the check passes.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::SessionName => "the session name is one that STS takes",
            Self::AwsCredentials => "AWS credentials are there and accepted",
            Self::RoleExists => "the IAM role exists",
            Self::OidcProvider => "IAM knows the Orchestrator's OIDC issuer",
            Self::RoleTrust => "the role trusts the Orchestrator for this runner",
            Self::RolePermission => "the role may describe the cluster",
            Self::AssumeRole => "the role can be assumed",
            Self::ClusterActive => "the EKS cluster is active",
            Self::ClusterEndpoint => "the cluster's API is open to the Orchestrator",
            Self::AccessEntry => "the cluster knows the role",
            Self::ApiServer => "the cluster's API answers",
            Self::Namespace => "the job's namespace exists",
            Self::ServiceAccount => "the job's service account exists",
            Self::RbacCreateJobs => "the runner may create jobs",
            Self::RbacGetJobs => "the runner may get jobs",
            Self::RbacListPods => "the runner may list pods",
            Self::RbacListEvents => "the runner may list events",
            Self::PodTemplateRefs => "what the pod template refers to exists",
            Self::JobDryRun => "the cluster admits the Orchestrator's Job",
            Self::StateStorage => "the job may keep its state",
        }
    }

    /// The part of the way that the check belongs to.
    #[must_use]
    pub fn category(self) -> Category {
        match self {
            Self::SessionName | Self::AwsCredentials | Self::AssumeRole => Category::Identity,
            Self::RoleExists | Self::OidcProvider | Self::RoleTrust | Self::RolePermission => {
                Category::Iam
            }
            Self::ClusterActive | Self::ClusterEndpoint | Self::AccessEntry => Category::Cluster,
            _ => Category::Kubernetes,
        }
    }

    /// The checks that must have passed, or only warned, before this one is run.
    ///
    /// Who asks makes a difference: the runner's own credentials come from `assume-role`, and
    /// what its user may do is asked as that user, so that neither the access entry nor the
    /// permission to read the namespace is needed first.
    #[must_use]
    pub fn prerequisites(self, identity: Identity) -> &'static [Self] {
        let caller = identity == Identity::Caller;
        match self {
            Self::SessionName | Self::AwsCredentials => &[],
            Self::RoleExists | Self::OidcProvider => &[Self::AwsCredentials],
            Self::RoleTrust | Self::RolePermission => &[Self::RoleExists],
            Self::AssumeRole => &[Self::SessionName],
            Self::ClusterActive if caller => &[Self::AwsCredentials],
            Self::ClusterActive => &[Self::AssumeRole],
            Self::ClusterEndpoint | Self::AccessEntry | Self::ApiServer => &[Self::ClusterActive],
            Self::Namespace | Self::StateStorage => &[Self::ApiServer],
            Self::ServiceAccount => &[Self::Namespace],
            Self::RbacCreateJobs
            | Self::RbacGetJobs
            | Self::RbacListPods
            | Self::RbacListEvents
                if caller =>
            {
                // Without a session that STS grants there is no such user.
                &[Self::SessionName, Self::ApiServer, Self::AccessEntry]
            }
            Self::RbacCreateJobs
            | Self::RbacGetJobs
            | Self::RbacListPods
            | Self::RbacListEvents => &[Self::ApiServer],
            Self::PodTemplateRefs if caller => &[Self::Namespace],
            Self::PodTemplateRefs => &[Self::ApiServer],
            Self::JobDryRun if caller => &[Self::RbacCreateJobs, Self::ServiceAccount],
            Self::JobDryRun => &[Self::RbacCreateJobs],
        }
    }

    /// The path of the runner's attribute that the check is about.
    #[must_use]
    pub fn attribute(self) -> &'static [&'static str] {
        match self {
            Self::SessionName => &["runner_configuration", "cluster", "auth", "session_name"],
            Self::RoleExists
            | Self::OidcProvider
            | Self::RoleTrust
            | Self::RolePermission
            | Self::AssumeRole
            | Self::AccessEntry => ROLE_ARN,
            Self::AwsCredentials
            | Self::ClusterActive
            | Self::ClusterEndpoint
            | Self::ApiServer => &["runner_configuration", "cluster", "name"],
            Self::Namespace
            | Self::RbacCreateJobs
            | Self::RbacGetJobs
            | Self::RbacListPods
            | Self::RbacListEvents => NAMESPACE,
            Self::ServiceAccount => &["runner_configuration", "job", "service_account"],
            Self::PodTemplateRefs => &["runner_configuration", "job", "pod_template"],
            Self::JobDryRun => &["runner_configuration", "job"],
            Self::StateStorage => &["state_storage_configuration"],
        }
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no check's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no check {0:?}")]
pub struct UnknownCheck(pub String);

impl FromStr for CheckId {
    type Err = UnknownCheck;

    fn from_str(text: &str) -> Result<Self, UnknownCheck> {
        Self::ALL
            .into_iter()
            .find(|id| id.as_str() == text)
            .ok_or_else(|| UnknownCheck(text.to_owned()))
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// What the check's title says is true.
    Passed,
    /// It is not true: the Orchestrator would fail here.
    Failed,
    /// It is true, or nearly, with something to look at.
    Warned,
    /// It could not be found out; the message says why.
    Skipped,
}

impl Status {
    /// The status in writing: `passed`, `failed`, `warned` or `skipped`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Warned => "warned",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a check was not made.
///
/// A run is complete when every check that applies was made: only [`Skip::Incomplete`] makes it
/// incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The check does not apply to this runner, this cluster or these settings.
    NotApplicable,
    /// A check that this one needs has failed.
    Blocked,
    /// A value is unknown until the apply.
    Unknown,
    /// The user skips the check by name.
    Requested,
    /// The check applies and could not be made. The reason is a short clause, such as
    /// `no permission for iam:GetRole`, and is the same wherever the same thing is missing.
    Incomplete(Box<str>),
}

/// What came out of a check, in sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it came out.
    pub status: Status,
    /// Why the check was not made, where its status is [`Status::Skipped`].
    pub skip: Option<Skip>,
    /// What is so, or why it could not be found out.
    pub message: String,
    /// What the Orchestrator needs, where the check failed.
    pub expected: Option<Box<str>>,
    /// What is there instead, where the check failed.
    pub found: Option<Box<str>>,
    /// What mends it: HCL, YAML or a command, ready to be pasted.
    pub fix: Option<Box<str>>,
    /// The same for every outcome, of whichever check and runner, that one fix mends.
    pub cause: Option<Box<str>>,
    /// The failure is that something does not exist (yet): the same apply may be making it.
    pub not_yet: bool,
    /// Asked again in a while, the answer can be another: AWS is still propagating.
    pub retryable: bool,
}

impl Outcome {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            skip: None,
            message: message.into(),
            expected: None,
            found: None,
            fix: None,
            cause: None,
            not_yet: false,
            retryable: false,
        }
    }

    /// It is so.
    #[must_use]
    pub fn passed(message: impl Into<String>) -> Self {
        Self::new(Status::Passed, message)
    }

    /// It is not so.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Status::Failed, message)
    }

    /// It is so, but.
    #[must_use]
    pub fn warned(message: impl Into<String>) -> Self {
        Self::new(Status::Warned, message)
    }

    /// The check was not made, for this reason.
    #[must_use]
    pub fn skipped(skip: Skip, message: impl Into<String>) -> Self {
        Self {
            skip: Some(skip),
            ..Self::new(Status::Skipped, message)
        }
    }

    /// The check does not apply here.
    #[must_use]
    pub fn not_applicable(message: impl Into<String>) -> Self {
        Self::skipped(Skip::NotApplicable, message)
    }

    /// The check applies and could not be made. `reason` is a short clause that is the same
    /// wherever the same thing is missing; the message is the whole sentence.
    #[must_use]
    pub fn incomplete(reason: impl Into<Box<str>>, message: impl Into<String>) -> Self {
        Self::skipped(Skip::Incomplete(reason.into()), message)
    }

    /// With what was expected and what was found.
    #[must_use]
    pub fn compare(mut self, expected: impl Into<Box<str>>, found: impl Into<Box<str>>) -> Self {
        self.expected = Some(expected.into());
        self.found = Some(found.into());
        self
    }

    /// With what mends it, and a key that is the same wherever the same thing mends it.
    #[must_use]
    pub fn fix(mut self, cause: impl Into<Box<str>>, fix: impl Into<Box<str>>) -> Self {
        self.cause = Some(cause.into());
        self.fix = Some(fix.into());
        self
    }

    /// For want of something that may be about to be made, and may be propagating.
    #[must_use]
    pub fn not_yet(mut self) -> Self {
        self.not_yet = true;
        self.retryable = true;
        self
    }

    /// For a reason that may be gone when asked again.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Without the credentials that a foreign text can have brought into it.
    #[must_use]
    pub(super) fn redacted(self) -> Self {
        let clean = |text: Option<Box<str>>| text.map(|text| redacted(text).into_boxed_str());
        Self {
            skip: self.skip.map(|skip| match skip {
                Skip::Incomplete(reason) => Skip::Incomplete(redacted(reason).into()),
                other => other,
            }),
            message: redacted(self.message),
            expected: clean(self.expected),
            found: clean(self.found),
            fix: clean(self.fix),
            cause: clean(self.cause),
            ..self
        }
    }

    /// Whether the checks that need this one can be run.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.status, Status::Passed | Status::Warned)
    }
}

/// A check and what came out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Which check.
    pub id: CheckId,
    /// What came out of it.
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_id_is_unique_kebab_case_and_read_back() {
        let mut seen = BTreeSet::new();
        for id in CheckId::ALL {
            assert!(seen.insert(id.as_str()), "{id} twice");
            assert_eq!(id.as_str().parse(), Ok(id));
            assert!(
                id.as_str()
                    .split('-')
                    .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())),
                "{id}"
            );
            assert!(!id.title().is_empty() && !id.attribute().is_empty());
        }
        assert_eq!(
            "nope".parse::<CheckId>().unwrap_err().to_string(),
            "there is no check \"nope\""
        );
    }

    #[test]
    fn prerequisites_come_before_what_needs_them() {
        for identity in [Identity::Caller, Identity::Runner] {
            for id in CheckId::ALL {
                for needed in id.prerequisites(identity) {
                    assert!(*needed < id, "{id} needs {needed}");
                }
            }
        }
    }
}
