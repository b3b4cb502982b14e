//! The subject of the EKS access checks, from Terraform's value of a runner. Parts of that value might not be known
//! yet.

use super::model;
use crate::access::{Known, Subject};
use crate::runner::{RoleArn, pod_template};
use terraform_plugin_server::{Diagnostic, Value};

/// Returns the subject for the runner `object` of the organization `org`. `None` if its role ARN or its pod template
/// cannot be parsed: validation reports that.
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
        storage: match storage.is_wholly_known().then(|| model::storage(storage)) {
            Some(Ok(storage)) => Known::Known(storage),
            _ => Known::Unknown,
        },
    })
}

/// Returns the subject for a runner whose checks must run now.
///
/// # Errors
/// Returns the diagnostic to show if the role ARN or the pod template cannot be parsed.
pub(in crate::provider) fn subject_now(org: &str, object: &Value) -> Result<Subject, Diagnostic> {
    subject(org, object).ok_or_else(|| {
        Diagnostic::error(
            "The runner cannot be checked",
            "Its role_arn is not the ARN of an IAM role, or its pod_template is not a JSON object. Correct the runner.",
        )
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

/// Returns whether a change from `prior` to `planned` changes anything that is checked.
pub(super) fn is_changed(prior: &Value, planned: &Value) -> bool {
    let Value::Map(attributes) = planned else {
        return false;
    };
    let names = attributes.keys().map(String::as_str);
    names
        .filter(|name| !matches!(*name, "description" | "timeouts"))
        .any(|name| prior.get(name) != planned.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_checked_but_two() {
        let with = |name: &'static str, text: &str| {
            let id = ("id", Value::from("my-runner"));
            Value::object([id, (name, Value::from(text))])
        };
        for (name, expected) in [
            ("description", false),
            ("timeouts", false),
            ("runner_configuration", true),
            ("state_storage_configuration", true),
            ("an_attribute_of_a_later_version", true),
        ] {
            let changed = is_changed(&with(name, "a"), &with(name, "b"));
            assert_eq!(changed, expected, "{name}");
            assert!(!is_changed(&with(name, "a"), &with(name, "a")), "{name}");
        }
        assert!(is_changed(&Value::Null, &with("description", "a")));
    }
}
