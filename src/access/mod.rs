//! The EKS access preflight: named checks of everything on the way from the Orchestrator to a
//! runner's Job.

mod answers;
mod aws;
mod check;
mod engine;
mod kubernetes;
mod settings;
mod subject;
mod trust;

pub use check::{Category, CheckId, CheckResult, Outcome, Status, UnknownCheck};
pub use engine::{Budget, Observer};
pub use settings::{AUDIENCE, AssumeRole, DEFAULT_OIDC_ISSUER, Identity, Kubeconfig, Settings};
pub use subject::{Known, Subject};
