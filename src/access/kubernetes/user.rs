//! Which Kubernetes user a session of the runner's role is, and what EKS grants it besides RBAC.

use serde_json::Value;

use crate::access::trust::like;
use crate::runner::{RoleArn, kubernetes_user};

/// A user of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct User {
    /// The user's name.
    pub(crate) name: String,
    /// The groups, without those that every authenticated user has.
    pub(crate) groups: Vec<String>,
}

impl User {
    /// The user of a service account.
    pub(crate) fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
            ],
        }
    }

    /// The user that a user name template and groups make of a session.
    ///
    /// A template that is empty is the default: the session's ARN without the role's path.
    pub(crate) fn of_session(
        template: &str,
        groups: Vec<String>,
        role: &RoleArn,
        session_name: &str,
    ) -> Self {
        let name = if template.is_empty() {
            kubernetes_user(role, session_name)
        } else {
            template
                .replace("{{SessionNameRaw}}", session_name)
                .replace("{{SessionName}}", &session_name.replace('@', "-"))
                .replace("{{AccountID}}", &role.account)
        };
        Self { name, groups }
    }
}

/// The line of `aws-auth` for a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsAuth {
    /// There is one.
    Mapped {
        /// The user name template.
        username: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// There is one without a user name. The authenticator makes none up: the user's name is empty.
    Unnamed {
        /// The groups.
        groups: Vec<String>,
    },
    /// There is one with the role's path, which `aws-auth` must not have.
    WithPath(String),
    /// There is none.
    Absent,
    /// `mapRoles` cannot be read.
    Unreadable(String),
}

/// Reads the `mapRoles` of the ConfigMap `aws-auth` (authentication mode `CONFIG_MAP`), in which
/// role ARNs stand without their paths, and its `mapAccounts`.
pub(crate) fn aws_auth(config_map: &Value, role: &RoleArn) -> AwsAuth {
    let text = config_map["data"]["mapRoles"].as_str().unwrap_or("[]");
    let lines: Vec<Value> = match serde_saphyr::from_str(text) {
        Ok(lines) => lines,
        Err(error) => return AwsAuth::Unreadable(error.to_string()),
    };
    let bare = RoleArn {
        path: "/".to_owned(),
        ..role.clone()
    };
    // The authenticator compares ARNs without regard to case, and of several lines for one takes the last.
    let find = |arn: String| {
        lines.iter().rfind(|line| {
            let found = line["rolearn"].as_str();
            found.is_some_and(|found| found.eq_ignore_ascii_case(&arn))
        })
    };
    if let Some(line) = find(bare.to_string()) {
        let groups = line["groups"].as_array().into_iter().flatten();
        let groups = groups
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        return match line["username"].as_str().unwrap_or_default() {
            "" => AwsAuth::Unnamed { groups },
            username => AwsAuth::Mapped {
                username: username.to_owned(),
                groups,
            },
        };
    }
    // Everyone of such an account is known, a role by its ARN without the path.
    let accounts = config_map["data"]["mapAccounts"].as_str();
    let accounts: Vec<Value> = accounts
        .and_then(|text| serde_saphyr::from_str(text).ok())
        .unwrap_or_default();
    let is_account = |found: &Value| match found {
        Value::String(text) => *text == role.account,
        Value::Number(number) => number.to_string() == role.account,
        _ => false,
    };
    if accounts.iter().any(is_account) {
        return AwsAuth::Mapped {
            username: bare.to_string(),
            groups: Vec::new(),
        };
    }
    match find(role.to_string()) {
        Some(_) => AwsAuth::WithPath(bare.to_string()),
        None => AwsAuth::Absent,
    }
}

/// Whether an EKS access policy lets its principal do what the Orchestrator does: `None` for a
/// policy that is not known here. What the policies allow is in EKS's "Review access policy
/// permissions".
pub(crate) fn policy_grants(policy_arn: &str, verb: &str) -> Option<bool> {
    match policy_arn.rsplit('/').next().unwrap_or_default() {
        "AmazonEKSClusterAdminPolicy" | "AmazonEKSAdminPolicy" | "AmazonEKSEditPolicy" => {
            Some(true)
        }
        "AmazonEKSViewPolicy" | "AmazonEKSAdminViewPolicy" => Some(verb != "create"),
        _ => None,
    }
}

