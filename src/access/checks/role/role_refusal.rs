//! Why the policies of a role refuse a permission.

use crate::access::aws::Simulation;
use crate::access::fix::Fix;
use crate::access::objects::AwsObject;
use crate::access::render::aws_cli;
use crate::access::render::shell::ShellCommand;
use crate::runner::RoleArn;

/// What refuses the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::access::checks) enum RoleRefusal {
    /// A policy of the AWS organization.
    Organization,
    /// The role's permissions boundary.
    Boundary,
    /// A statement that denies.
    Deny,
    /// No statement allows it.
    NoAllow,
}

impl RoleRefusal {
    /// Returns what refuses, for a simulation that does not allow.
    pub(in crate::access::checks) fn new(simulation: &Simulation) -> Self {
        match simulation.decision.as_str() {
            _ if simulation.organization_refuses => Self::Organization,
            _ if simulation.boundary_refuses => Self::Boundary,
            "explicitDeny" => Self::Deny,
            _ => Self::NoAllow,
        }
    }

    /// Returns the sentence that names what refuses, with a space before it.
    pub(in crate::access::checks) fn sentence(self) -> &'static str {
        match self {
            Self::Organization => {
                " A policy of the AWS organization denies it. Only its administrators can change the policy."
            }
            Self::Boundary => " The role's permissions boundary does not allow it.",
            Self::Deny => {
                " A statement with \"Effect\": \"Deny\" matches. It overrides every Allow."
            }
            Self::NoAllow => "",
        }
    }

    /// Returns what allows the actions. `missing` is the policy that the role lacks if nothing refuses them explicitly.
    pub(in crate::access::checks) fn fix(
        self,
        role: &RoleArn,
        actions: &str,
        missing: &AwsObject,
    ) -> Fix {
        let about_role =
            |command: &str| ShellCommand::new(command).option("--role-name", &role.name);
        match self {
            Self::Organization => Fix::note(format!(
                "Ask the administrators of the AWS organization to allow {actions} for the role."
            )),
            Self::Boundary => about_role("aws iam get-role")
                .option("--query", "Role.PermissionsBoundary")
                .comment("this policy must allow it too")
                .into(),
            Self::Deny => Fix::note(
                "One of these policies contains the Deny. Remove it, or exclude the resource from it:",
            )
            .then_run(about_role("aws iam list-role-policies"))
            .then_run(about_role("aws iam list-attached-role-policies")),
            Self::NoAllow => aws_cli::create(missing).into(),
        }
    }
}
