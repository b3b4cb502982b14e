//! The provider functions, in configurations without a provider block.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::{Cli, SOURCE, Workspace};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![results, wrong_arguments, examples];

const PROVIDER_ARN: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev";
const CLUSTER_ARN: &str = "arn:aws:eks:us-west-2:123456789012:cluster/my-eks-cluster";

/// Returns a workspace with these lines. The provider has no configuration and no token.
fn workspace(cli: &Cli, lines: &str) -> Workspace {
    let workspace = Workspace::new(cli, &configuration(lines));
    workspace.init();
    workspace
}

fn configuration(lines: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    platform-orchestrator = {{\n      source = \"{SOURCE}\"\n    }}\n  \
         }}\n}}\n{lines}"
    )
}

fn call(function: &str, arguments: &str) -> String {
    format!("provider::platform-orchestrator::{function}({arguments})")
}

/// Returns the values of these calls, which are applied as outputs.
fn outputs(cli: &Cli, calls: &[String]) -> Vec<String> {
    let output = |(index, call): (usize, &String)| format!("output \"o{index}\" {{\n  value = {call}\n}}\n");
    let lines: String = calls.iter().enumerate().map(output).collect();
    let workspace = workspace(cli, &lines);
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
    let text = workspace.run(&["output", "-json"]).ok().text;
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let value = |index| {
        json[format!("o{index}")]["value"]
            .as_str()
            .expect("a string")
            .to_owned()
    };
    (0..calls.len()).map(value).collect()
}

fn results(cli: &Cli) {
    let long = "r".repeat(300);
    let names = outputs(
        cli,
        &[
            call("session_name", "\"my-org\", \"my-runner\""),
            call("session_name", &format!("\"my-org\", \"{long}\"")),
            call("oidc_subject", "\"my-org\", \"my-runner\""),
            call("oidc_subject", &format!("\"my-org\", \"{long}\"")),
            call(
                "kubernetes_user",
                "\"arn:aws-cn:iam::123456789012:role/team/x/my-role\", \"me@my-org\"",
            ),
        ],
    );
    assert_eq!(names[0], "my-org-my-runner");
    assert_eq!(names[1], format!("my-org-{}", &long[..57]));
    assert_eq!(names[2], "my-org+my-runner");
    assert_eq!(names[3], format!("my-org+{}", &long[..248]));
    assert_eq!(names[4], "arn:aws-cn:sts::123456789012:assumed-role/my-role/me-my-org");

    let policies = outputs(
        cli,
        &[
            call("trust_policy", &format!("{PROVIDER_ARN:?}, [\"my-org+a\"]")),
            call(
                "trust_policy",
                &format!("{PROVIDER_ARN:?}, [\"my-org+a\", \"my-org+b\"]"),
            ),
            call(
                "trust_policy",
                &format!("{PROVIDER_ARN:?}, [\"my-org+a\", \"other-org+*\"]"),
            ),
            call("permission_policy", &format!("[{CLUSTER_ARN:?}]")),
            call("permission_policy", &format!("[{CLUSTER_ARN:?}, \"{CLUSTER_ARN}-2\"]")),
        ],
    );
    let policies: Vec<Value> = policies
        .iter()
        .map(|policy| serde_json::from_str(policy).expect("JSON"))
        .collect();
    let trust = |condition: Value| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER_ARN},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }]})
    };
    let (aud, sub) = ("oidc.humanitec.dev:aud", "oidc.humanitec.dev:sub");
    let equals = |subjects: Value| trust(json!({"StringEquals": {(aud): "sts.amazonaws.com", (sub): subjects}}));
    assert_eq!(policies[0], equals(json!("my-org+a")));
    assert_eq!(policies[1], equals(json!(["my-org+a", "my-org+b"])));
    assert_eq!(
        policies[2],
        trust(json!({
            "StringEquals": {(aud): "sts.amazonaws.com"},
            "StringLike": {(sub): ["my-org+a", "other-org+*"]},
        }))
    );
    let permission = |resource: Value| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": ["eks:DescribeCluster"], "Resource": resource,
        }]})
    };
    assert_eq!(policies[3], permission(json!(CLUSTER_ARN)));
    assert_eq!(
        policies[4],
        permission(json!([CLUSTER_ARN, format!("{CLUSTER_ARN}-2")]))
    );
}

