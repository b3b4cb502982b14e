//! The Fargate profile that takes a pod.

use super::Run;
use crate::access::check_error::CheckError;
use crate::access::kubernetes::placement::Pod;

/// The Fargate profiles of the cluster, as a pod of the Job's namespace needs them.
#[derive(Debug, Default)]
pub(crate) struct Fargate {
    /// The name of an active profile that selects the pod. EKS then assigns the pod to Fargate's scheduler, whatever the nodes
    /// are.
    pub(crate) profile: Option<String>,
    /// Why each of the profiles does not take the pod.
    pub(crate) findings: Vec<String>,
}

impl Run<'_> {
    /// Returns the name of the Fargate profile that takes the Job's pod. `None` if none does.
    ///
    /// # Errors
    /// The profiles cannot be read.
    pub(crate) async fn fargate_profile(&self) -> Result<Option<String>, CheckError> {
        let cluster = self.entry_cluster().await?;
        if self.aws().fargate_profiles(&cluster).await?.is_empty() {
            return Ok(None);
        }
        let template = self.expected_template().await?;
        Ok(self.fargate(&Pod::read(&template)).await?.profile)
    }

    /// Looks up the Fargate profiles. A pod that matches an active one runs on Fargate.
    ///
    /// Source: the EKS user guide, "Define which Pods use AWS Fargate when launched".
    ///
    /// # Errors
    /// The profiles cannot be read.
    pub(crate) async fn fargate(&self, pod: &Pod<'_>) -> Result<Fargate, CheckError> {
        let namespace = self.namespace()?;
        let labels = pod.labels.iter();
        let labels: Vec<(&str, &str)> = labels.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut fargate = Fargate::default();
        let cluster = self.entry_cluster().await?;
        for profile in self.aws().fargate_profiles(&cluster).await?.iter() {
            let why = match (profile.selects(namespace, &labels), profile.is_active) {
                (true, true) => {
                    fargate.profile = Some(profile.name.clone());
                    continue;
                }
                (true, false) => "it is not active",
                (false, _) => "it does not match the pod's namespace and labels",
            };
            let finding = format!("Fargate profile {:?}: {why}", profile.name);
            fargate.findings.push(finding);
        }
        Ok(fargate)
    }
}
