//! The rights that the Orchestrator uses in the job's namespace.

use crate::access::kubernetes::ResourceAction;
use crate::access::objects::NamespaceRight;

/// Something that the Orchestrator does in the job's namespace.
pub(in crate::access::checks) struct Right {
    /// The API group; empty for the core group.
    pub(in crate::access::checks) group: &'static str,
    /// The resource, in the plural.
    pub(in crate::access::checks) resource: &'static str,
    /// The verb.
    pub(in crate::access::checks) verb: &'static str,
    /// What is lost without the right, as sentences, if deployments still work.
    pub(in crate::access::checks) lost: Option<&'static str>,
}

impl Right {
    /// Returns a right, and what is lost without it if deployments still work.
    pub(in crate::access::checks) const fn new(
        (group, resource, verb): NamespaceRight,
        lost: Option<&'static str>,
    ) -> Self {
        Self {
            group,
            resource,
            verb,
            lost,
        }
    }

    /// Returns the right in a namespace, as an access review names it.
    pub(in crate::access::checks) fn action(&self, namespace: &str) -> ResourceAction {
        ResourceAction {
            group: self.group,
            resource: self.resource,
            verb: self.verb,
            namespace: namespace.to_owned(),
        }
    }
}
