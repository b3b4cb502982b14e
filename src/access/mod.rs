//! The EKS access preflight: named checks of everything between the Orchestrator and a runner's Job.
//!
//! A [`Preflight`] has [`Settings`] and checks any number of [`Subject`]s, which share its responses. Every check of a
//! [`Report`] has an [`Outcome`]; nothing is hidden.
//!
//! The modules form a tree. From its leaves to its root: the outcome of a check (`outcome`, `cause`, `fix`), the
//! identity of a check (`check`), the settings and the subject, the clients of AWS and of a cluster (`aws`,
//! `kubernetes`), what one run looks up (`run`), the checks (`checks`), their order and time limit (`engine`),
//! and the preflight.

mod aws;
mod cause;
mod check;
mod check_error;
mod checks;
mod engine;
mod fix;
mod issuer;
mod kubernetes;
mod objects;
mod outcome;
pub mod parse;
mod partition;
mod pending;
mod policy;
mod preflight;
mod probe;
mod render;
mod report;
mod run;
mod settings;
mod setup;
mod single_flight;
mod subject;
mod trust;
mod wildcard;

pub use cause::{Cause, ClusterCause, ClusterKey, RunnerCause, RunnerKey};
pub use check::{Category, CheckId, CheckResult, GuidePage};
pub use checks::UnknownCheck;
pub use engine::{Observer, TimeLimit};
pub use fix::Fix;
#[cfg(test)]
pub(crate) use fix::RoleTrust;
pub(crate) use fix::TrustMembers;
pub use issuer::AUDIENCE;
pub use objects::{cluster_policy, trust_policy};
pub use outcome::{Comparison, IncompleteReason, Outcome, Remedy, Skip, Status};
pub use preflight::Preflight;
pub use probe::{ContainerEnd, Deletion, Ended, Event, Prepared, Probe, ProbeOptions, ProbeReport, Reason, ReasonKind};
pub use render::hcl;
pub use report::{Report, Unchecked};
pub use settings::{AssumeRole, CheckSetting, DEFAULT_RUNNER_IMAGE, Identity, Kubeconfig, Settings};
pub use setup::{JobIdentity, Setup};
pub use subject::{Known, Subject};

pub use crate::frontend::Frontend;
