//! The connections to AWS and to the clusters, which all runs share.

use std::sync::Arc;

use crate::access::aws::{Aws, AwsError, SignedCluster, Signer};
use crate::access::kubernetes::{ClusterClient, ClusterConnection, ConnectError};
use crate::access::settings::Settings;
use crate::access::single_flight::{SharedCall, SingleFlight};

/// The connections to AWS and to the clusters. Nothing is set up, and no credentials are looked up, before the first
/// check needs them.
pub(crate) struct Connections {
    /// The settings of the checks.
    pub(super) settings: Arc<Settings>,
    /// The client of AWS.
    pub(super) aws: Arc<Aws>,
    clusters: SingleFlight<ClientKey, Result<ReachedCluster, ReachError>>,
}

/// What distinguishes two clients for clusters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ClientKey {
    /// The cluster, and whose credentials make the token.
    pub(super) cluster: SignedCluster,
    /// The region of the STS that the token is for.
    pub(super) sts_region: String,
}

/// A cluster's API that can be called.
#[derive(Clone)]
pub(crate) struct ReachedCluster {
    /// The cluster.
    pub(crate) cluster: Arc<ClusterClient>,
    /// The URL of its API, if it comes from a kubeconfig.
    pub(crate) kubeconfig_url: Option<String>,
}

/// The reason why a cluster's API cannot be called.
#[derive(Debug, Clone)]
pub(super) enum ReachError {
    /// AWS does not return the cluster's endpoint, or no credentials for its token.
    Aws(AwsError),
    /// The client cannot be set up.
    Client(ConnectError),
}

impl From<AwsError> for ReachError {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

impl From<ConnectError> for ReachError {
    fn from(error: ConnectError) -> Self {
        Self::Client(error)
    }
}

impl Connections {
    /// Returns the connections that the settings configure.
    pub(crate) fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        Self {
            aws: Aws::new(Arc::clone(&settings)),
            settings,
            clusters: SingleFlight::default(),
        }
    }

    /// Returns the settings of the checks.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the client of AWS.
    pub(crate) fn aws(&self) -> &Arc<Aws> {
        &self.aws
    }

    /// Returns a client for a cluster's API.
    pub(super) fn reach(&self, key: ClientKey) -> SharedCall<Result<ReachedCluster, ReachError>> {
        let (aws, settings) = (Arc::clone(&self.aws), Arc::clone(&self.settings));
        self.clusters
            .call(key.clone(), Result::is_ok, || connect(aws, settings, key))
    }
}

/// Sets up a client for a cluster's API.
async fn connect(aws: Arc<Aws>, settings: Arc<Settings>, key: ClientKey) -> Result<ReachedCluster, ReachError> {
    let ClientKey { cluster, sts_region } = key;
    if let (Signer::Caller, Some(kubeconfig)) = (&cluster.signer, &settings.kubeconfig) {
        let (cluster, url) = ClusterClient::from_kubeconfig(kubeconfig).await?;
        return Ok(ReachedCluster {
            cluster,
            kubeconfig_url: Some(url),
        });
    }
    let described = aws.cluster(&cluster).await?;
    let (Some(endpoint), Some(ca)) = (&described.endpoint, &described.ca) else {
        return Err(ReachError::Client(ConnectError::unusable(
            "EKS returned no endpoint or no certificate authority for the cluster",
        )));
    };
    let cluster = ClusterClient::connect(ClusterConnection {
        endpoint,
        ca,
        token: aws.token(&cluster.signer, &sts_region, &cluster.name).await?,
        ca_bundle: aws.ca_bundle().await?,
    })?;
    Ok(ReachedCluster {
        cluster,
        kubeconfig_url: None,
    })
}
