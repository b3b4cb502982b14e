//! What a runner needs in AWS and in its cluster, in writing: policies, Terraform, commands and
//! manifests. The fixes of failed checks are parts of it.

mod aws_auth;
mod frontend;
mod manifests;

use serde_json::{Value, json};

pub(crate) use self::aws_auth::{aws_auth_command, aws_auth_correction, aws_auth_one_line};
pub(crate) use self::manifests::{
    Grant, STATE_RIGHTS, kubectl_apply, namespace_yaml, rbac_grant, service_account_yaml,
    state_grant,
};
use super::fix::Member;
use super::issuer::{AUDIENCE, issuer_host};
use super::subject::Subject;
use crate::runner::{RoleArn, StateStorage, kubernetes_user};

/// What stands at the head of everything that a runner needs: it may share some of it with others.
const SHARED: &str = "\
# Leave out what is there already: an account has one OIDC provider for an issuer, and runners may share a role, its
# access entry and a namespace. What a shared role lacks for this runner, `eks-runner check` says, with a fix that keeps
# what the others need.
";

/// Everything that a runner needs. Made of a runner of which all is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// `None` where the installation's is not known.
    issuer: Option<String>,
    oidc_subject: String,
    role: RoleArn,
    cluster: String,
    region: String,
    namespace: String,
    service_account: String,
    kubernetes_user: String,
    own_name: String,
    state_namespace: Option<String>,
}

impl Setup {
    /// What a runner needs from an Orchestrator with this issuer; `None` while any value of the runner is unknown.
    #[must_use]
    pub fn of(subject: &Subject, issuer: Option<&str>) -> Option<Self> {
        Some(Self {
            issuer: issuer.map(str::to_owned),
            oidc_subject: subject.oidc_subject()?,
            role: subject.role.get()?.clone(),
            cluster: subject.cluster.get()?.clone(),
            region: subject.region.get()?.clone(),
            namespace: subject.namespace.get()?.clone(),
            service_account: subject.service_account.get()?.clone(),
            kubernetes_user: subject.kubernetes_user()?,
            own_name: subject.own_name()?,
            state_namespace: match subject.storage.get()? {
                StateStorage::Kubernetes(storage) => Some(storage.namespace.clone()),
                _ => None,
            },
        })
    }

    /// The trust policy of the role for an issuer.
    fn trust_policy(&self, issuer: &str) -> Value {
        let host = issuer_host(issuer);
        trust_policy(&provider_arn(&self.role, host), host, &self.oidc_subject)
    }

    /// The AWS part as Terraform for hashicorp/aws. `None` without an issuer, on which it depends.
    #[must_use]
    pub fn terraform(&self) -> Option<String> {
        let issuer = self.issuer.as_deref()?;
        let role_arn = format!("aws_iam_role.{}.arn", identifier(&self.role.name));
        let parts = [
            SHARED.to_owned(),
            oidc_provider_hcl(issuer),
            role_hcl(&self.role, &self.trust_policy(issuer)),
            permission_hcl(&self.role, &self.region, &self.cluster),
            access_entry_hcl(&self.role, &self.cluster, &role_arn),
        ];
        Some(parts.join("\n"))
    }

    /// The AWS part as commands of the AWS CLI. `None` without an issuer, on which it depends.
    #[must_use]
    pub fn aws_cli(&self) -> Option<String> {
        let issuer = self.issuer.as_deref()?;
        let permit = permission_command(&self.role, &self.region, &self.cluster);
        let entry =
            access_entry_command(&self.region, &self.cluster, &shell(&self.role.to_string()));
        let parts = [
            SHARED.to_owned(),
            oidc_provider_command(issuer),
            role_command(&self.role, &self.trust_policy(issuer)),
            permit,
            entry,
        ];
        Some(parts.join("\n"))
    }

    /// The cluster's part as manifests for `kubectl apply`.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut namespaces = vec![self.namespace.as_str()];
        namespaces.extend(
            self.state_namespace
                .as_deref()
                .filter(|n| *n != self.namespace),
        );
        let mut documents: Vec<String> = namespaces.into_iter().map(namespace_yaml).collect();
        documents.push(service_account_yaml(&self.namespace, &self.service_account));
        let rbac = rbac_grant(&self.namespace, &self.kubernetes_user, &self.own_name);
        documents.push(rbac.yaml());
        if let Some(state) = &self.state_namespace {
            let grant = state_grant(state, &self.namespace, &self.service_account);
            documents.push(grant.yaml());
        }
        documents.join("---\n")
    }
}

/// The ARN of the IAM OIDC provider for an issuer, in the role's account.
pub(crate) fn provider_arn(role: &RoleArn, issuer_host: &str) -> String {
    let RoleArn {
        partition, account, ..
    } = role;
    format!("arn:{partition}:iam::{account}:oidc-provider/{issuer_host}")
}

