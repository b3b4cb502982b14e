//! The check `role-permission`.

use super::{Check, role_exists};
use crate::access::aws::Simulation;
use crate::access::cause::ClusterCause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::objects::{AwsObject, cluster_arn};
use crate::access::outcome::Outcome;
use crate::access::render::aws_cli;
use crate::access::render::shell::Command;
use crate::access::run::Run;

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
        .simulate(region, &role.arn, "eks:DescribeCluster", &cluster)
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

    fn fix(self, run: &Run<'_>) -> Result<Fix, CheckError> {
        let role = run.role()?;
        let about_role = |command: &str| Command::new(command).option("--role-name", &role.name);
        Ok(match self {
            Self::Organization => Fix::note(
                "Ask the administrators of the AWS organization to allow the role eks:DescribeCluster.",
            ),
            Self::Boundary => about_role("aws iam get-role")
                .option("--query", "Role.PermissionsBoundary")
                .comment("this policy must allow it too")
                .into(),
            Self::Deny => Fix::note(
                "One of these policies has the Deny. Take it out, or except the cluster from it:",
            )
            .then_run(about_role("aws iam list-role-policies"))
            .then_run(about_role("aws iam list-attached-role-policies")),
            Self::NoAllow => aws_cli::create(&AwsObject::ClusterPermission {
                role: role.clone(),
                region: run.region()?.to_owned(),
                cluster: run.cluster_name()?.to_owned(),
            })
            .into(),
        })
    }
}
