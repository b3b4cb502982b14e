//! Sets up what a runner needs, as the Orchestrator's documentation of kubernetes-eks runners says.

use serde_json::{Value, json};

use super::error::Error;
use super::{Eks, EksOptions};
use crate::runner::RunnerValues;

/// The names of the objects that were set up for one runner.
#[derive(Clone, Debug)]
pub struct RunnerSetup {
    /// The ARN of the IAM role that the Orchestrator assumes.
    pub role_arn: String,
    /// The session name with which it assumes the role.
    pub session_name: String,
    /// Its Kubernetes user in the cluster.
    pub kubernetes_user: String,
    /// The namespace of its Jobs.
    pub namespace: String,
    /// The service account of its Jobs.
    pub service_account: String,
}

impl RunnerSetup {
    /// Returns the values of the runner in the API.
    pub fn values<'a>(&'a self, options: &'a EksOptions) -> RunnerValues<'a> {
        RunnerValues {
            cluster: &options.cluster_name,
            region: &options.region,
            role_arn: &self.role_arn,
            namespace: &self.namespace,
            service_account: &self.service_account,
        }
    }
}

/// The role's name in the documentation.
pub const ROLE_NAME: &str = "humanitec-runner-eks-role";
/// The issuer of the Orchestrator's tokens in the documentation.
pub const ISSUER: &str = "https://oidc.humanitec.dev";

/// The Role and the RoleBinding of the Orchestrator.
pub(super) const ROLE: &str = "humanitec-runner-orchestrator-access";
const POLICY_NAME: &str = "humanitec-runner-eks-policy";
pub(super) const NAMESPACE: &str = "humanitec-runner";
/// The role of the Jobs themselves.
const JOB_ROLE: &str = "humanitec-runner-job-role";

