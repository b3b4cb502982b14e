//! Runners, and the bodies of the calls that create and change one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::strict::{check_object, decode, decode_lenient, matches, not_null};
use super::{pod_template, state_storage};

/// The only type of runner that this API creates here. Tests store the others directly.
const EKS: &str = "kubernetes-eks";
const OTHER_TYPES: [&str; 4] = ["kubernetes", "kubernetes-gke", "kubernetes-agent", "serverless-ecs"];

const ID: &str = r"^[a-z][a-z0-9_-]+$";
const ROLE_ARN: &str = r"^arn:aws:iam::[0-9]{12}:role\/[a-zA-Z_0-9+=,.@\-_/]+$";
const SESSION_NAME: &str = r"^[a-zA-Z0-9+=,.@\-_/]+$";
const STS_REGION: &str = r"^[a-z]{2}-[a-z]+-\d$";
const AT: &str = "runner_configuration";

/// A runner as the API returns it and as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runner {
    /// The organization of the runner.
    pub org_id: String,
    /// Its id, unique in the organization.
    pub id: String,
    /// `None` if it was never set, and `""` if an update removed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was created (RFC 3339).
    pub created_at: String,
    /// When it was last changed (RFC 3339).
    pub updated_at: String,
    /// `type` and that type's fields. It has any type if a test stored it.
    pub runner_configuration: Value,
    /// `type` and that type's fields.
    pub state_storage_configuration: Value,
}

impl Runner {
    /// Returns the runner as a list contains it: the two configurations have only their `type`.
    pub(super) fn summary(&self) -> Self {
        Self {
            runner_configuration: json!({ "type": self.runner_configuration["type"] }),
            state_storage_configuration: json!({ "type": self.state_storage_configuration["type"] }),
            ..self.clone()
        }
    }
}

/// The body of a create call, after all checks.
pub(super) struct Create {
    pub(super) id: String,
    pub(super) description: Option<String>,
    pub(super) runner_configuration: Value,
    pub(super) state_storage_configuration: Value,
}

impl Create {
    /// Decodes and checks the body of a create call. Unknown fields are ignored.
    ///
    /// # Errors
    /// A 400.
    pub(super) fn from_body(body: &Value) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            id: String,
            #[serde(default, deserialize_with = "not_null")]
            description: Option<String>,
            runner_configuration: Map<String, Value>,
            state_storage_configuration: Map<String, Value>,
        }
        let body: Body = decode_lenient(body, "")?;
        matches("id", &body.id, ID)?;
        let sent = Value::Object(body.runner_configuration);
        match runner_type(&sent)?.as_str() {
            EKS => {}
            other if OTHER_TYPES.contains(&other) => {
                return Err(ApiError::invalid(
                    &format!("{AT}.type"),
                    format!(
                        "this stand-in creates runners of type {EKS} only; put one of type \
                         {other} through /_sandbox/runners"
                    ),
                ));
            }
            other => return Err(unknown_type(other)),
        }
        let configuration = EksConfiguration::from_schema(&sent)?;
        for (field, present) in [
            ("cluster", configuration.cluster.is_some()),
            ("job", configuration.job.is_some()),
        ] {
            if !present {
                return Err(ApiError::invalid(AT, format!("missing field `{field}`")));
            }
        }
        let storage = state_storage::check(Value::Object(body.state_storage_configuration))?;
        EksConfiguration::check_strictly(&sent)?;
        Ok(Self {
            id: body.id,
            description: body.description,
            runner_configuration: sent,
            state_storage_configuration: storage,
        })
    }
}

/// The body of an update call. `None` leaves a value unchanged.
pub(super) struct Update {
    description: Option<String>,
    runner_configuration: Option<Value>,
    state_storage_configuration: Option<Value>,
}

