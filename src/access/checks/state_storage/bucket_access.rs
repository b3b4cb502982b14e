//! Whether the Job's role is allowed to use its bucket and the key that encrypts it.
//!
//! The role's own policies are simulated by IAM. The policies of the bucket and the key, which a simulation for a role does
//! not take, are evaluated here. How they combine follows "Policy evaluation logic" in the IAM user guide and "Key policies"
//! in the AWS KMS developer guide.

use std::sync::Arc;

use serde_json::Value;

use super::super::role::role_refusal::{RoleDecision, RoleRefusal, undecided};
use crate::access::aws::{AwsResult, BucketPolicy, Simulation};
use crate::access::outcome::Outcome;
use crate::access::policy::{DenialReason, Grant, Judgment, RoleSession};

/// What the role's own policies decide.
pub(super) enum OwnPolicies {
    /// The results of a simulation.
    Simulated(Arc<Vec<Simulation>>),
    /// It is unknown. The outcome says why.
    Unknown(Box<Outcome>),
}

/// The policy of a bucket or a key.
pub(super) enum ResourcePolicy {
    /// The policy. A bucket without one has an empty one.
    Document(Value),
    /// It cannot be read. The outcome says why.
    Unknown(Box<Outcome>),
}

/// What a resource is. A key needs a policy that allows its own account, or else the policies of roles do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResourceKind {
    /// A bucket.
    Bucket,
    /// A KMS key.
    Key,
}

/// A resource with what the role's policies and its own say about it.
pub(super) struct ResourceAccess<'a> {
    /// What it is.
    pub(super) kind: ResourceKind,
    /// The role's own policies.
    pub(super) own: &'a OwnPolicies,
    /// The resource's policy.
    pub(super) policy: &'a ResourcePolicy,
    /// Whether the role is in the resource's account. `None` if that is unknown.
    pub(super) same_account: Option<bool>,
}

/// The decision about one action.
pub(super) enum ResourceFinding {
    /// It is allowed.
    Allowed,
    /// It is refused.
    Refused(RefusedBy),
    /// It might be refused. A sentence without its full stop says why.
    Doubtful(String),
    /// It is unknown. The outcome says why.
    Unknown(Box<Outcome>),
}

/// What refuses an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RefusedBy {
    /// The role's own policies.
    Own(RoleRefusal),
    /// A statement of the resource's policy.
    Statement(DenialReason),
    /// The resource's policy has no statement that allows it, which it must have.
    NoStatement,
}

impl RefusedBy {
    /// Returns whether nothing denies the action, so that something else than a policy can still allow it.
    pub(super) fn is_implicit(&self) -> bool {
        matches!(self, Self::Own(RoleRefusal::NoAllow) | Self::NoStatement)
    }
}

