//! The questions that are put to AWS, each asked once for all who want its answer.

pub(crate) mod error;
pub(crate) mod http;

mod credentials;
mod rate_limit;
mod token;

use std::error::Error;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::{BoxFuture, Shared};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::OnceCell;

pub(crate) use credentials::{ATTEMPT, CONNECT};
pub(crate) use error::AwsError;
use rate_limit::RateLimit;

use super::answers::Answers;
use super::settings::Settings;
use crate::files;
use crate::runner::RoleArn;
use crate::secrets::protect;

/// What a question comes to.
pub(crate) type Answer<T> = Result<Arc<T>, AwsError>;
/// An answer that may be under way.
pub(crate) type Asked<T> = Shared<BoxFuture<'static, Answer<T>>>;

/// Whose credentials a question is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// The caller's.
    Caller,
    /// Those of the runner's session.
    Runner(Session),
}

/// A session of the runner's role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    /// The role's ARN.
    pub(crate) role_arn: String,
    /// The session's name.
    pub(crate) name: String,
    /// The region whose STS is asked.
    pub(crate) sts_region: String,
}

/// Who the caller is.
#[derive(Debug)]
pub(crate) struct CallerIdentity {
    /// The ARN of the user or of the session of a role.
    pub(crate) arn: String,
    /// The twelve digits of the account.
    pub(crate) account: String,
}

impl CallerIdentity {
    /// The partition of AWS: `aws`, `aws-cn`, `aws-us-gov`, …
    pub(crate) fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or_default()
    }
}

/// An IAM role.
#[derive(Debug)]
pub(crate) struct Role {
    /// Its ARN, with its path.
    pub(crate) arn: String,
    /// When it was made, in seconds since 1970.
    pub(crate) created: i64,
    /// Its trust policy, or why that cannot be read.
    pub(crate) trust_policy: Result<Value, String>,
}

/// What the simulation of a permission says.
#[derive(Debug)]
pub(crate) struct Simulation {
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub(crate) decision: String,
    /// Whether it allows.
    pub(crate) allowed: bool,
    /// Whether the organization's policies refuse.
    pub(crate) organization_refuses: bool,
    /// Whether the permissions boundary refuses.
    pub(crate) boundary_refuses: bool,
    /// The condition keys whose values the simulation wanted to know.
    pub(crate) missing_context: Vec<String>,
}

/// An EKS cluster.
#[derive(Debug)]
pub(crate) struct EksCluster {
    /// `ACTIVE`, `UPDATING`, `CREATING`, …
    pub(crate) status: String,
    /// The URL of its API.
    pub(crate) endpoint: Option<String>,
    /// Its certificate authority, base64 of PEM.
    pub(crate) ca: Option<String>,
    /// Whether the API has a public endpoint.
    pub(crate) public: bool,
    /// Who may reach the public endpoint.
    pub(crate) public_cidrs: Vec<String>,
    /// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`.
    pub(crate) authentication_mode: String,
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
    /// When it was made, in seconds since 1970.
    pub(crate) created: Option<i64>,
}

/// An EKS access policy that is associated with a principal.
#[derive(Debug)]
pub(crate) struct AssociatedPolicy {
    /// The policy's ARN.
    pub(crate) arn: String,
    /// The namespaces it is limited to; `None` for the whole cluster.
    pub(crate) namespaces: Option<Vec<String>>,
}

/// A service that throttles by itself.
#[derive(Debug, Clone, Copy)]
enum Service {
    Iam,
    Eks,
    Sts,
}

/// AWS. Nothing is set up and no credentials are looked for before the first question.
pub(crate) struct Aws {
    settings: Arc<Settings>,
    iam: RateLimit,
    eks: RateLimit,
    sts: RateLimit,
    anonymous: OnceCell<Result<SdkConfig, AwsError>>,
    caller: OnceCell<Result<SdkConfig, AwsError>>,
    identity: Answers<String, Answer<CallerIdentity>>,
    sessions: Answers<Session, Answer<Credentials>>,
    roles: Answers<(String, RoleArn), Answer<Role>>,
    providers: Answers<(String, String), Answer<Vec<String>>>,
    simulations: Answers<(String, String, String), Answer<Simulation>>,
    clusters: Answers<(Who, String, String), Answer<EksCluster>>,
    entries: Answers<(Who, String, String, String), Answer<AccessEntry>>,
    policies: Answers<(Who, String, String, String), Answer<Vec<AssociatedPolicy>>>,
}

