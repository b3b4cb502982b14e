//! Applies a printed fix: runs its commands, and creates its Terraform resources.

use std::process::Command;

use serde_json::{Map, Value, json};

use crate::cloud::{Checked, Cloud, set};

/// Applies the fix of a check in AWS, in the cluster, or in the runner's file.
#[track_caller]
pub(crate) fn apply(cloud: &Cloud, runner: &mut Value, checked: &Checked, id: &str) {
    let fix = checked.fix(id);
    let attributes = [
        ("role_arn", "cluster/auth/role_arn"),
        ("session_name", "cluster/auth/session_name"),
        ("sts_region", "cluster/auth/sts_region"),
    ];
    for (name, path) in attributes {
        let line = format!("# runner_configuration.cluster.auth:\n{name}: ");
        if let Some(value) = fix.strip_prefix(&line) {
            return set(runner, path, serde_json::from_str(value).unwrap());
        }
    }
    shell(cloud, fix);
}

/// Asserts that the documented runner passes after the fix.
#[track_caller]
pub(crate) fn works(cloud: &Cloud, checked: &Checked, id: &str) {
    let mut runner = cloud.configuration();
    works_for(cloud, &mut runner, checked, id);
}

/// The same for another runner.
#[track_caller]
pub(crate) fn works_for(cloud: &Cloud, runner: &mut Value, checked: &Checked, id: &str) {
    apply(cloud, runner, checked, id);
    let fixed = cloud.check(runner);
    fixed.all_pass();
    // A check that does not run has not found that the fix works.
    assert_ne!(fixed.status(id), "skipped", "\n{}", fixed.text());
}

/// Runs commands of the AWS CLI and of kubectl, as the administrators of both.
#[track_caller]
pub(crate) fn shell(cloud: &Cloud, commands: &str) {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", commands])
        .envs(cloud.eks.shell_env())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}\n{error}");
}

/// Creates the resources of a Terraform configuration, in the order of their types, with the calls that
/// `hashicorp/aws` and `hashicorp/kubernetes` would make.
pub(crate) fn terraform(cloud: &Cloud, configuration: &str) {
    let parsed: Value = hcl::from_str(&with_issuers(cloud, configuration)).unwrap();
    let resources = parsed["resource"].as_object().unwrap();
    let text = |value: &Value| -> Value {
        let text = value.as_str().unwrap();
        match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(reference) => referred(resources, cloud, reference),
            None => json!(text),
        }
    };
    let mut order: Vec<_> = resources.iter().collect();
    order.sort_by_key(|(kind, _)| ORDER.iter().position(|one| one == kind));
    for (kind, named) in order {
        for body in named.as_object().unwrap().values() {
            make(cloud, kind, body, &text);
        }
    }
}

/// The configuration with the issuers that its data sources read.
fn with_issuers(cloud: &Cloud, configuration: &str) -> String {
    let parsed: Value = hcl::from_str(configuration).unwrap();
    let clusters = parsed["data"]["aws_eks_cluster"].as_object();
    let mut text = configuration.to_owned();
    for (name, body) in clusters.into_iter().flatten() {
        let found = cloud.aws("eks", "DescribeCluster", &json!({"name": body["name"]}));
        let issuer = found["cluster"]["identity"]["oidc"]["issuer"].as_str().unwrap();
        let url = format!("data.aws_eks_cluster.{name}.identity[0].oidc[0].issuer");
        let host = format!("local.{name}_issuer_host");
        assert_eq!(
            parsed["locals"][format!("{name}_issuer_host")],
            json!(format!("${{trimprefix({url}, \"https://\")}}"))
        );
        text = text
            .replace(&url, &format!("{issuer:?}"))
            .replace(&format!("${{{host}}}"), &issuer.replace("https://", ""));
    }
    text
}

const ORDER: [&str; 10] = [
    "aws_iam_openid_connect_provider",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_eks_access_entry",
    "aws_eks_addon",
    "aws_eks_pod_identity_association",
    "kubernetes_namespace_v1",
    "kubernetes_service_account_v1",
    "kubernetes_role_v1",
    "kubernetes_role_binding_v1",
];

