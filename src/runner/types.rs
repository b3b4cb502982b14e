//! The types of a `kubernetes-eks` runner, in the form that the API and the YAML file share.
//!
//! Deserialization ignores unknown fields, because a newer server might add some. Serialization omits optional fields
//! that are `None`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A runner, as it is created and as it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Runner {
    /// The runner's id, unique in the organization.
    pub id: String,
    /// What the runner is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How the Orchestrator reaches the cluster, and the Jobs that it creates there.
    pub runner_configuration: RunnerConfiguration,
    /// Where the runner stores the state of the deployments.
    pub state_storage_configuration: StateStorage,
}

/// The cluster in which the Orchestrator starts the runner's Jobs, and the Jobs themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunnerConfiguration {
    /// The field that distinguishes the Orchestrator's runner types.
    #[serde(rename = "type")]
    pub kind: RunnerType,
    /// The EKS cluster.
    pub cluster: Cluster,
    /// The Kubernetes Job.
    pub job: Job,
}

/// The only type of runner that these types describe. Other types of runners have other fields, so read
/// `runner_configuration.type` first if a response can be about one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RunnerType {
    /// The Orchestrator itself calls the API of an EKS cluster, through an IAM role.
    #[serde(rename = "kubernetes-eks")]
    KubernetesEks,
}

impl RunnerType {
    /// The type of EKS runners in the API.
    pub const EKS: &str = "kubernetes-eks";
}

/// The EKS cluster in which Jobs are started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    /// The name of the EKS cluster.
    pub name: String,
    /// The AWS region of the cluster.
    pub region: String,
    /// How the Orchestrator authenticates to AWS.
    pub auth: Auth,
}

/// How the Orchestrator gets its temporary AWS credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Auth {
    /// The ARN of the IAM role that the Orchestrator assumes.
    pub role_arn: String,
    /// The session name; by default `{org}-{runner id}`, cut to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The AWS region of the STS endpoint; by default the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sts_region: Option<String>,
}

/// The Kubernetes Job that runs a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// The namespace in which Jobs are created.
    pub namespace: String,
    /// The service account of the Job's pod.
    pub service_account: String,
    /// A fragment of a Kubernetes PodTemplateSpec, merged into the Job's own pod template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Map<String, Value>>,
}

/// Where the runner stores the state of the deployments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum StateStorage {
    /// In Secrets of the runner's cluster.
    Kubernetes(KubernetesStorage),
    /// In an S3 bucket.
    S3(BucketStorage),
    /// In a Google Cloud Storage bucket.
    Gcs(BucketStorage),
    /// In an Azure storage container.
    Azurerm(AzurermStorage),
}

/// The type of a state storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageType {
    /// Secrets of the runner's cluster.
    Kubernetes,
    /// An S3 bucket.
    S3,
    /// A Google Cloud Storage bucket.
    Gcs,
    /// An Azure storage container.
    Azurerm,
}

impl StorageType {
    /// Every type, in the order in which texts list them.
    pub const ALL: [Self; 4] = [Self::Kubernetes, Self::S3, Self::Gcs, Self::Azurerm];

    /// Returns the value of `type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azurerm => "azurerm",
        }
    }

    /// Returns the type with this name. `None` if it does not exist.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|found| found.name() == name)
    }

    /// Returns the types in a sentence: the first ones, and the last one after "or". `show` returns the spelling of one.
    #[must_use]
    pub fn any(show: impl Fn(&str) -> String) -> String {
        let types = Self::ALL.map(|found| show(found.name()));
        match types.as_slice() {
            [first @ .., last] => format!("{}, or {last}", first.join(", ")),
            [] => String::new(),
        }
    }
}

impl StateStorage {
    /// Returns the type of this storage.
    #[must_use]
    pub fn storage_type(&self) -> StorageType {
        match self {
            Self::Kubernetes(_) => StorageType::Kubernetes,
            Self::S3(_) => StorageType::S3,
            Self::Gcs(_) => StorageType::Gcs,
            Self::Azurerm(_) => StorageType::Azurerm,
        }
    }