impl ResourceAccess<'_> {
    /// Returns the decision about an action of a session.
    pub(super) fn decide(&self, session: &RoleSession<'_>) -> ResourceFinding {
        let judgment = match self.policy {
            ResourcePolicy::Document(document) => Some(session.judge(document)),
            ResourcePolicy::Unknown(_) => None,
        };
        let own = self.own(session);
        let own_allows = match &own {
            Ok(RoleDecision::Allowed) => Some(true),
            Ok(RoleDecision::Refused(RoleRefusal::NoAllow)) => Some(false),
            Ok(RoleDecision::Refused(refusal)) => {
                return ResourceFinding::Refused(RefusedBy::Own(*refusal));
            }
            Ok(RoleDecision::Unknown(_)) | Err(_) => None,
        };
        let denial = judgment.as_ref().and_then(|found| found.denial.clone());
        if let Some(denial) = &denial
            && !denial.is_conditional
        {
            return ResourceFinding::Refused(RefusedBy::Statement(denial.reason.clone()));
        }
        match (self.granted(own_allows, judgment.as_ref()), &judgment) {
            (Some(false), _) => ResourceFinding::Refused(self.missing(own_allows, judgment.as_ref())),
            // Whatever the resource's policy grants, a Deny, the permissions boundary, or a policy of the organization might
            // refuse it to the role.
            (Some(true), Some(found)) if own_allows.is_some() => match (denial, &found.unknown_deny) {
                (Some(denial), _) => ResourceFinding::Doubtful(format!(
                    "{} {} with a condition that seems to hold: {}",
                    denial.reason.element, session.action, denial.reason.found
                )),
                (None, Some(what)) => {
                    ResourceFinding::Doubtful(format!("it is unknown whether it denies {}: {what}", session.action))
                }
                (None, None) => ResourceFinding::Allowed,
            },
            _ => self.unknown(session.action, own, judgment),
        }
    }

    /// Returns what the role's own policies decide on an action.
    ///
    /// # Errors
    /// If the policies are unknown: the outcome that says why.
    fn own(&self, session: &RoleSession<'_>) -> Result<RoleDecision, Box<Outcome>> {
        match self.own {
            OwnPolicies::Unknown(outcome) => Err(outcome.clone()),
            OwnPolicies::Simulated(simulations) => {
                let of_action = |one: &&Simulation| one.action == session.action;
                let simulation = simulations.iter().find(of_action);
                Ok(simulation.map_or_else(
                    || RoleDecision::Unknown("the simulation has no result for it".to_owned()),
                    |simulation| RoleDecision::new(simulation, session),
                ))
            }
        }
    }

    /// Returns whether the action is allowed if nothing denies it. `None` if that is unknown.
    ///
    /// Access control lists do not count: since April 2023, S3 creates buckets without them ("Controlling ownership of objects and
    /// disabling ACLs for your bucket" in the S3 user guide).
    fn granted(&self, own: Option<bool>, judgment: Option<&Judgment>) -> Option<bool> {
        let has = |wanted: fn(Grant) -> bool| {
            let found = judgment?;
            match found.grant {
                Some(grant) if wanted(grant) => Some(true),
                _ if found.unknown_allow.is_some() => None,
                _ => Some(false),
            }
        };
        let to_role = has(|grant| grant == Grant::ToRole);
        let to_anyone = has(|_| true);
        let within = match self.kind {
            ResourceKind::Bucket => or(to_role, own),
            ResourceKind::Key => or(to_role, and(to_anyone, own)),
        };
        let across = and(to_anyone, own);
        match self.same_account {
            Some(true) => within,
            Some(false) => across,
            None if within == across => within,
            None => None,
        }
    }

    /// Returns whose permission is missing for an action that nothing denies.
    fn missing(&self, own: Option<bool>, judgment: Option<&Judgment>) -> RefusedBy {
        let is_granted = judgment.is_some_and(|found| found.grant.is_some());
        let needs_statement = self.kind == ResourceKind::Key || self.same_account == Some(false);
        if own == Some(false) && (is_granted || !needs_statement || self.same_account == Some(false)) {
            return RefusedBy::Own(RoleRefusal::NoAllow);
        }
        RefusedBy::NoStatement
    }

    /// Returns the finding for an action about which something is unknown.
    fn unknown(
        &self,
        action: &str,
        own: Result<RoleDecision, Box<Outcome>>,
        judgment: Option<Judgment>,
    ) -> ResourceFinding {
        if let ResourcePolicy::Unknown(outcome) = self.policy {
            return ResourceFinding::Unknown(outcome.clone());
        }
        let what = format!("whether the Job's role is allowed {action}");
        match own {
            Err(outcome) => return ResourceFinding::Unknown(outcome),
            Ok(RoleDecision::Unknown(why)) => {
                return ResourceFinding::Unknown(Box::new(undecided(&what, &why)));
            }
            Ok(RoleDecision::Allowed | RoleDecision::Refused(_)) => {}
        }
        match judgment.and_then(|found| found.unknown_allow) {
            Some(what) => ResourceFinding::Doubtful(format!("it is unknown whether it allows {action}: {what}")),
            None => ResourceFinding::Unknown(Box::new(Outcome::incomplete(
                "the account of the bucket is unknown",
                format!("Could not check {what}."),
            ))),
        }
    }
}

impl ResourcePolicy {
    /// Returns the policy of a bucket.
    pub(super) fn of_bucket(name: &str, read: AwsResult<BucketPolicy>) -> Self {
        match read.as_deref() {
            Ok(BucketPolicy::Document(document)) => Self::Document(document.clone()),
            Ok(BucketPolicy::None) => Self::Document(Value::Null),
            Ok(BucketPolicy::OfAnotherAccount) => Self::Unknown(Box::new(Outcome::incomplete(
                "the bucket belongs to another account",
                format!(
                    "Could not check whether the policy of bucket {name:?} admits the Job's role: the bucket belongs to a \
                     different account than the caller."
                ),
            ))),
            Err(error) => Self::Unknown(Box::new(error.outcome())),
        }
    }

    /// Returns the policy of a key.
    pub(super) fn of_key(read: AwsResult<Value>) -> Self {
        match read.as_deref() {
            Ok(document) => Self::Document(document.clone()),
            Err(error) => Self::Unknown(Box::new(error.outcome())),
        }
    }
}

