//! The subject of the checks: one runner, as far as its values are known.

use serde_json::{Map, Value};

use crate::runner::pod_template::own_service_account;
use crate::runner::{
    Auth, Cluster, Invalid, Job, RoleArn, Runner, RunnerConfiguration, RunnerType, StateStorage, kubernetes_user,
    oidc_subject, session_name,
};

/// A value that might be unknown until apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// The value is known.
    Known(T),
    /// The value is unknown until apply.
    Unknown,
}

impl<T> Known<T> {
    /// Returns the value, if it is known.
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
    /// The organization's ID.
    pub org: Known<String>,
    /// The runner's ID.
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
    /// The service account that the runner configures for the Jobs' pods.
    pub service_account: Known<String>,
    /// The fragment that is merged into the Jobs' pod template.
    pub pod_template: Known<Option<Map<String, Value>>>,
    /// Where the state is stored.
    pub storage: Known<StateStorage>,
}

impl Subject {
    /// Returns a runner of which everything is known.
    ///
    /// # Errors
    /// If `role_arn` is not the ARN of a role.
    pub fn new(org: &str, runner: &Runner) -> Result<Self, Invalid> {
        // A new attribute does not compile until it is used here.
        let Runner {
            id,
            description: _,
            runner_configuration,
            state_storage_configuration: storage,
        } = runner.clone();
        let RunnerConfiguration {
            kind: RunnerType::KubernetesEks,
            cluster: Cluster { name, region, auth },
            job,
        } = runner_configuration;
        let Auth {
            role_arn,
            session_name,
            sts_region,
        } = auth;
        let Job {
            namespace,
            service_account,
            pod_template,
        } = job;
        Ok(Self {
            org: org.to_owned().into(),
            runner_id: id.into(),
            role: role_arn.parse::<RoleArn>()?.into(),
            session_name: session_name.into(),
            sts_region: sts_region.into(),
            cluster: name.into(),
            region: region.into(),
            namespace: namespace.into(),
            service_account: service_account.into(),
            pod_template: pod_template.into(),
            storage: storage.into(),
        })
    }

    /// Returns the name of the runner's STS session, and whether the default was cut for it.
    #[must_use]
    pub fn session(&self) -> Option<(String, bool)> {
        match self.session_name.get()? {
            Some(explicit) => Some((explicit.clone(), false)),
            None => Some(session_name(self.org.get()?, self.runner_id.get()?, None)),
        }
    }

    /// Returns the `sub` of the Orchestrator's OIDC token for the runner.
    #[must_use]
    pub fn oidc_subject(&self) -> Option<String> {
        Some(oidc_subject(self.org.get()?, self.runner_id.get()?))
    }

    /// Returns the name after which the runner's own objects in a cluster are named: `{org}:{runner ID}`, which no other
    /// runner has, or the session's name while those are unknown.
    #[must_use]
    pub fn own_name(&self) -> Option<String> {
        match (self.org.get(), self.runner_id.get()) {
            (Some(org), Some(id)) => Some(format!("{org}:{id}")),
            _ => self.session().map(|(name, _)| name),
        }
    }

    /// Returns the region whose STS the Orchestrator calls.
    #[must_use]
    pub fn sts_region(&self) -> Option<&str> {
        match self.sts_region.get()? {
            Some(region) => Some(region),
            None => self.region.get().map(String::as_str),
        }
    }

    /// Returns the service account of the Jobs' pods. The pod template can remove the one that is configured.
    #[must_use]
    pub fn pod_service_account(&self) -> Option<&str> {
        let template = self.pod_template.get().and_then(Option::as_ref);
        let own = template.and_then(own_service_account);
        own.or_else(|| self.service_account.get().map(String::as_str))
    }

    /// Returns the user as which a cluster knows the runner through an access entry without a user name of its own.
    #[must_use]
    pub fn kubernetes_user(&self) -> Option<String> {
        Some(kubernetes_user(self.role.get()?, &self.session()?.0))
    }

    /// Returns a runner of which nothing is known but its ID and its organization.
    #[cfg(test)]
    pub(crate) fn unknown() -> Self {
        Self {
            org: "my-org".to_owned().into(),
            runner_id: "my-runner".to_owned().into(),
            role: Known::Unknown,
            session_name: None.into(),
            sts_region: Known::Unknown,
            cluster: Known::Unknown,
            region: Known::Unknown,
            namespace: Known::Unknown,
            service_account: Known::Unknown,
            pod_template: Known::Unknown,
            storage: Known::Unknown,
        }
    }
}
