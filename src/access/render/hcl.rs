//! HCL: the resources for Terraform's providers hashicorp/aws and hashicorp/kubernetes.

use serde_json::Value;

use crate::access::issuer::{AUDIENCE, issuer_host};
use crate::access::objects::{
    AwsObject, CLUSTER_ISSUER_HOST, KubernetesObject, POD_IDENTITY_AGENT, PolicyRule, RBAC_GROUP, ROLE_ANNOTATION,
    RbacSubject, service_account_trust_policy,
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
    let blocks: Vec<String> = objects
        .iter()
        .flat_map(|object| aws_blocks(object, objects))
        .map(|block| block.text())
        .collect();
    blocks.join("\n")
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

/// Returns the blocks that read the issuer of a cluster.
fn issuer_blocks(cluster: &str) -> Vec<Block> {
    let data = format!("data \"aws_eks_cluster\" \"{}\"", identifier(cluster));
    let host = format!("trimprefix({}, \"https://\")", issuer_url(cluster));
    vec![
        Block::new(data).attribute("name", string(cluster)),
        Block::new("locals").attribute(&issuer_local(cluster), host),
    ]
}

/// Returns the expression for the issuer of a cluster.
fn issuer_url(cluster: &str) -> String {
    let name = identifier(cluster);
    format!("data.aws_eks_cluster.{name}.identity[0].oidc[0].issuer")
}

/// Returns the name of the local value with the issuer of a cluster, without `https://`.
fn issuer_local(cluster: &str) -> String {
    format!("{}_issuer_host", identifier(cluster))
}

/// Returns a role. Its trust policy is an expression.
fn role_resource(role: &RoleArn, trust_policy: String) -> Block {
    let block = Block::resource("aws_iam_role", &role.name).attribute("name", string(&role.name));
    let block = match role.path.as_str() {
        "/" => block,
        path => block.attribute("path", string(path)),
    };
    block.attribute("assume_role_policy", trust_policy)
}

/// Returns an IAM OIDC provider. The URL is an expression.
fn provider_resource(name: &str, url: String) -> Block {
    Block::resource("aws_iam_openid_connect_provider", name)
        .attribute("url", url)
        .attribute("client_id_list", format!("[{}]", string(AUDIENCE)))
}

/// Returns an inline policy of a role. The role's name is an expression.
fn role_policy_resource(name: &str, policy_name: &str, role: String, document: &Value) -> Block {
    Block::resource("aws_iam_role_policy", name)
        .attribute("name", string(policy_name))
        .attribute("role", role)
        .attribute("policy", policy(document))
}

/// Returns an attribute of a role if it is one of the objects, else the value.
fn of_role(all: &[AwsObject], role: &RoleArn, attribute: &str, value: &str) -> String {
    let is_one = |object: &AwsObject| match object {
        AwsObject::Role { arn, .. } | AwsObject::ServiceAccountRole { arn, .. } => arn == role,
        _ => false,
    };
    if all.iter().any(is_one) {
        format!("aws_iam_role.{}.{attribute}", identifier(&role.name))
    } else {
        string(value)
    }
}

fn aws_blocks(object: &AwsObject, all: &[AwsObject]) -> Vec<Block> {
    let resource = match object {
        AwsObject::ClusterIssuer { cluster, .. } => return issuer_blocks(cluster),
        AwsObject::OidcProvider { issuer, .. } => provider_resource(issuer_host(issuer), string(issuer)),
        AwsObject::ClusterOidcProvider { cluster, .. } => provider_resource(cluster, issuer_url(cluster)),
        AwsObject::Role { arn, trust_policy } => role_resource(arn, policy(trust_policy)),
        AwsObject::ServiceAccountRole {
            arn,
            cluster,
            namespace,
            service_account,
        } => {
            let document = service_account_trust_policy(arn, namespace, service_account);
            let host = format!("${{local.{}}}", issuer_local(cluster));
            role_resource(arn, policy(&document).replace(CLUSTER_ISSUER_HOST, &host))
        }
        AwsObject::RolePolicy { role, permission } => {
            let name = permission.policy_name();
            role_policy_resource(
                &format!("{}_{name}", role.name),
                &name,
                of_role(all, role, "name", &role.name),
                &permission.document(role),
            )
        }
        AwsObject::AccessEntry { role, cluster, .. } => {
            let arn = role.to_string();
            Block::resource("aws_eks_access_entry", &format!("{}_{cluster}", role.name))
                .attribute("cluster_name", string(cluster))
                .attribute("principal_arn", of_role(all, role, "arn", &arn))
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
        .attribute("role_arn", of_role(all, role, "arn", &role.to_string())),
    };
    vec![resource]
}

fn kubernetes_resource(object: &KubernetesObject, all: &[KubernetesObject]) -> Block {
    let in_namespace = |namespace: &str, name: &str| {
        let is_it =
            |object: &KubernetesObject| matches!(object, KubernetesObject::Namespace { name } if name == namespace);
        let namespace = if all.iter().any(is_it) {
            format!("kubernetes_namespace_v1.{}.metadata[0].name", identifier(namespace))
        } else {
            string(namespace)
        };
        Block::new("metadata")
            .attribute("name", string(name))
            .attribute("namespace", namespace)
    };
    match object {
        KubernetesObject::Namespace { name } => Block::resource("kubernetes_namespace_v1", name)
            .block(Block::new("metadata").attribute("name", string(name))),
        KubernetesObject::ServiceAccount { namespace, name, role } => {
            let mut metadata = in_namespace(namespace, name);
            if let Some(role) = role {
                let (key, value) = (string(ROLE_ANNOTATION), string(&role.to_string()));
                metadata = metadata.attribute("annotations", format!("{{ {key} = {value} }}"));
            }
            Block::resource("kubernetes_service_account_v1", &format!("{namespace}_{name}")).block(metadata)
        }
        KubernetesObject::Role { namespace, name, rules } => {
            let block = Block::resource("kubernetes_role_v1", &format!("{namespace}_{name}"))
                .block(in_namespace(namespace, name));
            rules.iter().fold(block, |block, one| block.block(rule(one)))
        }
        KubernetesObject::RoleBinding {
            namespace,
            name,
            role,
            subject,
        } => {
            let is_it = |object: &KubernetesObject| matches!(object, KubernetesObject::Role { namespace: of, name, .. } if of == namespace && name == role);
            let role = if all.iter().any(is_it) {
                format!(
                    "kubernetes_role_v1.{}.metadata[0].name",
                    identifier(&format!("{namespace}_{role}"))
                )
            } else {
                string(role)
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
    attributes: Vec<(String, String)>,
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

    fn attribute(mut self, name: &str, expression: String) -> Self {
        self.attributes.push((name.to_owned(), expression));
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
        let role: RoleArn = "arn:aws:iam::123456789012:role/team/runner".parse().unwrap();
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
        assert!(both.contains("principal_arn = aws_iam_role.runner.arn"), "{both}");
        let account = KubernetesObject::ServiceAccount {
            namespace: "ns".to_owned(),
            name: "sa".to_owned(),
            role: None,
        };
        assert!(kubernetes(&[account]).contains("namespace = \"ns\""));
    }
}
