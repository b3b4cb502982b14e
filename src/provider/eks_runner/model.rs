//! Between Terraform's value of an EKS runner and the runner itself.
//!
//! The API has the fields of a storage beside its `type`; Terraform's schema has them in a block named
//! after the type. `pod_template` is an object there and a string of JSON here.

use crate::plugin::{Diagnostic, Path, Value, is_same_text};
use crate::provider::outcome;
use crate::runner::{
    Auth, AzurermStorage, BucketStorage, Cluster, Job, KubernetesStorage, Runner,
    RunnerConfiguration, RunnerType, StateStorage, pod_template,
};

/// Where `pod_template` stands.
pub(super) const POD_TEMPLATE: [&str; 3] = ["runner_configuration", "job", "pod_template"];

/// The runner that `object`, which is wholly known, stands for.
///
/// # Errors
/// What could not be told before the values were known: a `pod_template` that is no JSON object, a
/// storage type that does not exist.
pub(super) fn runner(object: &Value) -> Result<Runner, Diagnostic> {
    let configuration = object.get("runner_configuration");
    let (cluster, job) = (configuration.get("cluster"), configuration.get("job"));
    let auth = cluster.get("auth");
    let pod_template = match job.get("pod_template").as_str() {
        None => None,
        Some(json) => Some(
            pod_template::parse(json)
                .map_err(|invalid| outcome::invalid(&invalid, Path::of(POD_TEMPLATE)))?,
        ),
    };
    Ok(Runner {
        id: text(object, "id"),
        description: optional_text(object, "description"),
        runner_configuration: RunnerConfiguration {
            kind: RunnerType::KubernetesEks,
            cluster: Cluster {
                name: text(cluster, "name"),
                region: text(cluster, "region"),
                auth: Auth {
                    role_arn: text(auth, "role_arn"),
                    session_name: optional_text(auth, "session_name"),
                    sts_region: optional_text(auth, "sts_region"),
                },
            },
            job: Job {
                namespace: text(job, "namespace"),
                service_account: text(job, "service_account"),
                pod_template,
            },
        },
        state_storage_configuration: storage(object.get("state_storage_configuration"))?,
    })
}

/// The storage that `object`, which is wholly known, stands for.
///
/// # Errors
/// Where its type does not exist.
pub(super) fn storage(object: &Value) -> Result<StateStorage, Diagnostic> {
    let ty = text(object, "type");
    let block = object.get(&format!("{ty}_configuration"));
    let bucket = || BucketStorage {
        bucket: text(block, "bucket"),
        path_prefix: optional_text(block, "path_prefix"),
    };
    match ty.as_str() {
        "kubernetes" => Ok(StateStorage::Kubernetes(KubernetesStorage {
            namespace: text(block, "namespace"),
        })),
        "s3" => Ok(StateStorage::S3(bucket())),
        "gcs" => Ok(StateStorage::Gcs(bucket())),
        "azurerm" => Ok(StateStorage::Azurerm(AzurermStorage {
            storage_account_name: text(block, "storage_account_name"),
            container_name: text(block, "container_name"),
            resource_group_name: optional_text(block, "resource_group_name"),
            path_prefix: optional_text(block, "path_prefix"),
        })),
        _ => Err(Diagnostic::bug(format!(
            "The state storage type {ty:?} got past validation."
        ))),
    }
}

/// Terraform's value of `runner`. Where only the spelling differs from `prior` (the formatting of
/// `pod_template`, an empty text that the API does not tell from none, Unicode normalization), `prior`'s spelling
/// is kept, so that nothing shows as changed. `prior` is null, or lacks what it does not know, after an import.
pub(super) fn state(runner: &Runner, prior: &Value) -> Value {
    let mut state = value(runner, prior);
    keep_texts(&mut state, prior);
    state
}

