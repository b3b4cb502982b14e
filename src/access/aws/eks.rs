//! The calls of EKS: the cluster, the role's access entry, and its access policies.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use futures_util::future::join_all;
use ipnet::IpNet;

use super::error::{AwsError, required};
use super::{Aws, AwsCall, AwsResult, Service, SignedCluster};

/// An EKS cluster.
#[derive(Debug)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct EksCluster {
    /// `ACTIVE`, `UPDATING`, `CREATING`, …
    pub(crate) status: String,
    /// The URL of its API.
    pub(crate) endpoint: Option<String>,
    /// Its certificate authority, base64 of PEM.
    pub(crate) ca: Option<String>,
    /// Whether the API has a public endpoint.
    pub(crate) public: bool,
    /// Whether the API has a private endpoint, which requests from the cluster's VPC then use.
    pub(crate) private: bool,
    /// The ranges of addresses that the public endpoint admits.
    pub(crate) public_cidrs: Vec<String>,
    /// `API`, `API_AND_CONFIG_MAP`, or `CONFIG_MAP`.
    pub(crate) authentication_mode: String,
    /// The ARN.
    pub(crate) arn: Option<String>,
    /// The issuer of the tokens of its service accounts.
    pub(crate) oidc_issuer: Option<String>,
    /// Whether EKS Auto Mode adds nodes.
    pub(crate) auto_mode: bool,
    /// Whether its pods have IPv6 addresses alone.
    pub(crate) is_ipv6: bool,
    /// The range of the addresses of its Services.
    pub(crate) service_cidr: Option<IpNet>,
}

impl EksCluster {
    /// Returns whether the public endpoint admits the whole internet. Without a list, EKS uses `0.0.0.0/0` (the default of
    /// `publicAccessCidrs` in `VpcConfigRequest` of the EKS API reference).
    pub(crate) fn is_open(&self) -> bool {
        self.public && (self.public_cidrs.is_empty() || self.public_cidrs.iter().any(|range| range == "0.0.0.0/0"))
    }

    /// Returns the address of the Service `kubernetes`, which pods call as the cluster's API: the first one of the range
    /// (`ServiceIPRange` in pkg/controlplane/services.go of Kubernetes).
    pub(crate) fn api_service(&self) -> Option<IpAddr> {
        Some(match self.service_cidr?.network() {
            IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits().checked_add(1)?).into(),
            IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits().checked_add(1)?).into(),
        })
    }

    /// Returns whether the cluster has access entries. In mode `CONFIG_MAP`, EKS refuses to create one ("Change authentication
    /// mode to use access entries" in the EKS user guide).
    pub(crate) fn has_access_entries(&self) -> bool {
        self.authentication_mode != "CONFIG_MAP"
    }

    /// Returns whether the cluster reads `aws-auth`.
    pub(crate) fn reads_aws_auth(&self) -> bool {
        self.authentication_mode != "API"
    }
}

/// An EKS access entry.
#[derive(Debug)]
pub(crate) struct AccessEntry {
    /// `STANDARD`, `EC2_LINUX`, …
    pub(crate) kind: String,
    /// The template of the Kubernetes user name.
    pub(crate) username: String,
    /// The Kubernetes groups.
    pub(crate) groups: Vec<String>,
    /// The time of its creation, in seconds since 1970.
    pub(crate) created: Option<i64>,
}

/// An EKS access policy that is associated with a principal.
#[derive(Debug)]
pub(crate) struct AssociatedPolicy {
    /// The policy's ARN.
    pub(crate) arn: String,
    /// The namespaces that it is limited to; `None` for the whole cluster.
    pub(crate) namespaces: Option<Vec<String>>,
}

impl Aws {
    /// Returns a client of EKS for the calls about a cluster.
    pub(super) async fn eks(self: &Arc<Self>, cluster: &SignedCluster) -> Result<aws_sdk_eks::Client, AwsError> {
        let config = self.config(&cluster.signer, &cluster.region).await?;
        Ok(aws_sdk_eks::Client::new(&config))
    }

