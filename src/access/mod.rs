//! The EKS access preflight: named checks of everything on the way from the Orchestrator to a
//! runner's Job.
//!
//! A [`Preflight`] is made once of [`Settings`] and checks any number of [`Subject`]s, which share
//! its answers. Each check comes out with an [`Outcome`]; nothing is hidden.

mod answers;
mod aws;
mod check;
mod checks;
mod engine;
mod files;
mod fix;
mod frontend;
mod issuer;
mod kubernetes;
mod objects;
pub mod parse;
mod render;
mod report;
mod run;
mod settings;
mod setup;
mod subject;
mod trust;

pub use check::{
    Category, CheckId, CheckResult, Comparison, Member, Outcome, SharedFix, Skip, Status,
    UnknownCheck,
};
pub use engine::{Budget, Observer};
pub use render::hcl;
pub use report::{Report, Unchecked};
pub use run::Preflight;
pub use settings::{
    AUDIENCE, AssumeRole, DEFAULT_RUNNER_IMAGE, Face, Identity, Kubeconfig, Settings,
};
pub use setup::Setup;
pub use subject::{Known, Subject};
