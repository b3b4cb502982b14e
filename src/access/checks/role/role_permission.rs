//! The check `role-permission`.

use super::role_exists;
use super::role_refusal::{RoleDecision, undecided};
use crate::access::aws::SimulationRequest;
use crate::access::cause::ClusterCause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::checks::Check;
use crate::access::objects::{Permission, cluster_arn};
use crate::access::outcome::Outcome;
use crate::access::policy::{RoleSession, Sent};
use crate::access::run::Run;
use crate::access::settings::CheckSetting;

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "role-permission",
        title: "The role is allowed to describe the cluster",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[role_exists::CHECK.id()],
        runner_needs: &[role_exists::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::AWS);

/// What the Orchestrator does with the role.
const ACTION: &str = "eks:DescribeCluster";

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let role = run.iam_role().await?;
    let region = run.region()?;
    let cluster = cluster_arn(run.role()?, region, run.cluster_name()?);
    let known = [("aws:ResourceAccount".to_owned(), Sent::Is(&run.role()?.account))];
    let session = RoleSession::new(run.role()?, ACTION, Some(&cluster), region).with_known(&known);
    let simulation_request = SimulationRequest::new(&session, &[ACTION]);
    let simulations = run.aws().simulate(region, &simulation_request).await?;
    let [simulation] = simulations.as_slice() else {
        return Ok(Outcome::incomplete(
            "no usable response from iam:SimulatePrincipalPolicy",
            "Not checked: the response is empty.",
        ));
    };
    let refusal = match RoleDecision::new(simulation, &session) {
        RoleDecision::Allowed => {
            return Ok(Outcome::passed(format!("The role is allowed to describe {cluster}.")));
        }
        RoleDecision::Unknown(why) => {
            return Ok(undecided(&format!("whether the role can describe {cluster}"), &why));
        }
        RoleDecision::Refused(refusal) => refusal,
    };
    let refused = Outcome::failed(format!(
        "The policies of {} do not allow {ACTION} on {cluster}.{}",
        role.arn,
        refusal.sentence()
    ))
    .compare("allowed", simulation.decision.as_str())
    .fix(
        run.cluster_cause(ClusterCause::RolePermission {
            role_arn: role.arn.clone(),
        }),
        refusal.fix(run.role()?, missing(region, run.cluster_name()?)),
    );
    Ok(refusal.mark(refused))
}

/// Returns the permission that a role lacks if no policy allows it to describe the cluster.
pub(in crate::access::checks) fn missing(region: &str, cluster: &str) -> [Permission; 1] {
    [Permission::DescribeCluster {
        region: region.to_owned(),
        cluster: cluster.to_owned(),
    }]
}
