//! The list of all checks: one table entry for each.

use std::fmt;
use std::str::FromStr;

use crate::access::settings::Identity;
use crate::runner::pod_template::nearest;

/// Every check, in the order in which the Orchestrator would meet what it looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckId {
    /// STS accepts the session name.
    SessionName,
    /// The caller has usable AWS credentials.
    AwsCredentials,
    /// The role of `role_arn` exists.
    RoleExists,
    /// IAM has an OIDC provider for the Orchestrator's issuer.
    OidcProvider,
    /// The trust policy lets the Orchestrator assume the role for this runner.
    RoleTrust,
    /// The role is allowed to describe the cluster.
    RolePermission,
    /// The role was assumed as the Orchestrator assumes it.
    AssumeRole,
    /// The cluster exists and is active.
    ClusterActive,
    /// The cluster's API can be reached from the Orchestrator.
    ClusterEndpoint,
    /// The cluster has an access entry, or a line of `aws-auth`, for the role.
    AccessEntry,
    /// The cluster's API responds.
    ApiServer,
    /// The Job's namespace exists.
    Namespace,
    /// The Job's service account exists.
    ServiceAccount,
    /// The runner's user is allowed to create Jobs.
    RbacCreateJobs,
    /// The runner's user is allowed to get Jobs.
    RbacGetJobs,
    /// The runner's user is allowed to list pods.
    RbacListPods,
    /// The runner's user is allowed to list events.
    RbacListEvents,
    /// The objects that the pod template names exist.
    PodTemplateRefs,
    /// The cluster admits the Orchestrator's Job.
    JobDryRun,
    /// The Job can store the deployments' state.
    StateStorage,
}

/// The part of the way from the Orchestrator to the Job that a check belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Who makes the calls, and under which name.
    Identity,
    /// The IAM role and its permissions.
    Iam,
    /// The EKS cluster, seen from AWS.
    Cluster,
    /// The objects in the cluster.
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

/// All that is fixed about one check.
struct CheckInfo {
    id: CheckId,
    /// The id in writing. It never changes, and it is the docs' anchor for the check.
    name: &'static str,
    /// A sentence that is true when the check passes.
    title: &'static str,
    category: Category,
    /// The path of the runner's attribute that the check is about.
    attribute: &'static [&'static str],
    /// The checks that must have passed, or only warned, before this one is made as the caller.
    caller_needs: &'static [CheckId],
    /// The same as the runner. The runner's credentials come from `assume-role`, and the runner's
    /// user asks about its own rights, so that it needs neither the access entry nor the permission
    /// to read the namespace first.
    runner_needs: &'static [CheckId],
    /// The check never fails: what it looks at is not needed to run a Job.
    only_warns: bool,
}

/// The attribute of a runner that holds the role.
const ROLE_ARN: &[&str] = &["runner_configuration", "cluster", "auth", "role_arn"];
/// The attribute of a runner that holds the name of the STS session.
const SESSION_NAME: &[&str] = &["runner_configuration", "cluster", "auth", "session_name"];
/// The attribute of a runner that holds the cluster's name.
const CLUSTER: &[&str] = &["runner_configuration", "cluster", "name"];
/// The attribute of a runner that holds the Job's namespace.
const NAMESPACE: &[&str] = &["runner_configuration", "job", "namespace"];

/// What the checks of the rights of the runner's user need as the caller: without a session that
/// STS grants there is no such user.
const USER: &[CheckId] = &[
    CheckId::SessionName,
    CheckId::ApiServer,
    CheckId::AccessEntry,
];

