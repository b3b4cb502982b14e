//! EKS Pod Identity, which assumes a role for a pod: `sts:AssumeRole` with session tags, which is `sts:TagSession` too.
//!
//! Sources: "Create IAM role with trust policy required by EKS Pod Identity", "Grant Pods access to AWS resources based on
//! tags" and "Access AWS Resources using EKS Pod Identity Target IAM Roles" in the EKS user guide.

use serde_json::{Value, json};

use crate::access::policy::{
    DenialReason, Grant, KnownKey, PolicyDecision, PolicyRequest, Sent, StatementEffect, evaluate, of_every_request,
};
use crate::runner::RoleArn;

/// The service principal of EKS Pod Identity. It is the same in each partition.
const SERVICE: &str = "pods.eks.amazonaws.com";

/// What a target role's trust policy says about a session of the association's role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AssumeRoleDecision {
    /// The policy allows the request.
    Allowed(Grant),
    /// A statement of the policy denies it.
    Denied(DenialReason),
    /// No statement of the policy allows it.
    NotAllowed(Vec<DenialReason>),
    /// What the policy says depends on this, which is unknown.
    Unknown(String),
}

/// The pod for which EKS Pod Identity assumes a role. EKS tags the session with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TaggedPod {
    /// The account of the cluster.
    pub(crate) account: String,
    /// The ARN of the cluster.
    pub(crate) cluster_arn: String,
    /// The name of the cluster.
    pub(crate) cluster: String,
    /// The pod's namespace.
    pub(crate) namespace: String,
    /// The pod's service account.
    pub(crate) service_account: String,
    /// Whether EKS tags the session. An association can disable it.
    pub(crate) is_tagged: bool,
}

/// The names of the tags that EKS adds to a session, in the order of [`TaggedPod::tags`].
const TAGS: [&str; 6] = [
    "eks-cluster-arn",
    "eks-cluster-name",
    "kubernetes-namespace",
    "kubernetes-service-account",
    "kubernetes-pod-name",
    "kubernetes-pod-uid",
];

impl TaggedPod {
    /// Returns the pod as a part of a sentence.
    pub(super) fn name(&self) -> String {
        let Self {
            namespace,
            service_account,
            cluster,
            ..
        } = self;
        format!("service account {namespace}/{service_account} of cluster {cluster}")
    }

    /// Returns the tags that EKS adds to the session, with their values. EKS adds no others ("List of session tags added by EKS
    /// Pod Identity" in the EKS user guide).
    fn tags(&self) -> impl Iterator<Item = (&'static str, Sent<'_>)> {
        let values = [
            Sent::Arn(&self.cluster_arn),
            Sent::Is(&self.cluster),
            Sent::Is(&self.namespace),
            Sent::Is(&self.service_account),
            Sent::Unknown,
            Sent::Unknown,
        ];
        let tags = TAGS.into_iter().zip(values);
        tags.filter(move |_| self.is_tagged)
    }

