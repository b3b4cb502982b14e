//! The fix of a role's trust policy.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Fix;
use crate::access::objects::AwsObject;
use crate::access::render::aws_cli;
use crate::access::trust::{Member, amended, nobody, remaining_denials, restricted};
use crate::frontend::Frontend;
use crate::runner::RoleArn;

/// The change of a role's trust policy. Everything that shares the role shares one policy: a policy for one of the runners or
/// service accounts would overwrite the policies for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleTrust {
    /// What the policy should do for the runner that was checked.
    pub(crate) member: Member,
    /// The role.
    pub(crate) role: RoleArn,
    /// The current trust policy. `None` if the role does not exist.
    pub(crate) current: Option<Value>,
    /// How a missing role is created.
    pub(crate) frontend: Frontend,
}

/// What the trust policies of roles should do for several runners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrustMembers(HashMap<RoleArn, Vec<Member>>);

/// The characters that IAM accepts in a trust policy by default, without white space: the quota "Role trust policy length" in
/// "IAM and AWS STS quotas" of the IAM user guide, which can be increased to 4096.
const LENGTH: usize = 2048;

impl TrustMembers {
    /// Adds what a fix changes.
    pub(crate) fn add(&mut self, fix: &Fix) {
        for trust in fix.trusts() {
            let known = self.0.entry(trust.role.clone()).or_default();
            if !known.contains(&trust.member) {
                known.push(trust.member.clone());
            }
        }
    }

    /// Returns how many members the trust policy that a fix changes has. If it changes several, the largest number counts.
    pub(crate) fn count(&self, fix: &Fix) -> usize {
        self.most(fix).len()
    }

    /// Returns for how many runners or service accounts a fix is, as a part of a sentence. `None` for one alone.
    pub(crate) fn several(&self, fix: &Fix) -> Option<String> {
        let members = self.most(fix);
        let is_runner = |member: &Member| member.identity().is_some_and(|who| who.organization().is_some());
        let what = match members.iter().filter(|member| is_runner(member)).count() {
            0 => "service accounts",
            count if count == members.len() => "runners",
            _ => "runners and service accounts",
        };
        (members.len() > 1).then(|| format!("{} {what}", members.len()))
    }

    fn most(&self, fix: &Fix) -> &[Member] {
        let roles = fix.trusts().filter_map(|trust| self.0.get(&trust.role));
        roles.max_by_key(|members| members.len()).map_or(&[], Vec::as_slice)
    }
}

impl RoleTrust {
    /// Returns the fix for the members of the role, or for the runner that was checked alone.
    pub(super) fn for_members(&self, members: &TrustMembers) -> Fix {
        let own = std::slice::from_ref(&self.member);
        let members = members.0.get(&self.role).map_or(own, Vec::as_slice);
        let current = self.current.clone().unwrap_or_else(nobody);
        // The organizations come first, so that everyone is admitted in the end.
        let policy = members.iter().fold(current, |policy, member| match member {
            Member::Organization { who, org } => restricted(&policy, who, org),
            _ => policy,
        });
        let policy = members.iter().fold(policy, |policy, member| amended(&policy, member));
        let too_long = too_long(&policy, members);
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
        Fix::note(change(&policy, members)).then_run(aws_cli::replace_trust_policy(&self.role, &policy))
    }
}

/// Returns the comment about a policy that replaces the current one.
fn change(policy: &Value, members: &[Member]) -> String {
    let (mut admitted, mut organizations) = (Vec::new(), Vec::new());
    for member in members {
        match member {
            Member::Organization { org, .. } if organizations.contains(org) => {}
            Member::Organization { org, .. } => organizations.push(org.clone()),
            other => admitted.push(other.name()),
        }
    }
    let mut changes = Vec::new();
    if !admitted.is_empty() {
        changes.push(format!("also admits {}", admitted.join(", ")));
    }
    let mut others = "";
    if !organizations.is_empty() {
        changes.push(format!("is restricted to runners of {}", organizations.join(", ")));
        others = " If runners of other organizations use this role, add them.";
    }
    let denials = remaining_denials(policy, members);
    format!(
        "This replaces the trust policy with a copy of the current one that {}.{others}{}",
        changes.join(" and "),
        denials.map_or_else(String::new, |denials| format!(" {denials}"))
    )
}

/// Returns a comment about a policy that is longer than [`LENGTH`], so that IAM refuses it by default. `None` if IAM accepts it.
fn too_long(policy: &Value, members: &[Member]) -> Option<String> {
    let text = policy.to_string();
    let length = text.chars().filter(|c| !c.is_whitespace()).count();
    if length <= LENGTH {
        return None;
    }
    let start = format!(
        "The trust policy has {length} characters without white space, but IAM accepts at most {LENGTH} by default. \
         Increase the quota \"Role trust policy length\""
    );
    let of_runner = members
        .iter()
        .filter_map(Member::identity)
        .find_map(|who| Some((who, who.organization()?)));
    Some(match of_runner {
        None => format!("{start}, or use another role for some of the service accounts."),
        Some((who, org)) => format!(
            "{start}, use another role for some of the runners, or admit all runners of {org}: instead of the list of \
             subjects, use this condition:\n{}",
            json!({"StringLike": {(format!("{}:sub", who.issuer_host)): format!("{org}+*")}})
        ),
    })
}

