//! Sets up clusters in several regions, for many runners.

use serde_json::{Value, json};

use super::Eks;
use super::control::Place;
use super::error::Error;
use super::setup::{ISSUER, NAMESPACE, ROLE};
use crate::runner::RunnerValues;

/// The regions of the clusters, after the sandbox's own.
const OTHER_REGIONS: [&str; 9] = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
];
/// The group that [`Eks::admit_group`] lets in.
pub const GROUP: &str = "runners";

/// A cluster and the role of its runners.
#[derive(Clone, Debug)]
pub struct ClusterOfFleet {
    /// The cluster's region.
    pub region: String,
    /// The role's ARN.
    pub role_arn: String,
}

impl ClusterOfFleet {
    /// Returns the configuration of a runner in the cluster, and that of its state storage.
    pub fn configuration(&self, eks: &Eks) -> (Value, Value) {
        let values = RunnerValues {
            cluster: &eks.options().cluster_name,
            region: &self.region,
            role_arn: &self.role_arn,
            namespace: NAMESPACE,
            service_account: NAMESPACE,
        };
        let storage = json!({"type": "kubernetes", "namespace": NAMESPACE});
        (values.configuration(), storage)
    }
}

impl Eks {
    /// Sets up ten clusters and ten roles, one for each cluster, with everything that all runners of `org` need. The
    /// clusters share their name, their API server, and its objects. [`Eks::set_up_as_documented`] comes first.
    pub fn set_up_fleet(&self, org: &str) -> Result<Vec<ClusterOfFleet>, Error> {
        self.admit_group()?;
        let own = self.options().region.clone();
        let others = OTHER_REGIONS.map(str::to_owned);
        let regions = std::iter::once(own).chain(others).enumerate();
        regions
            .map(|(number, region)| self.set_up_cluster(org, number, region))
            .collect()
    }

    /// Sets up one cluster and its role.
    fn set_up_cluster(&self, org: &str, number: usize, region: String) -> Result<ClusterOfFleet, Error> {
        let options = self.options();
        let iam = format!("arn:{}:iam::{}", options.partition, options.account);
        let host = ISSUER.trim_start_matches("https://");
        let name = format!("fleet-{number}");
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("{iam}:oidc-provider/{host}")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {(format!("{host}:aud")): "sts.amazonaws.com"},
                "StringLike": {(format!("{host}:sub")): format!("{org}+*")},
            },
        }]});
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": "eks:DescribeCluster",
            "Resource": "*",
        }]});
        let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
        self.aws("iam", "CreateRole", &role)?;
        let policy = json!({"RoleName": name, "PolicyName": "eks", "PolicyDocument": policy.to_string()});
        self.aws("iam", "PutRolePolicy", &policy)?;

        let place = Place {
            region: Some(&region),
            account: None,
        };
        if region != options.region {
            let cluster = json!({
                "name": options.cluster_name,
                "roleArn": format!("{iam}:role/eks-cluster-role"),
                "resourcesVpcConfig": {"subnetIds": ["subnet-0a1b2c3d"]},
                "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
            });
            self.aws_at(place, "eks", "CreateCluster", &cluster)?;
        }
        let role_arn = format!("{iam}:role/{name}");
        let entry = json!({
            "clusterName": options.cluster_name,
            "principalArn": role_arn,
            "type": "STANDARD",
            "kubernetesGroups": [GROUP],
        });
        self.aws_at(place, "eks", "CreateAccessEntry", &entry)?;
        Ok(ClusterOfFleet { region, role_arn })
    }

    /// Lets the group [`GROUP`] use the namespace of the documentation, as a runner does, and the Jobs keep their state there.
    pub fn admit_group(&self) -> Result<(), Error> {
        let create = |what: &[&str]| {
            let namespaced = ["create", "--namespace", NAMESPACE];
            self.kubectl(&[&namespaced[..], what].concat()).map(drop)
        };
        let group = format!("--group={GROUP}");
        create(&["rolebinding", "runners", &format!("--role={ROLE}"), &group])?;
        create(&[
            "role",
            "state",
            "--verb=get,list,create,update,delete",
            "--resource=secrets,leases.coordination.k8s.io",
        ])?;
        let account = format!("--serviceaccount={NAMESPACE}:{NAMESPACE}");
        create(&["rolebinding", "state", "--role=state", &account])
    }
}
