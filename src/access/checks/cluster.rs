//! `cluster-active` and `cluster-endpoint`: the EKS cluster, seen from AWS.

use std::sync::Arc;

use ipnet::IpNet;

use crate::access::aws::{AwsError, EksCluster};
use crate::access::check::Outcome;
use crate::access::run::Run;
use crate::access::settings::{Identity, Settings};
use crate::access::setup::{cluster_arn, permission_command, shell};

/// `cluster-active`
pub(super) async fn active(run: &Run<'_>) -> Result<Outcome, Outcome> {
    if run.settings().identity == Identity::Caller && run.subject.role.get().is_some() {
        run.same_account().await?;
    }
    let (region, name) = (run.region()?, run.cluster_name()?);
    let cause = format!("cluster:{region}:{name}");
    let what = format!("cluster {name:?} in {region}");
    Ok(match run.eks_cluster().await? {
        Ok(cluster) => match cluster.status.as_str() {
            status @ ("ACTIVE" | "UPDATING") => Outcome::passed(format!("The {what} is {status}.")),
            status @ ("CREATING" | "PENDING") => {
                Outcome::failed(format!("The {what} is still {status}."))
                    .compare("ACTIVE", status)
                    .fix(
                        cause,
                        format!(
                            "aws eks wait cluster-active --region {} --name {}\n",
                            shell(region),
                            shell(name)
                        ),
                    )
                    .not_yet()
            }
            status => Outcome::failed(format!("The {what} is {status}."))
                .compare("ACTIVE", status)
                .fix(cause, other_cluster(region)),
        },
        Err(AwsError::NotFound { .. }) => Outcome::failed(format!("There is no {what}."))
            .compare(name, "no such cluster")
            .fix(cause, other_cluster(region))
            .not_yet(),
        Err(AwsError::Denied { message, .. }) if run.as_runner() => {
            let role = run.role()?;
            let arn = cluster_arn(role, region, name);
            Outcome::failed(format!(
                "The runner's role may not describe the {what}: {message}."
            ))
            .compare(format!("eks:DescribeCluster allowed on {arn}"), "denied")
            .fix(
                format!("role-permission:{role}:{arn}"),
                permission_command(role, region, name),
            )
            .not_yet()
        }
        Err(error) => error.outcome(),
    })
}

/// What there is to choose from.
fn other_cluster(region: &str) -> String {
    format!(
        "aws eks list-clusters --region {}   # then set cluster.name and cluster.region\n",
        shell(region)
    )
}

/// The cluster, for a check that needs `cluster-active`.
pub(super) async fn described(run: &Run<'_>) -> Result<Arc<EksCluster>, Outcome> {
    run.eks_cluster().await?.map_err(|error| error.outcome())
}

/// Whether the whole internet may reach the cluster's API. EKS takes an empty list for that.
pub(super) fn is_open(cluster: &EksCluster) -> bool {
    cluster.public
        && (cluster.public_cidrs.is_empty()
            || cluster.public_cidrs.iter().any(|c| c == "0.0.0.0/0"))
}

/// `cluster-endpoint`
pub(super) async fn endpoint(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let cluster = described(run).await?;
    let (region, name) = (run.region()?, run.cluster_name()?);
    Ok(judge_endpoint(&cluster, run.settings(), region, name))
}

fn judge_endpoint(cluster: &EksCluster, settings: &Settings, region: &str, name: &str) -> Outcome {
    let orchestrator = &settings.orchestrator_cidrs;
    let cause = format!("cluster-endpoint:{region}:{name}");
    let update = |access: String| {
        format!(
            "aws eks update-cluster-config --region {} --name {} \\\n  --resources-vpc-config {}\n",
            shell(region),
            shell(name),
            shell(&access)
        )
    };
    if !cluster.public {
        return Outcome::failed(
            "The cluster's API has no public endpoint. The Orchestrator calls it from outside the VPC.",
        )
        .compare("endpointPublicAccess = true", "endpointPublicAccess = false")
        .fix(cause, update("endpointPublicAccess=true".to_owned()));
    }
    if is_open(cluster) {
        return Outcome::passed("The cluster's API has a public endpoint, open to every address.");
    }
    let admitted = cluster.public_cidrs.join(", ");
    if orchestrator.is_empty() {
        return Outcome::warned(format!(
            "The cluster's API has a public endpoint that only admits {admitted}. Whether the Orchestrator is \
             among them can't be told: {} does not say where it calls from.",
            settings.face.words("orchestrator_cidrs", "--orchestrator-cidr")
        ))
        .fix(
            cause,
            settings.face.words(
                "orchestrator_cidrs = [\"<address of the Orchestrator>/32\"]\n",
                "--orchestrator-cidr <address of the Orchestrator>\n",
            ),
        );
    }
    let networks: Vec<IpNet> = cluster
        .public_cidrs
        .iter()
        .filter_map(|c| c.parse().ok())
        .collect();
    let networks = IpNet::aggregate(&networks);
    let outside: Vec<String> = orchestrator
        .iter()
        .filter(|wanted| !networks.iter().any(|network| network.contains(*wanted)))
        .map(ToString::to_string)
        .collect();
    if outside.is_empty() {
        return Outcome::passed(format!(
            "The cluster's API has a public endpoint that admits the Orchestrator's addresses, among {admitted}."
        ));
    }
    let mut all = cluster.public_cidrs.clone();
    all.extend(outside.iter().cloned());
    Outcome::failed(format!(
        "The cluster's public endpoint does not admit {}, from where the Orchestrator calls.",
        outside.join(", ")
    ))
    .compare(outside.join(", "), admitted)
    .fix(
        cause,
        update(format!("publicAccessCidrs={}", all.join(","))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::check::Status;

    fn cluster(public: bool, cidrs: &[&str]) -> EksCluster {
        EksCluster {
            status: "ACTIVE".to_owned(),
            endpoint: None,
            ca: None,
            public,
            public_cidrs: cidrs.iter().map(|cidr| (*cidr).to_owned()).collect(),
            authentication_mode: "API".to_owned(),
        }
    }

    #[test]
    fn the_endpoint_must_admit_the_orchestrator() {
        let judge = |cluster: &EksCluster, orchestrator: &[&str]| {
            let orchestrator: Vec<IpNet> =
                orchestrator.iter().map(|c| c.parse().unwrap()).collect();
            let settings = Settings {
                orchestrator_cidrs: orchestrator,
                ..Settings::default()
            };
            judge_endpoint(cluster, &settings, "eu-central-1", "c")
        };
        let open = cluster(true, &["0.0.0.0/0"]);
        assert_eq!(judge(&open, &[]).status, Status::Passed);
        assert_eq!(
            judge(&cluster(true, &[]), &["1.2.3.4/32"]).status,
            Status::Passed
        );
        assert_eq!(
            judge(&cluster(true, &["10.0.0.0/8"]), &[]).status,
            Status::Warned
        );
        assert_eq!(
            judge(&cluster(false, &["0.0.0.0/0"]), &[]).status,
            Status::Failed
        );

        let halves = cluster(true, &["1.2.3.0/25", "1.2.3.128/25"]);
        assert_eq!(judge(&halves, &["1.2.3.0/24"]).status, Status::Passed);
        let outcome = judge(&halves, &["1.2.3.7/32", "9.9.9.9/32"]);
        assert_eq!(outcome.status, Status::Failed);
        assert_eq!(outcome.expected.as_deref(), Some("9.9.9.9/32"));
        assert!(
            outcome
                .fix
                .unwrap()
                .contains("publicAccessCidrs=1.2.3.0/25,1.2.3.128/25,9.9.9.9/32")
        );
    }
}
