//! What a runner needs in its cluster, as manifests for kubectl.

use std::fmt::Write;

use serde_json::{Value, json};

use super::yaml;

/// The name of the Role that lets the Orchestrator start Jobs, and the beginning of its bindings' names.
const ROLE_NAME: &str = "humanitec-runner-orchestrator-access";
/// The name of the Role that lets the Jobs keep their state, and the beginning of its bindings' names.
const STATE_ROLE_NAME: &str = "humanitec-runner-state";

/// A namespace.
pub(crate) fn namespace_yaml(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n",
        yaml(name)
    )
}

/// A service account.
pub(crate) fn service_account_yaml(namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {}\n  namespace: {}\n",
        yaml(name),
        yaml(namespace)
    )
}

/// What lets the Orchestrator start Jobs in a namespace, as this user. The Role serves every runner of the
/// namespace; the binding is this runner's own, named after it.
pub(crate) fn rbac_grant(namespace: &str, user: &str, own_name: &str) -> Grant {
    let rules = [
        ("batch", &["jobs"][..], &["create", "get"][..]),
        ("", &["pods", "events"], &["list"]),
    ];
    Grant {
        role: ROLE_NAME,
        binding: format!("{ROLE_NAME}:{own_name}"),
        namespace: namespace.to_owned(),
        rules: rules.map(rule).to_vec(),
        subject: format!(
            "- apiGroup: rbac.authorization.k8s.io\n  kind: User\n  name: {}\n",
            yaml(user)
        ),
    }
}

/// What OpenTofu's and Terraform's kubernetes backend does in the namespace of the state: the API group, the resource
/// and the verbs. Measured: with one of them removed at a time, `init` of OpenTofu 1.12 and Terraform 1.11 fails.
/// `delete` is used by the deletion of workspaces alone, which the Orchestrator never asks for.
pub(crate) const STATE_RIGHTS: [(&str, &str, &[&str]); 2] = [
    ("", "secrets", &["get", "list", "create", "update"]),
    (
        "coordination.k8s.io",
        "leases",
        &["get", "create", "update"],
    ),
];

/// What lets a Job's pod keep its state in a namespace. The Role serves every runner that does; the binding is the
/// service account's own.
pub(crate) fn state_grant(namespace: &str, job_namespace: &str, service_account: &str) -> Grant {
    let rules = STATE_RIGHTS.map(|(group, resource, verbs)| rule((group, &[resource], verbs)));
    Grant {
        role: STATE_ROLE_NAME,
        binding: format!("{STATE_ROLE_NAME}:{job_namespace}:{service_account}"),
        namespace: namespace.to_owned(),
        rules: rules.to_vec(),
        subject: format!(
            "- kind: ServiceAccount\n  name: {}\n  namespace: {}\n",
            yaml(service_account),
            yaml(job_namespace)
        ),
    }
}

fn rule((group, resources, verbs): (&str, &[&str], &[&str])) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

/// A Role and its binding to a subject.
pub(crate) struct Grant {
    /// The Role's name.
    pub(crate) role: &'static str,
    /// The RoleBinding's name.
    pub(crate) binding: String,
    /// Where both are.
    pub(crate) namespace: String,
    rules: Vec<Value>,
    /// The subject in YAML.
    subject: String,
}

impl Grant {
    /// With a group in place of the user.
    pub(crate) fn for_group(mut self, group: &str) -> Self {
        self.subject = format!(
            "- apiGroup: rbac.authorization.k8s.io\n  kind: Group\n  name: {}\n",
            yaml(group)
        );
        self
    }

    /// With the rules that the Role has already: they are kept, and only what they do not allow is added.
    pub(crate) fn beside(mut self, found: &[Value]) -> Self {
        let needed = std::mem::replace(&mut self.rules, found.to_vec());
        self.rules.extend(
            needed
                .into_iter()
                .filter_map(|rule| not_allowed(rule, found)),
        );
        self
    }

    /// Both as manifests.
    pub(crate) fn yaml(&self) -> String {
        let Self { role, subject, .. } = self;
        let (binding, namespace) = (yaml(&self.binding), yaml(&self.namespace));
        let mut text = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: {role}\n  namespace: {namespace}\nrules:\n"
        );
        for rule in &self.rules {
            let mut start = "- ";
            for key in ["apiGroups", "resources", "resourceNames", "verbs"] {
                let Some(values) = rule[key].as_array() else {
                    continue;
                };
                let values: Vec<String> = values.iter().map(Value::to_string).collect();
                // Writing to a String does not fail.
                let _ = writeln!(text, "{start}{key}: [{}]", values.join(", "));
                start = "  ";
            }
        }
        let _ = write!(
            text,
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: {binding}\n  namespace: {namespace}\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: {role}\nsubjects:\n{subject}"
        );
        text
    }
}

/// A rule without the resources for which others allow all its verbs; `None` when nothing is left.
fn not_allowed(mut rule: Value, found: &[Value]) -> Option<Value> {
    let has = |rule: &Value, key: &str, value: &Value| {
        let values = rule[key].as_array();
        values.is_some_and(|all| all.iter().any(|one| one == value || one == "*"))
    };
    let (group, verbs) = (rule["apiGroups"][0].clone(), rule["verbs"].clone());
    let resources = rule["resources"].as_array_mut()?;
    resources.retain(|resource| {
        let allowed = |verb: &Value| {
            found.iter().any(|rule| {
                rule["resourceNames"].is_null()
                    && has(rule, "apiGroups", &group)
                    && has(rule, "resources", resource)
                    && has(rule, "verbs", verb)
            })
        };
        !verbs
            .as_array()
            .is_some_and(|verbs| verbs.iter().all(allowed))
    });
    (!resources.is_empty()).then_some(rule)
}

/// A command that applies manifests, also when each of its lines is pasted with the indentation in
/// which it was shown: a here-document's end, or a line `---`, is none behind spaces.
pub(crate) fn kubectl_apply(manifests: &str) -> String {
    let documents: Vec<&str> = manifests.split("---\n").collect();
    let text = match documents.as_slice() {
        [one] => (*one).to_owned(),
        several => {
            let items = several
                .iter()
                .map(|one| format!("- {}\n", one.trim_end().replace('\n', "\n  ")));
            format!(
                "apiVersion: v1\nkind: List\nitems:\n{}",
                items.collect::<String>()
            )
        }
    };
    format!(
        "echo '\n{}' | kubectl apply -f -\n",
        text.replace('\'', r"'\''")
    )
}
