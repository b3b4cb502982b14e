//! Whether the policies of a role allow an action, and why not, by IAM's simulation.

use crate::access::aws::Simulation;
use crate::access::fix::Fix;
use crate::access::objects::{AwsObject, Permission};
use crate::access::outcome::Outcome;
use crate::access::policy::RoleSession;
use crate::access::render::aws_cli;
use crate::runner::RoleArn;

/// What the policies of a role decide on an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::access::checks) enum RoleDecision {
    /// They allow it.
    Allowed,
    /// They refuse it.
    Refused(RoleRefusal),
    /// The decision depends on what the simulation does not know. A clause says why.
    Unknown(String),
}

impl RoleDecision {
    /// Returns the decision that a simulation means for the requests of a session.
    ///
    /// A condition on a key that the simulation lacks might decide. IAM names the keys of all statements of the role, and
    /// not those of the statements that decide, so a refusal is certain only if the session does not send any of
    /// them. Of the policies of the organization IAM names no keys at all (`EvaluationResult` in the API reference of IAM),
    /// so their refusal is never certain.
    pub(in crate::access::checks) fn new(simulation: &Simulation, session: &RoleSession<'_>) -> Self {
        if simulation.allowed {
            return Self::Allowed;
        }
        if simulation.organization_refuses {
            return Self::Unknown(
                "a policy of the AWS organization denies it in IAM's simulation, which might lack the values of \
                 that policy's condition keys"
                    .to_owned(),
            );
        }
        let missing = simulation.missing_context.iter();
        let missing: Vec<&str> = missing
            .map(String::as_str)
            .filter(|key| session.might_send(key))
            .collect();
        if !missing.is_empty() {
            return Self::Unknown(format!("the role's policies have conditions on {}", missing.join(", ")));
        }
        Self::Refused(match simulation.decision.as_str() {
            _ if simulation.boundary_refuses => RoleRefusal::Boundary,
            "explicitDeny" => RoleRefusal::Deny,
            _ => RoleRefusal::NoAllow,
        })
    }
}

/// Returns the outcome of a check that cannot evaluate the policies of a role. `what` says what it could not check, such as
/// `whether the role can describe the cluster`, and `why` is the reason of [`RoleDecision::Unknown`].
pub(in crate::access::checks) fn undecided(what: &str, why: &str) -> Outcome {
    Outcome::incomplete(
        "policies that cannot be evaluated from outside AWS",
        format!("Could not check {what}: {why}."),
    )
}

/// What refuses the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::access::checks) enum RoleRefusal {
    /// The role's permissions boundary.
    Boundary,
    /// A statement that denies.
    Deny,
    /// A policy outside of the role, such as one of the AWS organization or of a VPC endpoint.
    OtherPolicy,
    /// No statement allows it.
    NoAllow,
}

impl RoleRefusal {
    /// Returns what refuses a call, by the end of AWS's message, such as "because no identity-based policy allows the
    /// eks:DescribeCluster action" and "with an explicit deny in a service control policy" ("Troubleshoot access denied error
    /// messages" in the IAM user guide). A message without a reason is of a role without a permission.
    pub(in crate::access::checks) fn from_message(message: &str) -> Self {
        let is_explicit = message.contains("explicit deny");
        if message.contains("permissions boundary") {
            Self::Boundary
        } else if message.contains("identity-based policy") && is_explicit {
            Self::Deny
        } else if is_explicit || message.contains("because no") && !message.contains("identity-based") {
            Self::OtherPolicy
        } else {
            Self::NoAllow
        }
    }