impl Aws {
    /// AWS as the settings have it asked.
    pub(crate) fn new(settings: Arc<Settings>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            iam: RateLimit::default(),
            eks: RateLimit::default(),
            sts: RateLimit::default(),
            anonymous: OnceCell::new(),
            caller: OnceCell::new(),
            identity: Answers::default(),
            sessions: Answers::default(),
            roles: Answers::default(),
            providers: Answers::default(),
            simulations: Answers::default(),
            clusters: Answers::default(),
            entries: Answers::default(),
            policies: Answers::default(),
        })
    }

    /// Whether nothing was asked and nothing was set up.
    #[cfg(test)]
    pub(crate) fn is_untouched(&self) -> bool {
        !self.anonymous.initialized() && !self.caller.initialized()
    }

    /// The throttling that calls are waiting out now.
    pub(crate) fn throttled(&self) -> Option<AwsError> {
        let limits = [&self.sts, &self.iam, &self.eks];
        limits.into_iter().find_map(RateLimit::throttled)
    }

    /// Makes a call of a service, and waits throttling out.
    async fn paced<T, E, F>(
        &self,
        service: Service,
        action: &'static str,
        send: impl Fn() -> F + Send + 'static,
    ) -> Result<T, AwsError>
    where
        T: Send + 'static,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, Response>>> + Send + 'static,
    {
        let limit = match service {
            Service::Iam => &self.iam,
            Service::Eks => &self.eks,
            Service::Sts => &self.sts,
        };
        let call = move || {
            let sent = send();
            async move { sent.await.map_err(|error| AwsError::of(action, error)) }
        };
        limit.run(call).await
    }

    /// The SDK's configuration without credentials.
    async fn anonymous(&self) -> Result<SdkConfig, AwsError> {
        let load = || credentials::anonymous(&self.settings);
        self.anonymous.get_or_init(load).await.clone()
    }

    /// The authorities in PEM that are trusted besides a cluster's own: a proxy that opens TLS does so for the cluster
    /// too, and shows a certificate of its own.
    pub(crate) async fn ca_bundle(&self) -> Result<Option<Vec<u8>>, AwsError> {
        http::ca_bundle(self.settings.profile.as_deref()).await
    }

    /// The SDK's configuration for a region, with the caller's credentials.
    async fn caller(&self, region: &str) -> Result<SdkConfig, AwsError> {
        let look = async || {
            let anonymous = self.anonymous().await?;
            credentials::caller(&anonymous, &self.settings, region).await
        };
        let config = self.caller.get_or_init(look).await.clone()?;
        Ok(in_region(&config, region))
    }

    /// The SDK's configuration for a region, with somebody's credentials.
    async fn config(self: &Arc<Self>, who: &Who, region: &str) -> Result<SdkConfig, AwsError> {
        match who {
            Who::Caller => self.caller(region).await,
            Who::Runner(session) => {
                let assumed = self.session(session).await?;
                let provider = SharedCredentialsProvider::new((*assumed).clone());
                let base = self.anonymous().await?;
                Ok(in_region(&base, region)
                    .to_builder()
                    .credentials_provider(provider)
                    .build())
            }
        }
    }

    /// Who the caller is, asked in a region.
    pub(crate) fn identity(self: &Arc<Self>, region: &str) -> Asked<CallerIdentity> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let (aws, region) = (Arc::clone(self), region.to_owned());
        self.identity
            .get(region.clone(), Result::is_ok, || async move {
                let config = aws.config(&Who::Caller, &region).await?;
                let request = aws_sdk_sts::Client::new(&config).get_caller_identity();
                let answer = aws
                    .paced(Service::Sts, ACTION, move || request.clone().send())
                    .await?;
                Ok(Arc::new(CallerIdentity {
                    arn: present(ACTION, answer.arn)?,
                    account: present(ACTION, answer.account)?,
                }))
            })
    }

    /// The credentials of a session of the runner's role: with the token file if there is one,
    /// else assumed by the caller.
    pub(crate) fn session(self: &Arc<Self>, session: &Session) -> Asked<Credentials> {
        let (aws, session) = (Arc::clone(self), session.clone());
        self.sessions
            .get(session.clone(), Result::is_ok, || async move {
                let assumed = match &aws.settings.web_identity_token_file {
                    Some(file) => aws.assume_with_token(&session, file).await?,
                    None => aws.assume(&session).await?,
                };
                Ok(Arc::new(assumed))
            })
    }

    async fn assume(self: &Arc<Self>, session: &Session) -> Result<Credentials, AwsError> {
        const ACTION: &str = "sts:AssumeRole";
        let config = self.caller(&session.sts_region).await?;
        let request = aws_sdk_sts::Client::new(&config)
            .assume_role()
            .role_arn(&session.role_arn)
            .role_session_name(&session.name);
        let answer = self
            .paced(Service::Sts, ACTION, move || request.clone().send())
            .await?;
        received(ACTION, answer.credentials)
    }

    async fn assume_with_token(
        self: &Arc<Self>,
        session: &Session,
        file: &Path,
    ) -> Result<Credentials, AwsError> {
        const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
        let token = web_identity_token(file).await?;
        let config = in_region(&self.anonymous().await?, &session.sts_region);
        let request = aws_sdk_sts::Client::new(&config)
            .assume_role_with_web_identity()
            .role_arn(&session.role_arn)
            .role_session_name(&session.name)
            .web_identity_token(token);
        let answer = self
            .paced(Service::Sts, ACTION, move || request.clone().send())
            .await
            .map_err(|error| match error {
                // The call has no signature: it is the token that STS refuses.
                AwsError::BadCredentials(message) => AwsError::Denied {
                    action: ACTION,
                    message,
                },
                other => other,
            })?;
        received(ACTION, answer.credentials)
    }

    /// The role, looked up by its name in the caller's account.
    pub(crate) fn role(self: &Arc<Self>, region: &str, role: &RoleArn) -> Asked<Role> {
        const ACTION: &str = "iam:GetRole";
        let (aws, key) = (Arc::clone(self), (region.to_owned(), role.clone()));
        self.roles.get(key.clone(), Result::is_ok, || async move {
            let config = aws.caller(&key.0).await?;
            let request = aws_sdk_iam::Client::new(&config)
                .get_role()
                .role_name(&key.1.name);
            let answer = aws
                .paced(Service::Iam, ACTION, move || request.clone().send())
                .await?;
            let role = answer.role.ok_or_else(|| empty(ACTION))?;
            let document = role.assume_role_policy_document.unwrap_or_default();
            Ok(Arc::new(Role {
                arn: present(ACTION, Some(role.arn))?,
                created: role.create_date.secs(),
                trust_policy: trust_policy(&document),
            }))
        })
    }

    /// The client ids of an IAM OIDC provider.
    pub(crate) fn client_ids(self: &Arc<Self>, region: &str, arn: &str) -> Asked<Vec<String>> {
        const ACTION: &str = "iam:GetOpenIDConnectProvider";
        let (aws, key) = (Arc::clone(self), (region.to_owned(), arn.to_owned()));
        self.providers
            .get(key.clone(), Result::is_ok, || async move {
                let config = aws.caller(&key.0).await?;
                let request = aws_sdk_iam::Client::new(&config)
                    .get_open_id_connect_provider()
                    .open_id_connect_provider_arn(&key.1);
                let answer = aws
                    .paced(Service::Iam, ACTION, move || request.clone().send())
                    .await?;
                // Every provider has a URL; none of it means that the answer is not whole.
                if answer.client_id_list.is_none() {
                    present(ACTION, answer.url)?;
                }
                Ok(Arc::new(answer.client_id_list.unwrap_or_default()))
            })
    }

    /// Whether the role's policies allow `eks:DescribeCluster` on a cluster.
    pub(crate) fn may_describe(
        self: &Arc<Self>,
        region: &str,
        role_arn: &str,
        cluster_arn: &str,
    ) -> Asked<Simulation> {
        const ACTION: &str = "iam:SimulatePrincipalPolicy";
        let aws = Arc::clone(self);
        let key = (
            region.to_owned(),
            role_arn.to_owned(),
            cluster_arn.to_owned(),
        );
        let settled = |answer: &Answer<Simulation>| answer.as_ref().is_ok_and(|s| s.allowed);
        self.simulations.get(key.clone(), settled, || async move {
            let config = aws.caller(&key.0).await?;
            let requested_region = ContextEntry::builder()
                .context_key_name("aws:RequestedRegion")
                .context_key_type(ContextKeyTypeEnum::String)
                .context_key_values(&key.0)
                .build();
            let request = aws_sdk_iam::Client::new(&config)
                .simulate_principal_policy()
                .policy_source_arn(&key.1)
                .action_names("eks:DescribeCluster")
                .resource_arns(&key.2)
                .context_entries(requested_region);
            let answer = aws
                .paced(Service::Iam, ACTION, move || request.clone().send())
                .await?;
            let result = answer
                .evaluation_results
                .unwrap_or_default()
                .into_iter()
                .next();
            let result = result.ok_or_else(|| empty(ACTION))?;
            let allowed = match &result.eval_decision {
                PolicyEvaluationDecisionType::Allowed => true,
                PolicyEvaluationDecisionType::ExplicitDeny
                | PolicyEvaluationDecisionType::ImplicitDeny => false,
                _ => return Err(empty(ACTION)),
            };
            Ok(Arc::new(Simulation {
                allowed,
                decision: result.eval_decision.as_str().to_owned(),
                organization_refuses: result
                    .organizations_decision_detail
                    .is_some_and(|detail| !detail.allowed_by_organizations),
                boundary_refuses: result
                    .permissions_boundary_decision_detail
                    .is_some_and(|detail| !detail.allowed_by_permissions_boundary),
                missing_context: result.missing_context_values.unwrap_or_default(),
            }))
        })
    }

    /// The cluster.
    pub(crate) fn cluster(
        self: &Arc<Self>,
        who: &Who,
        region: &str,
        name: &str,
    ) -> Asked<EksCluster> {
        const ACTION: &str = "eks:DescribeCluster";
        let aws = Arc::clone(self);
        let key = (who.clone(), region.to_owned(), name.to_owned());
        let settled =
            |answer: &Answer<EksCluster>| answer.as_ref().is_ok_and(|c| c.status == "ACTIVE");
        self.clusters.get(key.clone(), settled, || async move {
            let config = aws.config(&key.0, &key.1).await?;
            let request = aws_sdk_eks::Client::new(&config)
                .describe_cluster()
                .name(&key.2);
            let answer = aws
                .paced(Service::Eks, ACTION, move || request.clone().send())
                .await?;
            described(ACTION, answer.cluster).map(Arc::new)
        })
    }

    /// The access entry of a principal.
    pub(crate) fn access_entry(
        self: &Arc<Self>,
        who: &Who,
        region: &str,
        cluster: &str,
        principal: &str,
    ) -> Asked<AccessEntry> {
        const ACTION: &str = "eks:DescribeAccessEntry";
        let aws = Arc::clone(self);
        let key = (
            who.clone(),
            region.to_owned(),
            cluster.to_owned(),
            principal.to_owned(),
        );
        self.entries.get(key.clone(), Result::is_ok, || async move {
            let config = aws.config(&key.0, &key.1).await?;
            let request = aws_sdk_eks::Client::new(&config)
                .describe_access_entry()
                .cluster_name(&key.2)
                .principal_arn(&key.3);
            let answer = aws
                .paced(Service::Eks, ACTION, move || request.clone().send())
                .await?;
            let entry = answer.access_entry.ok_or_else(|| empty(ACTION))?;
            Ok(Arc::new(AccessEntry {
                kind: entry.r#type.unwrap_or_else(|| "STANDARD".to_owned()),
                username: entry.username.unwrap_or_default(),
                groups: entry.kubernetes_groups.unwrap_or_default(),
                created: entry.created_at.map(|at| at.secs()),
            }))
        })
    }

    /// The access policies that are associated with a principal.
    pub(crate) fn access_policies(
        self: &Arc<Self>,
        who: &Who,
        region: &str,
        cluster: &str,
        principal: &str,
    ) -> Asked<Vec<AssociatedPolicy>> {
        const ACTION: &str = "eks:ListAssociatedAccessPolicies";
        let aws = Arc::clone(self);
        let key = (
            who.clone(),
            region.to_owned(),
            cluster.to_owned(),
            principal.to_owned(),
        );
        self.policies.get(
            key.clone(),
            |_| false,
            || async move {
                let config = aws.config(&key.0, &key.1).await?;
                let request = aws_sdk_eks::Client::new(&config)
                    .list_associated_access_policies()
                    .cluster_name(&key.2)
                    .principal_arn(&key.3);
                let send = move || {
                    let pages = request.clone().into_paginator().items().send();
                    pages.collect::<Result<Vec<_>, _>>()
                };
                let pages = aws.paced(Service::Eks, ACTION, send).await?;
                let policies = pages.into_iter().map(|policy| {
                    let limited = policy.access_scope.filter(|scope| {
                        scope
                            .r#type
                            .as_ref()
                            .is_some_and(|t| t.as_str() == "namespace")
                    });
                    AssociatedPolicy {
                        arn: policy.policy_arn.unwrap_or_default(),
                        namespaces: limited.map(|scope| scope.namespaces.unwrap_or_default()),
                    }
                });
                Ok(Arc::new(policies.collect()))
            },
        )
    }

    /// A bearer token for one cluster, made with somebody's credentials and a region's STS.
    pub(crate) async fn token(
        self: &Arc<Self>,
        who: &Who,
        sts_region: &str,
        cluster: &str,
    ) -> Result<SecretString, AwsError> {
        let credentials = match who {
            Who::Caller => credentials::credentials(&self.caller(sts_region).await?).await?,
            Who::Runner(session) => (*self.session(session).await?).clone(),
        };
        token::token(credentials, sts_region, cluster, SystemTime::now()).await
    }
}

