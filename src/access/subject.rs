//! What is checked: one runner, as far as its values are known.

use serde_json::{Map, Value};

use crate::runner::{
    Invalid, RoleArn, Runner, StateStorage, kubernetes_user, oidc_subject, session_name,
};

/// A value that may not be known before an apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// It is this.
    Known(T),
    /// It will be known after the apply.
    Unknown,
}

impl<T> Known<T> {
    /// The value, if it is known.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown => None,
        }
    }
}

impl<T> From<T> for Known<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// A runner, each value known or not. An optional value that is known to be absent is
/// `Known(None)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The organization's id.
    pub org: Known<String>,
    /// The runner's id.
    pub runner_id: Known<String>,
    /// The role that the Orchestrator assumes.
    pub role: Known<RoleArn>,
    /// The explicit session name.
    pub session_name: Known<Option<String>>,
    /// The explicit region of STS.
    pub sts_region: Known<Option<String>>,
    /// The name of the cluster.
    pub cluster: Known<String>,
    /// The cluster's region.
    pub region: Known<String>,
    /// The namespace of the Jobs.
    pub namespace: Known<String>,
    /// The service account of the Jobs' pods.
    pub service_account: Known<String>,
    /// The fragment laid over the Jobs' pod template.
    pub pod_template: Known<Option<Map<String, Value>>>,
    /// Where the state is kept.
    pub storage: Known<StateStorage>,
}

impl Subject {
    /// A runner of which everything is known.
    ///
    /// # Errors
    /// When `role_arn` is no role's ARN.
    pub fn of(org: &str, runner: &Runner) -> Result<Self, Invalid> {
        let cluster = &runner.runner_configuration.cluster;
        let job = &runner.runner_configuration.job;
        Ok(Self {
            org: org.to_owned().into(),
            runner_id: runner.id.clone().into(),
            role: cluster.auth.role_arn.parse::<RoleArn>()?.into(),
            session_name: cluster.auth.session_name.clone().into(),
            sts_region: cluster.auth.sts_region.clone().into(),
            cluster: cluster.name.clone().into(),
            region: cluster.region.clone().into(),
            namespace: job.namespace.clone().into(),
            service_account: job.service_account.clone().into(),
            pod_template: job.pod_template.clone().into(),
            storage: runner.state_storage_configuration.clone().into(),
        })
    }

    /// The name of the runner's STS session and whether the default was cut for it.
    #[must_use]
    pub fn session(&self) -> Option<(String, bool)> {
        match self.session_name.get()? {
            Some(explicit) => Some((explicit.clone(), false)),
            None => Some(session_name(self.org.get()?, self.runner_id.get()?, None)),
        }
    }

    /// The `sub` of the Orchestrator's OIDC token for the runner.
    #[must_use]
    pub fn oidc_subject(&self) -> Option<String> {
        Some(oidc_subject(self.org.get()?, self.runner_id.get()?))
    }

    /// What the runner's own objects in a cluster are named after: `{org}:{runner id}`, which no other runner has, or
    /// the session's name while those are not known.
    #[must_use]
    pub fn own_name(&self) -> Option<String> {
        match (self.org.get(), self.runner_id.get()) {
            (Some(org), Some(id)) => Some(format!("{org}:{id}")),
            _ => self.session().map(|(name, _)| name),
        }
    }

    /// The region whose STS the Orchestrator asks.
    #[must_use]
    pub fn sts_region(&self) -> Option<&str> {
        match self.sts_region.get()? {
            Some(region) => Some(region),
            None => self.region.get().map(String::as_str),
        }
    }

    /// The user as which a cluster knows the runner through an access entry that has no user
    /// name of its own.
    #[must_use]
    pub fn kubernetes_user(&self) -> Option<String> {
        Some(kubernetes_user(self.role.get()?, &self.session()?.0))
    }
}
