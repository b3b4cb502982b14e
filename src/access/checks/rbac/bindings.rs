//! The RoleBinding that explains why the runner's user lacks a right.

use std::sync::Arc;

use serde_json::Value;

use crate::access::kubernetes::user::User;
use crate::access::run::Run;

/// The path of the RBAC API.
pub(in crate::access::checks) const RBAC_API: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Returns why the user lacks a right, as far as the bindings show it: a binding to another name of the same role, or a
/// binding to a role that does not allow it. `None` if the bindings cannot be read.
pub(in crate::access::checks) async fn explanation(run: &Run<'_>, namespace: &str, user: &User) -> Option<String> {
    let cluster = run.cluster().await.ok()?;
    let (here, everywhere) = tokio::join!(
        cluster.get(format!("{RBAC_API}/namespaces/{namespace}/rolebindings")),
        cluster.get(format!("{RBAC_API}/clusterrolebindings")),
    );
    let bindings = [
        ("RoleBinding", here.unwrap_or_default()),
        ("ClusterRoleBinding", everywhere.unwrap_or_default()),
    ];
    explain(&bindings, user, &run.role().ok()?.name)
}

fn explain(bindings: &[(&str, Arc<Value>)], user: &User, role_name: &str) -> Option<String> {
    let mut near = None;
    let items = bindings.iter().flat_map(|(kind, list)| {
        let items = list["items"].as_array().into_iter().flatten();
        items.map(move |binding| (kind, binding))
    });
    for (kind, binding) in items {
        let name = binding["metadata"]["name"].as_str().unwrap_or_default();
        for subject in binding["subjects"].as_array().into_iter().flatten() {
            let Some(bound) = subject["name"].as_str() else {
                continue;
            };
            let is_user = subject["kind"] == "User";
            let groups = &user.groups;
            if (is_user && bound == user.name)
                || (subject["kind"] == "Group" && groups.iter().any(|group| group == bound))
            {
                let role = &binding["roleRef"];
                return Some(format!(
                    " The {kind} {name:?} binds the runner to the {} {:?}, which does not exist or does not grant this \
                     permission.",
                    role["kind"].as_str().unwrap_or("Role"),
                    role["name"].as_str().unwrap_or_default()
                ));
            }
            // The session's ARN with another session name, or the role's own ARN.
            let names_role = bound.contains(&format!(":assumed-role/{role_name}/"))
                || (bound.contains(":role/") && bound.ends_with(&format!("/{role_name}")));
            if is_user && names_role {
                near.get_or_insert_with(|| {
                    format!(
                        " The {kind} {name:?} binds user {bound:?}, which is not this runner's user. It might belong to \
                         another runner. If the binding is meant for this runner, correct the user name."
                    )
                });
            }
        }
    }
    near
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn explained(subject: Value) -> Option<String> {
        let user = User {
            name: "arn:aws:sts::123456789012:assumed-role/runner/new".to_owned(),
            groups: vec!["runners".to_owned()],
        };
        let bindings = Arc::new(json!({"items": [{
            "metadata": {"name": "b"},
            "subjects": [subject],
            "roleRef": {"kind": "Role", "name": "r"},
        }]}));
        explain(&[("RoleBinding", bindings)], &user, "runner")
    }

    #[test]
    fn a_binding_to_another_name_of_the_role_is_found() {
        for other in [
            "arn:aws:sts::123456789012:assumed-role/runner/old",
            "arn:aws:iam::123456789012:role/runner",
            "arn:aws:iam::123456789012:role/team/runner",
        ] {
            let text = explained(json!({"kind": "User", "name": other})).unwrap();
            assert!(
                text.contains(other) && text.contains("not this runner's user"),
                "{text}"
            );
        }
        let stranger = "arn:aws:sts::123456789012:assumed-role/other/new";
        assert_eq!(explained(json!({"kind": "User", "name": stranger})), None);
    }

    #[test]
    fn a_binding_that_does_not_allow_enough_is_found() {
        let user = "arn:aws:sts::123456789012:assumed-role/runner/new";
        for subject in [
            json!({"kind": "User", "name": user}),
            json!({"kind": "Group", "name": "runners"}),
        ] {
            let text = explained(subject).unwrap();
            assert!(text.contains("Role \"r\""), "{text}");
        }
    }
}
