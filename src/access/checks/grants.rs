//! The commands that give rights in a namespace.

use std::sync::Arc;

use super::bindings::RBAC_API;
use crate::access::kubernetes::Cluster;
use crate::access::setup::{Grant, kubectl_apply, shell};

/// Returns the commands that give a grant, without a loss for what exists: the Role keeps its rules, and a binding of
/// that name to another role, which cannot be changed, is deleted first. Objects that cannot be read count as missing,
/// and for the Role the commands say so.
pub(super) async fn granting(cluster: &Arc<Cluster>, grant: Grant) -> String {
    let (namespace, role) = (&grant.namespace, grant.role);
    let (found, bindings) = tokio::join!(
        cluster.get(format!("{RBAC_API}/namespaces/{namespace}/roles/{role}")),
        cluster.get(format!("{RBAC_API}/namespaces/{namespace}/rolebindings")),
    );
    let bindings = bindings.unwrap_or_default();
    let mut bindings = bindings["items"].as_array().into_iter().flatten();
    let binds_another = bindings.any(|one| {
        let role_ref = &one["roleRef"];
        let is_role = role_ref["kind"] == "Role" && role_ref["name"] == role;
        one["metadata"]["name"] == *grant.binding && !is_role
    });
    let unread = match &found {
        Err(error) if !error.is_not_found() => {
            format!("# The Role {role} could not be read: where it is, this replaces its rules.\n")
        }
        _ => String::new(),
    };
    let delete = match binds_another {
        true => format!(
            "kubectl delete rolebinding {} -n {}\n",
            shell(&grant.binding),
            shell(namespace)
        ),
        false => String::new(),
    };
    let found = found.unwrap_or_default();
    let rules = found["rules"].as_array().map(Vec::as_slice);
    unread + &delete + &kubectl_apply(&grant.beside(rules.unwrap_or_default()).yaml())
}
