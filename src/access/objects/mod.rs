//! The objects that a runner needs in AWS and in its cluster. The set-up and the fixes are built out of them.

mod aws;
mod kubernetes;
mod names;
mod permission;
mod policies;
mod state_bucket;

pub(crate) use aws::{AwsObject, POD_IDENTITY_AGENT};
pub(crate) use kubernetes::{
    CREATE_JOBS, GET_JOBS, KubernetesObject, LIST_EVENTS, LIST_PODS, NamespaceRight, PolicyRule, RBAC_GROUP,
    ROLE_ANNOTATION, RbacGrant, RbacSubject, STATE_RIGHTS, rbac_grant, state_grant,
};
pub(crate) use names::{cluster_arn, job_role_name, provider_arn};
pub(crate) use permission::Permission;
pub(crate) use policies::{CLUSTER_ISSUER_HOST, service_account_subject, service_account_trust_policy};
pub use policies::{cluster_policy, trust_policy};
pub(crate) use state_bucket::{BUCKET_ACTIONS, KEY_ACTIONS, OBJECT_ACTIONS, StateBucket, key_statement};
