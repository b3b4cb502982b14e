//! State in an S3 bucket with a role that does not exist, or that nobody here can read.

use sandbox::eks::Place;
use serde_json::{Value, json};

use crate::Scenario;
use crate::annotation::annotate;
use crate::cloud::{Cloud, set};
use crate::storage::{BUCKET, ROLE, create_bucket, fails, needed, role_arn, runner, set_up};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("storage_role::missing", missing_role),
    ("storage_role::other_account", role_of_another_account),
];

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
        set(
            runner,
            "job/pod_template",
            json!({"spec": {"containers": [main]}}),
        );
    };
    for role in [&*role_arn(cloud), "my-job-role"] {
        web_identity(&mut runner, role);
        let checked = cloud.check(&runner);
        fails(
            &checked,
            &[&format!("The Job's role {role} does not exist")],
        );
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
        .says(
            "state-storage",
            &["can be assumed", "AWS_WEB_IDENTITY_TOKEN_FILE"],
        );
}

/// Nobody can simulate the policies of a role from another account.
fn role_of_another_account(cloud: &Cloud) {
    create_bucket(cloud, BUCKET, Place::default());
    let elsewhere = "eks.amazonaws.com/role-arn=arn:aws:iam::999999999999:role/job";
    annotate(cloud, &[elsewhere.to_owned()]);
    cloud
        .check(&runner(cloud))
        .only(&[], &["pod-identity", "state-storage"])
        .is_incomplete("the Job's role is in another account (1)")
        .says("state-storage", &["999999999999"]);
}
