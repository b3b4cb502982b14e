//! The output of `setup`, applied to an empty account and cluster, makes every check pass.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    terraform,
    aws_cli,
    yaml,
    s3_in_terraform,
    s3_by_aws_cli,
    irsa_in_terraform,
    irsa_by_aws_cli,
    irsa_in_yaml,
    fixes_in_terraform,
];

/// A runner that needs every object of the set-up, with names that no other scenario uses.
fn runner(cloud: &Cloud) -> Value {
    let mut runner = cloud.with(
        "cluster/auth",
        json!({
            "role_arn": "arn:aws:iam::123456789012:role/platform/runners/fresh",
            "session_name": "me@my-org",
        }),
    );
    runner["runner_configuration"]["job"] = json!({"namespace": "fresh", "service_account": "deployer"});
    runner["state_storage_configuration"] = json!({"type": "kubernetes", "namespace": "fresh-states"});
    runner
}

#[track_caller]
fn turns_green(cloud: &Cloud, set_up: impl Fn(&Value)) {
    let runner = runner(cloud);
    cloud.clear();
    let before = cloud.check(&runner);
    for id in ["role-exists", "oidc-provider", "namespace", "state-storage"] {
        assert_eq!(before.status(id), "failed", "\n{}", before.text());
    }
    set_up(&runner);
    is_green(cloud, &runner, &["assume-role", "pod-identity"]);
}

#[track_caller]
fn is_green(cloud: &Cloud, runner: &Value, skipped: &[&str]) {
    let checked = cloud.check(runner);
    checked.all_pass();
    assert_eq!(checked.ids("skipped"), skipped, "\n{}", checked.text());
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let checked = cloud.check_with(runner, &arguments);
    assert_eq!(checked.status("job-dry-run"), "passed", "\n{}", checked.text());
}

fn terraform(cloud: &Cloud) {
    turns_green(cloud, |runner| fix::terraform(cloud, &cloud.setup(runner, "terraform")));
}

fn aws_cli(cloud: &Cloud) {
    turns_green(cloud, |runner| fix::shell(cloud, &cloud.setup(runner, "aws-cli")));
}

/// The state in a bucket of the same account, with a prefix.
fn s3(cloud: &Cloud, set_up: impl Fn(&Value)) {
    let mut runner = runner(cloud);
    runner["state_storage_configuration"] = json!({"type": "s3", "bucket": "fresh-states", "path_prefix": "a/b"});
    cloud.clear();
    let bucket = json!({
        "Bucket": "fresh-states",
        "CreateBucketConfiguration": {"LocationConstraint": cloud.eks.options().region},
    });
    cloud.aws("s3", "CreateBucket", &bucket);
    set_up(&runner);
    is_green(cloud, &runner, &["assume-role"]);
}

/// Returns a set-up with IRSA.
fn irsa(cloud: &Cloud, runner: &Value, format: &str) -> String {
    let arguments = ["--output", format, "--pod-identity", "irsa"];
    let printed = cloud.setup_with("my-runner", runner, &arguments);
    for part in ["pods.eks.amazonaws.com", "pod-identity-association", "addon"] {
        assert!(!printed.contains(part), "{part}: {printed}");
    }
    printed
}

/// The policy of a bucket is merged by whoever owns it.
#[track_caller]
fn replaces_no_bucket_policy(printed: &str) {
    assert!(printed.contains("merge these statements"), "{printed}");
    for part in ["put-bucket-policy", "aws_s3_bucket_policy"] {
        assert!(!printed.contains(part), "{part}: {printed}");
    }
}

fn s3_in_terraform(cloud: &Cloud) {
    s3(cloud, |runner| {
        let printed = cloud.setup(runner, "terraform");
        assert!(printed.contains("role_arn        = aws_iam_role."));
        replaces_no_bucket_policy(&printed);
        fix::terraform(cloud, &printed);
    });
}

fn s3_by_aws_cli(cloud: &Cloud) {
    s3(cloud, |runner| {
        let printed = cloud.setup(runner, "aws-cli");
        replaces_no_bucket_policy(&printed);
        fix::shell(cloud, &printed);
    });
}

fn irsa_in_terraform(cloud: &Cloud) {
    s3(cloud, |runner| {
        let printed = irsa(cloud, runner, "terraform");
        replaces_no_bucket_policy(&printed);
        fix::terraform(cloud, &printed);
    });
}

fn irsa_by_aws_cli(cloud: &Cloud) {
    s3(cloud, |runner| {
        let printed = irsa(cloud, runner, "aws-cli");
        replaces_no_bucket_policy(&printed);
        fix::shell(cloud, &printed);
    });
}

/// The annotation is in the manifests.
fn irsa_in_yaml(cloud: &Cloud) {
    s3(cloud, |runner| {
        let all = irsa(cloud, runner, "aws-cli");
        let (aws, _) = all.split_once("kubectl apply").unwrap();
        fix::shell(cloud, aws);
        cloud.eks.apply(&irsa(cloud, runner, "yaml")).unwrap();
    });
}

/// Only the cluster's part. The AWS part comes from Terraform.
fn yaml(cloud: &Cloud) {
    turns_green(cloud, |runner| {
        let all = cloud.setup(runner, "terraform");
        let (aws, _) = all.split_once("resource \"kubernetes_").unwrap();
        fix::terraform(cloud, aws);
        cloud.eks.apply(&cloud.setup(runner, "yaml")).unwrap();
    });
}

/// For the provider, the fix of a missing object is a resource.
fn fixes_in_terraform(cloud: &Cloud) {
    let mut runner = runner(cloud);
    runner["id"] = json!("my-runner");
    cloud.clear();
    let outcome = |id: &str| {
        let response = cloud.library(&json!({"runners": [runner]}));
        let checks = response["reports"][0]["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["id"] == id).unwrap()
    };
    for id in ["oidc-provider", "role-exists", "access-entry"] {
        let failed = outcome(id);
        assert_eq!(failed["status"], "failed", "{failed:#}");
        fix::terraform(cloud, failed["fix"].as_str().unwrap());
        assert_eq!(outcome(id)["status"], "passed");
    }
}