impl Update {
    /// Decodes the body of an update call and checks what the service checks before it looks up the runner: its OpenAPI
    /// document (control plane, `DefaultEchoServerWithValidation` in cmd/server/main.go). Unknown fields, such as an `id`,
    /// are ignored.
    ///
    /// # Errors
    /// A 400.
    pub(super) fn from_body(body: &Value) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default, deserialize_with = "not_null")]
            description: Option<String>,
            #[serde(default, deserialize_with = "not_null")]
            runner_configuration: Option<Map<String, Value>>,
            #[serde(default, deserialize_with = "not_null")]
            state_storage_configuration: Option<Map<String, Value>>,
        }
        let body: Body = decode_lenient(body, "")?;
        let runner_configuration = match body.runner_configuration {
            None => None,
            Some(sent) => {
                let sent = Value::Object(sent);
                match runner_type(&sent)?.as_str() {
                    EKS => drop(EksConfiguration::from_schema(&sent)?),
                    other if OTHER_TYPES.contains(&other) => {}
                    other => return Err(unknown_type(other)),
                }
                Some(sent)
            }
        };
        let state_storage_configuration = body
            .state_storage_configuration
            .map(|sent| state_storage::check(Value::Object(sent)))
            .transpose()?;
        Ok(Self {
            description: body.description,
            runner_configuration,
            state_storage_configuration,
        })
    }

    /// Merges the update into `runner`: its configuration at the top level only, and the whole storage. Before that, it
    /// checks the rest of the configuration, in the service's order (control plane, `tryMakeRunnerConfigurationUpdate`).
    ///
    /// # Errors
    /// A 400 about a configuration that does not decode strictly, or whose `type` is not the runner's. Then `runner` is
    /// unchanged.
    pub(super) fn apply(self, runner: &mut Runner) -> Result<(), ApiError> {
        if let Some(sent) = self.runner_configuration {
            if sent["type"] == EKS {
                EksConfiguration::check_strictly(&sent)?;
            }
            let stored = &mut runner.runner_configuration;
            if sent["type"] != stored["type"] {
                return Err(ApiError::invalid(
                    &format!("{AT}.type"),
                    format!("{} is not the runner's type {}", sent["type"], stored["type"]),
                ));
            }
            if let (Value::Object(stored), Value::Object(sent)) = (stored, sent) {
                stored.extend(sent);
            }
        }
        if let Some(description) = self.description {
            runner.description = Some(description);
        }
        if let Some(storage) = self.state_storage_configuration {
            runner.state_storage_configuration = storage;
        }
        Ok(())
    }
}

/// Returns the `type`.
///
/// # Errors
/// A 400 if it is missing, because an update requires it, too.
fn runner_type(sent: &Value) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Discriminator {
        r#type: String,
    }
    Discriminator::deserialize(sent)
        .map(|discriminator| discriminator.r#type)
        .map_err(|error| ApiError::invalid(AT, error))
}

fn unknown_type(sent: &str) -> ApiError {
    ApiError::invalid(
        &format!("{AT}.type"),
        format!("{sent:?} is not one of {EKS}, {}", OTHER_TYPES.join(", ")),
    )
}

/// `runner_configuration` of an EKS runner. An update can omit `cluster` or `job`.
#[derive(Deserialize)]
struct EksConfiguration {
    #[serde(rename = "type")]
    _type: String,
    #[serde(default, deserialize_with = "not_null")]
    cluster: Option<Cluster>,
    #[serde(default, deserialize_with = "not_null")]
    job: Option<Job>,
}

#[derive(Deserialize)]
struct Cluster {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "region")]
    _region: String,
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    role_arn: String,
    #[serde(default, deserialize_with = "not_null")]
    session_name: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    sts_region: Option<String>,
}

#[derive(Deserialize)]
struct Job {
    #[serde(rename = "namespace")]
    _namespace: String,
    #[serde(rename = "service_account")]
    _service_account: String,
    #[serde(default, deserialize_with = "not_null")]
    pod_template: Option<Map<String, Value>>,
}

impl EksConfiguration {
    /// Checks what the service's OpenAPI document describes, which allows unknown fields.
    fn from_schema(sent: &Value) -> Result<Self, ApiError> {
        for (value, path) in [
            (&sent["cluster"], "cluster"),
            (&sent["cluster"]["auth"], "cluster.auth"),
            (&sent["job"], "job"),
        ] {
            check_object(value, &format!("{AT}.{path}"))?;
        }
        let configuration: Self = decode_lenient(sent, AT)?;
        if let Some(cluster) = &configuration.cluster {
            let auth = &cluster.auth;
            let at = format!("{AT}.cluster.auth");
            matches(&format!("{at}.role_arn"), &auth.role_arn, ROLE_ARN)?;
            if let Some(name) = &auth.session_name {
                let at = format!("{at}.session_name");
                if !(3..=64).contains(&name.chars().count()) {
                    return Err(ApiError::invalid(&at, "must have 3 to 64 characters"));
                }
                matches(&at, name, SESSION_NAME)?;
            }
            if let Some(region) = &auth.sts_region {
                matches(&format!("{at}.sts_region"), region, STS_REGION)?;
            }
        }
        Ok(configuration)
    }

    /// Refuses unknown fields, and checks the pod template.
    fn check_strictly(sent: &Value) -> Result<(), ApiError> {
        let configuration: Self = decode(sent, AT)?;
        match configuration.job.and_then(|job| job.pod_template) {
            Some(template) => pod_template::check(template.into(), &format!("{AT}.job.pod_template")),
            None => Ok(()),
        }
    }
}
