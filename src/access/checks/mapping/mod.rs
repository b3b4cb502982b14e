//! The mapping of the role to a Kubernetes user, by an access entry or by `aws-auth`.

pub(super) mod access_entry;
pub(super) mod admission;
pub(super) mod runner_user;

mod aws_auth_fix;
mod aws_auth_mapping;
mod entry;
