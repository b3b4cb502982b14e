//! The pod template of the Orchestrator's Job.
//!
//! Source: `GetJobSpec` in the Orchestrator's data plane (stellwerk-labs/platform-orchestrator-dp).

use serde_json::{Map, Value, json};

use super::merge::{MergeError, merge};
use crate::runner::job_container::{MAIN, tried_variables};

/// The values that the Orchestrator fills into the template.
pub(crate) struct JobTemplate<'a> {
    /// The organization's ID.
    pub(crate) org: &'a str,
    /// The runner's ID.
    pub(crate) runner_id: &'a str,
    /// The service account of the pod.
    pub(crate) service_account: &'a str,
    /// The image of the container [`MAIN`].
    pub(crate) image: &'a str,
}

impl JobTemplate<'_> {
    /// Returns the Orchestrator's template, with the runner's own merged into it.
    ///
    /// # Errors
    /// If the runner's template cannot be merged. The Orchestrator cannot merge it either.
    pub(crate) fn merged(&self, pod_template: Option<&Map<String, Value>>) -> Result<Map<String, Value>, MergeError> {
        match pod_template {
            Some(patch) => merge(self.own(), patch),
            None => Ok(self.own()),
        }
    }

    /// Returns the template before the runner's own is merged into it.
    fn own(&self) -> Map<String, Value> {
        let variables = tried_variables(self.org, self.runner_id);
        let variables = variables.map(|(name, value)| json!({"name": name, "value": value}));
        let spec = json!({
            "restartPolicy": "Never",
            "serviceAccountName": self.service_account,
            "containers": [{
                "name": MAIN,
                "image": self.image,
                "imagePullPolicy": "IfNotPresent",
                "args": ["standard"],
                "env": variables.collect::<Vec<_>>(),
                "resources": {"requests": {"memory": "1Gi"}},
                "volumeMounts": [{"name": "tofu", "mountPath": "/opt/runner/tofu"}],
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "runAsNonRoot": true,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }],
            "volumes": [{"name": "tofu", "emptyDir": {}}],
        });
        Map::from_iter([("metadata".to_owned(), json!({})), ("spec".to_owned(), spec)])
    }
}
