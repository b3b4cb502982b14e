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
        Err(AwsError::NotFound { .. }) => Outcome::failed(format!("The {what} does not exist."))
            .compare(name, "no such cluster")
            .fix(cause, other_cluster(region))
            .not_yet(),
        Err(AwsError::Denied { message, .. }) if run.as_runner() => {
            let role = run.role()?;
            let arn = cluster_arn(role, region, name);
            Outcome::failed(format!(
                "The runner's role is not allowed to describe the {what}: {message}."
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

/// Whether the cluster admits the Orchestrator, from what the settings know of its addresses.
///
/// The Orchestrator's data plane calls the endpoint that `eks:DescribeCluster` returns. The SaaS is outside every VPC.
/// An installation of one's own can be in the cluster's VPC, or even in the cluster, and then it uses the private
/// endpoint, of which nothing can be known here.
fn judge_endpoint(cluster: &EksCluster, settings: &Settings, region: &str, name: &str) -> Outcome {
    let configured = &settings.orchestrator_cidrs;
    let addresses = if configured.is_empty() {
        &settings.published_cidrs
    } else {
        configured
    };
    let cause = format!("cluster-endpoint:{region}:{name}");
    let update = |access: String| {
        format!(
            "aws eks update-cluster-config --region {} --name {} \\\n  --resources-vpc-config {}\n",
            shell(region),
            shell(name),
            shell(&access)
        )
    };
    let option = settings
        .face
        .words("orchestrator_cidrs", "--orchestrator-cidr");
    if !cluster.public {
        let outcome = if addresses.is_empty() || addresses.iter().all(is_private) {
            Outcome::warned(
                "The cluster's API has no public endpoint. The Orchestrator must reach its private endpoint, from \
                 inside the VPC or a network that is connected to it.",
            )
        } else {
            Outcome::failed(
                "The cluster's API has no public endpoint. The Orchestrator calls it from outside the VPC.",
            )
        };
        return outcome
            .compare(
                "endpointPublicAccess = true",
                "endpointPublicAccess = false",
            )
            .fix(cause, update("endpointPublicAccess=true".to_owned()));
    }
    if is_open(cluster) {
        return Outcome::passed("The cluster's API has a public endpoint, open to every address.");
    }
    let admitted = cluster.public_cidrs.join(", ");
    if addresses.is_empty() {
        return Outcome::warned(format!(
            "The cluster's API has a public endpoint that only admits {admitted}. Whether this includes the \
             Orchestrator is unknown: {option} does not say which addresses it calls from."
        ))
        .fix(
            cause,
            settings.face.words(
                "orchestrator_cidrs = [\"<address of the Orchestrator>/32\"]\n",
                "--orchestrator-cidr <address of the Orchestrator>\n",
            ),
        );
    }
    let outside = not_admitted(addresses, &cluster.public_cidrs);
    if outside.is_empty() {
        return Outcome::passed(format!(
            "The cluster's API has a public endpoint that admits the Orchestrator's addresses, among {admitted}."
        ));
    }
    let listed = outside.join(", ");
    let outcome = if configured.is_empty() {
        Outcome::warned(format!(
            "The cluster's public endpoint does not admit {listed}, which Humanitec publishes as an address of the \
             Orchestrator. If the Orchestrator calls from other addresses now, set {option} to them."
        ))
    } else {
        Outcome::failed(format!(
            "The cluster's public endpoint does not admit {listed}, from which the Orchestrator calls."
        ))
    };
    let all = [cluster.public_cidrs.as_slice(), &outside].concat();
    outcome.compare(listed, admitted).fix(
        cause,
        update(format!("publicAccessCidrs={}", all.join(","))),
    )
}

/// The addresses that no range of a cluster's list contains.
fn not_admitted(addresses: &[IpNet], ranges: &[String]) -> Vec<String> {
    let ranges: Vec<IpNet> = ranges
        .iter()
        .filter_map(|range| range.parse().ok())
        .collect();
    let ranges = IpNet::aggregate(&ranges);
    addresses
        .iter()
        .filter(|wanted| !ranges.iter().any(|range| range.contains(*wanted)))
        .map(ToString::to_string)
        .collect()
}

/// Whether a range is one of private addresses (RFC 1918, RFC 6598, RFC 4193), which nobody calls a public endpoint
/// from.
fn is_private(range: &IpNet) -> bool {
    const PRIVATE: [&str; 5] = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
    ];
    PRIVATE
        .iter()
        .filter_map(|private| private.parse::<IpNet>().ok())
        .any(|private| private.contains(range))
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

    fn judge_with(cluster: &EksCluster, configured: &[&str], published: &[&str]) -> Outcome {
        let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let settings = Settings {
            orchestrator_cidrs: parsed(configured),
            published_cidrs: parsed(published),
            ..Settings::default()
        };
        judge_endpoint(cluster, &settings, "eu-central-1", "c")
    }

    #[test]
    fn a_private_endpoint_fails_only_who_calls_from_outside() {
        let private = cluster(false, &["0.0.0.0/0"]);
        for (configured, published, status) in [
            (&[][..], &[][..], Status::Warned),
            (&[], &["35.198.140.114/32"], Status::Failed),
            (&["203.0.113.7/32"], &[], Status::Failed),
            (&["10.1.0.0/16"], &["35.198.140.114/32"], Status::Warned),
            (&["10.1.0.0/16", "203.0.113.7/32"], &[], Status::Failed),
        ] {
            let outcome = judge_with(&private, configured, published);
            assert_eq!(outcome.status, status, "{configured:?} {published:?}");
            assert!(outcome.fix.unwrap().contains("endpointPublicAccess=true"));
        }
    }

    #[test]
    fn published_addresses_that_are_not_admitted_warn() {
        let saas = ["35.198.140.114/32", "35.246.198.96/32"];
        let both = cluster(
            true,
            &["35.198.140.114/32", "35.246.198.96/32", "10.0.0.0/8"],
        );
        assert_eq!(judge_with(&both, &[], &saas).status, Status::Passed);
        let one = cluster(true, &["35.198.140.114/32"]);
        let outcome = judge_with(&one, &[], &saas);
        assert_eq!(outcome.status, Status::Warned);
        assert_eq!(outcome.expected(), Some("35.246.198.96/32"));
        assert!(
            outcome
                .fix
                .unwrap()
                .contains("publicAccessCidrs=35.198.140.114/32,35.246.198.96/32")
        );
        // What the user names counts in place of the list.
        assert_eq!(
            judge_with(&one, &["203.0.113.7/32"], &saas).status,
            Status::Failed
        );
        assert_eq!(
            judge_with(&one, &["35.198.140.114/32"], &saas).status,
            Status::Passed
        );
    }

    #[test]
    fn the_endpoint_must_admit_the_orchestrator() {
        let judge =
            |cluster: &EksCluster, orchestrator: &[&str]| judge_with(cluster, orchestrator, &[]);
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

        let halves = cluster(true, &["1.2.3.0/25", "1.2.3.128/25"]);
        assert_eq!(judge(&halves, &["1.2.3.0/24"]).status, Status::Passed);
        let outcome = judge(&halves, &["1.2.3.7/32", "9.9.9.9/32"]);
        assert_eq!(outcome.status, Status::Failed);
        assert_eq!(outcome.expected(), Some("9.9.9.9/32"));
        assert!(
            outcome
                .fix
                .unwrap()
                .contains("publicAccessCidrs=1.2.3.0/25,1.2.3.128/25,9.9.9.9/32")
        );
    }
}
