//! The IAM role of the runner: whether it exists, its trust policy, and its permissions.

pub(super) mod oidc_issuer;
pub(super) mod oidc_provider;
pub(super) mod role_exists;
pub(super) mod role_permission;
pub(super) mod role_refusal;
pub(super) mod role_trust;

mod runner_identity;
