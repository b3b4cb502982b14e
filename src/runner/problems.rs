//! Applies all rules to a whole runner.

use super::{
    Auth, AzurermStorage, BucketStorage, Cluster, Invalid, InvalidField, Job, KubernetesStorage,
    Runner, RunnerConfiguration, RunnerType, StateStorage, pod_template, validate,
};

impl Runner {
    /// Returns everything that is wrong with the runner, by the rules that also apply to single values.
    /// The paths have the names of the API.
    #[must_use]
    pub fn problems(&self) -> Vec<InvalidField> {
        // Every field of every type is named here and below, so that the compiler reports a field without a rule.
        let Self {
            id,
            description: _,
            runner_configuration,
            state_storage_configuration,
        } = self;
        let mut problems = ProblemCollector::default();
        problems.check("id", validate::runner_id(id));
        problems.runner_configuration(runner_configuration);
        problems.state_storage(state_storage_configuration);
        problems.0
    }
}

#[derive(Default)]
struct ProblemCollector(Vec<InvalidField>);

impl ProblemCollector {
    fn check(&mut self, path: &str, outcome: Result<(), Invalid>) {
        if let Err(invalid) = outcome {
            self.0.push(InvalidField {
                path: path.to_owned(),
                invalid,
            });
        }
    }

    /// Checks a value that is optional.
    fn check_optional(
        &mut self,
        path: &str,
        value: Option<&String>,
        rule: fn(&str) -> Result<(), Invalid>,
    ) {
        if let Some(value) = value {
            self.check(path, rule(value));
        }
    }

    fn runner_configuration(&mut self, configuration: &RunnerConfiguration) {
        let RunnerConfiguration {
            kind: RunnerType::KubernetesEks,
            cluster,
            job,
        } = configuration;
        self.cluster(cluster);
        self.job(job);
    }

    fn cluster(&mut self, cluster: &Cluster) {
        let Cluster { name, region, auth } = cluster;
        let Auth {
            role_arn,
            session_name,
            sts_region,
        } = auth;
        let path = |field: &str| format!("runner_configuration.cluster.{field}");
        self.check(&path("name"), validate::cluster_name(name));
        self.check(&path("region"), validate::region(region));
        self.check(&path("auth.role_arn"), validate::role_arn(role_arn));
        self.check_optional(
            &path("auth.session_name"),
            session_name.as_ref(),
            validate::session_name,
        );
        self.check_optional(
            &path("auth.sts_region"),
            sts_region.as_ref(),
            validate::sts_region,
        );
    }

    fn job(&mut self, job: &Job) {
        let Job {
            namespace,
            service_account,
            pod_template,
        } = job;
        let path = |field: &str| format!("runner_configuration.job.{field}");
        self.check(&path("namespace"), validate::namespace(namespace));
        self.check(
            &path("service_account"),
            validate::service_account(service_account),
        );
        let Some(template) = pod_template else { return };
        for InvalidField {
            path: inner,
            invalid,
        } in pod_template::check(template)
        {
            // A name that has to be quoted in a path is in brackets, which follow no dot.
            let dot = if inner.starts_with('[') { "" } else { "." };
            self.0.push(InvalidField {
                path: path(&format!("pod_template{dot}{inner}")),
                invalid,
            });
        }
    }

    fn state_storage(&mut self, storage: &StateStorage) {
        let path = |field: &str| format!("state_storage_configuration.{field}");
        match storage {
            StateStorage::Kubernetes(KubernetesStorage { namespace }) => {
                self.check(&path("namespace"), validate::namespace(namespace));
            }
            StateStorage::S3(BucketStorage {
                bucket,
                path_prefix,
            })
            | StateStorage::Gcs(BucketStorage {
                bucket,
                path_prefix,
            }) => {
                self.check(&path("bucket"), validate::bucket(bucket));
                self.check_optional(
                    &path("path_prefix"),
                    path_prefix.as_ref(),
                    validate::path_prefix,
                );
            }
            StateStorage::Azurerm(AzurermStorage {
                storage_account_name,
                container_name,
                resource_group_name: _,
                path_prefix,
            }) => {
                self.check(
                    &path("storage_account_name"),
                    validate::storage_account_name(storage_account_name),
                );
                self.check(
                    &path("container_name"),
                    validate::container_name(container_name),
                );
                self.check_optional(
                    &path("path_prefix"),
                    path_prefix.as_ref(),
                    validate::path_prefix,
                );
            }
        }
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
