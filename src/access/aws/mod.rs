//! The calls to AWS. Each call is sent once, and everything that needs its response shares it.

pub(crate) mod error;
pub(crate) mod http;

mod credentials;
mod document;
mod eks;
mod fargate;
mod iam;
mod kms;
mod node_groups;
mod pod_identity;
mod rate_limit;
mod response_body;
mod s3;
mod signed;
mod sts;
mod token;

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;
use tokio::sync::OnceCell;

pub(crate) use credentials::{ATTEMPT, CONNECT};
use document::DocumentResult;
pub(crate) use document::FetchedDocument;
pub(crate) use eks::{AccessEntry, AssociatedPolicy, EksCluster};
pub(crate) use error::AwsError;
pub(crate) use fargate::FargateProfile;
pub(crate) use iam::{Role, Simulation, SimulationRequest};
pub(crate) use kms::{KeyGrant, KmsKey};
pub(crate) use node_groups::NodeGroup;
pub(crate) use pod_identity::PodIdentityAssociation;
use rate_limit::{RateLimits, Service};
pub(crate) use s3::{Bucket, BucketPolicy, DefaultKey};
pub(crate) use signed::dns_suffix;
pub(crate) use sts::{CallerIdentity, Session};

use super::settings::Settings;
use super::single_flight::{SharedCall, SingleFlight};
use crate::runner::RoleArn;

/// The result of an AWS call.
pub(crate) type AwsResult<T> = Result<Arc<T>, AwsError>;
/// An AWS call that might be under way.
pub(crate) type AwsCall<T> = SharedCall<AwsResult<T>>;

/// Whose credentials sign a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Signer {
    /// The caller's credentials.
    Caller,
    /// The credentials of the runner's session.
    Runner(Session),
}

/// A cluster of EKS, and whose credentials sign the calls about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SignedCluster {
    /// Whose credentials sign the calls.
    pub(crate) signer: Signer,
    /// The cluster's region.
    pub(crate) region: String,
    /// The cluster's name.
    pub(crate) name: String,
}

/// What belongs to a cluster, by its name or the ARN of its principal.
type ClusterObjectKey = (SignedCluster, String);

/// An object of S3 or KMS: its region, and its name or ID.
type RegionalKey = (String, String);

/// The client of AWS. Nothing is set up, and no credentials are looked up, before the first call.
#[derive(Default)]
pub(crate) struct Aws {
    settings: Arc<Settings>,
    /// Whether this process might create what a response does not contain yet.
    expects_changes: AtomicBool,
    limits: RateLimits,
    anonymous: OnceCell<Result<SdkConfig, AwsError>>,
    caller: OnceCell<Result<SdkConfig, AwsError>>,
    identities: SingleFlight<String, AwsResult<CallerIdentity>>,
    sessions: SingleFlight<Session, AwsResult<Credentials>>,
    roles: SingleFlight<(String, RoleArn), AwsResult<Role>>,
    providers: SingleFlight<(String, String), AwsResult<Vec<String>>>,
    simulations: SingleFlight<(String, SimulationRequest), AwsResult<Vec<Simulation>>>,
    buckets: SingleFlight<RegionalKey, AwsResult<Bucket>>,
    bucket_policies: SingleFlight<RegionalKey, AwsResult<BucketPolicy>>,
    bucket_keys: SingleFlight<RegionalKey, AwsResult<DefaultKey>>,
    keys: SingleFlight<RegionalKey, AwsResult<KmsKey>>,
    key_policies: SingleFlight<RegionalKey, AwsResult<Value>>,
    key_grants: SingleFlight<[String; 3], AwsResult<Vec<KeyGrant>>>,
    clusters: SingleFlight<SignedCluster, AwsResult<EksCluster>>,
    entries: SingleFlight<ClusterObjectKey, AwsResult<AccessEntry>>,
    policies: SingleFlight<ClusterObjectKey, AwsResult<Vec<AssociatedPolicy>>>,
    node_groups: SingleFlight<SignedCluster, AwsResult<Vec<NodeGroup>>>,
    associations: SingleFlight<ClusterObjectKey, AwsResult<Option<Arc<PodIdentityAssociation>>>>,
    add_ons: SingleFlight<ClusterObjectKey, AwsResult<String>>,
    fargate_profiles: SingleFlight<SignedCluster, AwsResult<Vec<FargateProfile>>>,
    documents: SingleFlight<String, DocumentResult>,
}

impl Aws {
    /// Returns a client that the settings configure.
    pub(crate) fn new(settings: Arc<Settings>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            ..Self::default()
        })
    }

    /// Returns whether no call was made and nothing was set up.
    #[cfg(test)]
    pub(crate) fn is_untouched(&self) -> bool {
        !self.anonymous.initialized() && !self.caller.initialized()
    }

    /// Notes that this process might create what a response does not contain yet: an apply does, and a plan does not.
    pub(crate) fn expect_changes(&self) {
        self.expects_changes.store(true, Ordering::Relaxed);
    }

    /// Returns which responses should stay as they are. While nothing changes, each response does, so that the runners of a
    /// plan share it. Once changes are expected, only those do that `is_final` accepts.
    fn settled<T>(&self, is_final: fn(&AwsResult<T>) -> bool) -> fn(&AwsResult<T>) -> bool {
        if self.expects_changes.load(Ordering::Relaxed) {
            is_final
        } else {
            Result::is_ok
        }
    }

    /// Calls a service, and waits until it no longer throttles the call.
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
        let call = move || {
            let sent = send();
            async move { sent.await.map_err(|error| AwsError::from_sdk(action, error)) }
        };
        self.limits.for_service(service).run(call).await
    }

    /// Returns the SDK's configuration without credentials.
    async fn anonymous(&self) -> Result<SdkConfig, AwsError> {
        let load = || credentials::anonymous(&self.settings);
        self.anonymous.get_or_init(load).await.clone()
    }

    /// Returns the authorities, in PEM, that are trusted besides a cluster's own: a proxy that opens TLS opens the
    /// connection to the cluster too, and presents a certificate of its own.
    pub(crate) async fn ca_bundle(&self) -> Result<Option<Vec<u8>>, AwsError> {
        http::ca_bundle(self.settings.profile.as_deref()).await
    }

    /// Returns the SDK's configuration for a region, with the caller's credentials.
    async fn caller(&self, region: &str) -> Result<SdkConfig, AwsError> {
        let look = async || {
            let anonymous = self.anonymous().await?;
            credentials::caller(&anonymous, &self.settings, region).await
        };
        let config = self.caller.get_or_init(look).await.clone()?;
        Ok(in_region(&config, region))
    }

    /// Returns the SDK's configuration for a region, with the signer's credentials.
    async fn config(self: &Arc<Self>, signer: &Signer, region: &str) -> Result<SdkConfig, AwsError> {
        match signer {
            Signer::Caller => self.caller(region).await,
            Signer::Runner(session) => {
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
}

/// Returns the same configuration for another region.
fn in_region(config: &SdkConfig, region: &str) -> SdkConfig {
    let region = Region::new(region.to_owned());
    config.to_builder().region(region).build()
}
