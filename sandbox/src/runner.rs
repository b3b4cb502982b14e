//! EKS runners in the form of the Orchestrator's API.

use serde_json::{Value, json};

/// The values of an EKS runner that tests change. The default is the documented runner.
#[derive(Clone, Copy, Debug)]
pub struct RunnerValues<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// The cluster's region.
    pub region: &'a str,
    /// The ARN of the role that the Orchestrator assumes.
    pub role_arn: &'a str,
    /// The namespace of the Jobs.
    pub namespace: &'a str,
    /// The service account of the Jobs.
    pub service_account: &'a str,
}

impl Default for RunnerValues<'_> {
    fn default() -> Self {
        Self {
            cluster: "my-eks-cluster",
            region: "us-west-2",
            role_arn: "arn:aws:iam::123456789012:role/humanitec-runner-eks-role",
            namespace: "humanitec-runner",
            service_account: "humanitec-runner",
        }
    }
}

impl RunnerValues<'_> {
    /// Returns the `runner_configuration`.
    pub fn configuration(self) -> Value {
        json!({
            "type": "kubernetes-eks",
            "cluster": {"name": self.cluster, "region": self.region, "auth": {"role_arn": self.role_arn}},
            "job": {"namespace": self.namespace, "service_account": self.service_account},
        })
    }

    /// Returns the whole runner with an ID and a state storage.
    pub fn runner(self, id: &str, storage: &Value) -> Value {
        json!({
            "id": id,
            "runner_configuration": self.configuration(),
            "state_storage_configuration": storage,
        })
    }
}