/// The ARN of a cluster in the role's account.
pub(crate) fn cluster_arn(role: &RoleArn, region: &str, cluster: &str) -> String {
    let RoleArn {
        partition, account, ..
    } = role;
    format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}")
}

/// The trust policy that lets the Orchestrator assume a role for one runner.
pub(crate) fn trust_policy(provider_arn: &str, issuer_host: &str, oidc_subject: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                (format!("{issuer_host}:aud")): AUDIENCE,
                (format!("{issuer_host}:sub")): oidc_subject,
            }},
        }],
    })
}

/// The policy that lets a role find a cluster.
fn permission_policy(role: &RoleArn, region: &str, cluster: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["eks:DescribeCluster"],
            "Resource": cluster_arn(role, region, cluster),
        }],
    })
}

/// The name of that inline policy. A role that serves the runners of several clusters has one for
/// each: to put one under the name of another would take that cluster away.
fn policy_name(region: &str, cluster: &str) -> String {
    // IAM takes 128 characters, and a cluster's name may have 100.
    format!("eks-runner-{region}-{cluster}")
}

/// The IAM OIDC provider in Terraform.
pub(crate) fn oidc_provider_hcl(issuer: &str) -> String {
    format!(
        "resource \"aws_iam_openid_connect_provider\" \"{}\" {{\n  url            = {}\n  client_id_list = [{}]\n}}\n",
        identifier(issuer_host(issuer)),
        hcl(issuer),
        hcl(AUDIENCE)
    )
}

/// The IAM OIDC provider as a command.
pub(crate) fn oidc_provider_command(issuer: &str) -> String {
    format!(
        "aws iam create-open-id-connect-provider \\\n  --url {} \\\n  --client-id-list {AUDIENCE}\n",
        shell(issuer)
    )
}

/// Adds the Orchestrator's audience to an existing provider.
pub(crate) fn client_id_command(provider_arn: &str) -> String {
    format!(
        "aws iam add-client-id-to-open-id-connect-provider \\\n  --open-id-connect-provider-arn {} \\\n  --client-id {AUDIENCE}\n",
        shell(provider_arn)
    )
}

/// The role in Terraform.
pub(crate) fn role_hcl(role: &RoleArn, trust_policy: &Value) -> String {
    let path = match role.path.as_str() {
        "/" => String::new(),
        path => format!("  path               = {}\n", hcl(path)),
    };
    format!(
        "resource \"aws_iam_role\" \"{}\" {{\n  name               = {}\n{path}  assume_role_policy = {}\n}}\n",
        identifier(&role.name),
        hcl(&role.name),
        policy_heredoc(trust_policy)
    )
}

/// The role as a command.
pub(crate) fn role_command(role: &RoleArn, trust_policy: &Value) -> String {
    let path = match role.path.as_str() {
        "/" => String::new(),
        path => format!("--path {} ", shell(path)),
    };
    format!(
        "aws iam create-role {path}--role-name {} \\\n  --assume-role-policy-document {}\n",
        shell(&role.name),
        shell(&pretty(trust_policy))
    )
}

/// Replaces the trust policy of an existing role by an amended one, in which these runners are new.
pub(crate) fn trust_command(role: &RoleArn, amended: &Value, added: &[Member]) -> String {
    let added: Vec<&str> = added
        .iter()
        .map(|member| member.oidc_subject.as_str())
        .collect();
    format!(
        "# This replaces the whole trust policy: it is the current one with {} added.\n\
         aws iam update-assume-role-policy --role-name {} \\\n  --policy-document {}\n",
        added.join(", "),
        shell(&role.name),
        shell(&pretty(amended))
    )
}

/// Replaces the trust policy of a role by one that trusts only runners of an organization.
pub(crate) fn restrict_command(role: &RoleArn, org: &str, restricted: &Value) -> String {
    format!(
        "# The policy as it was found, for runners of {org} alone. Add runners of other organizations that use this role.\n\
         aws iam update-assume-role-policy --role-name {} \\\n  --policy-document {}\n",
        shell(&role.name),
        shell(&pretty(restricted))
    )
}

/// The permission of the role of [`role_hcl`] in Terraform.
fn permission_hcl(role: &RoleArn, region: &str, cluster: &str) -> String {
    format!(
        "resource \"aws_iam_role_policy\" \"{}\" {{\n  name   = {}\n  role   = aws_iam_role.{}.name\n  policy = {}\n}}\n",
        identifier(&format!("{}_{region}_{cluster}", role.name)),
        hcl(&policy_name(region, cluster)),
        identifier(&role.name),
        policy_heredoc(&permission_policy(role, region, cluster))
    )
}