    /// Returns the value of a tag.
    fn tag(&self, name: &str) -> Sent<'_> {
        let found = self.tags().find(|(tag, _)| *tag == name);
        found.map_or(Sent::Absent, |(_, sent)| sent)
    }

    /// Returns the condition keys for the tags of the session, and their values.
    pub(crate) fn principal_tags(&self) -> Vec<KnownKey<'_>> {
        self.tag_conditions("aws:PrincipalTag")
    }

    /// Returns the condition keys for the tags that EKS sends when it assumes a role, and their values.
    pub(crate) fn request_tags(&self) -> Vec<KnownKey<'_>> {
        let mut keys = self.tag_conditions("aws:RequestTag");
        keys.push(("aws:TagKeys".to_owned(), self.tag_keys()));
        keys
    }

    fn tag_conditions(&self, prefix: &str) -> Vec<KnownKey<'_>> {
        let tags = self.tags();
        tags.map(|(tag, sent)| (format!("{prefix}/{tag}"), sent)).collect()
    }

    /// Returns the keys of the tags in a request of EKS.
    fn tag_keys(&self) -> Sent<'_> {
        if self.is_tagged {
            Sent::Several(&TAGS)
        } else {
            Sent::Absent
        }
    }

    /// Returns the actions that a trust policy must allow.
    pub(crate) fn actions(&self) -> &'static [&'static str] {
        if self.is_tagged {
            &["sts:AssumeRole", "sts:TagSession"]
        } else {
            &["sts:AssumeRole"]
        }
    }

    /// Returns why a condition on an absent key refuses.
    fn absent_key(&self) -> (String, Option<String>) {
        let hint = if self.is_tagged {
            "EKS Pod Identity sends no such key."
        } else {
            "The association disables session tags."
        };
        ("no condition on it".to_owned(), Some(hint.to_owned()))
    }

    /// Returns the statement that lets EKS Pod Identity assume a role for the pods of the service account in the cluster, or
    /// sessions of the association's role assume its target role for them.
    pub(super) fn statement(&self, role: Option<&RoleArn>) -> Value {
        let principal = match role {
            None => json!({"Service": SERVICE}),
            Some(role) => json!({"AWS": role.to_string()}),
        };
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": principal,
            "Action": self.actions(),
        });
        if self.is_tagged {
            statement["Condition"] = json!({"StringEquals": {
                "aws:RequestTag/eks-cluster-arn": self.cluster_arn,
                "aws:RequestTag/kubernetes-namespace": self.namespace,
                "aws:RequestTag/kubernetes-service-account": self.service_account,
            }});
        }
        statement
    }

    /// Returns a trust policy that admits EKS Pod Identity for the service account.
    pub(crate) fn trust_policy(&self) -> Value {
        json!({"Version": "2012-10-17", "Statement": [self.statement(None)]})
    }
}

/// EKS Pod Identity as it assumes the association's role.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PodIdentitySession<'a> {
    /// `sts:AssumeRole` or `sts:TagSession`.
    pub(crate) action: &'static str,
    /// The pod.
    pub(crate) pod: &'a TaggedPod,
}

impl PolicyRequest for PodIdentitySession<'_> {
    fn action(&self) -> &str {
        self.action
    }

    fn resource(&self) -> Option<&str> {
        None
    }

    fn is_named(&self, kind: &str, name: &str, _: StatementEffect) -> bool {
        kind == "Service" && (name == SERVICE || name == "*")
    }

    fn is_everyone(&self, effect: StatementEffect) -> Option<bool> {
        (effect == StatementEffect::Deny).then_some(true)
    }

    fn value(&self, key: &str) -> Sent<'_> {
        let lower = key.to_ascii_lowercase();
        if let Some(tag) = lower.strip_prefix("aws:requesttag/") {
            return self.pod.tag(tag);
        }
        match lower.as_str() {
            "aws:tagkeys" => self.pod.tag_keys(),
            "aws:sourceaccount" => Sent::Is(&self.pod.account),
            // "Cross-service confused deputy prevention" in the EKS user guide names the cluster, for other roles.
            "aws:sourcearn" => Sent::Probably(&self.pod.cluster_arn),
            "aws:principalisawsservice" => Sent::Bool(true),
            "aws:principalservicename" => Sent::Is(SERVICE),
            _ => of_every_request(&lower).unwrap_or(Sent::Unknown),
        }
    }

    fn kind(&self) -> &'static str {
        "AWS services"
    }

    fn sender(&self) -> &str {
        "EKS Pod Identity"
    }

    fn expected_principal(&self) -> String {
        format!("{{\"Service\": \"{SERVICE}\"}}")
    }

    fn absent_key(&self, _: &str) -> (String, Option<String>) {
        self.pod.absent_key()
    }
}

/// A session of the association's role, with which EKS Pod Identity assumes the target role.
#[derive(Debug, Clone)]
pub(crate) struct ChainedSession<'a> {
    /// `sts:AssumeRole` or `sts:TagSession`.
    action: &'static str,
    /// The pod. The tags of the first session are transitive, so the second session has them, too ("Cross-account tags" in
    /// "Grant Pods access to AWS resources based on tags" of the EKS user guide).
    pod: &'a TaggedPod,
    /// The association's role.
    role: &'a RoleArn,
    /// Its ARN in writing.
    arn: String,
    /// The external ID of the association.
    external_id: Option<&'a str>,
    /// Whether a statement that allows the role's account counts: it leaves the decision to the role's own policies.
    account_counts: bool,
}

