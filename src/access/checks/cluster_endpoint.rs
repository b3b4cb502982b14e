//! The check `cluster-endpoint`.

use ipnet::IpNet;

use super::{Check, cluster_active};
use crate::access::aws::EksCluster;
use crate::access::cause::{Cause, ClusterCause};
use crate::access::check::{CLUSTER_NAME, Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;
use crate::access::settings::{CheckSetting, Settings};

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "cluster-endpoint",
        title: "The cluster's API is open to the Orchestrator",
        category: Category::Cluster,
        attribute: CLUSTER_NAME,
        caller_needs: &[cluster_active::CHECK.id()],
        runner_needs: &[cluster_active::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::AWS)
.uses(&[CheckSetting::OrchestratorCidrs]);

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let cluster = run.eks_cluster().await?;
    let endpoint = EndpointCheck {
        cluster: &cluster,
        settings: run.settings(),
        region: run.region()?,
        name: run.cluster_name()?,
        cause: run.cluster_cause(ClusterCause::Endpoint),
    };
    Ok(endpoint.judge())
}

/// The endpoint of a cluster, and what the settings say about the Orchestrator's addresses.
///
/// The Orchestrator's data plane calls the endpoint that `eks:DescribeCluster` returns. The SaaS is outside every VPC.
/// A self-hosted installation can be in the cluster's VPC, or even in the cluster. If the cluster has a private endpoint, it
/// then uses that one, which cannot be checked from here, and not the public one ("Cluster API server endpoint" in the EKS
/// user guide).
struct EndpointCheck<'a> {
    cluster: &'a EksCluster,
    settings: &'a Settings,
    region: &'a str,
    name: &'a str,
    cause: Cause,
}

impl EndpointCheck<'_> {
    /// Returns whether the cluster admits the Orchestrator.
    fn judge(self) -> Outcome {
        if !self.cluster.public {
            return self.private();
        }
        if self.cluster.is_open() {
            return Outcome::passed("The cluster's API has a public endpoint, open to every address.");
        }
        self.restricted()
    }

    /// Returns the addresses of the Orchestrator: those that the user sets, or else those that the installation
    /// publishes.
    fn addresses(&self) -> &[IpNet] {
        match self.settings.orchestrator_cidrs.as_slice() {
            [] => &self.settings.published_cidrs,
            configured => configured,
        }
    }

    /// Returns the name of the setting for the Orchestrator's addresses.
    fn option(&self) -> &'static str {
        CheckSetting::OrchestratorCidrs.name(self.settings.frontend)
    }

    /// Returns the command that changes the access to the cluster's endpoint.
    fn update(&self, access: &str) -> ShellCommand {
        ShellCommand::new("aws eks update-cluster-config")
            .option("--region", self.region)
            .option("--name", self.name)
            .next_line()
            .option("--resources-vpc-config", access)
    }

    /// Returns the outcome for a cluster without a public endpoint.
    fn private(self) -> Outcome {
        let public = self.addresses().iter().filter(|range| !is_private(range));
        let public: Vec<String> = public.map(ToString::to_string).collect();
        if public.is_empty() {
            return Outcome::warned(
                "The cluster's API has no public endpoint. The Orchestrator must reach its private endpoint, from \
                 inside the VPC or a network that is connected to it.",
            )
            .fix(
                self.cause,
                Fix::note(
                    "Verify that security groups and routes let the Orchestrator reach port 443 of the private endpoint.",
                ),
            );
        }
        // The default of a list that nobody has set (`VpcConfigRequest` in the EKS API reference).
        let is_everyone = |range: &str| ["0.0.0.0/0", "::/0"].contains(&range);
        let mut listed = self.cluster.public_cidrs.clone();
        listed.retain(|range| !is_everyone(range));
        let fix = self.update(&format!(
            "endpointPublicAccess=true,publicAccessCidrs={}",
            joined(&listed, &public)
        ));
        Outcome::failed("The cluster's API has no public endpoint, but the Orchestrator calls it from outside the VPC.")
            .compare("endpointPublicAccess = true", "endpointPublicAccess = false")
            .fix(self.cause, fix)
    }

    /// Returns the outcome for a public endpoint that admits some ranges of addresses.
    fn restricted(self) -> Outcome {
        let ranges = self.cluster.public_cidrs.as_slice();
        let admitted = ranges.join(", ");
        let option = self.option();
        if self.addresses().is_empty() {
            return Outcome::warned(format!(
                "The cluster's API has a public endpoint that admits only {admitted}. It is unknown whether these \
                 include the Orchestrator's addresses: {option} is not set."
            ))
            .fix(
                self.cause,
                Fix::add(self.settings.frontend.words(
                    "orchestrator_cidrs = [\"<address of the Orchestrator>/32\"]",
                    "--orchestrator-cidr <address of the Orchestrator>",
                )),
            );
        }
        let addresses = self.addresses().iter().copied();
        let (inside, addresses): (Vec<IpNet>, Vec<IpNet>) = addresses.partition(is_private);
        let outside = not_admitted(&addresses, ranges);
        if outside.is_empty() && !inside.is_empty() {
            return self.inside_the_vpc(&inside, &admitted);
        }
        if outside.is_empty() {
            return Outcome::passed(format!(
                "The cluster's API has a public endpoint that admits the Orchestrator. It admits {admitted}."
            ));
        }
        let listed = outside.join(", ");
        let outcome = if self.settings.orchestrator_cidrs.is_empty() {
            Outcome::warned(format!(
                "The cluster's public endpoint does not admit {listed}, which Humanitec publishes for the \
                 Orchestrator. If the Orchestrator now calls from other addresses, set {option} to them."
            ))
        } else {
            Outcome::failed(format!(
                "The cluster's public endpoint does not admit the Orchestrator's addresses {listed}."
            ))
        };
        let fix = self.update(&format!("publicAccessCidrs={}", joined(ranges, &outside)));
        outcome.compare(listed, admitted).fix(self.cause, fix)
    }

    /// Returns the outcome for private addresses of the Orchestrator and a public endpoint that admits some ranges.
    ///
    /// EKS refuses private ranges in `publicAccessCidrs` ("The following CIDRs are not allowed in publicAccessCidrs"), and the
    /// public endpoint sees the address of a NAT gateway instead.
    fn inside_the_vpc(self, inside: &[IpNet], admitted: &str) -> Outcome {
        let inside: Vec<String> = inside.iter().map(ToString::to_string).collect();
        let inside = inside.join(", ");
        if self.cluster.private {
            return Outcome::warned(format!(
                "The cluster's API has a private endpoint, which the Orchestrator's addresses {inside} use if they are in \
                 the VPC or a network that is connected to it. Whether the cluster's security groups admit them is not \
                 checked. The public endpoint admits only {admitted}."
            ));
        }
        let fix = self.update("endpointPrivateAccess=true");
        Outcome::warned(format!(
            "The cluster's API has no private endpoint, and its public endpoint admits only {admitted}. The Orchestrator's \
             private addresses {inside} reach it through a NAT gateway, whose address is unknown."
        ))
        .compare(
            "endpointPrivateAccess = true",
            "endpointPrivateAccess = false",
        )
        .fix(self.cause, fix)
    }
}

