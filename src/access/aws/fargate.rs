//! The Fargate profiles of a cluster.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Aws, AwsCall, AwsResult, Service, SignedCluster};
use crate::access::wildcard::like;

/// A Fargate profile.
#[derive(Debug)]
pub(crate) struct FargateProfile {
    /// The name.
    pub(crate) name: String,
    /// Whether pods can start on it.
    pub(crate) is_active: bool,
    /// The namespaces and the labels of its pods; both can contain the wildcards `*` and `?`.
    pub(crate) selectors: Vec<(String, HashMap<String, String>)>,
}

/// The label with which a pod names its profile.
const PROFILE_LABEL: &str = "eks.amazonaws.com/fargate-profile";

impl FargateProfile {
    /// Returns whether the profile selects pods of a namespace with these labels, active or not.
    ///
    /// Source: "Define which Pods use AWS Fargate when launched" in the EKS user guide. Each selector names a namespace and
    /// labels; the namespace, the keys, and the values can contain the wildcards `*` and `?` ("Fargate profile wildcards").
    /// A pod that names a profile in a label must match a selector of that profile.
    pub(crate) fn selects(&self, namespace: &str, labels: &[(&str, &str)]) -> bool {
        let is_other = |(label, name): &(&str, &str)| *label == PROFILE_LABEL && *name != self.name;
        if labels.iter().any(is_other) {
            return false;
        }
        self.selectors.iter().any(|(pattern, wanted)| {
            like(pattern, namespace)
                && wanted.iter().all(|(name, value)| {
                    let mut labels = labels.iter();
                    labels.any(|(label, found)| like(name, label) && like(value, found))
                })
        })
    }
}

impl Aws {
    /// Returns the Fargate profiles of a cluster.
    pub(crate) fn fargate_profiles(self: &Arc<Self>, cluster: &SignedCluster) -> AwsCall<Vec<FargateProfile>> {
        let (aws, key) = (Arc::clone(self), cluster.clone());
        self.fargate_profiles.call(key.clone(), Result::is_ok, || async move {
            aws.find_fargate_profiles(key).await
        })
    }

    async fn find_fargate_profiles(self: &Arc<Self>, cluster: SignedCluster) -> AwsResult<Vec<FargateProfile>> {
        let client = self.eks(&cluster).await?;
        let request = client.list_fargate_profiles().cluster_name(&cluster.name);
        let send = move || {
            let names = request.clone().into_paginator().items().send();
            names.collect::<Result<Vec<_>, _>>()
        };
        let names = self.paced(Service::Eks, "eks:ListFargateProfiles", send).await?;
        Self::describe_each(names, async |name| {
            let request = client.describe_fargate_profile();
            let request = request.cluster_name(&cluster.name).fargate_profile_name(name);
            let send = move || request.clone().send();
            let response = self.paced(Service::Eks, "eks:DescribeFargateProfile", send).await?;
            Ok(response.fargate_profile.map(fargate_profile))
        })
        .await
    }
}

/// Reads a Fargate profile in a response of EKS.
fn fargate_profile(profile: aws_sdk_eks::types::FargateProfile) -> FargateProfile {
    let selectors = profile.selectors.unwrap_or_default().into_iter();
    let selectors = selectors.map(|selector| {
        let labels = selector.labels.unwrap_or_default();
        (selector.namespace.unwrap_or_default(), labels)
    });
    FargateProfile {
        name: profile.fargate_profile_name.unwrap_or_default(),
        is_active: profile.status.is_some_and(|status| status.as_str() == "ACTIVE"),
        selectors: selectors.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_selects_pods_by_namespace_and_labels() {
        let labels = [("app", "runner"), ("team", "a")];
        for (namespace, wanted, expected) in [
            ("runners", &[][..], true),
            ("runn*", &[("app", "run?er")], true),
            ("runners", &[("app", "x")], false),
            ("runners", &[("app", "runner"), ("no", "x")], false),
            ("other", &[], false),
        ] {
            let wanted = wanted
                .iter()
                .map(|(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned()));
            let profile = FargateProfile {
                name: "p".to_owned(),
                is_active: true,
                selectors: vec![(namespace.to_owned(), wanted.collect())],
            };
            assert_eq!(profile.selects("runners", &labels), expected, "{profile:?}");
            assert_eq!(
                profile.selects("runners", &[]),
                expected && namespace == "runners",
                "{profile:?}"
            );
        }
    }

    #[test]
    fn a_pod_can_name_its_profile() {
        let profile = FargateProfile {
            name: "p".to_owned(),
            is_active: true,
            selectors: vec![("runners".to_owned(), HashMap::new())],
        };
        for (name, expected) in [("p", true), ("q", false)] {
            let labels = [(PROFILE_LABEL, name)];
            assert_eq!(profile.selects("runners", &labels), expected, "{name}");
        }
    }
}
