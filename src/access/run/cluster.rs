//! The cluster, its access entries, and the objects in it.

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::Run;
use super::connections::{ClientKey, ReachError, ReachedCluster};
use crate::access::aws::{AccessEntry, EksCluster, Signer};
use crate::access::cause::Cause;
use crate::access::check_error::CheckError;
use crate::access::kubernetes::aws_auth::AwsAuth;
use crate::access::kubernetes::object_kind::ObjectKind;
use crate::access::kubernetes::{ClusterClient, ConnectError, KubeCall, KubeError};
use crate::access::outcome::Outcome;

impl Run<'_> {
    /// Returns the cluster as EKS knows it.
    pub(crate) async fn eks_cluster(&self) -> Result<Arc<EksCluster>, CheckError> {
        let cluster = self.signed_cluster(self.signer()?)?;
        Ok(self.aws().cluster(&cluster).await?)
    }

    /// Returns the role's access entry.
    pub(crate) async fn access_entry(&self) -> Result<Arc<AccessEntry>, CheckError> {
        let cluster = self.entry_cluster().await?;
        let role = self.role()?.to_string();
        Ok(self.aws().access_entry(&cluster, &role).await?)
    }

    /// Returns whether an entry was created after the role: EKS stores the role's unique ID with an entry, so an
    /// entry that is older than the role belongs to a deleted role with the same name (`principalArn` of `AccessEntry` in the EKS
    /// API reference).
    pub(crate) async fn belongs_to_role(&self, entry: &AccessEntry) -> bool {
        let (Some(created), Ok(role), Ok(expected)) = (entry.created, self.iam_role().await, self.role()) else {
            return true;
        };
        role.arn != expected.to_string() || role.created <= created
    }

    /// Returns the content of `aws-auth`, which is empty if the ConfigMap does not exist.
    pub(crate) async fn aws_auth(&self) -> Result<AwsAuth, CheckError> {
        const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/aws-auth";
        let cluster = self.cluster().await?;
        match cluster.get(PATH).await {
            Ok(map) => Ok(AwsAuth::read(&map)),
            Err(error) if error.is_not_found() => Ok(AwsAuth::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the cluster's API.
    pub(crate) async fn cluster(&self) -> Result<Arc<ClusterClient>, CheckError> {
        Ok(self.reach().await?.cluster)
    }

    /// Returns the cluster's API, and where its URL comes from.
    pub(crate) async fn reach(&self) -> Result<ReachedCluster, CheckError> {
        self.reach_as(self.signer()?).await
    }

    /// Returns the cluster's API, called with the caller's own credentials.
    pub(crate) async fn cluster_of_caller(&self) -> Result<Arc<ClusterClient>, CheckError> {
        Ok(self.reach_as(Signer::Caller).await?.cluster)
    }

    /// Returns the cluster's API, called with these credentials.
    async fn reach_as(&self, signer: Signer) -> Result<ReachedCluster, CheckError> {
        let sts_region = match &signer {
            Signer::Caller => self.region()?.to_owned(),
            Signer::Runner(session) => session.sts_region.clone(),
        };
        let key = ClientKey {
            cluster: self.signed_cluster(signer)?,
            sts_region,
        };
        let reached = self.connections.reach(key).await;
        reached.map_err(|error| match error {
            ReachError::Aws(error) => error.into(),
            ReachError::Client(error) => Self::no_client(error).into(),
        })
    }

    /// Returns the outcome of a check without a client for the cluster: the caller's own route to the cluster says
    /// nothing about the runner.
    fn no_client(error: ConnectError) -> Outcome {
        let outcome = Outcome::incomplete(error.reason, format!("Not checked: {error}."));
        let problem = error.message;
        match error.fix {
            Some(fix) => outcome.fix(Cause::Client { problem }, fix),
            None => outcome,
        }
    }

    /// Returns the object at a path of the cluster's API. [`Run::call`] says who reads it.
    pub(crate) async fn read(&self, path: String) -> Result<Arc<Value>, CheckError> {
        self.call(|cluster| cluster.get(path.clone())).await
    }

    /// Makes a call of the cluster's API for something that the Orchestrator itself does not look up. The runner needs
    /// no permission for it: in a run as the runner, the caller makes calls that are forbidden to the runner, if there
    /// is a caller in the role's account.
    pub(crate) async fn call<T: Clone>(
        &self,
        call: impl Fn(&Arc<ClusterClient>) -> KubeCall<T>,
    ) -> Result<T, CheckError> {
        let response = call(&self.cluster().await?).await;
        let is_forbidden = response.as_ref().is_err_and(KubeError::is_forbidden);
        if !is_forbidden || !self.as_runner() || self.same_account().await.is_err() {
            return Ok(response?);
        }
        let Ok(caller) = self.reach_as(Signer::Caller).await else {
            return Ok(response?);
        };
        let of_caller = call(&caller.cluster).await;
        Ok(match &of_caller {
            Ok(_) => of_caller,
            Err(error) if error.is_not_found() => of_caller,
            // An error of the caller's own call is not what the check is about.
            Err(_) => response,
        }?)
    }

    /// Returns a path below the job's namespace in the cluster's API.
    pub(crate) fn namespaced(&self, rest: &str) -> Result<String, CheckError> {
        Ok(format!("/api/v1/namespaces/{}{rest}", self.namespace()?))
    }

    /// Returns the path of an object that the Job's pod needs. Its name was not validated.
    pub(crate) fn object_path(&self, kind: ObjectKind, name: &str) -> Result<String, CheckError> {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
        Ok(kind.path(self.namespace()?, &name))
    }
}