impl<'a> ChainedSession<'a> {
    /// Returns a session of the association's role.
    pub(crate) fn new(
        action: &'static str,
        pod: &'a TaggedPod,
        role: &'a RoleArn,
        external_id: Option<&'a str>,
    ) -> Self {
        Self {
            action,
            pod,
            role,
            arn: role.to_string(),
            external_id,
            account_counts: true,
        }
    }

    /// Returns what the target role's trust policy says about the session.
    pub(crate) fn judge(&self, document: &Value) -> AssumeRoleDecision {
        let to_role = Self {
            account_counts: false,
            ..self.clone()
        };
        if evaluate(document, &to_role) == PolicyDecision::Allowed {
            return AssumeRoleDecision::Allowed(Grant::ToRole);
        }
        match evaluate(document, self) {
            PolicyDecision::Allowed => AssumeRoleDecision::Allowed(Grant::ToAccount),
            PolicyDecision::Denied { reason, .. } => AssumeRoleDecision::Denied(reason),
            PolicyDecision::NotAllowed(reasons) => AssumeRoleDecision::NotAllowed(reasons),
            PolicyDecision::Unknown(what) => AssumeRoleDecision::Unknown(what),
        }
    }

    /// Returns whether a name is the role's account, or a session of the role, whose name EKS chooses.
    fn is_account_or_session(&self, name: &str) -> bool {
        let RoleArn {
            partition,
            account,
            name: role,
            ..
        } = self.role;
        name == account
            || name == format!("arn:{partition}:iam::{account}:root")
            || name.starts_with(&format!("arn:{partition}:sts::{account}:assumed-role/{role}/"))
    }
}

impl PolicyRequest for ChainedSession<'_> {
    fn action(&self) -> &str {
        self.action
    }

    fn resource(&self) -> Option<&str> {
        None
    }

    fn is_named(&self, kind: &str, name: &str, effect: StatementEffect) -> bool {
        kind == "AWS"
            && (name == self.arn
                || self.is_account_or_session(name) && (effect == StatementEffect::Deny || self.account_counts))
    }

    fn is_everyone(&self, _: StatementEffect) -> Option<bool> {
        Some(true)
    }

    /// "AWS JSON policy elements: NotPrincipal": the exception must also name each session and the account.
    fn is_excepted(&self) -> bool {
        false
    }

    fn value(&self, key: &str) -> Sent<'_> {
        let lower = key.to_ascii_lowercase();
        if let Some(tag) = lower.strip_prefix("aws:requesttag/") {
            return self.pod.tag(tag);
        }
        if let Some(tag) = lower.strip_prefix("aws:principaltag/") {
            return match self.pod.tag(tag) {
                // The role can have tags of its own.
                Sent::Absent => Sent::Unknown,
                sent => sent,
            };
        }
        match lower.as_str() {
            "aws:tagkeys" => self.pod.tag_keys(),
            "aws:principalarn" => Sent::Arn(&self.arn),
            "aws:principalaccount" => Sent::Is(&self.role.account),
            "aws:principaltype" => Sent::Is("AssumedRole"),
            "aws:principalisawsservice" => Sent::Bool(false),
            // EKS sends it if session tags are disabled. Whether it does so with tags is not documented.
            "sts:externalid" => match self.external_id {
                Some(id) if !self.pod.is_tagged => Sent::Is(id),
                Some(id) => Sent::Probably(id),
                None => Sent::Unknown,
            },
            _ => of_every_request(&lower).unwrap_or(Sent::Unknown),
        }
    }

    fn kind(&self) -> &'static str {
        "sessions of the role"
    }

    fn sender(&self) -> &str {
        "EKS Pod Identity"
    }

    fn expected_principal(&self) -> String {
        format!("{{\"AWS\": \"{}\"}}", self.arn)
    }

    fn absent_key(&self, _: &str) -> (String, Option<String>) {
        self.pod.absent_key()
    }
}

#[cfg(test)]
impl TaggedPod {
    /// Returns a pod of a service account in the cluster `c`.
    pub(crate) fn fixture(namespace: &str, service_account: &str) -> Self {
        Self {
            account: "123456789012".to_owned(),
            cluster_arn: "arn:aws:eks:us-west-2:123456789012:cluster/c".to_owned(),
            cluster: "c".to_owned(),
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
            is_tagged: true,
        }
    }
}

#[cfg(test)]
mod tests;