    /// Returns the bucket of the states, if they are in S3. Then the Job needs AWS credentials for its state.
    #[must_use]
    pub fn bucket_in_s3(&self) -> Option<&BucketStorage> {
        match self {
            Self::S3(storage) => Some(storage),
            Self::Kubernetes(_) | Self::Gcs(_) | Self::Azurerm(_) => None,
        }
    }

    /// Returns the namespace of the states, if they are in the runner's cluster.
    #[must_use]
    pub fn namespace_in_cluster(&self) -> Option<&String> {
        match self {
            Self::Kubernetes(storage) => Some(&storage.namespace),
            Self::S3(_) | Self::Gcs(_) | Self::Azurerm(_) => None,
        }
    }

    /// Returns whether the states are in a cloud whose API is not called: only the variables of the Job say whether it has
    /// credentials for them.
    #[must_use]
    pub fn is_in_another_cloud(&self) -> bool {
        match self {
            Self::Gcs(_) | Self::Azurerm(_) => true,
            Self::Kubernetes(_) | Self::S3(_) => false,
        }
    }
}

/// State in Secrets of the runner's cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KubernetesStorage {
    /// The namespace of the Secrets.
    pub namespace: String,
}

/// State in an S3 or Google Cloud Storage bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BucketStorage {
    /// The bucket's name.
    pub bucket: String,
    /// The beginning of the objects' keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
}