fn value(runner: &Runner, prior: &Value) -> Value {
    let Runner {
        id,
        description,
        runner_configuration: configuration,
        state_storage_configuration: storage,
    } = runner;
    let RunnerConfiguration { cluster, job, .. } = configuration;
    let prior_configuration = prior.get("runner_configuration");
    let (prior_auth, prior_job) = (
        prior_configuration.get("cluster").get("auth"),
        prior_configuration.get("job"),
    );
    Value::object([
        ("id", Value::from(id.as_str())),
        (
            "description",
            optional(description.as_deref(), prior.get("description")),
        ),
        (
            "runner_configuration",
            Value::object([
                (
                    "cluster",
                    Value::object([
                        ("name", Value::from(cluster.name.as_str())),
                        ("region", Value::from(cluster.region.as_str())),
                        (
                            "auth",
                            Value::object([
                                ("role_arn", Value::from(cluster.auth.role_arn.as_str())),
                                (
                                    "session_name",
                                    optional(
                                        cluster.auth.session_name.as_deref(),
                                        prior_auth.get("session_name"),
                                    ),
                                ),
                                (
                                    "sts_region",
                                    optional(
                                        cluster.auth.sts_region.as_deref(),
                                        prior_auth.get("sts_region"),
                                    ),
                                ),
                            ]),
                        ),
                    ]),
                ),
                (
                    "job",
                    Value::object([
                        ("namespace", Value::from(job.namespace.as_str())),
                        ("service_account", Value::from(job.service_account.as_str())),
                        (
                            "pod_template",
                            pod_template_text(job, prior_job.get("pod_template")),
                        ),
                    ]),
                ),
            ]),
        ),
        (
            "state_storage_configuration",
            storage_state(storage, prior.get("state_storage_configuration")),
        ),
        ("timeouts", prior.get("timeouts").clone()),
    ])
}

fn storage_state(storage: &StateStorage, prior: &Value) -> Value {
    let block_name = format!("{}_configuration", storage.type_name());
    let prior = prior.get(&block_name);
    let bucket = |storage: &BucketStorage| {
        Value::object([
            ("bucket", Value::from(storage.bucket.as_str())),
            (
                "path_prefix",
                optional(storage.path_prefix.as_deref(), prior.get("path_prefix")),
            ),
        ])
    };
    let block = match storage {
        StateStorage::Kubernetes(kubernetes) => {
            Value::object([("namespace", Value::from(kubernetes.namespace.as_str()))])
        }
        StateStorage::S3(storage) | StateStorage::Gcs(storage) => bucket(storage),
        StateStorage::Azurerm(azurerm) => Value::object([
            (
                "storage_account_name",
                Value::from(azurerm.storage_account_name.as_str()),
            ),
            (
                "container_name",
                Value::from(azurerm.container_name.as_str()),
            ),
            (
                "resource_group_name",
                optional(
                    azurerm.resource_group_name.as_deref(),
                    prior.get("resource_group_name"),
                ),
            ),
            (
                "path_prefix",
                optional(azurerm.path_prefix.as_deref(), prior.get("path_prefix")),
            ),
        ]),
    };
    let mut object = Value::object([
        ("type", Value::from(storage.type_name())),
        ("kubernetes_configuration", Value::Null),
        ("s3_configuration", Value::Null),
        ("gcs_configuration", Value::Null),
        ("azurerm_configuration", Value::Null),
    ]);
    if let Value::Map(attributes) = &mut object {
        attributes.insert(block_name, block);
    }
    object
}

/// Puts `prior`'s spelling in the place of each text that differs from it in Unicode normalization alone.
fn keep_texts(value: &mut Value, prior: &Value) {
    match (value, prior) {
        (Value::String(text), Value::String(prior)) if is_same_text(text, prior) => {
            text.clone_from(prior);
        }
        (Value::Map(attributes), prior) => {
            for (name, attribute) in attributes {
                keep_texts(attribute, prior.get(name));
            }
        }
        _ => {}
    }
}

/// `config` with the spelling of `prior` where the two say the same.
pub(super) fn keep_spelling(config: &Value, prior: &Value) -> Value {
    let prior_job = prior.get("runner_configuration").get("job");
    let mut kept = config.clone();
    keep_texts(&mut kept, prior);
    if let Value::Map(attributes) = &mut kept
        && let Some(Value::Map(configuration)) = attributes.get_mut("runner_configuration")
        && let Some(Value::Map(job)) = configuration.get_mut("job")
        && let Some(Value::String(new)) = job.get_mut("pod_template")
        && let Some(old) = prior_job.get("pod_template").as_str()
        && pod_template::equal(old, new)
    {
        old.clone_into(new);
    }
    kept
}

fn pod_template_text(job: &Job, prior: &Value) -> Value {
    let Some(template) = &job.pod_template else {
        return Value::Null;
    };
    let text = serde_json::Value::Object(template.clone()).to_string();
    match prior.as_str() {
        Some(prior) if pod_template::equal(prior, &text) => Value::from(prior),
        _ => Value::from(text),
    }
}

/// What the API answered for an optional text: it does not tell an empty one from none.
fn optional(answered: Option<&str>, prior: &Value) -> Value {
    match answered {
        Some("") | None if prior.as_str() == Some("") => Value::from(""),
        Some("") | None => Value::Null,
        Some(text) => Value::from(text),
    }
}

fn text(object: &Value, name: &str) -> String {
    object.get(name).as_str().unwrap_or_default().to_owned()
}

fn optional_text(object: &Value, name: &str) -> Option<String> {
    object.get(name).as_str().map(str::to_owned)
}