#[cfg(test)]
impl RoleTrust {
    /// Returns the change for a runner whose role does not exist.
    pub(crate) fn fixture(subject: &str, frontend: Frontend) -> Self {
        use crate::access::trust::WebIdentity;
        Self {
            member: Member::Token(WebIdentity::fixture(subject)),
            role: "arn:aws:iam::123456789012:role/r".parse().unwrap(),
            current: None,
            frontend,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::trust::{TaggedPod, TrustDecision, WebIdentity, evaluate};

    fn trust(name: &str) -> RoleTrust {
        RoleTrust::fixture(&format!("my-org+{name}"), Frontend::Command)
    }

    fn of_pod(namespace: &str) -> RoleTrust {
        RoleTrust {
            member: Member::Pod(TaggedPod::fixture(namespace, "sa")),
            ..trust("a")
        }
    }

    /// Returns the fix of the first one for all of them.
    fn together(trusts: &[RoleTrust]) -> String {
        let mut members = TrustMembers::default();
        for trust in trusts {
            members.add(&Fix::trust(trust.clone()));
        }
        let fix = Fix::trust(trusts[0].clone());
        assert_eq!(members.count(&fix), trusts.len());
        fix.for_members(&members).to_string()
    }

    #[test]
    fn a_policy_that_exceeds_the_quota_says_so() {
        for current in [None, Some(json!({"Statement": []}))] {
            let all: Vec<RoleTrust> = (0..100)
                .map(|number| RoleTrust {
                    current: current.clone(),
                    ..trust(&format!("runner-{number}"))
                })
                .collect();
            let few = together(&all[..20]);
            assert!(!few.contains("quota"), "{few}");
            let many = together(&all);
            for part in ["# The trust policy has 2", "2048", "\"my-org+*\"", "my-org+runner-99"] {
                assert!(many.contains(part), "{part}: {many}");
            }
        }
        let pods: Vec<RoleTrust> = (0..20).map(|number| of_pod(&format!("namespace-{number}"))).collect();
        let text = together(&pods);
        assert!(text.contains("some of the service accounts"), "{text}");
    }

    #[test]
    fn a_deny_that_cannot_be_evaluated_is_named() {
        let deny = json!({
            "Effect": "Deny", "Principal": "*", "Action": "sts:*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        });
        let current = Some(json!({"Version": "2012-10-17", "Statement": [deny]}));
        let fix = Fix::trust(RoleTrust { current, ..trust("a") });
        let fix = fix.to_string();
        assert!(fix.contains("Statement 1 might still deny it."), "{fix}");
    }

    #[test]
    fn one_policy_trusts_all_members() {
        for current in [None, Some(json!({"Statement": []}))] {
            let [a, b, pod] = [trust("a"), trust("b"), of_pod("ns")].map(|one| RoleTrust {
                current: current.clone(),
                ..one
            });
            let alone = Fix::trust(a.clone()).to_string();
            assert!(alone.contains("my-org+a") && !alone.contains("my-org+b"));
            let all = together(&[a, b, pod]);
            for part in ["my-org+a", "my-org+b", "pods.eks.amazonaws.com"] {
                assert!(all.contains(part), "{part}: {all}");
            }
        }
    }

    /// The fix of a policy that trusts runners of any organization is also the fix of one that does not trust a runner.
    #[test]
    fn a_restricted_policy_admits_the_members() {
        let mut current = crate::access::objects::trust_policy(
            crate::access::trust::PROVIDER,
            "oidc.humanitec.dev",
            crate::access::issuer::AUDIENCE,
            &["*"],
        );
        current["Statement"][0]["Condition"]["StringEquals"]["sts:RoleSessionName"] = json!("my-org-my-runner");
        let runner = |subject: &str, session: &str| WebIdentity {
            session_name: Some(session.to_owned()),
            ..WebIdentity::fixture(subject)
        };
        let open = runner("my-org+my-runner", "my-org-my-runner");
        let other = runner("other+x", "another-name");
        let members = [
            Member::Organization {
                who: open.clone(),
                org: "my-org".to_owned(),
            },
            Member::Token(other.clone()),
        ];
        let policies = members.clone().map(|member| {
            let trust = RoleTrust {
                member,
                current: Some(current.clone()),
                ..trust("a")
            };
            let members = TrustMembers(HashMap::from([(trust.role.clone(), members.to_vec())]));
            trust.for_members(&members).to_string()
        });
        assert_eq!(policies[0], policies[1]);
        assert!(policies[0].contains("that also admits other+x and is restricted to runners of my-org."));
        let start = policies[0].find("--policy-document '").unwrap() + "--policy-document '".len();
        let policy: Value = serde_json::from_str(policies[0][start..].trim_end_matches("'\n")).unwrap();
        for who in [open, other] {
            let decision = evaluate(&policy, &who);
            assert_eq!(decision, TrustDecision::Allowed { any_subject: false }, "{policy:#}");
        }
    }
}
