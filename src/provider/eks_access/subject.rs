//! Between Terraform's value of a runner, parts of which may not be known yet, and what is checked.

use crate::access::{Known, Subject};
use crate::provider::eks_runner;
use crate::runner::{RoleArn, pod_template};
use terraform_plugin_server::Value;

/// What there is to check of the runner `object` in the organization `org`. `None` where its role is no
/// role: validation reports that.
pub(in crate::provider) fn subject(org: &str, object: &Value) -> Option<Subject> {
    let configuration = object.get("runner_configuration");
    let (cluster, job) = (configuration.get("cluster"), configuration.get("job"));
    let auth = cluster.get("auth");
    let storage = object.get("state_storage_configuration");
    Some(Subject {
        org: Known::Known(org.to_owned()),
        runner_id: text(object.get("id")),
        role: match auth.get("role_arn") {
            Value::Unknown(_) => Known::Unknown,
            value => Known::Known(value.as_str()?.parse::<RoleArn>().ok()?),
        },
        session_name: optional(auth.get("session_name")),
        sts_region: optional(auth.get("sts_region")),
        cluster: text(cluster.get("name")),
        region: text(cluster.get("region")),
        namespace: text(job.get("namespace")),
        service_account: text(job.get("service_account")),
        pod_template: match job.get("pod_template") {
            Value::Unknown(_) => Known::Unknown,
            Value::String(json) => Known::Known(Some(pod_template::parse(json).ok()?)),
            _ => Known::Known(None),
        },
        storage: match storage
            .is_wholly_known()
            .then(|| eks_runner::storage(storage))
        {
            Some(Ok(storage)) => Known::Known(storage),
            _ => Known::Unknown,
        },
    })
}

fn text(value: &Value) -> Known<String> {
    value
        .as_str()
        .map_or(Known::Unknown, |text| Known::Known(text.to_owned()))
}

fn optional(value: &Value) -> Known<Option<String>> {
    match value {
        Value::Unknown(_) => Known::Unknown,
        value => Known::Known(value.as_str().map(str::to_owned)),
    }
}