/// The value of `type.name.attribute`.
fn referred(resources: &Map<String, Value>, cloud: &Cloud, reference: &str) -> Value {
    let mut parts = reference.split('.');
    let (kind, name, attribute) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let body = &resources[kind][name];
    match attribute {
        "arn" => {
            let found = cloud.aws("iam", "GetRole", &json!({"RoleName": body["name"]}));
            found["Role"]["Arn"].clone()
        }
        "metadata[0]" => body["metadata"]["name"].clone(),
        plain => body[plain].clone(),
    }
}

fn make(cloud: &Cloud, kind: &str, body: &Value, text: &dyn Fn(&Value) -> Value) {
    match kind {
        "aws_iam_openid_connect_provider" => {
            let provider = json!({"Url": body["url"], "ClientIDList": body["client_id_list"]});
            cloud.aws("iam", "CreateOpenIDConnectProvider", &provider);
        }
        "aws_iam_role" => {
            let path = body.get("path").cloned().unwrap_or_else(|| json!("/"));
            let policy = &body["assume_role_policy"];
            let role = json!({"RoleName": body["name"], "Path": path, "AssumeRolePolicyDocument": policy});
            cloud.aws("iam", "CreateRole", &role);
        }
        "aws_iam_role_policy" => {
            let role = text(&body["role"]);
            let policy = json!({"RoleName": role, "PolicyName": body["name"], "PolicyDocument": body["policy"]});
            cloud.aws("iam", "PutRolePolicy", &policy);
        }
        "aws_eks_access_entry" => {
            let principal = text(&body["principal_arn"]);
            let entry = json!({"clusterName": body["cluster_name"], "principalArn": principal, "type": body["type"]});
            cloud.aws("eks", "CreateAccessEntry", &entry);
        }
        "aws_eks_addon" => {
            let addon = json!({"clusterName": body["cluster_name"], "addonName": body["addon_name"]});
            cloud.aws("eks", "CreateAddon", &addon);
        }
        "aws_eks_pod_identity_association" => {
            let association = json!({
                "clusterName": body["cluster_name"], "namespace": body["namespace"],
                "serviceAccount": body["service_account"], "roleArn": text(&body["role_arn"]),
            });
            cloud.aws("eks", "CreatePodIdentityAssociation", &association);
        }
        _ => cloud.eks.apply(&manifest(kind, body, text).to_string()).unwrap(),
    }
}

/// The object of a resource of `hashicorp/kubernetes`.
fn manifest(kind: &str, body: &Value, text: &dyn Fn(&Value) -> Value) -> Value {
    let mut metadata = json!({"name": text(&body["metadata"]["name"])});
    if let Some(namespace) = body["metadata"].get("namespace") {
        metadata["namespace"] = text(namespace);
    }
    if let Some(annotations) = body["metadata"].get("annotations") {
        metadata["annotations"] = annotations.clone();
    }
    let rbac = "rbac.authorization.k8s.io/v1";
    match kind {
        "kubernetes_namespace_v1" => {
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        }
        "kubernetes_service_account_v1" => {
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        }
        "kubernetes_role_v1" => {
            let rules = each(&body["rule"]).map(
                |rule| json!({"apiGroups": rule["api_groups"], "resources": rule["resources"], "verbs": rule["verbs"]}),
            );
            json!({"apiVersion": rbac, "kind": "Role", "metadata": metadata, "rules": rules.collect::<Vec<_>>()})
        }
        "kubernetes_role_binding_v1" => {
            let role = &body["role_ref"];
            let subjects = each(&body["subject"]).map(|subject| {
                let mut made = json!({"kind": subject["kind"], "name": text(&subject["name"])});
                for (from, to) in [("api_group", "apiGroup"), ("namespace", "namespace")] {
                    if let Some(value) = subject.get(from) {
                        made[to] = text(value);
                    }
                }
                made
            });
            json!({
                "apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata,
                "roleRef": {"apiGroup": role["api_group"], "kind": role["kind"], "name": text(&role["name"])},
                "subjects": subjects.collect::<Vec<_>>(),
            })
        }
        other => panic!("no test makes {other}"),
    }
}

/// The blocks of one type: one, or a list of several.
fn each(blocks: &Value) -> impl Iterator<Item = &Value> {
    let several = blocks.as_array().into_iter().flatten();
    let one = (!blocks.is_array()).then_some(blocks);
    several.chain(one)
}