impl Eks {
    /// Creates the OIDC provider, the role with its trust and permission policies, the access entry, the namespace, the
    /// service account, the Role and the RoleBinding for a runner.
    pub fn set_up_as_documented(&self, org: &str, runner_id: &str) -> Result<RunnerSetup, Error> {
        let options = self.options();
        let iam = format!("arn:{}:iam::{}", options.partition, options.account);
        let role_arn = format!("{iam}:role/{ROLE_NAME}");
        self.aws(
            "iam",
            "CreateOpenIDConnectProvider",
            &json!({"Url": ISSUER, "ClientIDList": ["sts.amazonaws.com"]}),
        )?;
        self.create_role(&self.documented_trust_policy(org, runner_id))?;
        let permission = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": ["eks:DescribeCluster"],
                "Resource": self.cluster_arn(),
            }],
        });
        self.aws(
            "iam",
            "CreatePolicy",
            &json!({
                "PolicyName": POLICY_NAME,
                "PolicyDocument": permission.to_string(),
                "Description": "Minimal permissions for Humanitec Orchestrator to access EKS clusters",
            }),
        )?;
        self.attach_policy()?;
        self.aws(
            "eks",
            "CreateAccessEntry",
            &json!({"clusterName": options.cluster_name, "principalArn": role_arn, "type": "STANDARD"}),
        )?;

        let session_name: String = format!("{org}-{runner_id}").chars().take(64).collect();
        let runner = RunnerSetup {
            kubernetes_user: format!(
                "arn:{}:sts::{}:assumed-role/{ROLE_NAME}/{session_name}",
                options.partition, options.account
            ),
            role_arn,
            session_name,
            namespace: NAMESPACE.to_owned(),
            service_account: NAMESPACE.to_owned(),
        };
        for (path, object) in objects(&runner) {
            self.api_server.apply(&path, &object)?;
        }
        Ok(runner)
    }

    /// Creates a bucket for the states of a runner's Jobs, and the role with which they use it by EKS Pod Identity.
    pub fn set_up_state_bucket(&self, runner: &RunnerSetup, bucket: &str) -> Result<(), Error> {
        let options = self.options();
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }]});
        let arn = format!("arn:{}:s3:::{bucket}", options.partition);
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": format!("{arn}/*")},
        ]});
        let created = json!({
            "Bucket": bucket,
            "CreateBucketConfiguration": {"LocationConstraint": options.region},
        });
        let association = json!({
            "clusterName": options.cluster_name,
            "namespace": runner.namespace,
            "serviceAccount": runner.service_account,
            "roleArn": format!("arn:{}:iam::{}:role/{JOB_ROLE}", options.partition, options.account),
        });
        for (service, operation, parameters) in [
            ("s3", "CreateBucket", created),
            (
                "iam",
                "CreateRole",
                json!({"RoleName": JOB_ROLE, "AssumeRolePolicyDocument": trust.to_string()}),
            ),
            (
                "iam",
                "PutRolePolicy",
                json!({"RoleName": JOB_ROLE, "PolicyName": "state", "PolicyDocument": policy.to_string()}),
            ),
            (
                "eks",
                "CreateAddon",
                json!({"clusterName": options.cluster_name, "addonName": "eks-pod-identity-agent"}),
            ),
            ("eks", "CreatePodIdentityAssociation", association),
        ] {
            self.aws(service, operation, &parameters)?;
        }
        Ok(())
    }

    /// Returns the documentation's trust policy for a runner.
    pub fn documented_trust_policy(&self, org: &str, runner_id: &str) -> Value {
        let options = self.options();
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {
                    "Federated": format!(
                        "arn:{}:iam::{}:oidc-provider/oidc.humanitec.dev", options.partition, options.account
                    ),
                },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {
                    "oidc.humanitec.dev:aud": "sts.amazonaws.com",
                    "oidc.humanitec.dev:sub": format!("{org}+{runner_id}"),
                }},
            }],
        })
    }

    /// Replaces the trust policy of the documented role.
    pub fn set_trust_policy(&self, policy: &Value) -> Result<(), Error> {
        let parameters = json!({"RoleName": ROLE_NAME, "PolicyDocument": policy.to_string()});
        self.aws("iam", "UpdateAssumeRolePolicy", &parameters).map(drop)
    }

    /// Deletes the documented role and creates it again with the same name, as an apply after a destroy does. An access
    /// entry for the old role stays.
    pub fn recreate_role(&self, trust_policy: &Value) -> Result<(), Error> {
        let policy = json!({"RoleName": ROLE_NAME, "PolicyArn": self.policy_arn()});
        self.aws("iam", "DetachRolePolicy", &policy)?;
        self.aws("iam", "DeleteRole", &json!({"RoleName": ROLE_NAME}))?;
        self.create_role(trust_policy)?;
        self.attach_policy()
    }

    fn create_role(&self, trust_policy: &Value) -> Result<(), Error> {
        let role = json!({
            "RoleName": ROLE_NAME,
            "AssumeRolePolicyDocument": trust_policy.to_string(),
            "Description": "Role for Humanitec Orchestrator to access EKS clusters for launching runners",
        });
        self.aws("iam", "CreateRole", &role).map(drop)
    }

    fn attach_policy(&self) -> Result<(), Error> {
        let policy = json!({"RoleName": ROLE_NAME, "PolicyArn": self.policy_arn()});
        self.aws("iam", "AttachRolePolicy", &policy).map(drop)
    }

    fn policy_arn(&self) -> String {
        format!(
            "arn:{}:iam::{}:policy/{POLICY_NAME}",
            self.options().partition,
            self.options().account
        )
    }
}

/// Returns the Kubernetes objects of a runner, each with the path of its kind.
fn objects(runner: &RunnerSetup) -> [(String, Value); 4] {
    let RunnerSetup {
        namespace,
        service_account,
        kubernetes_user,
        ..
    } = runner;
    let rbac = "rbac.authorization.k8s.io";
    let rbac_version = format!("{rbac}/v1");
    let within = |group: &str, kind: &str| format!("{group}/namespaces/{namespace}/{kind}");
    [
        (
            "api/v1/namespaces".to_owned(),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        ),
        (
            within("api/v1", "serviceaccounts"),
            json!({
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": service_account, "namespace": namespace},
            }),
        ),
        (
            within(&format!("apis/{rbac_version}"), "roles"),
            json!({
                "apiVersion": rbac_version,
                "kind": "Role",
                "metadata": {"name": ROLE, "namespace": namespace},
                "rules": [
                    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]},
                    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
                ],
            }),
        ),
        (
            within(&format!("apis/{rbac_version}"), "rolebindings"),
            json!({
                "apiVersion": rbac_version,
                "kind": "RoleBinding",
                "metadata": {"name": ROLE, "namespace": namespace},
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": ROLE},
                "subjects": [{"apiGroup": rbac, "kind": "User", "name": kubernetes_user}],
            }),
        ),
    ]
}
