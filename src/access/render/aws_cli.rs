//! The commands of the AWS CLI that create and change objects in AWS.

use serde_json::Value;

use super::shell::{ShellCommand, Word};
use crate::access::issuer::AUDIENCE;
use crate::access::objects::{AwsObject, CLUSTER_ISSUER_HOST, POD_IDENTITY_AGENT, service_account_trust_policy};
use crate::access::partition::region_of_iam;
use crate::runner::{Arn, RoleArn, kubernetes_user};

/// Returns the command that creates an object.
pub(crate) fn create(object: &AwsObject) -> ShellCommand {
    match object {
        AwsObject::OidcProvider { partition, issuer } => create_provider(partition, issuer),
        AwsObject::ClusterIssuer { region, cluster } => ShellCommand::new("issuer=$(aws eks describe-cluster")
            .option("--region", region)
            .option("--name", cluster)
            .next_line()
            .word(Word::code("--query cluster.identity.oidc.issuer --output text)")),
        AwsObject::ClusterOidcProvider { partition, .. } => create_provider(partition, Word::code("\"$issuer\"")),
        AwsObject::Role { arn, trust_policy } => create_role(arn, pretty(trust_policy)),
        AwsObject::ServiceAccountRole {
            arn,
            namespace,
            service_account,
            ..
        } => {
            let document = service_account_trust_policy(arn, namespace, service_account);
            // The document is in single quotes, which end before the expansion and begin again behind it.
            let document = Word::from(pretty(&document))
                .to_string()
                .replace(CLUSTER_ISSUER_HOST, "'\"${issuer#https://}\"'");
            create_role(arn, Word::code(document))
        }
        AwsObject::RolePolicy { role, permission } => {
            put_role_policy(role, &permission.policy_name(), &permission.document(role))
        }
        AwsObject::AccessEntry { role, region, cluster } => create_access_entry(region, cluster, role.to_string()),
        AwsObject::PodIdentityAgent { region, cluster } => create_addon(region, cluster, POD_IDENTITY_AGENT),
        AwsObject::PodIdentityAssociation {
            role,
            region,
            cluster,
            namespace,
            service_account,
        } => of_cluster("aws eks create-pod-identity-association", region, cluster)
            .next_line()
            .option("--namespace", namespace)
            .option("--service-account", service_account)
            .next_line()
            .option("--role-arn", role.to_string()),
    }
}

/// Returns the start of a command about IAM. Outside of the partition `aws` it names a region: IAM has one endpoint in each
/// partition ("IAM and AWS STS endpoints" in the AWS general reference), and the AWS CLI might be configured for another one.
pub(crate) fn iam(command: &str, partition: &str) -> ShellCommand {
    let command = ShellCommand::new(command);
    match region_of_iam(partition) {
        Some(region) => command.option("--region", region),
        None => command,
    }
}

fn create_provider(partition: &str, url: impl Into<Word>) -> ShellCommand {
    iam("aws iam create-open-id-connect-provider", partition)
        .next_line()
        .option("--url", url)
        .next_line()
        .option("--client-id-list", AUDIENCE)
}

fn create_role(role: &RoleArn, trust_policy: impl Into<Word>) -> ShellCommand {
    let command = iam("aws iam create-role", &role.partition);
    let command = match role.path.as_str() {
        "/" => command,
        path => command.option("--path", path),
    };
    command
        .option("--role-name", &role.name)
        .next_line()
        .option("--assume-role-policy-document", trust_policy)
}

/// Returns the command that creates the access entry of a principal.
pub(crate) fn create_access_entry(region: &str, cluster: &str, principal: impl Into<Word>) -> ShellCommand {
    of_cluster("aws eks create-access-entry", region, cluster)
        .next_line()
        .option("--principal-arn", principal)
        .option("--type", "STANDARD")
}

/// Returns the command that deletes the access entry of a principal.
pub(crate) fn delete_access_entry(region: &str, cluster: &str, principal: &str) -> ShellCommand {
    of_cluster("aws eks delete-access-entry", region, cluster)
        .next_line()
        .option("--principal-arn", principal)
}

