//! A small EKS on 127.0.0.1: the API server, etcd, and the authenticator that EKS itself runs, and STS, IAM, and EKS under
//! AWS's real host names.
//!
//! ```text
//!  program under test ──HTTPS_PROXY──▶ proxy (sandbox/aws) ──▶ moto: STS, IAM, EKS, with what it lacks
//!                                        │                        │ access entries (a watched file)
//!                                        ▼                        ▼
//!                                  kube-apiserver ──token──▶ aws-iam-authenticator ──▶ STS, through the proxy
//! ```
//!
//! Clients reach the cluster at the endpoint that `DescribeCluster` returns, through the same proxy, as real clusters
//! behind a company's proxy. Nothing leaves the machine, because the proxy knows no other hosts.
//!
//! Without [`EksOptions::runs_jobs`] there is no controller manager: Jobs start no pods, and a test that creates a
//! ResourceQuota has to write its status itself (`kubectl patch --subresource=status`). With it, Jobs run as on a real
//! cluster, except for their containers (`workloads`). A deleted namespace stays `Terminating` in both.

mod api_server;
mod aws_cli;
mod certificates;
mod control;
mod error;
mod fleet;
mod kubectl;
mod node;
mod processes;
mod setup;
mod start;
mod tools;
mod workloads;

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use serde_json::{Value, json};

use api_server::ApiServer;
use aws_cli::AwsCli;
use control::Control;
pub use control::{Credentials, Faults, Place};
pub use error::Error;
pub use fleet::{ClusterOfFleet, GROUP};
use processes::Processes;
pub use setup::{ISSUER, ROLE_NAME, RunnerSetup};

/// The account and the cluster.
#[derive(Clone, Debug)]
pub struct EksOptions {
    /// The AWS account.
    pub account: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The cluster's region.
    pub region: String,
    /// The cluster's name.
    pub cluster_name: String,
    /// Whether Jobs run: kube-controller-manager, kube-scheduler and a stand-in for the nodes' kubelets are started.
    pub runs_jobs: bool,
    /// Whether the API server remembers for minutes whose token it was shown and what is allowed, as a real one does.
    pub caches_access: bool,
}

impl Default for EksOptions {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            region: "us-west-2".to_owned(),
            cluster_name: "my-eks-cluster".to_owned(),
            runs_jobs: false,
            caches_access: false,
        }
    }
}

/// A running small EKS. It stops when it is dropped, and when this process ends in any way.
pub struct Eks {
    options: EksOptions,
    cluster_host: String,
    proxy_port: u16,
    administrator: Credentials,
    control: Control,
    api_server: ApiServer,
    cluster_ca: PathBuf,
    kubeconfig: PathBuf,
    programs: PathBuf,
    aws_cli: AwsCli,
    processes: Processes,
}

