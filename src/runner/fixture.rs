//! The runner of the tests.

use serde_json::{Value, json};

/// Returns the documented runner with this state storage, in the API's form.
pub(crate) fn documented(storage: &Value) -> Value {
    json!({
        "id": "my-runner",
        "runner_configuration": {
            "type": "kubernetes-eks",
            "cluster": {
                "name": "my-eks-cluster",
                "region": "us-west-2",
                "auth": {"role_arn": "arn:aws:iam::123456789012:role/humanitec-runner-eks-role"},
            },
            "job": {"namespace": "humanitec-runner", "service_account": "humanitec-runner"},
        },
        "state_storage_configuration": storage,
    })
}
