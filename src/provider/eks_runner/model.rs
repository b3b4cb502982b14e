//! Converts Terraform's value of an EKS runner to the runner and back.
//!
//! In the API, the fields of a state storage are beside its `type`; in Terraform's schema, they are in a block with the
//! name of the type. `pod_template` is an object in the API and a string of JSON in Terraform.

use serde_json::{Map, Value as Json};

use crate::provider::api_diagnostics;
use crate::runner::{
    Auth, AzurermStorage, BucketStorage, Cluster, Job, KubernetesStorage, Runner, RunnerConfiguration, RunnerType,
    StateStorage, StorageType, pod_template,
};
use terraform_plugin_server::{Diagnostic, Path, Value, is_same_text};

/// The path of `pod_template`.
pub(super) const POD_TEMPLATE: [&str; 3] = ["runner_configuration", "job", "pod_template"];

/// Returns the runner that `object` describes. All of its values must be known.
///
/// # Errors
/// What could not be checked while values were unknown: a `pod_template` that is not a JSON object, or a state storage
/// type that does not exist.
pub(super) fn runner(object: &Value) -> Result<Runner, Diagnostic> {
    let configuration = object.get("runner_configuration");
    let (cluster, job) = (configuration.get("cluster"), configuration.get("job"));
    let auth = cluster.get("auth");
    let pod_template = match job.get("pod_template").as_str() {
        None => None,
        Some(json) => Some(
            pod_template::parse(json).map_err(|invalid| api_diagnostics::invalid(&invalid, Path::new(POD_TEMPLATE)))?,
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

/// Returns the state storage that `object` describes. All of its values must be known.
///
/// # Errors
/// The type does not exist.
pub(super) fn storage(object: &Value) -> Result<StateStorage, Diagnostic> {
    let name = text(object, "type");
    let Some(storage_type) = StorageType::find(&name) else {
        return Err(Diagnostic::bug(format!(
            "The state storage type {name:?} was not found by validation."
        )));
    };
    let block = object.get(&block_name(storage_type));
    let bucket = || BucketStorage {
        bucket: text(block, "bucket"),
        path_prefix: optional_text(block, "path_prefix"),
    };
    Ok(match storage_type {
        StorageType::Kubernetes => StateStorage::Kubernetes(KubernetesStorage {
            namespace: text(block, "namespace"),
        }),
        StorageType::S3 => StateStorage::S3(bucket()),
        StorageType::Gcs => StateStorage::Gcs(bucket()),
        StorageType::Azurerm => StateStorage::Azurerm(AzurermStorage {
            storage_account_name: text(block, "storage_account_name"),
            container_name: text(block, "container_name"),
            resource_group_name: optional_text(block, "resource_group_name"),
            path_prefix: optional_text(block, "path_prefix"),
        }),
    })
}

/// Returns `runner` as Terraform's value. Where only the spelling differs from `prior` (the formatting of
/// `pod_template`, an empty text that the API does not distinguish from an absent one, Unicode normalization), the
/// spelling of `prior` is kept, so that nothing shows as changed. After an import, `prior` is null.
pub(super) fn state(runner: &Runner, prior: &Value) -> Value {
    let mut state = value(runner, prior);
    keep_texts(&mut state, prior);
    state
}

/// Returns `runner` as Terraform's value. Every field of every type is named, so that the compiler reports a field that is missing here.
fn value(runner: &Runner, prior: &Value) -> Value {
    let Runner {
        id,
        description,
        runner_configuration,
        state_storage_configuration,
    } = runner;
    Value::object([
        ("id", Value::from(id.as_str())),
        (
            "description",
            optional(description.as_deref(), prior.get("description")),
        ),
        (
            "runner_configuration",
            configuration_value(runner_configuration, prior.get("runner_configuration")),
        ),
        (
            "state_storage_configuration",
            storage_value(state_storage_configuration, prior.get("state_storage_configuration")),
        ),
        ("timeouts", prior.get("timeouts").clone()),
    ])
}

fn configuration_value(configuration: &RunnerConfiguration, prior: &Value) -> Value {
    let RunnerConfiguration {
        kind: RunnerType::KubernetesEks,
        cluster,
        job,
    } = configuration;
    Value::object([
        ("cluster", cluster_value(cluster, prior.get("cluster"))),
        ("job", job_value(job, prior.get("job"))),
    ])
}

fn cluster_value(cluster: &Cluster, prior: &Value) -> Value {
    let Cluster { name, region, auth } = cluster;
    let Auth {
        role_arn,
        session_name,
        sts_region,
    } = auth;
    let prior = prior.get("auth");
    let auth = Value::object([
        ("role_arn", Value::from(role_arn.as_str())),
        (
            "session_name",
            optional(session_name.as_deref(), prior.get("session_name")),
        ),
        ("sts_region", optional(sts_region.as_deref(), prior.get("sts_region"))),
    ]);
    Value::object([
        ("name", Value::from(name.as_str())),
        ("region", Value::from(region.as_str())),
        ("auth", auth),
    ])
}

fn job_value(job: &Job, prior: &Value) -> Value {
    let Job {
        namespace,
        service_account,
        pod_template,
    } = job;
    Value::object([
        ("namespace", Value::from(namespace.as_str())),
        ("service_account", Value::from(service_account.as_str())),
        (
            "pod_template",
            pod_template_text(pod_template.as_ref(), prior.get("pod_template")),
        ),
    ])
}

fn storage_value(storage: &StateStorage, prior: &Value) -> Value {
    let own = block_name(storage.storage_type());
    let prior = prior.get(&own);
    let block = match storage {
        StateStorage::Kubernetes(KubernetesStorage { namespace }) => {
            Value::object([("namespace", Value::from(namespace.as_str()))])
        }
        StateStorage::S3(BucketStorage { bucket, path_prefix })
        | StateStorage::Gcs(BucketStorage { bucket, path_prefix }) => Value::object([
            ("bucket", Value::from(bucket.as_str())),
            (
                "path_prefix",
                optional(path_prefix.as_deref(), prior.get("path_prefix")),
            ),
        ]),
        StateStorage::Azurerm(AzurermStorage {
            storage_account_name,
            container_name,
            resource_group_name,
            path_prefix,
        }) => Value::object([
            ("storage_account_name", Value::from(storage_account_name.as_str())),
            ("container_name", Value::from(container_name.as_str())),
            (
                "resource_group_name",
                optional(resource_group_name.as_deref(), prior.get("resource_group_name")),
            ),
            (
                "path_prefix",
                optional(path_prefix.as_deref(), prior.get("path_prefix")),
            ),
        ]),
    };
    let ty = ("type".to_owned(), Value::from(storage.storage_type().name()));
    let unset = StorageType::ALL.map(|ty| (block_name(ty), Value::Null));
    let attributes = [ty].into_iter().chain(unset).chain([(own, block)]);
    Value::Map(attributes.collect())
}

/// Returns the name of the block for a type of state storage.
pub(super) fn block_name(ty: StorageType) -> String {
    format!("{}_configuration", ty.name())
}

/// Replaces each text that differs from `prior` only in Unicode normalization by the text of `prior`.
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

/// Returns `config` with the spelling of `prior` where the two have the same meaning.
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

fn pod_template_text(template: Option<&Map<String, Json>>, prior: &Value) -> Value {
    let Some(template) = template else {
        return Value::Null;
    };
    let text = Json::Object(template.clone()).to_string();
    match prior.as_str() {
        Some(prior) if pod_template::equal(prior, &text) => Value::from(prior),
        _ => Value::from(text),
    }
}

/// Returns an optional text of the API, which does not distinguish an empty one from an absent one.
fn optional(text: Option<&str>, prior: &Value) -> Value {
    match text {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use terraform_plugin_server::{Attribute, AttributeKind, Path};

    use super::super::{schema, validate};
    use super::*;
    use crate::runner::InvalidField;
    use crate::runner::fixture::documented;

    /// Returns a runner for each state storage. Every optional value is set.
    fn complete_runners() -> Vec<Runner> {
        let storages = [
            json!({"type": "kubernetes", "namespace": "n"}),
            json!({"type": "s3", "bucket": "b1", "path_prefix": "p"}),
            json!({"type": "gcs", "bucket": "b1", "path_prefix": "p"}),
            json!({
                "type": "azurerm", "storage_account_name": "a", "container_name": "c",
                "resource_group_name": "g", "path_prefix": "p",
            }),
        ];
        let runner = |storage| {
            let mut runner = documented(&storage);
            runner["description"] = json!("d");
            let configuration = &mut runner["runner_configuration"];
            configuration["cluster"]["auth"]["session_name"] = json!("s");
            configuration["cluster"]["auth"]["sts_region"] = json!("eu-west-1");
            configuration["job"]["pod_template"] = json!({"spec": {}});
            serde_json::from_value(runner).unwrap()
        };
        storages.map(runner).to_vec()
    }

    #[test]
    fn every_state_storage_is_a_type() {
        let types = complete_runners();
        let types = types
            .iter()
            .map(|runner| runner.state_storage_configuration.storage_type());
        assert_eq!(types.collect::<Vec<_>>(), StorageType::ALL);
    }

    /// Returns a copy of a value for each text in it, in which `text` replaces that text, with the path of the text.
    fn damaged(value: &Value, text: &str, path: &[&str]) -> Vec<(Vec<String>, Value)> {
        match value {
            Value::Map(attributes) => {
                let of_attribute = |(name, attribute): (&String, &Value)| {
                    let inner = damaged(attribute, text, &[path, &[name.as_str()]].concat());
                    let name = name.clone();
                    inner.into_iter().map(move |(path, attribute)| {
                        let mut attributes = attributes.clone();
                        attributes.insert(name.clone(), attribute);
                        (path, Value::Map(attributes))
                    })
                };
                attributes.iter().flat_map(of_attribute).collect()
            }
            Value::String(_) => {
                let text = match path.last() {
                    Some(&"pod_template") => "{\"nope\": 1}",
                    _ => text,
                };
                let path = path.iter().map(|name| (*name).to_owned()).collect();
                vec![(path, Value::from(text))]
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn terraform_and_the_api_have_the_same_rule_for_each_value() {
        // Any text is valid, or a runner of another type cannot be converted.
        const WITHOUT_RULE: [&str; 3] = ["description", "resource_group_name", "type"];
        let (mut tried, mut refused) = (BTreeSet::new(), BTreeSet::new());
        let complete = complete_runners();
        let values = complete.iter().flat_map(|runner| {
            let texts = ["", "/ not valid /"].into_iter();
            texts.flat_map(|text| damaged(&state(runner, &Value::Null), text, &[]))
        });
        for (path, value) in values {
            if WITHOUT_RULE.contains(&path.last().unwrap().as_str()) {
                continue;
            }
            let errors = validate::config(&value).into_iter();
            let errors: Vec<_> = errors.filter(Diagnostic::is_error).collect();
            let at = path.iter().fold(Path::root(), |at, name| at.attribute(name));
            if errors.iter().any(|error| error.path.as_ref() == Some(&at)) {
                refused.insert(path.clone());
            }
            let of_terraform: BTreeSet<_> = errors.into_iter().map(|error| (error.summary, error.detail)).collect();
            let problems = runner(&value).unwrap().problems().into_iter();
            let of_api: BTreeSet<_> = problems
                .map(|InvalidField { invalid, .. }| (invalid.summary.to_owned(), invalid.detail))
                .collect();
            assert_eq!(of_terraform, of_api, "{path:?}");
            tried.insert(path);
        }
        assert_eq!(refused, tried);
    }

    fn add_paths(value: &Value, parent: &str, paths: &mut BTreeSet<String>) {
        if let Value::Map(attributes) = value {
            for (name, attribute) in attributes {
                let path = format!("{parent}.{name}");
                add_paths(attribute, &path, paths);
                paths.insert(path);
            }
        }
    }

    fn add_schema_paths(attributes: &[Attribute], parent: &str, paths: &mut BTreeSet<String>) {
        for attribute in attributes {
            let path = format!("{parent}.{}", attribute.name);
            if let AttributeKind::Nested(_, nested) = &attribute.kind {
                add_schema_paths(nested, &path, paths);
            }
            paths.insert(path);
        }
    }

    #[test]
    fn every_value_of_a_runner_survives_the_conversion() {
        for complete in complete_runners() {
            assert_eq!(runner(&state(&complete, &Value::Null)).ok(), Some(complete));
        }
    }

    #[test]
    fn the_schema_has_the_attributes_of_a_runner() {
        let mut converted = BTreeSet::new();
        for complete in complete_runners() {
            add_paths(&state(&complete, &Value::Null), "", &mut converted);
        }
        let mut declared = BTreeSet::new();
        add_schema_paths(&schema::resource().attributes, "", &mut declared);
        declared.retain(|path| !path.starts_with(".timeouts."));
        assert_eq!(converted, declared);
    }
}