fn wrong_arguments(cli: &Cli) {
    let workspace = workspace(cli, "");
    for (call, parameter, text) in wrong_names().into_iter().chain(wrong_policies()) {
        workspace.write(
            "main.tf",
            &configuration(&format!("output \"o\" {{\n  value = {call}\n}}\n")),
        );
        workspace
            .plan(&[])
            .fails()
            .has(&format!("\"{parameter}\""))
            .has(text)
            // Terraform and OpenTofu add the period.
            .has_not("..");
    }
}

/// A call that fails: the call, the parameter, and a part of the error.
type WrongCall = (String, &'static str, &'static str);

fn wrong_names() -> Vec<WrongCall> {
    vec![
        (
            call("session_name", "\"\", \"my-runner\""),
            "org",
            "The ID of the organization is empty.",
        ),
        (
            call("oidc_subject", "\"*\", \"my-runner\""),
            "org",
            "\"*\" contains '*', which is not allowed in the ID of an organization.",
        ),
        (
            call("oidc_subject", "\"my-org\", \"My Runner\""),
            "runner_id",
            "\"My Runner\"",
        ),
        (
            call("kubernetes_user", "\"my-role\", \"session\""),
            "role_arn",
            "is not an ARN",
        ),
        (
            call("kubernetes_user", "\"arn:aws:iam::123456789012:role/my-role\", \"a/b\""),
            "session_name",
            "\"a/b\"",
        ),
    ]
}

fn wrong_policies() -> Vec<WrongCall> {
    vec![
        (
            call("trust_policy", &format!("{PROVIDER_ARN:?}, [\"my-org+a\", \"*\"]")),
            "subjects",
            "The subject \"*\" does not begin with the ID of an organization",
        ),
        (
            call("trust_policy", "\"https://oidc.humanitec.dev\", [\"my-org+a\"]"),
            "oidc_provider_arn",
            "is not the ARN of an IAM OIDC provider",
        ),
        (
            call(
                "trust_policy",
                "\"arn:aws:iam::123456789012:oidc-provider/https://oidc.humanitec.dev\", [\"my-org+a\"]",
            ),
            "oidc_provider_arn",
            "is not the ARN of an IAM OIDC provider",
        ),
        (
            call("trust_policy", &format!("{PROVIDER_ARN:?}, [\"my-org+ a\"]")),
            "subjects",
            "The subject \"my-org+ a\" is not the ID of an organization",
        ),
        (
            call("permission_policy", "[\"arn:aws:eks:us-west-2:12:cluster/x\"]"),
            "cluster_arns",
            "is not the ARN of an EKS cluster",
        ),
        (call("session_name", "null, \"my-runner\""), "org", "must not be null"),
        (
            call("trust_policy", &format!("{PROVIDER_ARN:?}, [null]")),
            "subjects",
            "empty or null",
        ),
        (
            call("trust_policy", &format!("{PROVIDER_ARN:?}, []")),
            "subjects",
            "The list is empty.",
        ),
        (
            call("permission_policy", "[\"my-eks-cluster\"]"),
            "cluster_arns",
            "is not the ARN of an EKS cluster",
        ),
        (call("permission_policy", "[\"\"]"), "cluster_arns", "empty or null"),
    ]
}

/// The examples without a resource of hashicorp/aws, as they are in the documentation.
fn examples(cli: &Cli) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/functions");
    let lines: String = ["session_name", "oidc_subject", "kubernetes_user"]
        .iter()
        .map(|name| std::fs::read_to_string(folder.join(name).join("function.tf")).expect("an example"))
        .collect();
    let workspace = workspace(cli, &lines);
    let apply = workspace.apply(&[]).ok();
    apply
        .has("session_name = \"my-org-my-runner\"")
        .has("oidc_subject = \"my-org+my-runner\"")
        .has("assumed-role/humanitec-runner-eks-role/my-org-my-runner");
}