/// Returns the ranges of a cluster's list, and those of others that it does not have.
fn joined(listed: &[String], others: &[String]) -> String {
    let new = others.iter().filter(|range| !listed.contains(range));
    let all: Vec<&str> = listed.iter().chain(new).map(String::as_str).collect();
    all.join(",")
}

/// Returns the addresses that no range of a cluster's list contains.
fn not_admitted(addresses: &[IpNet], ranges: &[String]) -> Vec<String> {
    let ranges: Vec<IpNet> = ranges.iter().filter_map(|range| range.parse().ok()).collect();
    let ranges = IpNet::aggregate(&ranges);
    addresses
        .iter()
        .filter(|wanted| !ranges.iter().any(|range| range.contains(*wanted)))
        .map(ToString::to_string)
        .collect()
}

/// Returns whether a range is private (RFC 1918, RFC 6598, RFC 4193): no one calls a public endpoint from there.
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
    use crate::access::outcome::Status;

    fn cluster(public: bool, cidrs: &[&str]) -> EksCluster {
        EksCluster {
            status: "ACTIVE".to_owned(),
            endpoint: None,
            ca: None,
            public,
            public_cidrs: cidrs.iter().map(|cidr| (*cidr).to_owned()).collect(),
            authentication_mode: "API".to_owned(),
            arn: None,
            oidc_issuer: None,
            auto_mode: false,
            private: !public,
            is_ipv6: false,
            service_cidr: None,
        }
    }

    fn judge_with(cluster: &EksCluster, configured: &[&str], published: &[&str]) -> Outcome {
        let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let settings = Settings {
            orchestrator_cidrs: parsed(configured),
            published_cidrs: parsed(published),
            ..Settings::default()
        };
        let endpoint = EndpointCheck {
            cluster,
            settings: &settings,
            region: "eu-central-1",
            name: "c",
            cause: Cause::NoCredentials,
        };
        endpoint.judge()
    }

    #[test]
    fn a_private_endpoint_fails_only_who_calls_from_outside() {
        let open = &["0.0.0.0/0"][..];
        for (listed, configured, published, expected) in [
            (
                open,
                &[][..],
                &["35.198.140.114/32", "35.246.198.96/32"][..],
                "35.198.140.114/32,35.246.198.96/32",
            ),
            (open, &["203.0.113.7/32"], &[], "203.0.113.7/32"),
            (open, &["10.1.0.0/16", "203.0.113.7/32"], &[], "203.0.113.7/32"),
            (
                &["198.51.100.0/24", "203.0.113.7/32"],
                &["203.0.113.7/32", "203.0.113.8/32"],
                &[],
                "198.51.100.0/24,203.0.113.7/32,203.0.113.8/32",
            ),
        ] {
            let outcome = judge_with(&cluster(false, listed), configured, published);
            assert_eq!(outcome.status, Status::Failed, "{configured:?} {published:?}");
            let fix = outcome.fix_text().unwrap();
            let end = format!("endpointPublicAccess=true,publicAccessCidrs={expected}\n");
            assert!(fix.ends_with(&end), "{fix}");
        }
    }

    #[test]
    fn a_private_endpoint_is_enough_for_an_orchestrator_in_the_vpc() {
        let private = cluster(false, &["0.0.0.0/0"]);
        for (configured, published) in [(&[][..], &[][..]), (&["10.1.0.0/16"], &["35.198.140.114/32"])] {
            let outcome = judge_with(&private, configured, published);
            assert_eq!(outcome.status, Status::Warned, "{configured:?}");
            assert_eq!((outcome.expected(), outcome.found()), (None, None));
            let fix = outcome.fix_text().unwrap();
            assert!(fix.contains("port 443") && !fix.contains("aws"), "{fix}");
        }
    }

    #[test]
    fn published_addresses_that_are_not_admitted_warn() {
        let saas = ["35.198.140.114/32", "35.246.198.96/32"];
        let both = cluster(true, &["35.198.140.114/32", "35.246.198.96/32", "198.51.100.0/24"]);
        assert_eq!(judge_with(&both, &[], &saas).status, Status::Passed);
        let one = cluster(true, &["35.198.140.114/32"]);
        let outcome = judge_with(&one, &[], &saas);
        assert_eq!(outcome.status, Status::Warned);
        assert_eq!(outcome.expected(), Some("35.246.198.96/32"));
        assert!(
            outcome
                .fix_text()
                .unwrap()
                .contains("publicAccessCidrs=35.198.140.114/32,35.246.198.96/32")
        );
        // What the user names counts in place of the list.
        assert_eq!(judge_with(&one, &["203.0.113.7/32"], &saas).status, Status::Failed);
        assert_eq!(judge_with(&one, &["35.198.140.114/32"], &saas).status, Status::Passed);
    }

    #[test]
    fn private_addresses_are_never_offered_to_the_public_endpoint() {
        let office = ["203.0.113.0/24"];
        let (inside, outside) = ("10.1.0.0/16", "198.51.100.7/32");
        for (private, addresses, status, fix) in [
            (true, &[inside][..], Status::Warned, None),
            (true, &["100.64.0.0/16", "fd00::/8"], Status::Warned, None),
            (false, &[inside], Status::Warned, Some("endpointPrivateAccess=true\n")),
            (
                true,
                &[outside],
                Status::Failed,
                Some("publicAccessCidrs=203.0.113.0/24,198.51.100.7/32\n"),
            ),
            (
                false,
                &[inside, outside],
                Status::Failed,
                Some("publicAccessCidrs=203.0.113.0/24,198.51.100.7/32\n"),
            ),
        ] {
            let cluster = EksCluster {
                private,
                ..cluster(true, &office)
            };
            let outcome = judge_with(&cluster, addresses, &[]);
            assert_eq!(outcome.status, status, "{private} {addresses:?}");
            let text = outcome.fix_text();
            let ends = text.as_deref().zip(fix).is_some_and(|(text, fix)| text.ends_with(fix));
            assert!(ends || (text.is_none() && fix.is_none()), "{text:?}");
        }
        // A range of all IPv6 addresses stays in the list of a public endpoint.
        let of_ipv6 = judge_with(&cluster(true, &["::/0"]), &[outside], &[]).fix_text();
        let fix = of_ipv6.expect("a fix");
        assert!(fix.contains("publicAccessCidrs=::/0,198.51.100.7/32"), "{fix}");
        // The public endpoint is the one that admits every address.
        let open = cluster(true, &["0.0.0.0/0"]);
        assert_eq!(judge_with(&open, &[inside], &[]).status, Status::Passed);
    }

    #[test]
    fn the_endpoint_must_admit_the_orchestrator() {
        let judge = |cluster: &EksCluster, orchestrator: &[&str]| judge_with(cluster, orchestrator, &[]);
        let open = cluster(true, &["0.0.0.0/0"]);
        assert_eq!(judge(&open, &[]).status, Status::Passed);
        assert_eq!(judge(&cluster(true, &[]), &["1.2.3.4/32"]).status, Status::Passed);
        assert_eq!(judge(&cluster(true, &["198.51.100.0/24"]), &[]).status, Status::Warned);

        let halves = cluster(true, &["1.2.3.0/25", "1.2.3.128/25"]);
        assert_eq!(judge(&halves, &["1.2.3.0/24"]).status, Status::Passed);
        let outcome = judge(&halves, &["1.2.3.7/32", "9.9.9.9/32"]);
        assert_eq!(outcome.status, Status::Failed);
        assert_eq!(outcome.expected(), Some("9.9.9.9/32"));
        assert!(
            outcome
                .fix_text()
                .unwrap()
                .contains("publicAccessCidrs=1.2.3.0/25,1.2.3.128/25,9.9.9.9/32")
        );
    }
}
