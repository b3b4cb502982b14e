//! All rules, applied to a whole runner.

use super::{Invalid, Problem, Runner, RunnerConfiguration, StateStorage, pod_template, validate};

impl Runner {
    /// Everything that is wrong with the runner, by the same rules that serve for single values.
    /// The paths are the API's.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        problems.check("id", validate::runner_id(&self.id));
        problems.runner_configuration(&self.runner_configuration);
        problems.state_storage(&self.state_storage_configuration);
        problems.0
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn check(&mut self, path: &str, outcome: Result<(), Invalid>) {
        if let Err(invalid) = outcome {
            self.0.push(Problem {
                path: path.to_owned(),
                invalid,
            });
        }
    }

    fn runner_configuration(&mut self, configuration: &RunnerConfiguration) {
        let RunnerConfiguration {
            kind: _,
            cluster,
            job,
        } = configuration;
        self.check(
            "runner_configuration.cluster.name",
            validate::cluster_name(&cluster.name),
        );
        self.check(
            "runner_configuration.cluster.region",
            validate::region(&cluster.region),
        );
        self.check(
            "runner_configuration.cluster.auth.role_arn",
            validate::role_arn(&cluster.auth.role_arn),
        );
        if let Some(name) = &cluster.auth.session_name {
            self.check(
                "runner_configuration.cluster.auth.session_name",
                validate::session_name(name),
            );
        }
        if let Some(region) = &cluster.auth.sts_region {
            self.check(
                "runner_configuration.cluster.auth.sts_region",
                validate::sts_region(region),
            );
        }
        self.check(
            "runner_configuration.job.namespace",
            validate::namespace(&job.namespace),
        );
        self.check(
            "runner_configuration.job.service_account",
            validate::service_account(&job.service_account),
        );
        if let Some(template) = &job.pod_template {
            for Problem { path, invalid } in pod_template::check(template) {
                // A name that a path must quote comes in brackets, which take no dot.
                let dot = if path.starts_with('[') { "" } else { "." };
                self.0.push(Problem {
                    path: format!("runner_configuration.job.pod_template{dot}{path}"),
                    invalid,
                });
            }
        }
    }

    fn state_storage(&mut self, storage: &StateStorage) {
        match storage {
            StateStorage::Kubernetes(kubernetes) => self.check(
                "state_storage_configuration.namespace",
                validate::namespace(&kubernetes.namespace),
            ),
            StateStorage::S3(storage) | StateStorage::Gcs(storage) => {
                self.check(
                    "state_storage_configuration.bucket",
                    validate::bucket(&storage.bucket),
                );
                self.path_prefix(storage.path_prefix.as_deref());
            }
            StateStorage::Azurerm(azurerm) => {
                self.check(
                    "state_storage_configuration.storage_account_name",
                    validate::storage_account_name(&azurerm.storage_account_name),
                );
                self.check(
                    "state_storage_configuration.container_name",
                    validate::container_name(&azurerm.container_name),
                );
                self.path_prefix(azurerm.path_prefix.as_deref());
            }
        }
    }

    fn path_prefix(&mut self, prefix: Option<&str>) {
        if let Some(prefix) = prefix {
            self.check(
                "state_storage_configuration.path_prefix",
                validate::path_prefix(prefix),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn paths(value: Value) -> Vec<String> {
        let runner: Runner = serde_json::from_value(value).unwrap();
        runner.problems().into_iter().map(|p| p.path).collect()
    }

    fn runner(storage: Value) -> Value {
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

    #[test]
    fn a_good_runner_has_none() {
        for storage in [
            json!({"type": "kubernetes", "namespace": "humanitec"}),
            json!({"type": "s3", "bucket": "state", "path_prefix": "a/b"}),
            json!({"type": "gcs", "bucket": "state", "path_prefix": "any/"}),
            json!({"type": "azurerm", "storage_account_name": "a", "container_name": "c"}),
        ] {
            assert_eq!(paths(runner(storage)), Vec::<String>::new());
        }
    }

    #[test]
    fn every_value_is_looked_at() {
        let mut value = runner(json!({"type": "kubernetes", "namespace": "N"}));
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
    fn every_storage_is_looked_at() {
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
            assert_eq!(paths(runner(storage)), expected);
        }
    }
}
