//! The check `role-permission`.

use super::{Check, role_exists};
use crate::access::aws::Simulation;
use crate::access::cause::ClusterCause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::outcome::Outcome;
use crate::access::run::Run;
use crate::access::setup::{cluster_arn, permission_command, shell};

pub(super) static CHECK: Check = Check {
    info: CheckInfo {
        id: "role-permission",
        title: "The role is allowed to describe the cluster",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[role_exists::CHECK.id()],
        runner_needs: &[role_exists::CHECK.id()],
        only_warns: false,
    },
    run: |run| Box::pin(check(run)),
    without_calls: |_| None,
};

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let role = run.iam_role().await?;
    let region = run.region()?;
    let cluster = cluster_arn(run.role()?, region, run.cluster_name()?);
    let simulation = run
        .aws()
        .simulate_describe_cluster(region, &role.arn, &cluster)
        .await?;
    if simulation.allowed {
        return Ok(Outcome::passed(format!(
            "The role is allowed to describe {cluster}."
        )));
    }
    if !simulation.missing_context.is_empty() {
        return Ok(Outcome::incomplete(
            "policies that cannot be evaluated from outside",
            format!(
                "Could not check whether the role can describe {cluster}: its policies have conditions on {}.",
                simulation.missing_context.join(", ")
            ),
        ));
    }
    let refusal = Refusal::new(&simulation);
    let refused = Outcome::failed(format!(
        "The policies of {} do not allow eks:DescribeCluster on {cluster}.{}",
        role.arn,
        refusal.sentence()
    ))
    .compare("allowed", simulation.decision.as_str())
    .fix(
        run.cluster_cause(ClusterCause::RolePermission {
            role_arn: role.arn.clone(),
        }),
        refusal.fix(run)?,
    );
    Ok(match refusal {
        // The policy that allows it might be about to be created.
        Refusal::NoAllow => refused.not_yet(),
        _ => refused.retryable(),
    })
}

/// What refuses the permission.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    /// A policy of the AWS organization.
    Organization,
    /// The role's permissions boundary.
    Boundary,
    /// A statement that denies.
    Deny,
    /// No statement allows it.
    NoAllow,
}

impl Refusal {
    fn new(simulation: &Simulation) -> Self {
        match simulation.decision.as_str() {
            _ if simulation.organization_refuses => Self::Organization,
            _ if simulation.boundary_refuses => Self::Boundary,
            "explicitDeny" => Self::Deny,
            _ => Self::NoAllow,
        }
    }

    /// Returns the sentence that names what refuses, with a space before it.
    fn sentence(self) -> &'static str {
        match self {
            Self::Organization => {
                " A policy of the AWS organization refuses it, which only its administrators can change."
            }
            Self::Boundary => " The role's permissions boundary does not allow it.",
            Self::Deny => {
                " A statement with \"Effect\": \"Deny\" matches, which wins over every Allow."
            }
            Self::NoAllow => "",
        }
    }

    fn fix(self, run: &Run<'_>) -> Result<String, CheckError> {
        let role = run.role()?;
        let name = shell(&role.name);
        Ok(match self {
            Self::Organization => {
                "# Ask the administrators of the AWS organization to allow the role eks:DescribeCluster.\n".to_owned()
            }
            Self::Boundary => format!(
                "aws iam get-role --role-name {name} --query Role.PermissionsBoundary   # this policy must allow it too\n"
            ),
            Self::Deny => format!(
                "# One of these policies has the Deny. Take it out, or except the cluster from it:\n\
                 aws iam list-role-policies --role-name {name}\n\
                 aws iam list-attached-role-policies --role-name {name}\n"
            ),
            Self::NoAllow => permission_command(role, run.region()?, run.cluster_name()?),
        })
    }
}
