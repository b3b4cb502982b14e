//! The managed node groups of a cluster.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Aws, AwsCall, AwsResult, Service, SignedCluster};

/// A managed node group.
#[derive(Debug)]
pub(crate) struct NodeGroup {
    /// The name.
    pub(crate) name: String,
    /// Whether nodes can be added: it is neither being created or deleted, nor broken (`status` of `Nodegroup` in the EKS
    /// API reference).
    pub(crate) is_usable: bool,
    /// The number of nodes that it has or will have.
    pub(crate) size: i32,
    /// The number of nodes that it can have.
    pub(crate) maximum: i32,
    /// The labels of its nodes, without those that EKS and the kubelet add.
    pub(crate) labels: HashMap<String, String>,
    /// The type of its image, such as `AL2023_x86_64_STANDARD`, or `CUSTOM`.
    pub(crate) ami_type: String,
    /// `ON_DEMAND`, `SPOT`, or `CAPACITY_BLOCK`.
    pub(crate) capacity_type: String,
    /// The instance types of its nodes. Empty if a launch template names the type.
    pub(crate) instance_types: Vec<String>,
    /// Whether it has a launch template, which can add labels to its nodes.
    pub(crate) has_launch_template: bool,
    /// The taints of its nodes: key, value, and effect, in the words of Kubernetes.
    pub(crate) taints: Vec<[String; 3]>,
}

impl NodeGroup {
    /// Returns whether its nodes can be of several instance types.
    pub(crate) fn has_several_types(&self) -> bool {
        self.instance_types.len() > 1
    }
}

impl Aws {
    /// Returns the managed node groups of a cluster.
    pub(crate) fn node_groups(self: &Arc<Self>, cluster: &SignedCluster) -> AwsCall<Vec<NodeGroup>> {
        let (aws, key) = (Arc::clone(self), cluster.clone());
        self.node_groups.call(
            key.clone(),
            Result::is_ok,
            || async move { aws.find_node_groups(key).await },
        )
    }

    async fn find_node_groups(self: &Arc<Self>, cluster: SignedCluster) -> AwsResult<Vec<NodeGroup>> {
        let client = self.eks(&cluster).await?;
        let request = client.list_nodegroups().cluster_name(&cluster.name);
        let send = move || {
            let names = request.clone().into_paginator().items().send();
            names.collect::<Result<Vec<_>, _>>()
        };
        let names = self.paced(Service::Eks, "eks:ListNodegroups", send).await?;
        Self::describe_each(names, async |name| {
            let request = client.describe_nodegroup();
            let request = request.cluster_name(&cluster.name).nodegroup_name(name);
            let send = move || request.clone().send();
            let response = self.paced(Service::Eks, "eks:DescribeNodegroup", send).await?;
            Ok(response.nodegroup.map(node_group))
        })
        .await
    }
}

/// Reads a node group in a response of EKS.
fn node_group(group: aws_sdk_eks::types::Nodegroup) -> NodeGroup {
    let scaling = group.scaling_config.as_ref();
    let taints = group.taints.unwrap_or_default().into_iter();
    let taints = taints.map(|taint| {
        let effect = taint.effect.map(|effect| effect_of(effect.as_str()).to_owned());
        [taint.key, taint.value, effect].map(Option::unwrap_or_default)
    });
    NodeGroup {
        is_usable: group
            .status
            .is_some_and(|status| ["ACTIVE", "UPDATING"].contains(&status.as_str())),
        size: scaling.and_then(|scaling| scaling.desired_size).unwrap_or_default(),
        maximum: scaling.and_then(|scaling| scaling.max_size).unwrap_or_default(),
        name: group.nodegroup_name.unwrap_or_default(),
        labels: group.labels.unwrap_or_default(),
        ami_type: group.ami_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        capacity_type: group
            .capacity_type
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
        instance_types: group.instance_types.unwrap_or_default(),
        has_launch_template: group.launch_template.is_some(),
        taints: taints.collect(),
    }
}

/// Returns the effect of a taint in the words of Kubernetes.
fn effect_of(effect: &str) -> &str {
    match effect {
        "NO_SCHEDULE" => "NoSchedule",
        "NO_EXECUTE" => "NoExecute",
        "PREFER_NO_SCHEDULE" => "PreferNoSchedule",
        other => other,
    }
}