/// Returns the command that sets the user name of a role's access entry to the one that EKS sets by default.
pub(crate) fn reset_username(region: &str, cluster: &str, role: &RoleArn) -> ShellCommand {
    of_cluster("aws eks update-access-entry", region, cluster)
        .next_line()
        .option("--principal-arn", role.to_string())
        .option("--username", kubernetes_user(role, "{{SessionName}}"))
}

/// Returns the command that associates an access policy with an access entry, for some namespaces or, with `None`, for
/// the whole cluster.
pub(crate) fn associate_access_policy(
    region: &str,
    cluster: &str,
    principal: impl Into<Word>,
    policy_arn: &str,
    namespaces: Option<&[String]>,
) -> ShellCommand {
    let scope = match namespaces {
        None => "type=cluster".to_owned(),
        Some(namespaces) => format!("type=namespace,namespaces={}", namespaces.join(",")),
    };
    of_cluster("aws eks associate-access-policy", region, cluster)
        .next_line()
        .option("--principal-arn", principal)
        .next_line()
        .option("--policy-arn", policy_arn)
        .option("--access-scope", scope)
}

/// Returns the command that shows the access policies of an access entry.
pub(crate) fn list_access_policies(region: &str, cluster: &str, principal: &str) -> ShellCommand {
    of_cluster("aws eks list-associated-access-policies", region, cluster).option("--principal-arn", principal)
}

/// Returns the command that adds an audience to an IAM OIDC provider.
pub(crate) fn add_client_id(provider_arn: &str, audience: &str) -> ShellCommand {
    let partition = Arn::parse(provider_arn).map_or("", |arn| arn.partition);
    iam("aws iam add-client-id-to-open-id-connect-provider", partition)
        .next_line()
        .option("--open-id-connect-provider-arn", provider_arn)
        .next_line()
        .option("--client-id", audience)
}

/// Returns the command that replaces the trust policy of a role.
pub(crate) fn replace_trust_policy(role: &RoleArn, policy: &Value) -> ShellCommand {
    iam("aws iam update-assume-role-policy", &role.partition)
        .option("--role-name", &role.name)
        .next_line()
        .option("--policy-document", pretty(policy))
}

/// Returns the command that sets an inline policy of a role.
fn put_role_policy(role: &RoleArn, name: &str, policy: &Value) -> ShellCommand {
    iam("aws iam put-role-policy", &role.partition)
        .option("--role-name", &role.name)
        .option("--policy-name", name)
        .next_line()
        .option("--policy-document", pretty(policy))
}

/// Returns the command that installs an add-on.
pub(crate) fn create_addon(region: &str, cluster: &str, name: &str) -> ShellCommand {
    of_cluster("aws eks create-addon", region, cluster).option("--addon-name", name)
}

/// Returns the command that shows an add-on and its health.
pub(crate) fn describe_addon(region: &str, cluster: &str, name: &str) -> ShellCommand {
    of_cluster("aws eks describe-addon", region, cluster).option("--addon-name", name)
}

/// Returns the command that deletes a Pod Identity association.
pub(crate) fn delete_pod_identity_association(region: &str, cluster: &str, id: &str) -> ShellCommand {
    of_cluster("aws eks delete-pod-identity-association", region, cluster).option("--association-id", id)
}

/// Returns the start of a command about a cluster.
fn of_cluster(command: &str, region: &str, cluster: &str) -> ShellCommand {
    ShellCommand::new(command)
        .option("--region", region)
        .option("--cluster-name", cluster)
}

fn pretty(policy: &Value) -> String {
    format!("{policy:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_about_iam_stays_in_its_partition() {
        let command = |partition: &str| {
            let role = format!("arn:{partition}:iam::123456789012:role/r").parse();
            put_role_policy(&role.unwrap(), "p", &Value::Null).to_string()
        };
        assert!(command("aws").starts_with("aws iam put-role-policy --role-name r "));
        for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
            let expected = format!("aws iam put-role-policy --region {region} --role-name r ");
            assert!(command(partition).starts_with(&expected));
            let provider = format!("arn:{partition}:iam::123456789012:oidc-provider/x");
            let add = add_client_id(&provider, "a").to_string();
            assert!(add.contains(&format!("--region {region}")), "{add}");
        }
    }
}