/// Returns whether one of two facts is true.
fn or(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// Returns whether both of two facts are true.
fn and(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ACTION: &str = "s3:GetObject";

    /// Decides for a role whose own policies decide this, or are not known, and a resource with these statements.
    fn decide(
        kind: ResourceKind,
        same_account: Option<bool>,
        decision: &str,
        statements: Option<Value>,
    ) -> ResourceFinding {
        let simulation = Simulation {
            action: ACTION.to_owned(),
            decision: decision.to_owned(),
            allowed: decision == "allowed",
            organization_refuses: decision == "organization",
            boundary_refuses: false,
            missing_context: Vec::new(),
        };
        let unknown = || Box::new(Outcome::incomplete("no permission", "Not read."));
        let access = ResourceAccess {
            kind,
            own: &match decision {
                "unknown" => OwnPolicies::Unknown(unknown()),
                _ => OwnPolicies::Simulated(Arc::new(vec![simulation])),
            },
            policy: &match statements {
                Some(statements) => ResourcePolicy::Document(json!({"Version": "2012-10-17", "Statement": statements})),
                None => ResourcePolicy::Unknown(unknown()),
            },
            same_account,
        };
        let role = "arn:aws:iam::123456789012:role/job".parse().unwrap();
        let session = RoleSession::new(&role, ACTION, Some("arn:aws:s3:::b/k"), "eu-west-1");
        access.decide(&session)
    }

    fn allow(principal: &str) -> Option<Value> {
        let principal = json!({"AWS": principal});
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*"});
        Some(json!([statement]))
    }

    /// A decision in short: `+` allowed, `o` the role's own policies refuse, `r` the resource's policy refuses, `d` doubtful,
    /// `?` unknown.
    fn short(finding: ResourceFinding) -> char {
        match finding {
            ResourceFinding::Allowed => '+',
            ResourceFinding::Refused(RefusedBy::Own(_)) => 'o',
            ResourceFinding::Refused(_) => 'r',
            ResourceFinding::Doubtful(_) => 'd',
            ResourceFinding::Unknown(_) => '?',
        }
    }

    /// What AWS's "Policy evaluation logic" and "Key policies" say.
    #[test]
    fn the_policies_combine_as_aws_documents_it() {
        use ResourceKind::{Bucket, Key};
        let role = || allow("arn:aws:iam::123456789012:role/job");
        let account = || allow("123456789012");
        let none = || Some(json!([]));
        // The statements about the role, about its account, none, and a policy that cannot be read.
        for (kind, same_account, decision, expected) in [
            (Bucket, Some(true), "allowed", "+++?"),
            (Bucket, Some(true), "implicitDeny", "+oo?"),
            (Bucket, Some(true), "explicitDeny", "oooo"),
            (Bucket, Some(false), "allowed", "++r?"),
            (Bucket, Some(false), "implicitDeny", "oooo"),
            (Bucket, None, "allowed", "++??"),
            (Key, Some(true), "allowed", "++r?"),
            (Key, Some(true), "implicitDeny", "+or?"),
            (Key, Some(false), "allowed", "++r?"),
            (Key, Some(false), "implicitDeny", "oooo"),
            // Own policies that are not known might deny what the resource's policy allows.
            (Bucket, Some(true), "unknown", "????"),
            (Bucket, Some(true), "organization", "????"),
            (Bucket, Some(false), "unknown", "??r?"),
            (Bucket, None, "unknown", "????"),
            (Key, Some(false), "unknown", "??r?"),
            (Key, Some(true), "unknown", "??r?"),
            (Key, Some(true), "organization", "??r?"),
        ] {
            let policies = [role(), account(), none(), None];
            let found: String = policies
                .into_iter()
                .map(|policy| short(decide(kind, same_account, decision, policy)))
                .collect();
            assert_eq!(found, expected, "{kind:?} {same_account:?} {decision}");
        }
    }

    /// A Deny with a condition only adds a doubt to what is allowed. It hides neither a refusal nor that something is unknown.
    #[test]
    fn a_conditional_deny_hides_no_refusal() {
        let with_deny = |statements: Value| {
            let mut statements = statements.as_array().cloned().unwrap();
            statements.push(json!({
                "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
                "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
            }));
            Some(Value::from(statements))
        };
        let root = || allow("arn:aws:iam::123456789012:root").unwrap();
        let decided = |kind, decision, statements| short(decide(kind, Some(true), decision, with_deny(statements)));
        for (kind, decision, statements, expected) in [
            (ResourceKind::Bucket, "allowed", json!([]), 'd'),
            (ResourceKind::Bucket, "implicitDeny", json!([]), 'o'),
            (ResourceKind::Bucket, "unknown", json!([]), '?'),
            (ResourceKind::Key, "allowed", json!([]), 'r'),
            (ResourceKind::Key, "allowed", root(), 'd'),
            (ResourceKind::Key, "implicitDeny", root(), 'o'),
            (ResourceKind::Key, "unknown", root(), '?'),
        ] {
            let found = decided(kind, decision, statements.clone());
            assert_eq!(found, expected, "{kind:?} {decision} {statements}");
        }
    }
}