/// Gives an existing role its permission to find a cluster.
pub(crate) fn permission_command(role: &RoleArn, region: &str, cluster: &str) -> String {
    format!(
        "aws iam put-role-policy --role-name {} --policy-name {} \\\n  --policy-document {}\n",
        shell(&role.name),
        shell(&policy_name(region, cluster)),
        shell(&pretty(&permission_policy(role, region, cluster)))
    )
}

/// A role's access entry in Terraform; the principal is an expression.
pub(crate) fn access_entry_hcl(role: &RoleArn, cluster: &str, principal: &str) -> String {
    format!(
        "resource \"aws_eks_access_entry\" \"{}\" {{\n  cluster_name  = {}\n  principal_arn = {principal}\n  type          = \"STANDARD\"\n}}\n",
        identifier(&format!("{}_{cluster}", role.name)),
        hcl(cluster)
    )
}

/// A principal's access entry as a command. The principal is a word of the shell.
pub(crate) fn access_entry_command(region: &str, cluster: &str, principal: &str) -> String {
    format!(
        "aws eks create-access-entry --region {} --cluster-name {} \\\n  --principal-arn {} --type STANDARD\n",
        shell(region),
        shell(cluster),
        principal
    )
}

/// Takes a role's access entry away.
pub(crate) fn delete_entry_command(region: &str, cluster: &str, principal: &str) -> String {
    format!(
        "aws eks delete-access-entry --region {} --cluster-name {} \\\n  --principal-arn {}\n",
        shell(region),
        shell(cluster),
        shell(principal),
    )
}

/// Gives an access entry the user name that EKS gives by default.
pub(crate) fn default_username_command(region: &str, cluster: &str, role: &RoleArn) -> String {
    format!(
        "aws eks update-access-entry --region {} --cluster-name {} \\\n  --principal-arn {} --username {}\n",
        shell(region),
        shell(cluster),
        shell(&role.to_string()),
        shell(&kubernetes_user(role, "{{SessionName}}"))
    )
}

/// Associates an access policy with an access entry, for some namespaces or the whole cluster. The principal is a word
/// of the shell.
pub(crate) fn associate_command(
    region: &str,
    cluster: &str,
    principal: &str,
    policy_arn: &str,
    namespaces: Option<&[String]>,
) -> String {
    let scope = match namespaces {
        None => "type=cluster".to_owned(),
        Some(namespaces) => format!("type=namespace,namespaces={}", namespaces.join(",")),
    };
    format!(
        "aws eks associate-access-policy --region {} --cluster-name {} \\\n  --principal-arn {} \\\n  --policy-arn {} --access-scope {}\n",
        shell(region),
        shell(cluster),
        principal,
        shell(policy_arn),
        shell(&scope),
    )
}

