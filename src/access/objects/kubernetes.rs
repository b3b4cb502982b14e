//! The objects in a cluster.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::runner::RoleArn;

/// The API group of Roles and of the subjects of bindings.
pub(crate) const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// The annotation of a service account with the ARN of its role in AWS (IRSA).
pub(crate) const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// The name of the Role that lets the Orchestrator start Jobs, and the start of the names of its bindings.
const ROLE_NAME: &str = "humanitec-runner-orchestrator-access";
/// The name of the Role that lets the Jobs store their state, and the start of the names of its bindings.
const STATE_ROLE_NAME: &str = "humanitec-runner-state";

/// A right in a namespace: the API group, the resource, and the verb.
pub(crate) type NamespaceRight = (&'static str, &'static str, &'static str);

/// The Orchestrator starts each deployment as a Job.
pub(crate) const CREATE_JOBS: NamespaceRight = ("batch", "jobs", "create");
/// The Orchestrator follows the Job until it ends.
pub(crate) const GET_JOBS: NamespaceRight = ("batch", "jobs", "get");
/// The Orchestrator looks for a pod that does not start.
pub(crate) const LIST_PODS: NamespaceRight = ("", "pods", "list");
/// The Orchestrator reports why a Job does not start.
pub(crate) const LIST_EVENTS: NamespaceRight = ("", "events", "list");

/// What the Orchestrator does in the Job's namespace.
const ORCHESTRATOR_RIGHTS: [NamespaceRight; 4] = [CREATE_JOBS, GET_JOBS, LIST_PODS, LIST_EVENTS];

/// What OpenTofu's and Terraform's kubernetes backend does in the namespace of the state: the API group, the resource
/// and the verbs. Measured: without any one of them, `init` of OpenTofu 1.12 and Terraform 1.11 fails. OpenTofu
/// 1.10 makes the same calls (`internal/backend/remote-state/kubernetes/client.go`). Only the deletion of workspaces uses `delete`, and
/// the Orchestrator never deletes one.
pub(crate) const STATE_RIGHTS: [(&str, &str, &[&str]); 2] = [
    ("", "secrets", &["get", "list", "create", "update"]),
    ("coordination.k8s.io", "leases", &["get", "create", "update"]),
];

/// An object in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KubernetesObject {
    /// A namespace.
    Namespace {
        /// Its name.
        name: String,
    },
    /// A service account.
    ServiceAccount {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// The role in AWS that its annotation names, if it has one (IRSA).
        role: Option<RoleArn>,
    },
    /// A Role.
    Role {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// The rules.
        rules: Vec<PolicyRule>,
    },
    /// A RoleBinding with one subject.
    RoleBinding {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// The name of the Role that it binds.
        role: String,
        /// The subject that gets the Role.
        subject: RbacSubject,
    },
}

/// A rule of a Role, as the API writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PolicyRule {
    /// The API groups; `""` is the core group.
    pub(crate) api_groups: Vec<String>,
    /// The resources, in the plural.
    pub(crate) resources: Vec<String>,
    /// The objects that the rule is restricted to. Empty if it is about all of them.
    pub(crate) resource_names: Vec<String>,
    /// The verbs.
    pub(crate) verbs: Vec<String>,
}

/// A subject of a RoleBinding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RbacSubject {
    /// The user of this name.
    User(String),
    /// The group of this name.
    Group(String),
    /// A service account.
    ServiceAccount {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
}

impl KubernetesObject {
    /// Returns the object as the API takes it.
    pub(crate) fn manifest(&self) -> Value {
        match self {
            Self::Namespace { name } => json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name},
            }),
            Self::ServiceAccount { namespace, name, role } => {
                let mut metadata = json!({"name": name, "namespace": namespace});
                if let Some(role) = role {
                    metadata["annotations"] = json!({ROLE_ANNOTATION: role.to_string()});
                }
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
            }
            Self::Role { namespace, name, rules } => json!({
                "apiVersion": format!("{RBAC_GROUP}/v1"),
                "kind": "Role",
                "metadata": {"name": name, "namespace": namespace},
                "rules": rules.iter().map(PolicyRule::manifest).collect::<Vec<_>>(),
            }),
            Self::RoleBinding {
                namespace,
                name,
                role,
                subject,
            } => json!({
                "apiVersion": format!("{RBAC_GROUP}/v1"),
                "kind": "RoleBinding",
                "metadata": {"name": name, "namespace": namespace},
                "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": role},
                "subjects": [subject.manifest()],
            }),
        }
    }
}