/// Every check, in the order of [`CheckId`].
const CHECKS: [CheckInfo; 20] = [
    CheckInfo {
        id: CheckId::SessionName,
        name: "session-name",
        title: "STS accepts the session name",
        category: Category::Identity,
        attribute: SESSION_NAME,
        caller_needs: &[],
        runner_needs: &[],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::AwsCredentials,
        name: "aws-credentials",
        title: "AWS accepts the caller's credentials",
        category: Category::Identity,
        attribute: CLUSTER,
        caller_needs: &[],
        runner_needs: &[],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::RoleExists,
        name: "role-exists",
        title: "The IAM role exists",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[CheckId::AwsCredentials],
        runner_needs: &[CheckId::AwsCredentials],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::OidcProvider,
        name: "oidc-provider",
        title: "IAM has an OIDC provider for the Orchestrator's issuer",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[CheckId::AwsCredentials],
        runner_needs: &[CheckId::AwsCredentials],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::RoleTrust,
        name: "role-trust",
        title: "The role trusts the Orchestrator for this runner",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[CheckId::RoleExists],
        runner_needs: &[CheckId::RoleExists],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::RolePermission,
        name: "role-permission",
        title: "The role is allowed to describe the cluster",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[CheckId::RoleExists],
        runner_needs: &[CheckId::RoleExists],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::AssumeRole,
        name: "assume-role",
        title: "The runner's role can be assumed",
        category: Category::Identity,
        attribute: ROLE_ARN,
        caller_needs: &[CheckId::SessionName],
        runner_needs: &[CheckId::SessionName],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::ClusterActive,
        name: "cluster-active",
        title: "The EKS cluster is active",
        category: Category::Cluster,
        attribute: CLUSTER,
        caller_needs: &[CheckId::AwsCredentials],
        runner_needs: &[CheckId::AssumeRole],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::ClusterEndpoint,
        name: "cluster-endpoint",
        title: "The cluster's API is open to the Orchestrator",
        category: Category::Cluster,
        attribute: CLUSTER,
        caller_needs: &[CheckId::ClusterActive],
        runner_needs: &[CheckId::ClusterActive],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::AccessEntry,
        name: "access-entry",
        title: "The cluster maps the role to a Kubernetes user",
        category: Category::Cluster,
        attribute: ROLE_ARN,
        caller_needs: &[CheckId::ClusterActive],
        runner_needs: &[CheckId::ClusterActive],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::ApiServer,
        name: "api-server",
        title: "The cluster's API responds",
        category: Category::Kubernetes,
        attribute: CLUSTER,
        caller_needs: &[CheckId::ClusterActive],
        runner_needs: &[CheckId::ClusterActive],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::Namespace,
        name: "namespace",
        title: "The Job's namespace exists",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: &[CheckId::ApiServer],
        runner_needs: &[CheckId::ApiServer],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::ServiceAccount,
        name: "service-account",
        title: "The Job's service account exists",
        category: Category::Kubernetes,
        attribute: &["runner_configuration", "job", "service_account"],
        caller_needs: &[CheckId::ApiServer],
        runner_needs: &[CheckId::ApiServer],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::RbacCreateJobs,
        name: "rbac-create-jobs",
        title: "The runner is allowed to create Jobs",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: USER,
        runner_needs: &[CheckId::ApiServer],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::RbacGetJobs,
        name: "rbac-get-jobs",
        title: "The runner is allowed to get Jobs",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: USER,
        runner_needs: &[CheckId::ApiServer],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::RbacListPods,
        name: "rbac-list-pods",
        title: "The runner is allowed to list pods",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: USER,
        runner_needs: &[CheckId::ApiServer],
        only_warns: true,
    },
    CheckInfo {
        id: CheckId::RbacListEvents,
        name: "rbac-list-events",
        title: "The runner is allowed to list events",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: USER,
        runner_needs: &[CheckId::ApiServer],
        only_warns: true,
    },
    CheckInfo {
        id: CheckId::PodTemplateRefs,
        name: "pod-template-refs",
        title: "The objects that the pod template names exist",
        category: Category::Kubernetes,
        attribute: &["runner_configuration", "job", "pod_template"],
        caller_needs: &[CheckId::ApiServer],
        runner_needs: &[CheckId::ApiServer],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::JobDryRun,
        name: "job-dry-run",
        title: "The cluster admits the Orchestrator's Job",
        category: Category::Kubernetes,
        attribute: &["runner_configuration", "job"],
        caller_needs: &[CheckId::RbacCreateJobs, CheckId::ServiceAccount],
        runner_needs: &[CheckId::RbacCreateJobs],
        only_warns: false,
    },
    CheckInfo {
        id: CheckId::StateStorage,
        name: "state-storage",
        title: "The Job can store the deployments' state",
        category: Category::Kubernetes,
        attribute: &["state_storage_configuration"],
        caller_needs: &[CheckId::ApiServer],
        runner_needs: &[CheckId::ApiServer],
        only_warns: false,
    },
];

