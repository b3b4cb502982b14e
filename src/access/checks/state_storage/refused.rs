//! The outcomes for a role that is not allowed to use its bucket or the key that encrypts it.

use super::super::role::role_refusal::RoleRefusal;
use super::bucket_access::{RefusedBy, ResourceKind};
use crate::access::cause::Cause;
use crate::access::fix::Fix;
use crate::access::objects::{Permission, StateBucket, key_statement};
use crate::access::outcome::Outcome;
use crate::access::policy::DenialReason;
use crate::access::render::shell::ShellCommand;
use crate::runner::RoleArn;

/// Actions that are refused for one reason.
pub(super) struct Refused {
    /// What refuses them.
    pub(super) by: RefusedBy,
    /// What they are about.
    pub(super) kind: ResourceKind,
    /// The actions, each with the ARN of its resource.
    pub(super) actions: Vec<(&'static str, String)>,
}

/// The resources that are refused, and the role that they are refused to.
pub(super) struct RefusedRole<'a> {
    /// The role.
    pub(super) role: &'a RoleArn,
    /// The bucket.
    pub(super) bucket: &'a StateBucket,
    /// The bucket's region.
    pub(super) region: &'a str,
    /// The key that encrypts the objects, if the role needs permissions for it.
    pub(super) key_arn: Option<String>,
}

impl Refused {
    /// Returns the outcome of the check.
    pub(super) fn outcome(&self, place: &RefusedRole<'_>) -> Outcome {
        match &self.by {
            RefusedBy::Own(refusal) => self.by_own_policies(place, *refusal),
            RefusedBy::Statement(reason) => self.by_statement(place, reason),
            RefusedBy::NoStatement => self.without_statement(place),
        }
    }

    fn by_own_policies(&self, place: &RefusedRole<'_>, refusal: RoleRefusal) -> Outcome {
        let role = place.role;
        let on = |(action, resource): &(&str, String)| format!("{action} on {resource}");
        let list: Vec<String> = self.actions.iter().map(on).collect();
        let state = Permission::KeepState(place.bucket.clone());
        let key = place.key_arn.clone().map(|arn| Permission::UseKey { arn });
        let missing = match self.kind {
            ResourceKind::Bucket => Some(state),
            ResourceKind::Key => None,
        };
        let outcome = Outcome::failed(format!(
            "The policies of the Job's role {role} do not allow {}.{}",
            list.join(", "),
            refusal.sentence()
        ))
        .compare("allowed", format!("not allowed: {}", self.names()))
        .fix(
            Cause::StatePermission {
                role_arn: role.to_string(),
                resource: self.shared_resource(place),
            },
            refusal.fix(role, missing.into_iter().chain(key)),
        );
        refusal.mark(outcome)
    }

    fn by_statement(&self, place: &RefusedRole<'_>, reason: &DenialReason) -> Outcome {
        let (role, what) = (place.role, self.what(place));
        Outcome::failed(format!(
            "The policy of {what} denies the Job's role {role} {}. {}: {}. A Deny overrides every Allow.",
            self.names(),
            reason.element,
            reason.found
        ))
        .compare("no statement that denies the role", reason.found.as_str())
        .fix(
            self.policy_cause(place),
            Fix::note(format!(
                "Remove the statement from the policy of {what}, or exclude the role {role} from it:"
            ))
            .then_run(self.show_policy(place)),
        )
        .retryable()
    }

    fn without_statement(&self, place: &RefusedRole<'_>) -> Outcome {
        let statements = match self.kind {
            ResourceKind::Bucket => place.bucket.statements(place.role),
            ResourceKind::Key => vec![key_statement(place.role)],
        };
        let statements: Vec<String> = statements.iter().map(|one| format!("{one:#}")).collect();
        Outcome::failed(format!(
            "The policy of {} does not allow the Job's role {} {}.",
            self.what(place),
            place.role,
            self.names()
        ))
        .compare("a statement that allows the role", "none")
        .fix(
            self.policy_cause(place),
            Fix::run(self.show_policy(place)).then_note(format!(
                "Add this to the statements of that policy, and keep all others:\n{}",
                statements.join(",\n")
            )),
        )
        .not_yet()
    }

    /// Returns the names of the actions.
    fn names(&self) -> String {
        let names: Vec<&str> = self.actions.iter().map(|(action, _)| *action).collect();
        names.join(" and ")
    }

    /// Returns the name of the bucket or the ARN of the key.
    fn resource(&self, place: &RefusedRole<'_>) -> String {
        match self.kind {
            ResourceKind::Bucket => place.bucket.name().to_owned(),
            ResourceKind::Key => place.key_arn.clone().unwrap_or_default(),
        }
    }

    /// Returns what the fix is for: the states in a folder of the bucket, or the key. Runners whose states are in another folder of
    /// the bucket need another fix.
    fn shared_resource(&self, place: &RefusedRole<'_>) -> String {
        match self.kind {
            ResourceKind::Bucket => place.bucket.objects(),
            ResourceKind::Key => self.resource(place),
        }
    }

    /// Returns the bucket or the key as a part of a sentence.
    fn what(&self, place: &RefusedRole<'_>) -> String {
        match self.kind {
            ResourceKind::Bucket => format!("bucket {:?}", place.bucket.name()),
            ResourceKind::Key => format!("the key {}", self.resource(place)),
        }
    }

    fn policy_cause(&self, place: &RefusedRole<'_>) -> Cause {
        Cause::ResourcePolicy {
            role_arn: place.role.to_string(),
            resource: self.shared_resource(place),
        }
    }

    /// Returns the command that shows the policy of the bucket or the key.
    fn show_policy(&self, place: &RefusedRole<'_>) -> ShellCommand {
        let resource = self.resource(place);
        match self.kind {
            ResourceKind::Bucket => ShellCommand::new("aws s3api get-bucket-policy")
                .option("--region", place.region)
                .option("--bucket", resource)
                .option("--query", "Policy")
                .option("--output", "text"),
            ResourceKind::Key => ShellCommand::new("aws kms get-key-policy")
                .option("--region", place.region)
                .option("--key-id", resource)
                .option("--policy-name", "default")
                .option("--output", "text"),
        }
    }
}
