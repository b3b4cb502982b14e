//! State in an S3 bucket with a role that does not exist, or whose policies nobody here can read.

use sandbox::eks::Place;
use serde_json::{Value, json};

use crate::Scenario;
use crate::annotation::annotate;
use crate::cloud::{Cloud, set};
use crate::storage::{BUCKET, ROLE, create_bucket, fails, needed, noted, put_policy, role_arn, runner, set_up};
use crate::storage_key;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![missing_role, role_of_another_account,];

/// A role that does not exist fails the check, with and without the check of the Job's identity.
fn missing_role(cloud: &Cloud) {
    set_up(cloud);
    let mut runner = runner(cloud);
    cloud.aws(
        "iam",
        "DeleteRolePolicy",
        &json!({"RoleName": ROLE, "PolicyName": "own"}),
    );
    cloud.aws("iam", "DeleteRole", &json!({"RoleName": ROLE}));
    let part = format!("The Job's role {} does not exist", role_arn(cloud));
    cloud
        .check(&runner)
        .only(&["pod-identity", "state-storage"], &[])
        .says("state-storage", &[&part]);
    for arguments in [["--only", "state-storage"], ["--skip", "pod-identity"]] {
        let checked = cloud.check_with(&runner, &arguments);
        assert_eq!(checked.ids("failed"), ["state-storage"]);
        assert_eq!(checked.exit_code, 3);
        checked.says("state-storage", &[&part]);
    }
    // The same for a role that pod_template names.
    let web_identity = |runner: &mut Value, role: &str| {
        let env = json!([
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/token"},
            {"name": "AWS_ROLE_ARN", "value": role},
            {"name": "AWS_REGION", "value": "us-west-2"},
        ]);
        let main = json!({"name": "main", "env": env});
        set(runner, "job/pod_template", json!({"spec": {"containers": [main]}}));
    };
    for role in [&*role_arn(cloud), "my-job-role"] {
        web_identity(&mut runner, role);
        let checked = cloud.check(&runner);
        fails(&checked, &[&format!("The Job's role {role} does not exist")]);
        assert!(checked.fix("state-storage").contains("AWS_ROLE_ARN"));
    }
    // Whether a role that exists trusts the token is unknown.
    let role = sandbox::eks::ROLE_NAME;
    let policy = json!({"Version": "2012-10-17", "Statement": needed(cloud)});
    let put = json!({"RoleName": role, "PolicyName": "own", "PolicyDocument": policy.to_string()});
    cloud.aws("iam", "PutRolePolicy", &put);
    web_identity(&mut runner, &cloud.runner().role_arn);
    cloud
        .check(&runner)
        .is_incomplete("AWS credentials in pod_template (1)")
        .says("state-storage", &["can be assumed", "AWS_WEB_IDENTITY_TOKEN_FILE"]);
}

/// Nobody can simulate the policies of a role from another account, but a bucket and a key whose policies do not allow it refuse it.
fn role_of_another_account(cloud: &Cloud) {
    create_bucket(cloud, BUCKET, Place::default());
    const ELSEWHERE: &str = "arn:aws:iam::999999999999:role/job";
    annotate(cloud, &[format!("eks.amazonaws.com/role-arn={ELSEWHERE}")]);
    let runner = runner(cloud);
    let refused = |parts: &[&str]| {
        let checked = cloud.check(&runner);
        checked
            .only(&["state-storage"], &["pod-identity"])
            .says("state-storage", parts);
        checked.fix("state-storage").to_owned()
    };
    let unknown = || {
        cloud
            .check(&runner)
            .only(&[], &["pod-identity", "state-storage"])
            .is_incomplete("the Job's role is in another account (1)")
            .says("state-storage", &["999999999999"]);
    };
    let bucket = format!("The policy of bucket {BUCKET:?} does not allow the Job's role {ELSEWHERE}");
    let statements = noted(&refused(&[&bucket, "s3:ListBucket and s3:GetObject and s3:PutObject"]));
    assert_eq!(statements.len(), 2);
    put_policy(cloud, Place::default(), &json!(statements));
    unknown();
    let deny = json!({
        "Effect": "Deny", "Principal": {"AWS": ELSEWHERE}, "Action": "s3:*", "Resource": "*",
    });
    let with_deny: Vec<Value> = statements.iter().cloned().chain([deny]).collect();
    put_policy(cloud, Place::default(), &json!(with_deny));
    refused(&["denies the Job's role", "Statement 3"]);
    put_policy(cloud, Place::default(), &json!(statements));
    storage_key::encrypt_for_account(cloud);
    refused(&["The policy of the key arn:aws:kms:", "does not allow the Job's role"]);
}