    /// Describes each of the things of a cluster that a call has listed.
    pub(super) async fn describe_each<T, F>(names: Vec<String>, describe: impl Fn(String) -> F) -> AwsResult<Vec<T>>
    where
        F: Future<Output = Result<Option<T>, AwsError>>,
    {
        let mut things = Vec::new();
        for described in join_all(names.into_iter().map(describe)).await {
            match described {
                Ok(thing) => things.extend(thing),
                // It was deleted a moment ago.
                Err(AwsError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Arc::new(things))
    }

    /// Returns the cluster.
    pub(crate) fn cluster(self: &Arc<Self>, cluster: &SignedCluster) -> AwsCall<EksCluster> {
        const ACTION: &str = "eks:DescribeCluster";
        let (aws, key) = (Arc::clone(self), cluster.clone());
        let is_settled = self.settled(|response: &AwsResult<EksCluster>| {
            response.as_ref().is_ok_and(|cluster| cluster.status == "ACTIVE")
        });
        self.clusters.call(key.clone(), is_settled, || async move {
            let request = aws.eks(&key).await?.describe_cluster().name(&key.name);
            let response = aws.paced(Service::Eks, ACTION, move || request.clone().send()).await?;
            described(ACTION, response.cluster).map(Arc::new)
        })
    }

    /// Returns the access entry of a principal.
    pub(crate) fn access_entry(self: &Arc<Self>, cluster: &SignedCluster, principal: &str) -> AwsCall<AccessEntry> {
        const ACTION: &str = "eks:DescribeAccessEntry";
        let aws = Arc::clone(self);
        let key = (cluster.clone(), principal.to_owned());
        self.entries.call(key.clone(), Result::is_ok, || async move {
            let request = aws.eks(&key.0).await?.describe_access_entry();
            let request = request.cluster_name(&key.0.name).principal_arn(&key.1);
            let response = aws.paced(Service::Eks, ACTION, move || request.clone().send()).await?;
            let entry = response.access_entry.ok_or_else(|| AwsError::empty(ACTION))?;
            Ok(Arc::new(AccessEntry {
                kind: entry.r#type.unwrap_or_else(|| "STANDARD".to_owned()),
                username: entry.username.unwrap_or_default(),
                groups: entry.kubernetes_groups.unwrap_or_default(),
                created: entry.created_at.map(|at| at.secs()),
            }))
        })
    }

    /// Returns the access policies that are associated with a principal.
    pub(crate) fn access_policies(
        self: &Arc<Self>,
        cluster: &SignedCluster,
        principal: &str,
    ) -> AwsCall<Vec<AssociatedPolicy>> {
        const ACTION: &str = "eks:ListAssociatedAccessPolicies";
        let aws = Arc::clone(self);
        let key = (cluster.clone(), principal.to_owned());
        let is_settled = self.settled(|_| false);
        self.policies.call(key.clone(), is_settled, || async move {
            let request = aws.eks(&key.0).await?.list_associated_access_policies();
            let request = request.cluster_name(&key.0.name).principal_arn(&key.1);
            let send = move || {
                let pages = request.clone().into_paginator().items().send();
                pages.collect::<Result<Vec<_>, _>>()
            };
            let pages = aws.paced(Service::Eks, ACTION, send).await?;
            let policies = pages.into_iter().map(associated);
            Ok(Arc::new(policies.collect()))
        })
    }
}

/// Reads the cluster in a response of EKS.
fn described(action: &'static str, cluster: Option<aws_sdk_eks::types::Cluster>) -> Result<EksCluster, AwsError> {
    let cluster = cluster.ok_or_else(|| AwsError::empty(action))?;
    let network = cluster.resources_vpc_config;
    // Only a cluster that is registered with the EKS Connector has no network of EKS.
    if network.is_none() && cluster.connector_config.is_none() {
        return Err(AwsError::empty(action));
    }
    let mode = cluster.access_config.and_then(|access| access.authentication_mode);
    let kubernetes_network = cluster.kubernetes_network_config;
    let service_cidr = kubernetes_network.as_ref().and_then(|network| {
        let range = network.service_ipv6_cidr.as_deref();
        range.or(network.service_ipv4_cidr.as_deref())
    });
    Ok(EksCluster {
        status: required(action, cluster.status.map(|s| s.as_str().to_owned()))?,
        endpoint: cluster.endpoint,
        ca: cluster.certificate_authority.and_then(|authority| authority.data),
        public: network.as_ref().is_some_and(|network| network.endpoint_public_access),
        private: network.as_ref().is_some_and(|network| network.endpoint_private_access),
        public_cidrs: network
            .and_then(|network| network.public_access_cidrs)
            .unwrap_or_default(),
        // A cluster from the time before access entries has no access configuration.
        authentication_mode: mode.map_or_else(|| "CONFIG_MAP".to_owned(), |mode| mode.as_str().to_owned()),
        arn: cluster.arn,
        oidc_issuer: cluster
            .identity
            .and_then(|identity| identity.oidc)
            .and_then(|oidc| oidc.issuer),
        service_cidr: service_cidr.and_then(|range| range.parse().ok()),
        is_ipv6: kubernetes_network
            .and_then(|network| network.ip_family)
            .is_some_and(|family| family.as_str() == "ipv6"),
        auto_mode: cluster
            .compute_config
            .and_then(|compute| compute.enabled)
            .unwrap_or_default(),
    })
}

/// Reads an associated access policy.
fn associated(policy: aws_sdk_eks::types::AssociatedAccessPolicy) -> AssociatedPolicy {
    let limited = policy
        .access_scope
        .filter(|scope| scope.r#type.as_ref().is_some_and(|kind| kind.as_str() == "namespace"));
    AssociatedPolicy {
        arn: policy.policy_arn.unwrap_or_default(),
        namespaces: limited.map(|scope| scope.namespaces.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_has_the_first_address_of_the_services() {
        use aws_sdk_eks::types::{Cluster, ClusterStatus, KubernetesNetworkConfigResponse, VpcConfigResponse};
        let of = |network: KubernetesNetworkConfigResponse| {
            let cluster = Cluster::builder()
                .status(ClusterStatus::Active)
                .resources_vpc_config(VpcConfigResponse::builder().build())
                .kubernetes_network_config(network)
                .build();
            let described = described("eks:DescribeCluster", Some(cluster)).unwrap();
            described.api_service().map(|address| address.to_string())
        };
        let network = KubernetesNetworkConfigResponse::builder;
        assert_eq!(
            of(network().service_ipv4_cidr("10.100.0.0/16").build()).as_deref(),
            Some("10.100.0.1")
        );
        assert_eq!(
            of(network().service_ipv6_cidr("fd12:3456::/108").build()).as_deref(),
            Some("fd12:3456::1")
        );
        assert_eq!(of(network().build()), None);
    }

    #[test]
    fn a_cluster_without_its_status_or_network_is_an_empty_response() {
        use aws_sdk_eks::types::{Cluster, ClusterStatus, VpcConfigResponse};
        let network = VpcConfigResponse::builder().build();
        let cluster = Cluster::builder().status(ClusterStatus::Active);
        let whole = cluster.clone().resources_vpc_config(network.clone());
        let read = |cluster| described("eks:DescribeCluster", cluster).map(|found| found.status);
        assert_eq!(read(Some(whole.build())), Ok("ACTIVE".to_owned()));
        let no_status = Cluster::builder().resources_vpc_config(network);
        for cut in [
            None,
            Some(Cluster::builder().build()),
            Some(cluster.build()),
            Some(no_status.build()),
        ] {
            assert_eq!(read(cut), Err(AwsError::empty("eks:DescribeCluster")));
        }
    }
}
