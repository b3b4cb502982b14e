//! The static description of a check, and its identity.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::outcome::{Outcome, Skip};
use crate::repository::guide;

/// Returns the page of the guides with this name.
macro_rules! page {
    ($name:literal) => {
        GuidePage {
            name: $name,
            text: include_str!(concat!("../../templates/guides/", $name, ".md")),
        }
    };
}

/// The stage between the Orchestrator and the Job that a check belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Who makes the calls, and under which name.
    Identity,
    /// The IAM role and its permissions.
    Iam,
    /// The EKS cluster, seen from AWS.
    Cluster,
    /// The objects in the cluster, and the runner's permissions there.
    Kubernetes,
    /// The Job, from its admission to its node.
    Job,
    /// Where the Job stores the deployments' state.
    State,
}

impl Category {
    /// Every category, in the order in which reports show them.
    pub const ALL: [Self; 6] = [
        Self::Identity,
        Self::Iam,
        Self::Cluster,
        Self::Kubernetes,
        Self::Job,
        Self::State,
    ];

    /// Returns the category as a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Identity => "Identity",
            Self::Iam => "IAM role",
            Self::Cluster => "EKS cluster",
            Self::Kubernetes => "Kubernetes",
            Self::Job => "Job",
            Self::State => "State storage",
        }
    }

    /// Returns the page that describes the category's checks.
    #[must_use]
    pub fn guide(self) -> GuidePage {
        match self {
            Self::Identity | Self::Iam => page!("eks-access-checks"),
            Self::Cluster => page!("eks-access-checks-cluster"),
            Self::Kubernetes => page!("eks-access-checks-kubernetes"),
            Self::Job => page!("eks-access-checks-job"),
            Self::State => page!("eks-access-checks-state"),
        }
    }
}

/// A page of the documentation's guides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuidePage {
    /// The name, which is a part of the page's URL.
    pub name: &'static str,
    /// The page as Markdown. The program contains it, so that it needs no network.
    pub text: &'static str,
}

/// The static description of a check. Each check has one, in its own file in `checks`.
pub(super) struct CheckInfo {
    /// The ID as text. It never changes, and it is the check's anchor in the documentation.
    pub(super) id: &'static str,
    /// A sentence, without a full stop, that is true when the check passes.
    pub(super) title: &'static str,
    /// The stage that the check belongs to.
    pub(super) category: Category,
    /// The path of the runner's attribute that the check is about.
    pub(super) attribute: &'static [&'static str],
    /// The checks that must have passed, or only warned, before this one runs with the caller's credentials.
    pub(super) caller_needs: &'static [CheckId],
    /// The same for a run with the runner's credentials. Those come from `assume-role`, and the runner's user reviews
    /// its own rights, so that it needs neither the access entry nor the permission to read the namespace first.
    pub(super) runner_needs: &'static [CheckId],
}

/// The attribute of a runner that holds the role.
pub(super) const ROLE_ARN: &[&str] = &["runner_configuration", "cluster", "auth", "role_arn"];
/// The attribute of a runner that holds the cluster's name.
pub(super) const CLUSTER_NAME: &[&str] = &["runner_configuration", "cluster", "name"];
/// The attribute of a runner that holds the Job's namespace.
pub(super) const NAMESPACE: &[&str] = &["runner_configuration", "job", "namespace"];

/// The identity of a check.
#[derive(Clone, Copy)]
pub struct CheckId(&'static CheckInfo);

impl CheckId {
    /// Returns the identity of the check that `info` describes.
    pub(super) const fn new(info: &'static CheckInfo) -> Self {
        Self(info)
    }

    /// Returns the ID as text. It never changes, and it is the check's anchor in the documentation.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.id
    }

    /// Returns the URL of the check's documentation: its heading in the guide of its category.
    #[must_use]
    pub fn docs(self) -> String {
        guide(&format!("{}#{self}", self.category().guide().name))
    }

    /// Returns a sentence, without a full stop, that is true when the check passes.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// Returns the stage between the Orchestrator and the Job that the check belongs to.
    #[must_use]
    pub fn category(self) -> Category {
        self.0.category
    }

    /// Returns the path of the runner's attribute that the check is about.
    #[must_use]
    pub fn attribute(self) -> &'static [&'static str] {
        self.0.attribute
    }

    /// Returns the checks that must have passed, or only warned, before this one runs with the caller's credentials,
    /// or with the runner's.
    pub(super) fn needs(self, as_runner: bool) -> &'static [Self] {
        if as_runner {
            self.0.runner_needs
        } else {
            self.0.caller_needs
        }
    }
}

impl PartialEq for CheckId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for CheckId {}

impl Hash for CheckId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for CheckId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CheckId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The check.
    pub id: CheckId,
    /// Its outcome.
    pub outcome: Outcome,
    /// Whether the check cannot fail for the runner, so that a run is complete without it.
    pub only_warns: bool,
}

impl CheckResult {
    /// Returns whether the run is not complete because of this check: it applies, could not run, and can fail.
    #[must_use]
    pub fn is_unchecked(&self) -> bool {
        matches!(self.outcome.skip, Some(Skip::Incomplete(_))) && !self.only_warns
    }
}