/// Whether the namespaces of an access policy, which may have wildcards, admit one.
pub(crate) fn in_scope(namespaces: Option<&[String]>, namespace: &str) -> bool {
    namespaces.is_none_or(|all| all.iter().any(|pattern| like(pattern, namespace)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role() -> RoleArn {
        "arn:aws:iam::123456789012:role/team/x/Runner"
            .parse()
            .unwrap()
    }

    #[test]
    fn a_template_makes_the_user_name() {
        let name = |template: &str| User::of_session(template, Vec::new(), &role(), "me@org").name;
        assert_eq!(
            name(""),
            "arn:aws:sts::123456789012:assumed-role/Runner/me-org"
        );
        assert_eq!(
            name("aws:{{AccountID}}:{{SessionName}}"),
            "aws:123456789012:me-org"
        );
        assert_eq!(name("raw:{{SessionNameRaw}}"), "raw:me@org");
        assert_eq!(name("fixed"), "fixed");
    }

    #[test]
    fn aws_auth_has_roles_without_path() {
        let map = |roles: &str| json!({"data": {"mapRoles": roles}});
        assert_eq!(
            aws_auth(
                &map(
                    "- rolearn: arn:aws:iam::123456789012:role/runner\n  username: u:{{SessionName}}\n  groups: [a, b]\n"
                ),
                &role()
            ),
            AwsAuth::Mapped {
                username: "u:{{SessionName}}".to_owned(),
                groups: vec!["a".to_owned(), "b".to_owned()],
            }
        );
        let twice = "- {rolearn: 'arn:aws:iam::123456789012:role/Runner', username: first}\n\
                     - {rolearn: 'arn:aws:iam::123456789012:role/Runner', username: last}\n";
        assert_eq!(
            aws_auth(&map(twice), &role()),
            AwsAuth::Mapped {
                username: "last".to_owned(),
                groups: Vec::new(),
            }
        );
        assert_eq!(
            aws_auth(
                &map("- {rolearn: 'arn:aws:iam::123456789012:role/Runner', groups: [a]}\n"),
                &role()
            ),
            AwsAuth::Unnamed {
                groups: vec!["a".to_owned()],
            }
        );
        assert_eq!(
            aws_auth(
                &map("- rolearn: arn:aws:iam::123456789012:role/team/x/Runner\n"),
                &role()
            ),
            AwsAuth::WithPath("arn:aws:iam::123456789012:role/Runner".to_owned())
        );
        for (accounts, expected) in [
            ("- \"123456789012\"\n", true),
            ("- 123456789012\n", true),
            ("- \"999999999999\"\n", false),
            ("x: y", false),
        ] {
            let map = json!({"data": {"mapAccounts": accounts}});
            let mapped = AwsAuth::Mapped {
                username: "arn:aws:iam::123456789012:role/Runner".to_owned(),
                groups: Vec::new(),
            };
            assert_eq!(aws_auth(&map, &role()) == mapped, expected, "{accounts}");
        }
        assert_eq!(aws_auth(&map("[]"), &role()), AwsAuth::Absent);
        assert_eq!(aws_auth(&json!({}), &role()), AwsAuth::Absent);
        assert!(matches!(
            aws_auth(&map("{"), &role()),
            AwsAuth::Unreadable(_)
        ));
    }

    #[test]
    fn access_policies_grant_what_eks_documents() {
        let policy = |name: &str| format!("arn:aws:eks::aws:cluster-access-policy/{name}");
        assert_eq!(
            policy_grants(&policy("AmazonEKSEditPolicy"), "create"),
            Some(true)
        );
        assert_eq!(
            policy_grants(&policy("AmazonEKSViewPolicy"), "create"),
            Some(false)
        );
        assert_eq!(
            policy_grants(&policy("AmazonEKSViewPolicy"), "list"),
            Some(true)
        );
        assert_eq!(policy_grants(&policy("AmazonNewPolicy"), "list"), None);
        assert!(in_scope(None, "x"));
        assert!(in_scope(Some(&["dev-*".to_owned()]), "dev-1"));
        assert!(!in_scope(Some(&["dev-*".to_owned()]), "prod"));
    }
}
