//! State in an S3 bucket, and what the container's own variables decide: credentials, the endpoint, and no credentials at all.

use sandbox::eks::Place;
use serde_json::{Value, json};

use crate::Scenario;
use crate::annotation::annotate;
use crate::cloud::{Cloud, set};
use crate::identity;
use crate::storage::{BUCKET, allow, create_bucket, fails, needed, passes, runner, set_up};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![credentials, profile, endpoint, no_credentials,];

/// The runner with these variables in its container.
fn with_env(cloud: &Cloud, entries: &[(&str, &str)]) -> Value {
    let env: Vec<Value> = entries
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let main = json!({"name": "main", "env": env});
    let mut runner = runner(cloud);
    let template = json!({"spec": {"containers": [main]}});
    set(&mut runner, "job/pod_template", template);
    runner
}

fn credentials(cloud: &Cloud) {
    create_bucket(cloud, BUCKET, Place::default());
    let env = |entries: &[(&str, &str)]| with_env(cloud, entries);
    let keys = [
        ("AWS_ACCESS_KEY_ID", "an-id"),
        ("AWS_SECRET_ACCESS_KEY", "a-s3cret-key"),
        ("AWS_REGION", "us-west-2"),
    ];
    let checked = cloud.check(&env(&keys));
    checked
        .is_incomplete("AWS credentials in pod_template (1)")
        .says("state-storage", &["AWS_ACCESS_KEY_ID", "which exists"]);
    assert!(!checked.report.to_string().contains("a-s3cret-key"));
    // A profile without a file with profiles stops the SDK, whatever keys there are.
    let profile = [&keys[..], &[("AWS_PROFILE", "p")]].concat();
    fails(
        &cloud.check(&env(&profile)),
        &["AWS_PROFILE in pod_template names a profile"],
    );
    let bundle = [&keys[..], &[("AWS_CA_BUNDLE", "/ca/root.pem")]].concat();
    fails(
        &cloud.check(&env(&bundle)),
        &["AWS_CA_BUNDLE in pod_template is /ca/root.pem, and no volume is mounted there"],
    );
    let token = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_REGION", "us-west-2")];
    fails(
        &cloud.check(&env(&token)),
        &["sets AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN"],
    );
    let mut access_point = env(&keys);
    for (name, reason) in [
        (
            "states-abcdefghijklmnopqrstuvwxyz1234-s3alias",
            "the bucket is an S3 access point (1)",
        ),
        (
            "states--usw2-az1--x-s3",
            "the bucket is an S3 directory bucket, or an access point of one (1)",
        ),
        (
            "states-abcdefghijklmnopqrstuvwxyz1234--ol-s3",
            "the bucket is an S3 Object Lambda Access Point (1)",
        ),
    ] {
        access_point["state_storage_configuration"]["bucket"] = json!(name);
        cloud
            .check(&access_point)
            .is_incomplete(reason)
            .says("state-storage", &[name]);
    }
    for length in [2, 64] {
        let name = "b".repeat(length);
        access_point["state_storage_configuration"]["bucket"] = json!(name);
        fails(&cloud.check(&access_point), &[&format!("it has {length} characters")]);
    }
}

/// A profile must exist, even with a role for the service account.
fn profile(cloud: &Cloud) {
    create_bucket(cloud, BUCKET, Place::default());
    let role = sandbox::eks::ROLE_NAME;
    let policy = json!({"Version": "2012-10-17", "Statement": needed(cloud)});
    let put = json!({"RoleName": role, "PolicyName": "own", "PolicyDocument": policy.to_string()});
    cloud.aws("iam", "PutRolePolicy", &put);
    annotate(
        cloud,
        &[format!("eks.amazonaws.com/role-arn={}", cloud.runner().role_arn)],
    );
    let check = |entries: &[(&str, &str)]| {
        let runner = with_env(cloud, entries);
        cloud.check_with(&runner, &["--only", "state-storage"])
    };
    assert_eq!(check(&[]).status("state-storage"), "passed");
    let profile = ("AWS_PROFILE", "p");
    let checked = check(&[profile]);
    assert_eq!(checked.ids("failed"), ["state-storage"]);
    checked.says(
        "state-storage",
        &["AWS_PROFILE in pod_template names a profile", "no file"],
    );
    for file in ["AWS_CONFIG_FILE", "AWS_SHARED_CONFIG_FILE"] {
        let checked = check(&[profile, (file, "/config")]);
        assert_eq!(checked.of("state-storage")["skip"], "incomplete", "{file}");
        checked.says("state-storage", &["whether the profile in AWS_PROFILE exists"]);
    }
}

fn endpoint(cloud: &Cloud) {
    let minio = ("AWS_ENDPOINT_URL_S3", "https://minio.example");
    // The region comes first: without one, the backend does not start.
    let mut runner = with_env(cloud, &[minio]);
    fails(&cloud.check(&runner), &["has no AWS region"]);
    for (entries, part) in [
        (
            &[minio][..],
            "sts:GetCallerIdentity at AWS, which refuses access keys of another service",
        ),
        (
            &[minio, ("AWS_ENDPOINT_URL_STS", "https://sts.example")],
            "sts:GetCallerIdentity at the endpoint of AWS_ENDPOINT_URL_STS",
        ),
        (
            &[("AWS_ENDPOINT_URL", "https://s3.us-west-2.amazonaws.com")],
            "at the endpoint of AWS_ENDPOINT_URL",
        ),
    ] {
        let entries = [entries, &[("AWS_REGION", "us-west-2")]].concat();
        runner = with_env(cloud, &entries);
        cloud
            .check(&runner)
            .is_incomplete("another S3 endpoint (1)")
            .says("state-storage", &[entries[0].0, part]);
    }
    // A VPC endpoint belongs to AWS's S3.
    set_up(cloud);
    let vpc_endpoint = "https://bucket.vpce-1a2b3c4d-5e6f.s3.us-west-2.vpce.amazonaws.com";
    runner = with_env(cloud, &[("AWS_ENDPOINT_URL_S3", vpc_endpoint)]);
    passes(&cloud.check(&runner), &[]);
    allow(
        cloud,
        &json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]),
    );
    fails(&cloud.check(&runner), &["do not allow s3:ListBucket"]);
}

/// A pod that certainly gets no credentials.
fn no_credentials(cloud: &Cloud) {
    create_bucket(cloud, BUCKET, Place::default());
    let region = ("AWS_REGION", "us-west-2");
    let warned = |runner: &Value| {
        cloud
            .check(runner)
            .outcome(&[], &["state-storage"], &[])
            .says("state-storage", &["the node's role"]);
    };
    warned(&with_env(cloud, &[region, ("AWS_EC2_METADATA_DISABLED", "0")]));
    let disabled = [region, ("AWS_EC2_METADATA_DISABLED", "True")];
    fails(
        &cloud.check(&with_env(cloud, &disabled)),
        &["has no AWS credentials", "AWS_EC2_METADATA_DISABLED"],
    );
    let mut other_program = with_env(cloud, &disabled);
    other_program["runner_configuration"]["job"]["pod_template"]["spec"]["containers"][0]["image"] =
        json!("registry.example/runner:1");
    warned(&other_program);
    let namespace = &cloud.runner().namespace;
    identity::create_fargate_profile(cloud, "jobs", &json!({"namespace": namespace}));
    fails(
        &cloud.check(&with_env(cloud, &[region])),
        &["has no AWS credentials", "on Fargate (profile \"jobs\")"],
    );
}
