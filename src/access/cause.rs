//! The causes of outcomes, by which fixes are shown once and waiting ends.

use crate::runner::RoleArn;

/// What one fix repairs.
///
/// Two outcomes, of any checks and any runners, have equal causes if and only if one fix solves both. A cause
/// therefore contains everything that tells its object from another one: the account, the region and the cluster of
/// an object in a cluster, or the runner whose own attribute is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The caller has no AWS credentials.
    NoCredentials,
    /// The caller's AWS credentials do not work.
    BadCredentials,
    /// The caller's client for a cluster cannot be set up. The kubeconfig and the proxy variables are the same for all
    /// clusters.
    Client {
        /// The error.
        problem: String,
    },
    /// The web identity token file cannot be used.
    TokenFile,
    /// The issuer of the Orchestrator's OIDC tokens is not set.
    IssuerNotSet,
    /// The issuer does not publish the keys of the Orchestrator's tokens.
    OidcIssuer {
        /// The issuer.
        issuer: String,
    },
    /// The IAM role does not exist.
    MissingRole(RoleArn),
    /// The IAM OIDC provider is missing or lacks the Orchestrator's audience.
    OidcProvider {
        /// The provider's ARN.
        arn: String,
    },
    /// The role's trust policy does not admit the runner.
    Trust {
        /// The role's ARN.
        role_arn: String,
    },
    /// The role's trust policy admits runners of any organization.
    OpenTrust {
        /// The role's ARN.
        role_arn: String,
    },
    /// STS refuses the web identity token for the role.
    TokenRefused(RoleArn),
    /// The bucket of the state does not exist.
    MissingBucket {
        /// The bucket's name.
        bucket: String,
    },
    /// The policies of the Job's role do not let it keep states.
    StatePermission {
        /// The role's ARN.
        role_arn: String,
        /// The pattern of the ARNs of the states, or the ARN of the key.
        resource: String,
    },
    /// The policy of a bucket or a key does not let the Job's role use it.
    ResourcePolicy {
        /// The role's ARN.
        role_arn: String,
        /// The pattern of the ARNs of the states, or the ARN of the key.
        resource: String,
    },
    /// Nobody can use the key that encrypts a bucket's objects.
    UnusableKey {
        /// The key's ARN or, if it does not exist, its ID.
        key: String,
    },
    /// Something about one cluster.
    Cluster(ClusterKey, ClusterCause),
    /// Something in the configuration of one runner.
    Runner(RunnerKey, RunnerCause),
}

/// A cluster. Clusters of the same name in two accounts or regions are different.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClusterKey {
    /// The account of the runner's role, or an empty text while the role is unknown.
    pub account: String,
    /// The cluster's region.
    pub region: String,
    /// The cluster's name.
    pub name: String,
}

/// A runner by its unique name: `{org}:{runner ID}`. While those are unknown, it is the session's name or empty, and two
/// runners can have the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunnerKey(pub String);

/// A cause that belongs to one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ClusterCause {
    /// The cluster does not exist or is not active.
    NotActive,
    /// The cluster's endpoint does not admit the Orchestrator.
    Endpoint,
    /// The cluster's API cannot be reached by the caller.
    ApiServer,
    /// The role has no permission to describe the cluster.
    RolePermission {
        /// The role's ARN.
        role_arn: String,
    },
    /// The cluster maps the role to no user, and the check that shows the fix is skipped by name.
    RoleNotMapped {
        /// The role, if it is known.
        role: Option<RoleArn>,
    },
    /// The role's access entry is missing or does not work.
    AccessEntry(RoleArn),
    /// The role's line of `aws-auth` is missing or does not work.
    AwsAuthLine(RoleArn),
    /// The caller has no access to the cluster.
    CallerAccess {
        /// The caller's ARN.
        arn: String,
    },
    /// A namespace is missing or is being deleted.
    Namespace(String),
    /// A service account does not exist.
    ServiceAccount {
        /// The service account's namespace.
        namespace: String,
        /// The service account's name.
        name: String,
    },
    /// A user lacks rights in a namespace.
    Rights {
        /// The namespace.
        namespace: String,
        /// The user as it is shown.
        user: String,
    },
    /// A service account lacks the rights to keep the state.
    StateRights {
        /// The namespace of the state.
        namespace: String,
        /// The namespace of the service account.
        job_namespace: String,
        /// The service account's name.
        service_account: String,
    },
    /// A service account turns off the mount of its token in its pods.
    TokenNotMounted {
        /// The service account's namespace.
        namespace: String,
        /// The service account's name.
        service_account: String,
    },
    /// The AWS identity of a service account does not work.
    PodIdentity {
        /// The service account's namespace.
        namespace: String,
        /// The service account's name.
        service_account: String,
    },
    /// Objects that a pod template names are missing.
    MissingObjects {
        /// The Job's namespace.
        namespace: String,
        /// What is missing, in the words of the message.
        findings: Vec<String>,
    },
    /// No node can take the Job's pod, and nothing adds one that could.
    NoNode {
        /// The Job's namespace.
        namespace: String,
        /// What the nodes lack, in the words of the message.
        findings: Vec<String>,
    },
    /// The cluster refuses the Job or its pod.
    JobRefused {
        /// The Job's namespace.
        namespace: String,
        /// The API server's message, without what differs in each attempt.
        message: String,
    },
}

/// A cause that belongs to the configuration of one runner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RunnerCause {
    /// `role_arn` names a role of another partition or with another path.
    RoleArn,
    /// STS refuses the session name, or the default was cut.
    SessionName,
    /// The STS of `sts_region` issues no credentials for the role.
    StsRegion,
    /// The Orchestrator cannot merge `pod_template` into its Job.
    PodTemplateMerge {
        /// The error.
        problem: String,
    },
    /// `pod_template` turns the mount of the service account's token off.
    TokenMountOff,
    /// `pod_template` mounts a volume without this file in place of the service account's token.
    TokenMountLacks {
        /// The missing file.
        file: &'static str,
    },
    /// `pod_template` sets gates without whose removal the pod is not scheduled.
    SchedulingGates {
        /// The names of the gates.
        gates: String,
    },
    /// `pod_template` selects no operating system, and the cluster has nodes that run Windows.
    AdmitsWindows,
    /// `pod_template` prevents EKS from giving the Job the AWS identity of its service account.
    IdentityIgnored,
    /// `pod_template` sets a proxy through which the agent of EKS Pod Identity cannot be reached.
    AgentProxy,
    /// The Job has no region, or another one than the bucket of its state.
    StateRegion,
    /// `pod_template` sets a proxy through which the Job's container calls the cluster's API for its state.
    StateProxy,
    /// `pod_template` sets variables with which the kubernetes backend calls another cluster or returns an error.
    StateVariables,
    /// The Job has no credentials for the place of its state.
    StateCredentials,
    /// `pod_template` makes the Job invalid.
    InvalidJob {
        /// The API server's message, without what differs in each attempt.
        message: String,
    },
}