impl PolicyRule {
    fn new(group: &str, resources: &[&str], verbs: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            api_groups: owned(&[group]),
            resources: owned(resources),
            resource_names: Vec::new(),
            verbs: owned(verbs),
        }
    }

    fn manifest(&self) -> Value {
        let Self {
            api_groups,
            resources,
            resource_names,
            verbs,
        } = self;
        let mut rule = json!({"apiGroups": api_groups, "resources": resources, "verbs": verbs});
        if !resource_names.is_empty() {
            rule["resourceNames"] = json!(resource_names);
        }
        rule
    }

    /// Returns whether the rule allows a verb on every object of a resource.
    fn allows(&self, group: &str, resource: &str, verb: &str) -> bool {
        let has = |values: &[String], value: &str| values.iter().any(|one| one == value || one == "*");
        self.resource_names.is_empty()
            && has(&self.api_groups, group)
            && has(&self.resources, resource)
            && has(&self.verbs, verb)
    }

    /// Returns the rule without the resources for which other rules allow all its verbs. `None` if no resource is left.
    fn not_allowed_by(mut self, others: &[Self]) -> Option<Self> {
        let Self {
            api_groups,
            resources,
            verbs,
            ..
        } = &mut self;
        resources.retain(|resource| {
            let is_allowed = |group: &str, verb: &str| others.iter().any(|other| other.allows(group, resource, verb));
            !api_groups
                .iter()
                .all(|group| verbs.iter().all(|verb| is_allowed(group, verb)))
        });
        (!self.resources.is_empty()).then_some(self)
    }
}

impl RbacSubject {
    /// Returns the kind of the subject.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "User",
            Self::Group(_) => "Group",
            Self::ServiceAccount { .. } => "ServiceAccount",
        }
    }

    /// Returns the name of the subject.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Group(name) | Self::ServiceAccount { name, .. } => name,
        }
    }

    fn manifest(&self) -> Value {
        match self {
            // A user has no namespace, and a service account no API group.
            Self::User(name) | Self::Group(name) => {
                json!({"apiGroup": RBAC_GROUP, "kind": self.kind(), "name": name})
            }
            Self::ServiceAccount { namespace, name } => {
                json!({"kind": self.kind(), "name": name, "namespace": namespace})
            }
        }
    }
}

/// A Role and its binding to a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RbacGrant {
    /// The namespace of both.
    pub(crate) namespace: String,
    /// The name of the Role.
    pub(crate) role: &'static str,
    /// The name of the RoleBinding.
    pub(crate) binding: String,
    rules: Vec<PolicyRule>,
    subject: RbacSubject,
}

/// Returns the grant that lets the Orchestrator start Jobs in a namespace, as this user. The runners of a namespace
/// share the Role. Each has its own binding, whose name ends with `own_name`.
pub(crate) fn rbac_grant(namespace: &str, user: &str, own_name: &str) -> RbacGrant {
    RbacGrant {
        namespace: namespace.to_owned(),
        role: ROLE_NAME,
        binding: format!("{ROLE_NAME}:{own_name}"),
        rules: rules(&ORCHESTRATOR_RIGHTS),
        subject: RbacSubject::User(user.to_owned()),
    }
}

