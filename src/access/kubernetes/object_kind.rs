//! The kinds of objects that a pod can need.

use std::fmt::Write;

/// A kind of object that a pod spec names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ObjectKind {
    /// A ConfigMap.
    ConfigMap,
    /// The CSIDriver of an inline volume.
    CsiDriver,
    /// A Secret.
    Secret,
    /// A Secret with which images are pulled.
    PullSecret,
    /// A PersistentVolumeClaim.
    Claim,
    /// The Endpoints of a volume's servers.
    Endpoints,
    /// A ResourceClaim.
    ResourceClaim,
    /// A ResourceClaimTemplate.
    ResourceClaimTemplate,
    /// A Node.
    Node,
    /// A PersistentVolume.
    PersistentVolume,
    /// A PriorityClass.
    PriorityClass,
    /// A RuntimeClass.
    RuntimeClass,
    /// A SecretProviderClass of the Secrets Store CSI driver.
    SecretProviderClass,
    /// A StorageClass.
    StorageClass,
    /// A VolumeAttributesClass.
    VolumeAttributesClass,
    /// A ClusterTrustBundle.
    ClusterTrustBundle,
}

impl ObjectKind {
    /// Returns the kind's name, in words that fit into a sentence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::CsiDriver => "CSIDriver",
            Self::Secret => "Secret",
            Self::PullSecret => "image pull Secret",
            Self::Claim => "PersistentVolumeClaim",
            Self::Endpoints => "Endpoints",
            Self::ResourceClaim => "ResourceClaim",
            Self::ResourceClaimTemplate => "ResourceClaimTemplate",
            Self::Node => "Node",
            Self::PersistentVolume => "PersistentVolume",
            Self::PriorityClass => "PriorityClass",
            Self::RuntimeClass => "RuntimeClass",
            Self::SecretProviderClass => "SecretProviderClass",
            Self::StorageClass => "StorageClass",
            Self::VolumeAttributesClass => "VolumeAttributesClass",
            Self::ClusterTrustBundle => "ClusterTrustBundle",
        }
    }

    /// Returns the name of the resource, as kubectl and the API's paths write it.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::CsiDriver => "csidrivers",
            Self::Secret | Self::PullSecret => "secrets",
            Self::Claim => "persistentvolumeclaims",
            Self::Endpoints => "endpoints",
            Self::ResourceClaim => "resourceclaims",
            Self::ResourceClaimTemplate => "resourceclaimtemplates",
            Self::Node => "nodes",
            Self::PersistentVolume => "persistentvolumes",
            Self::PriorityClass => "priorityclasses",
            Self::RuntimeClass => "runtimeclasses",
            Self::SecretProviderClass => "secretproviderclasses",
            Self::StorageClass => "storageclasses",
            Self::VolumeAttributesClass => "volumeattributesclasses",
            Self::ClusterTrustBundle => "clustertrustbundles",
        }
    }

    /// Returns the path of the API that serves the kind in Kubernetes 1.34, and whether every cluster has it.
    fn api(self) -> (&'static str, bool) {
        match self {
            Self::ResourceClaim | Self::ResourceClaimTemplate => ("/apis/resource.k8s.io/v1", false),
            Self::SecretProviderClass => ("/apis/secrets-store.csi.x-k8s.io/v1", false),
            Self::VolumeAttributesClass => ("/apis/storage.k8s.io/v1", false),
            Self::ClusterTrustBundle => ("/apis/certificates.k8s.io/v1beta1", false),
            Self::PriorityClass => ("/apis/scheduling.k8s.io/v1", true),
            Self::RuntimeClass => ("/apis/node.k8s.io/v1", true),
            Self::CsiDriver | Self::StorageClass => ("/apis/storage.k8s.io/v1", true),
            _ => ("/api/v1", true),
        }
    }

    /// Returns whether every cluster serves the kind, so that a 404 means that the object does not exist.
    pub(crate) fn is_always_served(self) -> bool {
        self.api().1
    }

    /// Returns whether the object is in the pod's namespace.
    pub(crate) fn is_namespaced(self) -> bool {
        matches!(
            self,
            Self::ConfigMap
                | Self::Secret
                | Self::PullSecret
                | Self::Claim
                | Self::Endpoints
                | Self::ResourceClaim
                | Self::ResourceClaimTemplate
                | Self::SecretProviderClass
        )
    }

    /// Returns whether a pod can start although the object does not exist: the kubelet pulls images without
    /// credentials, and a volume of a missing class might exist already.
    pub(crate) fn can_be_missing(self) -> bool {
        matches!(
            self,
            Self::PullSecret | Self::StorageClass | Self::VolumeAttributesClass
        )
    }

    /// Returns the path of an object in the cluster's API. The name must be encoded already.
    pub(crate) fn path(self, namespace: &str, name: &str) -> String {
        let (mut path, plural) = (self.api().0.to_owned(), self.plural());
        // Writing to a String does not fail.
        let _ = if self.is_namespaced() {
            write!(path, "/namespaces/{namespace}/{plural}/{name}")
        } else {
            write!(path, "/{plural}/{name}")
        };
        path
    }
}