    /// Returns the sentence that names what refuses, with a space before it.
    pub(in crate::access::checks) fn sentence(self) -> &'static str {
        match self {
            Self::Boundary => " The role's permissions boundary does not allow it.",
            Self::Deny => " A statement with \"Effect\": \"Deny\" matches. It overrides every Allow.",
            Self::OtherPolicy | Self::NoAllow => "",
        }
    }

    /// Returns what allows the actions. `missing` are the permissions that the role lacks if nothing refuses them explicitly.
    pub(in crate::access::checks) fn fix(self, role: &RoleArn, missing: impl IntoIterator<Item = Permission>) -> Fix {
        let about_role = |command: &str| aws_cli::iam(command, &role.partition).option("--role-name", &role.name);
        match self {
            Self::Boundary => about_role("aws iam get-role")
                .option("--query", "Role.PermissionsBoundary")
                .comment("this policy must allow it too")
                .into(),
            Self::Deny => {
                Fix::note("One of these policies contains the Deny. Remove it, or exclude the resource from it:")
                    .then_run(about_role("aws iam list-role-policies"))
                    .then_run(about_role("aws iam list-attached-role-policies"))
            }
            Self::OtherPolicy => Fix::note(format!(
                "No policy of the role can allow this. Change the policy that the message names, or exclude {role} from it."
            )),
            Self::NoAllow => {
                let policies = missing.into_iter().map(|permission| AwsObject::RolePolicy {
                    role: role.clone(),
                    permission,
                });
                policies.map(|policy| aws_cli::create(&policy).into()).collect()
            }
        }
    }

    /// Returns the outcome of the refusal with what waiting can change.
    pub(in crate::access::checks) fn mark(self, outcome: Outcome) -> Outcome {
        match self {
            // The policy that allows it might be about to be created.
            Self::NoAllow => outcome.not_yet(),
            Self::Boundary | Self::Deny | Self::OtherPolicy => outcome.retryable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulation(decision: &str, missing: &[&str]) -> Simulation {
        Simulation {
            action: "eks:DescribeCluster".to_owned(),
            decision: decision.to_owned(),
            allowed: decision == "allowed",
            organization_refuses: false,
            boundary_refuses: false,
            missing_context: missing.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    fn decide(decision: &str, missing: &[&str], by_organization: bool) -> RoleDecision {
        let simulation = Simulation {
            organization_refuses: by_organization,
            ..simulation(decision, missing)
        };
        let role = "arn:aws:iam::123456789012:role/x".parse().unwrap();
        let session = RoleSession::new(&role, "eks:DescribeCluster", None, "eu-west-1");
        RoleDecision::new(&simulation, &session)
    }

    #[test]
    fn only_a_key_that_the_session_might_send_makes_a_refusal_unknown() {
        let refused = |refusal| RoleDecision::Refused(refusal);
        for (decision, refusal) in [
            ("explicitDeny", RoleRefusal::Deny),
            ("implicitDeny", RoleRefusal::NoAllow),
        ] {
            assert_eq!(decide(decision, &[], false), refused(refusal));
            let of_other_services = ["s3:prefix", "ec2:ResourceTag/team", "sts:ExternalId"];
            assert_eq!(decide(decision, &of_other_services, false), refused(refusal));
            for key in ["aws:SourceVpce", "eks:clusterName", "aws:PrincipalArn"] {
                let RoleDecision::Unknown(why) = decide(decision, &["s3:prefix", key], false) else {
                    panic!("{key}");
                };
                assert_eq!(why, format!("the role's policies have conditions on {key}"));
            }
        }
        assert_eq!(decide("allowed", &["aws:SourceVpce"], false), RoleDecision::Allowed);
    }

    /// "IAM: Assume roles that have a specific tag" in the IAM user guide.
    #[test]
    fn the_tags_of_a_role_that_is_assumed_might_decide() {
        let simulation = simulation("implicitDeny", &["iam:ResourceTag/Project"]);
        let role = "arn:aws:iam::123456789012:role/x".parse().unwrap();
        let decide = |action| {
            let session = RoleSession::new(&role, action, None, "eu-west-1");
            RoleDecision::new(&simulation, &session)
        };
        assert!(matches!(
            decide("sts:AssumeRole"),
            RoleDecision::Unknown(why) if why.contains("iam:ResourceTag/Project")
        ));
        assert_eq!(decide("s3:GetObject"), RoleDecision::Refused(RoleRefusal::NoAllow));
    }

    #[test]
    fn the_message_of_a_denial_says_what_refuses() {
        let call = "User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: eks:DescribeCluster on \
                    resource: arn:aws:eks:eu-west-1:123456789012:cluster/c";
        for (reason, expected) in [
            ("", RoleRefusal::NoAllow),
            (
                "because no identity-based policy allows the eks:DescribeCluster action",
                RoleRefusal::NoAllow,
            ),
            (
                "because no permissions boundary allows the eks:DescribeCluster action",
                RoleRefusal::Boundary,
            ),
            ("with an explicit deny in a permissions boundary", RoleRefusal::Boundary),
            ("with an explicit deny in an identity-based policy", RoleRefusal::Deny),
            (
                "because no service control policy allows the eks:DescribeCluster action",
                RoleRefusal::OtherPolicy,
            ),
            (
                "with an explicit deny in a service control policy",
                RoleRefusal::OtherPolicy,
            ),
            (
                "with an explicit deny in a VPC endpoint policy",
                RoleRefusal::OtherPolicy,
            ),
        ] {
            let found = RoleRefusal::from_message(&format!("{call} {reason}"));
            assert_eq!(found, expected, "{reason}");
        }
    }

    #[test]
    fn a_refusal_by_the_organization_is_never_certain() {
        for decision in ["explicitDeny", "implicitDeny"] {
            let found = decide(decision, &[], true);
            assert!(
                matches!(&found, RoleDecision::Unknown(why) if why.contains("AWS organization")),
                "{found:?}"
            );
        }
    }
}
