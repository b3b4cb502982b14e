//! What an EKS runner is: its types, the rules for its values, and the names that are derived from it.
//!
//! Nothing here calls a server. The types have one serde form, which is both the JSON of the Orchestrator's API and the
//! YAML file that people keep. Each rule is a function over one value ([`validate`]), so that it can be applied while
//! other values are unknown; [`Runner::problems`] applies all of them to a whole runner.

mod arn;
#[cfg(test)]
pub(crate) mod fixture;
mod invalid;
pub mod job_container;
mod names;
pub mod pod_template;
mod problems;
pub(crate) mod quantity;
mod role_arn;
mod rules;
mod types;
pub mod validate;

pub(crate) use arn::Arn;
pub use invalid::{Invalid, InvalidField};
pub use names::{kubernetes_user, oidc_subject, session_name};
pub(crate) use pod_template::job_template::JobTemplate;
pub use role_arn::{RoleArn, is_name_character};
pub use rules::{RULES, Scope, TextRule};
pub use types::{
    Auth, AzurermStorage, BucketStorage, Cluster, Job, KubernetesStorage, Runner, RunnerConfiguration, RunnerType,
    StateStorage, StorageType,
};