/// Returns the rules that grant these rights and no others. Resources of a group with the same verbs share a rule.
fn rules(rights: &[NamespaceRight]) -> Vec<PolicyRule> {
    let mut of_resources: Vec<PolicyRule> = Vec::new();
    for &(group, resource, verb) in rights {
        let known = of_resources
            .iter_mut()
            .find(|rule| rule.api_groups == [group] && rule.resources == [resource]);
        match known {
            Some(rule) => rule.verbs.push(verb.to_owned()),
            None => of_resources.push(PolicyRule::new(group, &[resource], &[verb])),
        }
    }
    let mut rules: Vec<PolicyRule> = Vec::new();
    for rule in of_resources {
        let same = rules
            .iter_mut()
            .find(|other| other.api_groups == rule.api_groups && other.verbs == rule.verbs);
        match same {
            Some(other) => other.resources.extend(rule.resources),
            None => rules.push(rule),
        }
    }
    rules
}

/// Returns the grant that lets a Job's pod store its state in a namespace. The runners that store their state there
/// share the Role. Each service account has its own binding.
pub(crate) fn state_grant(namespace: &str, job_namespace: &str, service_account: &str) -> RbacGrant {
    let rules = STATE_RIGHTS.map(|(group, resource, verbs)| PolicyRule::new(group, &[resource], verbs));
    RbacGrant {
        namespace: namespace.to_owned(),
        role: STATE_ROLE_NAME,
        binding: format!("{STATE_ROLE_NAME}:{job_namespace}:{service_account}"),
        rules: rules.to_vec(),
        subject: RbacSubject::ServiceAccount {
            namespace: job_namespace.to_owned(),
            name: service_account.to_owned(),
        },
    }
}

impl RbacGrant {
    /// Returns the grant for a group instead of the user.
    pub(crate) fn for_group(self, group: &str) -> Self {
        Self {
            subject: RbacSubject::Group(group.to_owned()),
            ..self
        }
    }

    /// Returns the grant with the rules that the Role already has: they stay, and only what they do not allow is added.
    pub(crate) fn beside(self, found: Vec<PolicyRule>) -> Self {
        let missing = self.rules.into_iter();
        let missing: Vec<_> = missing.filter_map(|rule| rule.not_allowed_by(&found)).collect();
        Self {
            rules: [found, missing].concat(),
            ..self
        }
    }

    /// Returns the Role and the RoleBinding.
    pub(crate) fn objects(&self) -> [KubernetesObject; 2] {
        [
            KubernetesObject::Role {
                namespace: self.namespace.clone(),
                name: self.role.to_owned(),
                rules: self.rules.clone(),
            },
            KubernetesObject::RoleBinding {
                namespace: self.namespace.clone(),
                name: self.binding.clone(),
                role: self.role.to_owned(),
                subject: self.subject.clone(),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_share_rules_without_granting_more() {
        let manifests = |rights: &[NamespaceRight]| {
            let rules = rules(rights);
            json!(rules.iter().map(PolicyRule::manifest).collect::<Vec<_>>())
        };
        let jobs = json!({"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]});
        let lists = json!({"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]});
        assert_eq!(manifests(&ORCHESTRATOR_RIGHTS), json!([jobs, lists]));
        let pods = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "get"]});
        let events = json!({"apiGroups": [""], "resources": ["events"], "verbs": ["list"]});
        assert_eq!(
            manifests(&[LIST_PODS, ("", "pods", "get"), LIST_EVENTS]),
            json!([pods, events])
        );
    }

    #[test]
    fn the_rules_of_an_existing_role_stay() {
        let rules = |found: &Value| {
            let found = serde_json::from_value(found.clone()).unwrap();
            let [role, _] = rbac_grant("ns", "me", "own").beside(found).objects();
            role.manifest()["rules"].clone()
        };
        let one = json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["x"], "verbs": ["get"]});
        let jobs = json!({"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]});
        let pods = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]});
        let events = json!({"apiGroups": [""], "resources": ["events"], "verbs": ["list"]});
        assert_eq!(rules(&json!([one, pods])), json!([one, pods, jobs, events]));
        let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
        assert_eq!(rules(&all), all);
        // A rule about one object does not allow anything on all of them.
        let named = json!({"apiGroups": [""], "resources": ["events"], "resourceNames": ["x"], "verbs": ["list"]});
        assert_eq!(rules(&json!([named, pods])), json!([named, pods, jobs, events]));
    }
}
