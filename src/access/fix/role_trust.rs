//! The fix of a role that does not trust a runner.

use serde_json::{Value, json};

use super::Fix;
use crate::access::objects::AwsObject;
use crate::access::render::aws_cli;
use crate::access::trust::{Member, trusting};
use crate::frontend::Frontend;
use crate::runner::RoleArn;

/// The change that makes a role trust a runner. All runners whose role is the same share one trust policy, in which
/// each has its own `sub`: a policy for one of them would overwrite the policies for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleTrust {
    /// The runner that was checked.
    pub(crate) member: Member,
    /// The role.
    pub(crate) role: RoleArn,
    /// The ARN of the IAM OIDC provider of the Orchestrator's issuer.
    pub(crate) provider_arn: String,
    /// The issuer without `https://`.
    pub(crate) issuer_host: String,
    /// The current trust policy. `None` if the role does not exist.
    pub(crate) current: Option<Value>,
    /// How a missing role is created.
    pub(crate) frontend: Frontend,
}

impl RoleTrust {
    /// Returns the fix for these runners.
    pub(super) fn for_members(&self, members: &[Member]) -> Fix {
        let nobody = || json!({"Version": "2012-10-17", "Statement": []});
        let current = self.current.clone().unwrap_or_else(nobody);
        let policy = trusting(current, &self.provider_arn, &self.issuer_host, members);
        if self.current.is_none() {
            let role = AwsObject::Role {
                arn: self.role.clone(),
                trust_policy: policy,
            };
            return Fix::create(self.frontend, role);
        }
        let subjects: Vec<&str> = members
            .iter()
            .map(|member| member.oidc_subject.as_str())
            .collect();
        Fix::note(format!(
            "This replaces the trust policy with a copy of the current one that also admits {}.",
            subjects.join(", ")
        ))
        .then_run(aws_cli::replace_trust_policy(&self.role, &policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_policy_trusts_all_members() {
        let member = |name: &str| Member {
            oidc_subject: format!("my-org+{name}"),
            session_name: None,
        };
        let trust = RoleTrust {
            member: member("a"),
            role: "arn:aws:iam::123456789012:role/r".parse().unwrap(),
            provider_arn: "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev".to_owned(),
            issuer_host: "oidc.humanitec.dev".to_owned(),
            current: None,
            frontend: Frontend::Command,
        };
        for current in [None, Some(json!({"Statement": []}))] {
            let fix = Fix::trust(RoleTrust {
                current,
                ..trust.clone()
            });
            let alone = fix.to_string();
            assert!(alone.contains("my-org+a") && !alone.contains("my-org+b"));
            let both = fix.for_members(&[member("a"), member("b")]).to_string();
            assert!(both.contains("my-org+a") && both.contains("my-org+b"));
            assert_eq!(fix.member(), Some(&trust.member));
        }
    }
}