/// The same configuration for another region.
fn in_region(config: &SdkConfig, region: &str) -> SdkConfig {
    let region = Region::new(region.to_owned());
    config.to_builder().region(region).build()
}

/// The credentials in an answer of STS.
fn received(
    action: &'static str,
    credentials: Option<aws_sdk_sts::types::Credentials>,
) -> Result<Credentials, AwsError> {
    let credentials = credentials.ok_or_else(|| empty(action))?;
    let received = Credentials::new(
        present(action, Some(credentials.access_key_id))?,
        present(action, Some(credentials.secret_access_key))?,
        Some(credentials.session_token),
        SystemTime::try_from(credentials.expiration).ok(),
        "runner",
    );
    credentials::received(received).map_err(|problem| AwsError::Unreachable {
        action,
        message: problem,
    })
}

/// IAM gives a trust policy percent-encoded.
fn trust_policy(document: &str) -> Result<Value, String> {
    let text = percent_decode_str(document)
        .decode_utf8()
        .map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// The cluster in an answer of EKS.
fn described(
    action: &'static str,
    cluster: Option<aws_sdk_eks::types::Cluster>,
) -> Result<EksCluster, AwsError> {
    let cluster = cluster.ok_or_else(|| empty(action))?;
    let network = cluster.resources_vpc_config;
    // Only a cluster that is registered with the EKS Connector has no network of EKS.
    if network.is_none() && cluster.connector_config.is_none() {
        return Err(empty(action));
    }
    let mode = cluster
        .access_config
        .and_then(|access| access.authentication_mode);
    Ok(EksCluster {
        status: present(action, cluster.status.map(|s| s.as_str().to_owned()))?,
        endpoint: cluster.endpoint,
        ca: cluster
            .certificate_authority
            .and_then(|authority| authority.data),
        public: network
            .as_ref()
            .is_some_and(|network| network.endpoint_public_access),
        public_cidrs: network
            .and_then(|network| network.public_access_cidrs)
            .unwrap_or_default(),
        // A cluster from before access entries says nothing.
        authentication_mode: mode
            .map_or_else(|| "CONFIG_MAP".to_owned(), |mode| mode.as_str().to_owned()),
    })
}

/// The token in a web identity token file.
async fn web_identity_token(file: &Path) -> Result<String, AwsError> {
    let problem = match files::read(file).await.map(String::from_utf8) {
        Ok(Ok(token)) if !token.trim().is_empty() => {
            let token = token.trim().to_owned();
            protect(&token);
            return Ok(token);
        }
        Ok(Ok(_)) => "is empty".to_owned(),
        Ok(Err(_)) => "cannot be read: it is not UTF-8".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    Err(AwsError::TokenFile(format!(
        "The web identity token file {} {problem}",
        file.display()
    )))
}

/// A text that every answer has.
fn present(action: &'static str, text: Option<String>) -> Result<String, AwsError> {
    text.filter(|text| !text.is_empty())
        .ok_or_else(|| empty(action))
}

/// An answer without what it is the answer to.
fn empty(action: &'static str) -> AwsError {
    AwsError::Unreachable {
        action,
        message: "the answer is empty".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_is_decoded() {
        let document = "%7B%22a%22%3A%20%22my-org%2Bx%22%7D";
        assert_eq!(trust_policy(document).unwrap()["a"], "my-org+x");
        assert_eq!(trust_policy("{\"a\":\"x+y\"}").unwrap()["a"], "x+y");
        assert!(trust_policy("%7B").is_err());
    }

    #[test]
    fn a_cluster_without_its_status_or_network_is_an_empty_answer() {
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
            assert_eq!(read(cut), Err(empty("eks:DescribeCluster")));
        }
        for text in [None, Some(String::new())] {
            assert!(present("sts:GetCallerIdentity", text).is_err());
        }
    }

    #[tokio::test]
    async fn a_token_file_without_a_token_is_not_sent() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        let missing = web_identity_token(&file).await;
        assert!(matches!(missing, Err(AwsError::TokenFile(_))));
        std::fs::write(&file, " \n").unwrap();
        let AwsError::TokenFile(message) = web_identity_token(&file).await.unwrap_err() else {
            panic!("not a problem of the file");
        };
        assert!(message.ends_with("is empty"), "{message}");
        std::fs::write(&file, "a-token\n").unwrap();
        assert_eq!(web_identity_token(&file).await.unwrap(), "a-token");
    }
}