/// The page of the documentation that has a heading for every check.
const DOCS: &str = "https://registry.terraform.io/providers/platform-orchestrator/platform-orchestrator\
    /latest/docs/guides/eks-access-checks";

impl CheckId {
    /// Every check, in order.
    pub const ALL: [Self; CHECKS.len()] = {
        let mut all = [Self::SessionName; CHECKS.len()];
        let mut index = 0;
        while index < CHECKS.len() {
            all[index] = CHECKS[index].id;
            index += 1;
        }
        all
    };

    fn info(self) -> &'static CheckInfo {
        &CHECKS[self as usize]
    }

    /// The id in writing. It never changes, and it is the docs' anchor for the check.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.info().name
    }

    /// The URL of the documentation of the check.
    #[must_use]
    pub fn docs(self) -> String {
        format!("{DOCS}#{self}")
    }

    /// A sentence, without a full stop, that is true when the check passes.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.info().title
    }

    /// The part of the way from the Orchestrator to the Job that the check belongs to.
    #[must_use]
    pub fn category(self) -> Category {
        self.info().category
    }

    /// The path of the runner's attribute that the check is about.
    #[must_use]
    pub fn attribute(self) -> &'static [&'static str] {
        self.info().attribute
    }

    /// Whether the check never fails, so that a run is complete without it.
    #[must_use]
    pub fn only_warns(self) -> bool {
        self.info().only_warns
    }

    /// The checks that must have passed, or only warned, before this one is made.
    #[must_use]
    pub fn prerequisites(self, identity: Identity) -> &'static [Self] {
        match identity {
            Identity::Caller => self.info().caller_needs,
            Identity::Runner => self.info().runner_needs,
        }
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not the id of a check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownCheck(pub String);

impl fmt::Display for UnknownCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = CHECKS.map(|info| info.name.to_owned());
        write!(f, "{:?} is not the id of a check.", self.0)?;
        if let Some(name) = nearest(&self.0, names.iter()) {
            write!(f, " Did you mean {name:?}?")?;
        }
        write!(f, " The ids are {}.", names.join(", "))
    }
}

impl FromStr for CheckId {
    type Err = UnknownCheck;

    fn from_str(text: &str) -> Result<Self, UnknownCheck> {
        let found = Self::ALL.into_iter().find(|id| id.as_str() == text);
        found.ok_or_else(|| UnknownCheck(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_id_is_unique_kebab_case_and_parsed_back() {
        let mut seen = BTreeSet::new();
        for (index, id) in CheckId::ALL.into_iter().enumerate() {
            assert_eq!(id as usize, index, "{id} has its place in the table");
            assert!(seen.insert(id.as_str()), "{id} twice");
            assert_eq!(id.as_str().parse(), Ok(id));
            assert!(
                id.as_str()
                    .split('-')
                    .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())),
                "{id}"
            );
            assert!(!id.title().is_empty() && !id.attribute().is_empty());
            assert!(!id.title().ends_with('.'), "{id}");
        }
    }

    #[test]
    fn an_unknown_id_is_named_with_the_nearest() {
        let error = |text: &str| text.parse::<CheckId>().unwrap_err().to_string();
        let near = error("role-exist");
        assert!(
            near.starts_with(
                "\"role-exist\" is not the id of a check. Did you mean \"role-exists\"?"
            ),
            "{near}"
        );
        for text in ["", "nope", "ROLE-EXISTS "] {
            let far = error(text);
            assert!(far.contains("The ids are session-name, "), "{far}");
        }
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
