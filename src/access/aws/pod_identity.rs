//! The calls of EKS about the AWS identity of pods: Pod Identity associations and add-ons.

use std::sync::Arc;

use super::error::{AwsError, required};
use super::{Aws, AwsCall, AwsResult, Service, SignedCluster};

/// A Pod Identity association of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodIdentityAssociation {
    /// The ID, such as `a-0123456789abcdef0`.
    pub(crate) id: String,
    /// The ARN of the role that EKS assumes.
    pub(crate) role_arn: String,
    /// The ARN of the role that EKS assumes with the first one, if the association has one.
    pub(crate) target_role_arn: Option<String>,
    /// The external ID with which EKS assumes the target role.
    pub(crate) external_id: Option<String>,
    /// Whether EKS tags the session with the cluster, the namespace, the service account, and the pod.
    pub(crate) has_session_tags: bool,
    /// The session policy, which narrows the permissions of the role.
    pub(crate) session_policy: Option<String>,
}

impl PodIdentityAssociation {
    /// Returns the ARN of the role whose permissions the pod has.
    pub(crate) fn effective_role(&self) -> &str {
        self.target_role_arn.as_ref().unwrap_or(&self.role_arn)
    }
}

impl Aws {
    /// Returns the Pod Identity association of a service account. `None` if it has none.
    pub(crate) fn pod_identity_association(
        self: &Arc<Self>,
        cluster: &SignedCluster,
        namespace: &str,
        service_account: &str,
    ) -> AwsCall<Option<Arc<PodIdentityAssociation>>> {
        const LIST: &str = "eks:ListPodIdentityAssociations";
        const DESCRIBE: &str = "eks:DescribePodIdentityAssociation";
        let aws = Arc::clone(self);
        let (namespace, account) = (namespace.to_owned(), service_account.to_owned());
        let key = (cluster.clone(), format!("{namespace}/{account}"));
        let is_settled = self.settled(|response: &AwsResult<Option<Arc<PodIdentityAssociation>>>| {
            response.as_ref().is_ok_and(|found| found.is_some())
        });
        self.associations.call(key.clone(), is_settled, || async move {
            let client = aws.eks(&key.0).await?;
            let list = client
                .list_pod_identity_associations()
                .cluster_name(&key.0.name)
                .namespace(namespace)
                .service_account(account);
            let send = move || {
                let pages = list.clone().into_paginator().items().send();
                pages.collect::<Result<Vec<_>, _>>()
            };
            let found = aws.paced(Service::Eks, LIST, send).await?;
            // A service account has one association at most.
            let Some(summary) = found.into_iter().next() else {
                return Ok(Arc::new(None));
            };
            let describe = client
                .describe_pod_identity_association()
                .cluster_name(&key.0.name)
                .association_id(required(LIST, summary.association_id)?);
            let response = aws
                .paced(Service::Eks, DESCRIBE, move || describe.clone().send())
                .await?;
            let found = response.association.ok_or_else(|| AwsError::empty(DESCRIBE))?;
            Ok(Arc::new(Some(Arc::new(PodIdentityAssociation {
                id: required(DESCRIBE, found.association_id)?,
                role_arn: required(DESCRIBE, found.role_arn)?,
                target_role_arn: found.target_role_arn.filter(|arn| !arn.is_empty()),
                external_id: found.external_id,
                has_session_tags: !found.disable_session_tags.unwrap_or_default(),
                session_policy: found.policy.filter(|policy| !policy.is_empty()),
            }))))
        })
    }

    /// Returns the status of an add-on, such as `ACTIVE`.
    pub(crate) fn add_on(self: &Arc<Self>, cluster: &SignedCluster, name: &str) -> AwsCall<String> {
        const ACTION: &str = "eks:DescribeAddon";
        let aws = Arc::clone(self);
        let key = (cluster.clone(), name.to_owned());
        let is_settled = self.settled(|_| false);
        self.add_ons.call(key.clone(), is_settled, || async move {
            let request = aws.eks(&key.0).await?.describe_addon();
            let request = request.cluster_name(&key.0.name).addon_name(&key.1);
            let response = aws.paced(Service::Eks, ACTION, move || request.clone().send()).await?;
            let status = response.addon.and_then(|found| found.status);
            required(ACTION, status.map(|status| status.as_str().to_owned())).map(Arc::new)
        })
    }
}
