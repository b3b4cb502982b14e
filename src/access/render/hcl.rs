//! HCL: the resources for Terraform's providers hashicorp/aws and hashicorp/kubernetes.

use serde_json::Value;

use crate::access::issuer::{AUDIENCE, issuer_host};
use crate::access::objects::{
    AwsObject, KubernetesObject, POD_IDENTITY_AGENT, PolicyRule, RBAC_GROUP, RbacSubject,
    cluster_policy, policy_name,
};
use crate::runner::RoleArn;

/// Returns a text as a string literal.
#[must_use]
pub fn string(text: &str) -> String {
    template(&Value::from(text).to_string())
}

/// Returns a text in which nothing begins a template.
fn template(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// Returns a name as an identifier. Equal names have equal identifiers, so that Terraform reports an object that a
/// configuration has twice.
pub(crate) fn identifier(name: &str) -> String {
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

/// Returns resources for objects in AWS. A role that is one of the objects is referred to, so that it is created first.
pub(crate) fn aws(objects: &[AwsObject]) -> String {
    let resources: Vec<String> = objects
        .iter()
        .map(|object| aws_resource(object, objects).text())
        .collect();
    resources.join("\n")
}

/// Returns resources for objects in a cluster. A namespace or a Role that is one of the objects is referred to, so that
/// it is created first.
pub(crate) fn kubernetes(objects: &[KubernetesObject]) -> String {
    let resources: Vec<String> = objects
        .iter()
        .map(|object| kubernetes_resource(object, objects).text())
        .collect();
    resources.join("\n")
}

fn aws_resource(object: &AwsObject, all: &[AwsObject]) -> Block {
    // The attribute of a role if it is one of the objects, else the value.
    let of_role = |role: &RoleArn, attribute: &str, value: &str| {
        let is_one =
            |object: &AwsObject| matches!(object, AwsObject::Role { arn, .. } if arn == role);
        match all.iter().any(is_one) {
            true => format!("aws_iam_role.{}.{attribute}", identifier(&role.name)),
            false => string(value),
        }
    };
    match object {
        AwsObject::OidcProvider { issuer } => {
            Block::resource("aws_iam_openid_connect_provider", issuer_host(issuer))
                .attribute("url", string(issuer))
                .attribute("client_id_list", format!("[{}]", string(AUDIENCE)))
        }
        AwsObject::Role { arn, trust_policy } => {
            let mut block =
                Block::resource("aws_iam_role", &arn.name).attribute("name", string(&arn.name));
            if arn.path != "/" {
                block = block.attribute("path", string(&arn.path));
            }
            block.attribute("assume_role_policy", policy(trust_policy))
        }
        AwsObject::ClusterPermission {
            role,
            region,
            cluster,
        } => Block::resource(
            "aws_iam_role_policy",
            &format!("{}_{region}_{cluster}", role.name),
        )
        .attribute("name", string(&policy_name(region, cluster)))
        .attribute("role", of_role(role, "name", &role.name))
        .attribute("policy", policy(&cluster_policy(role, region, cluster))),
        AwsObject::StatePermission {
            role,
            bucket,
            key_arn,
        } => Block::resource(
            "aws_iam_role_policy",
            &format!("{}_{}", role.name, bucket.policy_name()),
        )
        .attribute("name", string(&bucket.policy_name()))
        .attribute("role", of_role(role, "name", &role.name))
        .attribute("policy", policy(&bucket.policy(key_arn.as_deref()))),
        AwsObject::AccessEntry { role, cluster, .. } => {
            let arn = role.to_string();
            Block::resource("aws_eks_access_entry", &format!("{}_{cluster}", role.name))
                .attribute("cluster_name", string(cluster))
                .attribute("principal_arn", of_role(role, "arn", &arn))
                .attribute("type", string("STANDARD"))
        }
        AwsObject::PodIdentityAgent { cluster, .. } => {
            let name = format!("{cluster}_{POD_IDENTITY_AGENT}");
            Block::resource("aws_eks_addon", &name)
                .attribute("cluster_name", string(cluster))
                .attribute("addon_name", string(POD_IDENTITY_AGENT))
        }
        AwsObject::PodIdentityAssociation {
            role,
            cluster,
            namespace,
            service_account,
            ..
        } => Block::resource(
            "aws_eks_pod_identity_association",
            &format!("{cluster}_{namespace}_{service_account}"),
        )
        .attribute("cluster_name", string(cluster))
        .attribute("namespace", string(namespace))
        .attribute("service_account", string(service_account))
        .attribute("role_arn", of_role(role, "arn", &role.to_string())),
    }
}

fn kubernetes_resource(object: &KubernetesObject, all: &[KubernetesObject]) -> Block {
    let in_namespace = |namespace: &str, name: &str| {
        let is_it = |object: &KubernetesObject| matches!(object, KubernetesObject::Namespace { name } if name == namespace);
        let namespace = match all.iter().any(is_it) {
            true => format!(
                "kubernetes_namespace_v1.{}.metadata[0].name",
                identifier(namespace)
            ),
            false => string(namespace),
        };
        Block::new("metadata")
            .attribute("name", string(name))
            .attribute("namespace", namespace)
    };
    match object {
        KubernetesObject::Namespace { name } => Block::resource("kubernetes_namespace_v1", name)
            .block(Block::new("metadata").attribute("name", string(name))),
        KubernetesObject::ServiceAccount { namespace, name } => Block::resource(
            "kubernetes_service_account_v1",
            &format!("{namespace}_{name}"),
        )
        .block(in_namespace(namespace, name)),
        KubernetesObject::Role {
            namespace,
            name,
            rules,
        } => {
            let block = Block::resource("kubernetes_role_v1", &format!("{namespace}_{name}"))
                .block(in_namespace(namespace, name));
            rules
                .iter()
                .fold(block, |block, one| block.block(rule(one)))
        }
        KubernetesObject::RoleBinding {
            namespace,
            name,
            role,
            subject,
        } => {
            let is_it = |object: &KubernetesObject| matches!(object, KubernetesObject::Role { namespace: of, name, .. } if of == namespace && name == role);
            let role = match all.iter().any(is_it) {
                true => format!(
                    "kubernetes_role_v1.{}.metadata[0].name",
                    identifier(&format!("{namespace}_{role}"))
                ),
                false => string(role),
            };
            Block::resource("kubernetes_role_binding_v1", &format!("{namespace}_{name}"))
                .block(in_namespace(namespace, name))
                .block(
                    Block::new("role_ref")
                        .attribute("api_group", string(RBAC_GROUP))
                        .attribute("kind", string("Role"))
                        .attribute("name", role),
                )
                .block(subject_block(subject))
        }
    }
}

fn rule(rule: &PolicyRule) -> Block {
    let list = |values: &[String]| {
        let values: Vec<String> = values.iter().map(|value| string(value)).collect();
        format!("[{}]", values.join(", "))
    };
    let block = Block::new("rule")
        .attribute("api_groups", list(&rule.api_groups))
        .attribute("resources", list(&rule.resources));
    let block = match rule.resource_names.as_slice() {
        [] => block,
        names => block.attribute("resource_names", list(names)),
    };
    block.attribute("verbs", list(&rule.verbs))
}

fn subject_block(subject: &RbacSubject) -> Block {
    let (key, value) = match subject {
        RbacSubject::User(_) | RbacSubject::Group(_) => ("api_group", RBAC_GROUP),
        RbacSubject::ServiceAccount { namespace, .. } => ("namespace", namespace.as_str()),
    };
    Block::new("subject")
        .attribute(key, string(value))
        .attribute("kind", string(subject.kind()))
        .attribute("name", string(subject.name()))
}

/// Returns a JSON policy as a heredoc.
fn policy(policy: &Value) -> String {
    format!("<<-EOT\n{}\nEOT", template(&format!("{policy:#}")))
}

/// A block: its header, its attributes with their expressions, and the blocks in it.
struct Block {
    header: String,
    attributes: Vec<(&'static str, String)>,
    blocks: Vec<Block>,
}

impl Block {
    fn new(header: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            attributes: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Returns a resource that is named after its object.
    fn resource(kind: &str, name: &str) -> Self {
        Self::new(format!("resource \"{kind}\" \"{}\"", identifier(name)))
    }

    fn attribute(mut self, name: &'static str, expression: String) -> Self {
        self.attributes.push((name, expression));
        self
    }

    fn block(mut self, block: Self) -> Self {
        self.blocks.push(block);
        self
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text
    }

    /// Writes the block as `terraform fmt` does: the equals signs of a block are below each other.
    fn write(&self, indent: usize, text: &mut String) {
        let margin = " ".repeat(indent);
        let width = self.attributes.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or_default();
        text.push_str(&format!("{margin}{} {{\n", self.header));
        for (name, expression) in &self.attributes {
            text.push_str(&format!("{margin}  {name:width$} = {expression}\n"));
        }
        for block in &self.blocks {
            block.write(indent + 2, text);
        }
        text.push_str(&format!("{margin}}}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers() {
        assert_eq!(identifier("my-role+x.y"), "my_role_x_y");
        assert_eq!(identifier("1st"), "_1st");
    }

    #[test]
    fn nothing_in_a_string_begins_a_template() {
        assert_eq!(string("a\"${b}%{c}"), r#""a\"$${b}%%{c}""#);
    }

    #[test]
    fn an_object_is_referred_to_only_if_it_is_created_too() {
        let role: RoleArn = "arn:aws:iam::123456789012:role/team/runner"
            .parse()
            .unwrap();
        let entry = AwsObject::AccessEntry {
            role: role.clone(),
            region: "eu-central-1".to_owned(),
            cluster: "c".to_owned(),
        };
        let alone = aws(std::slice::from_ref(&entry));
        assert!(alone.contains("principal_arn = \"arn:aws:iam::123456789012:role/team/runner\""));
        let trust_policy = Value::Null;
        let both = aws(&[
            AwsObject::Role {
                arn: role,
                trust_policy,
            },
            entry,
        ]);
        assert!(
            both.contains("principal_arn = aws_iam_role.runner.arn"),
            "{both}"
        );
        let account = KubernetesObject::ServiceAccount {
            namespace: "ns".to_owned(),
            name: "sa".to_owned(),
        };
        assert!(kubernetes(&[account]).contains("namespace = \"ns\""));
    }
}