impl Eks {
    /// Returns the parts that [`Eks::start`] has to build first.
    pub fn absent() -> Vec<&'static str> {
        tools::absent()
    }

    /// Starts everything and waits until it is ready: some seconds, or minutes if parts have to be built first.
    /// The cluster's authentication mode is `API_AND_CONFIG_MAP`.
    pub fn start(options: EksOptions) -> Result<Self, Error> {
        start::start(options)
    }

    /// Resets the account and the cluster to their state after the start, in about a second.
    pub fn reset(&self) -> Result<(), Error> {
        self.control.send("POST", "/reset", &Value::Null)?;
        self.reset_cluster()
    }

    /// Returns the name of the node that the cluster has after its start and after a reset: 2 CPUs and 8 GiB, of which
    /// pods can request 1930m and 7 GiB.
    pub fn node_name(&self) -> String {
        node::name(&self.options)
    }

    /// Returns the account and the cluster.
    pub fn options(&self) -> &EksOptions {
        &self.options
    }

    /// Returns the ARN of the cluster.
    pub fn cluster_arn(&self) -> String {
        let EksOptions {
            account,
            partition,
            region,
            cluster_name,
            ..
        } = &self.options;
        format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster_name}")
    }

    /// Returns the environment in which a program uses this AWS as its administrator.
    pub fn env(&self) -> Vec<(String, String)> {
        self.env_as(&self.administrator)
    }

    /// Returns the environment in which a program uses this AWS with other credentials.
    pub fn env_as(&self, credentials: &Credentials) -> Vec<(String, String)> {
        let nowhere = self.processes.directory().join("no-such-file").display().to_string();
        [
            ("HTTPS_PROXY", self.proxy_url()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
            ("AWS_CA_BUNDLE", self.aws_ca().display().to_string()),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
            ("AWS_REGION", self.options.region.clone()),
            // boto3 and the AWS CLI read this one.
            ("AWS_DEFAULT_REGION", self.options.region.clone()),
            ("AWS_CONFIG_FILE", nowhere.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", nowhere),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .chain(
            credentials
                .session_token
                .clone()
                .map(|token| ("AWS_SESSION_TOKEN".to_owned(), token)),
        )
        .collect()
    }

    /// Returns the environment in which a shell has the AWS CLI and kubectl with administrator permissions.
    pub fn shell_env(&self) -> Vec<(String, String)> {
        self.aws_cli.keep_loaded();
        let path = env::var_os("PATH").unwrap_or_default();
        let path = format!("{}:{}", self.programs.display(), path.display());
        let kubeconfig = self.kubeconfig.display().to_string();
        let mut variables = self.env();
        variables.extend([
            ("PATH".to_owned(), path),
            ("KUBECONFIG".to_owned(), kubeconfig),
            ("AWS_PAGER".to_owned(), String::new()),
        ]);
        variables
    }

    /// Returns the proxy's URL.
    pub fn proxy_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.proxy_port)
    }

    /// Returns the PEM file of the CA that signs the certificates of AWS's host names.
    pub fn aws_ca(&self) -> PathBuf {
        self.processes.directory().join("aws-ca.pem")
    }

    /// Returns a kubeconfig of the group `system:masters` that uses neither the proxy nor the authenticator.
    pub fn kubeconfig(&self) -> &PathBuf {
        &self.kubeconfig
    }

    /// Makes one AWS API call as the administrator, such as `("iam", "GetRole", {"RoleName": …})`, with boto3's names.
    pub fn aws(&self, service: &str, operation: &str, parameters: &Value) -> Result<Value, Error> {
        self.control.call(service, operation, parameters, None)
    }

    /// Makes one AWS API call with other credentials.
    pub fn aws_as(
        &self,
        credentials: &Credentials,
        service: &str,
        operation: &str,
        parameters: &Value,
    ) -> Result<Value, Error> {
        self.control.call(service, operation, parameters, Some(credentials))
    }

    /// Makes one AWS API call as the administrator, in another region or another account.
    pub fn aws_at(&self, place: Place<'_>, service: &str, operation: &str, parameters: &Value) -> Result<Value, Error> {
        self.control.call_at(place, service, operation, parameters)
    }

    /// Creates an IAM user with one inline policy. Returns its access key.
    pub fn create_user(&self, name: &str, policy: &Value) -> Result<Credentials, Error> {
        self.aws("iam", "CreateUser", &json!({"UserName": name}))?;
        let policy = json!({"UserName": name, "PolicyName": name, "PolicyDocument": policy.to_string()});
        self.aws("iam", "PutUserPolicy", &policy)?;
        let mut created = self.aws("iam", "CreateAccessKey", &json!({"UserName": name}))?;
        credentials(created["AccessKey"].take())
    }

    /// Returns the token that the Orchestrator issues for a runner.
    pub fn oidc_token(&self, org: &str, runner_id: &str) -> Result<String, Error> {
        let subject: String = format!("{org}+{runner_id}").chars().take(255).collect();
        self.oidc_token_of(
            &json!({"iss": ISSUER, "aud": "sts.amazonaws.com", "sub": subject}),
            3600,
        )
    }

    /// Returns a token with any claims that the issuer's key signed, valid for some seconds (negative: expired).
    pub fn oidc_token_of(&self, claims: &Value, lifetime: i64) -> Result<String, Error> {
        self.control
            .token("/oidc-token", &json!({"claims": claims, "lifetime": lifetime}))
    }

    /// Returns a token with these claims that another key signed.
    pub fn forged_oidc_token(&self, claims: &Value) -> Result<String, Error> {
        self.control
            .token("/oidc-token", &json!({"claims": claims, "forged": true}))
    }

    /// Assumes a role with an OIDC token, as the Orchestrator does.
    pub fn assume_role(&self, role_arn: &str, session_name: &str, token: &str) -> Result<Credentials, Error> {
        let parameters = json!({"RoleArn": role_arn, "RoleSessionName": session_name, "WebIdentityToken": token});
        let mut session = self.aws("sts", "AssumeRoleWithWebIdentity", &parameters)?;
        credentials(session["Credentials"].take())
    }

    /// Returns a bearer token for the cluster, generated by botocore.
    pub fn cluster_token(&self, credentials: &Credentials) -> Result<String, Error> {
        self.control
            .token("/cluster-token", &json!({"credentials": credentials}))
    }

    /// Returns the access key of the user `admin`, who has all permissions and created the cluster.
    pub fn administrator(&self) -> &Credentials {
        &self.administrator
    }

    /// Replaces the faults.
    pub fn set_faults(&self, faults: &Faults) -> Result<(), Error> {
        self.control.send("PUT", "/faults", &json!(faults)).map(drop)
    }

    /// Changes the cluster without its API: `status`, `authenticationMode`, `resourcesVpcConfig`, `computeConfig` and
    /// `identity`, as in `DescribeCluster`, and `addons`, the statuses of add-ons by name. The other values stay.
    pub fn set_cluster(&self, changes: &Value) -> Result<(), Error> {
        self.control.send("PATCH", "/cluster", changes).map(drop)
    }

    /// Returns how often each AWS action was called since the start or the last [`Eks::reset_calls`], except for the
    /// calls of the sandbox itself and of the authenticator.
    pub fn calls(&self) -> Result<BTreeMap<String, u64>, Error> {
        let calls = self.control.send("GET", "/calls", &Value::Null)?;
        let counts = calls.as_object().into_iter().flatten();
        Ok(counts
            .map(|(action, count)| (action.clone(), count.as_u64().unwrap_or_default()))
            .collect())
    }

    /// Returns how many different tokens the cluster has sent to STS since the start or the last [`Eks::reset_calls`].
    pub fn cluster_tokens(&self) -> Result<u64, Error> {
        let count = self.control.send("GET", "/tokens", &Value::Null)?;
        Ok(count.as_u64().unwrap_or_default())
    }

    /// Resets the counts of calls and tokens.
    pub fn reset_calls(&self) -> Result<(), Error> {
        self.control.send("DELETE", "/calls", &Value::Null).map(drop)
    }
}

fn credentials(response: Value) -> Result<Credentials, Error> {
    serde_json::from_value(response).map_err(|error| Error::Control {
        command: "give credentials".to_owned(),
        message: error.to_string(),
    })
}
