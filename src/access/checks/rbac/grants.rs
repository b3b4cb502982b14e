//! The commands that grant permissions in a namespace.

use std::sync::Arc;

use super::bindings::RBAC_API;
use crate::access::fix::Fix;
use crate::access::kubernetes::ClusterClient;
use crate::access::objects::{PolicyRule, RbacGrant};
use crate::access::render::shell::ShellCommand;

/// Returns the commands that grant permissions and keep what exists: the Role keeps its rules, and a binding of
/// that name to another role, which cannot be changed, is deleted first. Objects that cannot be read count as missing,
/// and for the Role the commands say so.
pub(in crate::access::checks) async fn grant_fix(cluster: &Arc<ClusterClient>, grant: RbacGrant) -> Fix {
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
    let mut fix = Fix::default();
    if found.as_ref().is_err_and(|error| !error.is_not_found()) {
        fix = fix.then_note(format!(
            "The Role {role} could not be read. If it exists, this command replaces its rules."
        ));
    }
    if binds_another {
        fix = fix.then_run(
            ShellCommand::new("kubectl delete rolebinding")
                .word(&grant.binding)
                .option("-n", namespace),
        );
    }
    let found = found.unwrap_or_default();
    let rules: Vec<PolicyRule> = serde_json::from_value(found["rules"].clone()).unwrap_or_default();
    fix.then(Fix::create_in_cluster(&grant.beside(rules).objects()))
}
