//! The check `role-permission`.

use super::role_exists;
use super::role_refusal::RoleRefusal;
use crate::access::aws::SimulationRequest;
use crate::access::cause::ClusterCause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::checks::Check;
use crate::access::objects::{AwsObject, cluster_arn};
use crate::access::outcome::Outcome;
use crate::access::run::Run;

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "role-permission",
        title: "The role is allowed to describe the cluster",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[role_exists::CHECK.id()],
        runner_needs: &[role_exists::CHECK.id()],
        only_warns: false,
    },
    |run| Box::pin(check(run)),
);

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let role = run.iam_role().await?;
    let region = run.region()?;
    let cluster = cluster_arn(run.role()?, region, run.cluster_name()?);
    let simulation_request = SimulationRequest {
        role_arn: role.arn.clone(),
        actions: vec!["eks:DescribeCluster"],
        resource: cluster.clone(),
        requested_region: region.to_owned(),
        context: Vec::new(),
    };
    let simulations = run.aws().simulate(region, &simulation_request).await?;
    let [simulation] = simulations.as_slice() else {
        return Ok(Outcome::incomplete(
            "no usable response from iam:SimulatePrincipalPolicy",
            "Not checked: the response is empty.",
        ));
    };
    if simulation.allowed {
        return Ok(Outcome::passed(format!(
            "The role is allowed to describe {cluster}."
        )));
    }
    if !simulation.missing_context.is_empty() {
        return Ok(Outcome::incomplete(
            "policies that cannot be evaluated from outside AWS",
            format!(
                "Could not check whether the role can describe {cluster}: its policies have conditions on {}.",
                simulation.missing_context.join(", ")
            ),
        ));
    }
    let refusal = RoleRefusal::new(simulation);
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
        refusal.fix(
            run.role()?,
            "eks:DescribeCluster",
            &AwsObject::ClusterPermission {
                role: run.role()?.clone(),
                region: region.to_owned(),
                cluster: run.cluster_name()?.to_owned(),
            },
        ),
    );
    Ok(match refusal {
        // The policy that allows it might be about to be created.
        RoleRefusal::NoAllow => refused.not_yet(),
        _ => refused.retryable(),
    })
}
