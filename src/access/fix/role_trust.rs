//! The fix of a role that does not trust a runner.

use serde_json::{Value, json};

use super::Fix;
use crate::access::objects::AwsObject;
use crate::access::render::aws_cli;
use crate::access::trust::{Member, amended, unknown_denials};
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

/// The characters that IAM accepts in a trust policy by default, without white space: the quota "Role trust policy length" in
/// "IAM and AWS STS quotas" of the IAM user guide, which can be increased to 4096.
const LENGTH: usize = 2048;

impl RoleTrust {
    /// Returns the fix for these runners.
    pub(super) fn for_members(&self, members: &[Member]) -> Fix {
        let nobody = || json!({"Version": "2012-10-17", "Statement": []});
        let current = self.current.clone().unwrap_or_else(nobody);
        let identities = members
            .iter()
            .map(|member| member.identity(&self.provider_arn, &self.issuer_host));
        let policy = identities.fold(current, |document, who| amended(&document, &who));
        let too_long = self.too_long(&policy, members);
        too_long
            .map_or_else(Fix::default, Fix::note)
            .then(self.replace(policy, members))
    }

    /// Returns the step that sets the role's trust policy.
    fn replace(&self, policy: Value, members: &[Member]) -> Fix {
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
        let who = members.first();
        let doubt = who
            .map(|member| member.identity(&self.provider_arn, &self.issuer_host))
            .and_then(|who| unknown_denials(&policy, &who));
        Fix::note(format!(
            "This replaces the trust policy with a copy of the current one that also admits {}.{}",
            subjects.join(", "),
            doubt.map_or_else(String::new, |doubt| format!(" {doubt}"))
        ))
        .then_run(aws_cli::replace_trust_policy(&self.role, &policy))
    }

    /// Returns a comment about a policy that IAM refuses by default. `None` if IAM accepts it.
    fn too_long(&self, policy: &Value, members: &[Member]) -> Option<String> {
        let text = policy.to_string();
        let length = text.chars().filter(|c| !c.is_whitespace()).count();
        let subject = members.first()?.oidc_subject.as_str();
        let org = subject.split_once('+').map_or(subject, |(org, _)| org);
        (length > LENGTH).then(|| {
            format!(
                "The trust policy has {length} characters without white space, and IAM accepts {LENGTH} by default. Increase \
                 the quota \"Role trust policy length\", use another role for some of the runners, or admit all runners of {org}: \
                 in place of the list of subjects, use this condition:\n{}",
                json!({"StringLike": {(format!("{}:sub", self.issuer_host)): format!("{org}+*")}})
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Member {
        Member {
            oidc_subject: format!("my-org+{name}"),
            session_name: None,
        }
    }

    fn trust() -> RoleTrust {
        RoleTrust {
            member: member("a"),
            role: "arn:aws:iam::123456789012:role/r".parse().unwrap(),
            provider_arn: "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev".to_owned(),
            issuer_host: "oidc.humanitec.dev".to_owned(),
            current: None,
            frontend: Frontend::Command,
        }
    }

    #[test]
    fn a_policy_that_exceeds_the_quota_says_so() {
        let members: Vec<Member> = (0..100)
            .map(|number| member(&format!("runner-{number}")))
            .collect();
        for current in [None, Some(json!({"Statement": []}))] {
            let fix = Fix::trust(RoleTrust { current, ..trust() });
            let few = fix.for_members(&members[..20]).to_string();
            assert!(!few.contains("quota"), "{few}");
            let many = fix.for_members(&members).to_string();
            for part in [
                "# The trust policy has 2",
                "2048",
                "\"my-org+*\"",
                "my-org+runner-99",
            ] {
                assert!(many.contains(part), "{part}: {many}");
            }
        }
    }

    #[test]
    fn a_deny_that_cannot_be_evaluated_is_named() {
        let deny = json!({
            "Effect": "Deny", "Principal": "*", "Action": "sts:*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        });
        let current = Some(json!({"Version": "2012-10-17", "Statement": [deny]}));
        let fix = Fix::trust(RoleTrust { current, ..trust() }).to_string();
        assert!(fix.contains("Statement 1 might still deny it."), "{fix}");
    }

    #[test]
    fn one_policy_trusts_all_members() {
        let trust = trust();
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
