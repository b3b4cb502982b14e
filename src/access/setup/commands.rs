//! Commands and resources as texts, until the checks build their fixes as values.

use serde_json::{Value, json};

use crate::access::frontend::Frontend;
use crate::access::issuer::{AUDIENCE, issuer_host};
use crate::access::objects::cluster_arn;
use crate::access::trust::Member;
use crate::runner::{RoleArn, kubernetes_user};

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

impl Frontend {
    /// What makes something that is missing: a resource for Terraform, or a command.
    pub(crate) fn makes(self, resource: String, command: String) -> String {
        match self {
            Self::Terraform => resource,
            Self::Command => command,
        }
    }

    /// A text as a value of the runner's `auth`, as one writes it.
    pub(crate) fn auth(self, name: &str, value: &str) -> String {
        match self {
            Self::Terraform => format!("{name} = {}\n", hcl(value)),
            Self::Command => {
                format!(
                    "# runner_configuration.cluster.auth:\n{name}: {}\n",
                    yaml(value)
                )
            }
        }
    }
}