/// A JSON policy as the value of a Terraform argument.
fn policy_heredoc(policy: &Value) -> String {
    let text = pretty(policy).replace("${", "$${").replace("%{", "%%{");
    format!("<<-EOT\n{text}\nEOT")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// A name as an identifier of Terraform. What has the same name gets the same identifier, so that Terraform says where
/// the same thing is in a configuration twice.
pub fn identifier(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if plain.starts_with(|first: char| first.is_ascii_digit()) {
        format!("_{plain}")
    } else {
        plain
    }
}

/// A text as an HCL string.
pub(crate) fn hcl(text: &str) -> String {
    yaml(text).replace("${", "$${").replace("%{", "%%{")
}

/// A text as a YAML string: JSON's strings are YAML's.
pub(crate) fn yaml(text: &str) -> String {
    Value::from(text).to_string()
}

/// A text as one word of a shell command.
pub(crate) fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=,.@:/%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::trust::{Decision, WebIdentity, evaluate};
    use super::*;
    use crate::runner::Runner;

    fn setup() -> Setup {
        let runner: Runner = serde_json::from_value(json!({
            "id": "my-runner",
            "runner_configuration": {
                "type": "kubernetes-eks",
                "cluster": {"name": "c", "region": "eu-central-1",
                    "auth": {"role_arn": "arn:aws:iam::123456789012:role/team/runner"}},
                "job": {"namespace": "runner-ns", "service_account": "runner-sa"},
            },
            "state_storage_configuration": {"type": "kubernetes", "namespace": "state-ns"},
        }))
        .unwrap();
        let subject = Subject::new("my-org", &runner).unwrap();
        Setup::of(&subject, Some("https://oidc.humanitec.dev")).unwrap()
    }

    #[test]
    fn the_trust_policy_is_one_that_the_check_passes() {
        let who = WebIdentity {
            provider_arn: "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev",
            issuer_host: "oidc.humanitec.dev",
            subject: "my-org+my-runner",
            session_name: None,
        };
        let decision = evaluate(&setup().trust_policy("https://oidc.humanitec.dev"), &who);
        assert_eq!(decision, Decision::Allowed { any_subject: false });
    }

    #[test]
    fn the_manifests_are_yaml_and_name_the_user() {
        let text = setup().yaml();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let kinds: Vec<_> = documents
            .iter()
            .map(|d| d["kind"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            [
                "Namespace",
                "Namespace",
                "ServiceAccount",
                "Role",
                "RoleBinding",
                "Role",
                "RoleBinding"
            ]
        );
        assert_eq!(
            documents[4]["subjects"][0]["name"],
            "arn:aws:sts::123456789012:assumed-role/runner/my-org-my-runner"
        );
        let name = |document: &Value| document["metadata"]["name"].as_str().unwrap().to_owned();
        assert_eq!(
            name(&documents[4]),
            "humanitec-runner-orchestrator-access:my-org:my-runner"
        );
        assert_eq!(
            name(&documents[6]),
            "humanitec-runner-state:runner-ns:runner-sa"
        );
        for (role, binding) in [(3, 4), (5, 6)] {
            assert_eq!(
                documents[binding]["roleRef"]["name"],
                name(&documents[role])
            );
        }
        assert_eq!(documents[3]["rules"][0]["verbs"], json!(["create", "get"]));
        assert_eq!(documents[6]["metadata"]["namespace"], "state-ns");
        assert_eq!(documents[6]["subjects"][0]["namespace"], "runner-ns");
    }

    #[test]
    fn the_aws_part_is_whole_in_both_forms() {
        let terraform = setup().terraform().unwrap();
        for part in [
            "aws_iam_openid_connect_provider",
            "path               = \"/team/\"",
            "eks:DescribeCluster",
            "arn:aws:eks:eu-central-1:123456789012:cluster/c",
            "principal_arn = aws_iam_role.runner.arn",
            "\"eks-runner-eu-central-1-c\"",
        ] {
            assert!(terraform.contains(part), "{part}: {terraform}");
        }
        let cli = setup().aws_cli().unwrap();
        for part in [
            "create-open-id-connect-provider",
            "create-role --path /team/ --role-name runner",
            "put-role-policy",
            "create-access-entry --region eu-central-1",
        ] {
            assert!(cli.contains(part), "{part}: {cli}");
        }
    }

    #[test]
    fn a_policy_s_name_fits_into_iam() {
        assert!(policy_name("us-isob-east-1", &"c".repeat(100)).len() <= 128);
    }

    #[test]
    fn manifests_are_applied_as_one_text_that_may_be_indented() {
        let command = kubectl_apply(&rbac_grant("ns", "it's me", "own").yaml());
        let indented = command.replace('\n', "\n  ");
        let quoted = indented.replace(r"'\''", "\u{1}");
        let manifest = quoted.split('\'').nth(1).unwrap().replace('\u{1}', "'");
        let list: Value = serde_saphyr::from_str(&manifest).unwrap();
        assert_eq!(list["items"][0]["kind"], "Role");
        assert_eq!(list["items"][0]["rules"][0]["verbs"][1], "get");
        assert_eq!(list["items"][1]["subjects"][0]["name"], "it's me");
    }

    #[test]
    fn the_rules_of_a_role_are_kept() {
        let rules = |found: Value| {
            let grant = rbac_grant("ns", "me", "own").beside(found.as_array().unwrap());
            let yaml = grant.yaml();
            let role: Value = serde_saphyr::from_str(yaml.split("---").next().unwrap()).unwrap();
            role["rules"].clone()
        };
        let one = json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["x"], "verbs": ["get"]});
        let jobs =
            json!({"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]});
        let pods = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]});
        let events = json!({"apiGroups": [""], "resources": ["events"], "verbs": ["list"]});
        assert_eq!(rules(json!([one, pods])), json!([one, pods, jobs, events]));
        let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
        assert_eq!(rules(all.clone()), all);
        // A rule about one object is none about all.
        let named = json!({"apiGroups": [""], "resources": ["events"], "resourceNames": ["x"], "verbs": ["list"]});
        assert_eq!(
            rules(json!([named, pods])),
            json!([named, pods, jobs, events])
        );
    }

    #[test]
    fn texts_are_quoted_for_where_they_go() {
        assert_eq!(identifier("my-role+x.y"), "my_role_x_y");
        assert_eq!(identifier("1st"), "_1st");
        assert_eq!(hcl("a\"${b}"), r#""a\"$${b}""#);
        assert_eq!(shell("arn:aws:iam::1:role/x"), "arn:aws:iam::1:role/x");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell(""), "''");
    }
}
