//! The check `cluster-active`.

use super::role::role_permission;
use super::role::role_refusal::RoleRefusal;
use super::{Check, assume_role, aws_credentials};
use crate::access::aws::AwsError;
use crate::access::cause::ClusterCause;
use crate::access::check::{CLUSTER_NAME, Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::objects::cluster_arn;
use crate::access::outcome::Outcome;
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;
use crate::access::settings::CheckSetting;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "cluster-active",
        title: "The EKS cluster is active",
        category: Category::Cluster,
        attribute: CLUSTER_NAME,
        caller_needs: &[aws_credentials::CHECK.id()],
        runner_needs: &[assume_role::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::AWS);

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    if !run.as_runner() && run.subject.role.get().is_some() {
        run.same_account().await?;
    }
    let (region, name) = (run.region()?, run.cluster_name()?);
    let what = format!("cluster {name:?} in {region}");
    let cause = run.cluster_cause(ClusterCause::NotActive);
    match run.eks_cluster().await {
        Ok(cluster) => Ok(match cluster.status.as_str() {
            status @ ("ACTIVE" | "UPDATING") => Outcome::passed(format!("The {what} is {status}.")),
            status @ ("CREATING" | "PENDING") => Outcome::failed(format!("The {what} is still {status}."))
                .compare("ACTIVE", status)
                .fix(
                    cause,
                    ShellCommand::new("aws eks wait cluster-active")
                        .option("--region", region)
                        .option("--name", name),
                )
                .not_yet(),
            status => Outcome::failed(format!("The {what} is {status}."))
                .compare("ACTIVE", status)
                .fix(cause, replace_cluster(region, name, status)),
        }),
        Err(CheckError::Aws(AwsError::NotFound { .. })) => Ok(Outcome::failed(format!(
            "Cluster {name:?} does not exist in region {region}."
        ))
        .compare(name, "not found")
        .fix(cause, list_clusters(region))
        .not_yet()),
        Err(CheckError::Aws(AwsError::Denied { message, .. })) if run.as_runner() => {
            let role = run.role()?;
            let arn = cluster_arn(role, region, name);
            let refusal = RoleRefusal::from_message(&message);
            let refused = Outcome::failed(format!(
                "The runner's role is not allowed to describe the {what}: {message}."
            ))
            .compare(format!("eks:DescribeCluster allowed on {arn}"), "denied")
            .fix(
                run.cluster_cause(ClusterCause::RolePermission {
                    role_arn: role.to_string(),
                }),
                refusal.fix(role, role_permission::missing(region, name)),
            );
            Ok(refusal.mark(refused))
        }
        Err(error) => Err(error),
    }
}

/// Returns the fix for a cluster that does not become active. The health of a failed cluster contains the reason (`ClusterHealth`
/// in the EKS API reference).
fn replace_cluster(region: &str, name: &str, status: &str) -> Fix {
    if status == "DELETING" {
        return Fix::note("Use another cluster.");
    }
    Fix::run(
        ShellCommand::new("aws eks describe-cluster")
            .option("--region", region)
            .option("--name", name)
            .option("--query", "cluster.health"),
    )
    .then_note("Delete the cluster and create it again, or use another cluster.")
}

/// Returns the command that lists the clusters to choose from.
fn list_clusters(region: &str) -> ShellCommand {
    ShellCommand::new("aws eks list-clusters")
        .option("--region", region)
        .comment("then set cluster.name and cluster.region")
}