/// State in an Azure storage container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AzurermStorage {
    /// The storage account's name.
    pub storage_account_name: String,
    /// The container's name.
    pub container_name: String,
    /// The resource group of the storage account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group_name: Option<String>,
    /// The beginning of the blobs' names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn full() -> Value {
        json!({
            "id": "my-runner",
            "description": "runner for all the envs",
            "runner_configuration": {
                "type": "kubernetes-eks",
                "cluster": {
                    "name": "my-eks-cluster",
                    "region": "us-west-2",
                    "auth": {
                        "role_arn": "arn:aws:iam::123456789012:role/EksRunnerRole",
                        "session_name": "humanitec-runner-session",
                        "sts_region": "us-west-2",
                    },
                },
                "job": {
                    "namespace": "default",
                    "service_account": "humanitec-runner",
                    "pod_template": {"metadata": {"labels": {"app.kubernetes.io/name": "humanitec-runner"}}},
                },
            },
            "state_storage_configuration": {"type": "kubernetes", "namespace": "humanitec"},
        })
    }

    #[test]
    fn a_storage_is_in_one_place() {
        let storage = |ty: StorageType| -> StateStorage {
            serde_json::from_value(json!({
                "type": ty.name(), "namespace": "n", "bucket": "b", "storage_account_name": "a", "container_name": "c",
            }))
            .unwrap()
        };
        for (ty, places) in [
            (StorageType::Kubernetes, [true, false, false]),
            (StorageType::S3, [false, true, false]),
            (StorageType::Gcs, [false, false, true]),
            (StorageType::Azurerm, [false, false, true]),
        ] {
            let storage = storage(ty);
            let found = [
                storage.namespace_in_cluster().is_some(),
                storage.bucket_in_s3().is_some(),
                storage.is_in_another_cloud(),
            ];
            assert_eq!(found, places, "{ty:?}");
        }
        assert_eq!(
            StorageType::any(|ty| format!("`{ty}`")),
            "`kubernetes`, `s3`, `gcs`, or `azurerm`"
        );
    }

    #[test]
    fn a_full_runner_is_written_as_it_was_read() {
        let runner: Runner = serde_json::from_value(full()).unwrap();
        assert_eq!(runner.runner_configuration.cluster.region, "us-west-2");
        assert_eq!(serde_json::to_value(&runner).unwrap(), full());
    }

    #[test]
    fn yaml_is_read_in_the_same_form() {
        let yaml = "
id: my-runner
description: runner for all the envs
runner_configuration:
  type: kubernetes-eks
  cluster:
    name: my-eks-cluster
    region: us-west-2
    auth:
      role_arn: arn:aws:iam::123456789012:role/EksRunnerRole
      session_name: humanitec-runner-session
      sts_region: us-west-2
  job:
    namespace: default
    service_account: humanitec-runner
    pod_template:
      metadata:
        labels:
          app.kubernetes.io/name: humanitec-runner
state_storage_configuration:
  type: kubernetes
  namespace: humanitec
";
        let runner: Runner = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(serde_json::to_value(&runner).unwrap(), full());
    }

    #[test]
    fn fields_that_are_not_set_are_omitted_and_null_is_not_set() {
        let mut value = full();
        value["description"] = Value::Null;
        value["runner_configuration"]["cluster"]["auth"] =
            json!({"role_arn": "arn:aws:iam::123456789012:role/r", "session_name": null});
        value["runner_configuration"]["job"] = json!({"namespace": "n", "service_account": "s", "pod_template": null});
        let runner: Runner = serde_json::from_value(value).unwrap();
        assert_eq!(
            serde_json::to_value(&runner).unwrap(),
            json!({
                "id": "my-runner",
                "runner_configuration": {
                    "type": "kubernetes-eks",
                    "cluster": {
                        "name": "my-eks-cluster",
                        "region": "us-west-2",
                        "auth": {"role_arn": "arn:aws:iam::123456789012:role/r"},
                    },
                    "job": {"namespace": "n", "service_account": "s"},
                },
                "state_storage_configuration": {"type": "kubernetes", "namespace": "humanitec"},
            })
        );
    }

    #[test]
    fn an_empty_description_differs_from_an_absent_one() {
        let mut value = full();
        value["description"] = json!("");
        let runner: Runner = serde_json::from_value(value).unwrap();
        assert_eq!(runner.description.as_deref(), Some(""));
        assert_eq!(serde_json::to_value(&runner).unwrap()["description"], "");
    }

    #[test]
    fn fields_of_a_newer_server_are_ignored() {
        let mut value = full();
        value["created_at"] = json!("2026-01-01T00:00:00Z");
        value["runner_configuration"]["cluster"]["auth"]["new"] = json!(1);
        value["runner_configuration"]["new"] = json!({});
        value["state_storage_configuration"]["new"] = json!([]);
        let runner: Runner = serde_json::from_value(value).unwrap();
        assert_eq!(serde_json::to_value(&runner).unwrap(), full());
    }

    #[test]
    fn the_fields_of_a_storage_are_beside_its_type() {
        for storage in [
            json!({"type": "kubernetes", "namespace": "n"}),
            json!({"type": "s3", "bucket": "b1"}),
            json!({"type": "s3", "bucket": "b1", "path_prefix": "p/"}),
            json!({"type": "gcs", "bucket": "b1", "path_prefix": "p"}),
            json!({"type": "azurerm", "storage_account_name": "a", "container_name": "c"}),
            json!({"type": "azurerm", "storage_account_name": "a", "container_name": "c", "resource_group_name": "g", "path_prefix": "p"}),
        ] {
            let read: StateStorage = serde_json::from_value(storage.clone()).unwrap();
            assert_eq!(read.storage_type().name(), storage["type"]);
            assert_eq!(serde_json::to_value(&read).unwrap(), storage);
        }
    }

    #[test]
    fn another_runner_type_is_refused() {
        let mut value = full();
        value["runner_configuration"]["type"] = json!("kubernetes-agent");
        let error = serde_json::from_value::<Runner>(value).unwrap_err();
        assert!(error.to_string().contains("kubernetes-agent"), "{error}");
    }

    #[test]
    fn the_json_schema_has_the_type_as_a_constant_and_optional_fields_as_optional() {
        let schema = schemars::schema_for!(Runner).to_value();
        assert_eq!(
            schema["required"],
            json!(["id", "runner_configuration", "state_storage_configuration"])
        );
        assert_eq!(schema["$defs"]["Auth"]["required"], json!(["role_arn"]));
        assert_eq!(schema["$defs"]["RunnerType"]["oneOf"][0]["const"], RunnerType::EKS);
    }
}
