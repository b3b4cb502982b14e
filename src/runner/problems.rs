//! Applies all rules to a whole runner.

use super::rules::{RULES, Scope};
use super::{InvalidField, Runner, pod_template};

impl Runner {
    /// Returns everything that is wrong with the runner, by the rules that also apply to single values.
    /// The paths have the names of the API.
    #[must_use]
    pub fn problems(&self) -> Vec<InvalidField> {
        let mut problems = self.texts(Scope::Runner);
        problems.extend(self.pod_template());
        problems.extend(self.texts(Scope::Storage(self.state_storage_configuration.storage_type())));
        problems
    }

    /// Returns what is wrong with the texts in this scope.
    fn texts(&self, scope: Scope) -> Vec<InvalidField> {
        // The types of a runner have no maps whose keys are not strings.
        let runner = serde_json::to_value(self).unwrap_or_default();
        let rules = RULES.iter().filter(|(other, ..)| *other == scope);
        let problems = rules.filter_map(|(scope, path, rule)| {
            let of_storage = match scope {
                Scope::Runner => &[][..],
                Scope::Storage(_) => &["state_storage_configuration"],
            };
            let path = [of_storage, *path].concat();
            let value = path.iter().try_fold(&runner, |value, name| value.get(name));
            let invalid = rule(value?.as_str()?).err()?;
            let path = path.join(".");
            Some(InvalidField { path, invalid })
        });
        problems.collect()
    }

    /// Returns what is wrong with the pod template.
    fn pod_template(&self) -> Vec<InvalidField> {
        let Some(template) = &self.runner_configuration.job.pod_template else {
            return Vec::new();
        };
        let problems = pod_template::check(template).into_iter();
        let problems = problems.map(|InvalidField { path, invalid }| {
            // A name that has to be quoted in a path is in brackets, which follow no dot.
            let dot = if path.starts_with('[') { "" } else { "." };
            let path = format!("runner_configuration.job.pod_template{dot}{path}");
            InvalidField { path, invalid }
        });
        problems.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::runner::fixture::documented;

    fn paths(value: Value) -> Vec<String> {
        let runner: Runner = serde_json::from_value(value).unwrap();
        runner.problems().into_iter().map(|p| p.path).collect()
    }

    #[test]
    fn a_valid_runner_has_no_problems() {
        for storage in [
            json!({"type": "kubernetes", "namespace": "humanitec"}),
            json!({"type": "s3", "bucket": "state", "path_prefix": "a/b"}),
            json!({"type": "gcs", "bucket": "state", "path_prefix": "any/"}),
            json!({"type": "azurerm", "storage_account_name": "a", "container_name": "c"}),
        ] {
            assert_eq!(paths(documented(&storage)), Vec::<String>::new());
        }
    }

    #[test]
    fn every_value_is_checked() {
        let mut value = documented(&json!({"type": "kubernetes", "namespace": "N"}));
        value["id"] = json!("My");
        value["description"] = json!("d".repeat(10_000));
        value["runner_configuration"]["cluster"] = json!({
            "name": "-",
            "region": "nowhere",
            "auth": {"role_arn": "r", "session_name": "a/b", "sts_region": "us-east-1a"},
        });
        value["runner_configuration"]["job"] = json!({
            "namespace": "",
            "service_account": "S",
            "pod_template": {"spec": {"serviceAccountName": "s"}, "a/b": 1},
        });
        assert_eq!(
            paths(value),
            [
                "id",
                "runner_configuration.cluster.name",
                "runner_configuration.cluster.region",
                "runner_configuration.cluster.auth.role_arn",
                "runner_configuration.cluster.auth.session_name",
                "runner_configuration.cluster.auth.sts_region",
                "runner_configuration.job.namespace",
                "runner_configuration.job.service_account",
                "runner_configuration.job.pod_template[\"a/b\"]",
                "runner_configuration.job.pod_template.spec.serviceAccountName",
                "state_storage_configuration.namespace",
            ]
        );
    }

    #[test]
    fn every_state_storage_is_checked() {
        for (storage, expected) in [
            (
                json!({"type": "s3", "bucket": "", "path_prefix": "/"}),
                vec!["bucket", "path_prefix"],
            ),
            (
                json!({"type": "gcs", "bucket": "a.b", "path_prefix": "/a"}),
                vec!["bucket", "path_prefix"],
            ),
            (
                json!({"type": "azurerm", "storage_account_name": "", "container_name": "", "path_prefix": "a b"}),
                vec!["storage_account_name", "container_name", "path_prefix"],
            ),
        ] {
            let expected: Vec<String> = expected
                .iter()
                .map(|field| format!("state_storage_configuration.{field}"))
                .collect();
            assert_eq!(paths(documented(&storage)), expected);
        }
    }
}
