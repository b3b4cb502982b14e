//! State in an S3 bucket: the bucket, the region of the Job's pod, and the permissions of its role.

use sandbox::eks::{EksOptions, Faults, Place};
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud, set};
use crate::{fix, identity, storage_key};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    bucket,
    region,
    no_region,
    other_program,
    own_policies,
    known_keys,
    each_permission,
    partitions,
];

pub(crate) const ROLE: &str = "my-job-role";
pub(crate) const BUCKET: &str = "my-states";
/// The account of everything that belongs to someone else.
pub(crate) const OTHER: &str = "999999999999";

/// The documented runner with its state in the bucket.
pub(crate) fn runner(cloud: &Cloud) -> Value {
    let mut runner = cloud.configuration();
    runner["state_storage_configuration"] = json!({"type": "s3", "bucket": BUCKET, "path_prefix": "runners/mine"});
    runner
}

pub(crate) fn role_arn(cloud: &Cloud) -> String {
    let EksOptions { partition, account, .. } = cloud.eks.options();
    format!("arn:{partition}:iam::{account}:role/{ROLE}")
}

/// Creates a role for the Job's service account with EKS Pod Identity. It is allowed nothing.
pub(crate) fn create_identity(cloud: &Cloud) {
    identity::set_up(cloud, ROLE);
}

/// Creates a bucket somewhere.
pub(crate) fn create_bucket(cloud: &Cloud, name: &str, place: Place<'_>) {
    let region = place.region.unwrap_or(&cloud.eks.options().region);
    let mut bucket = json!({"Bucket": name});
    if region != "us-east-1" {
        bucket["CreateBucketConfiguration"] = json!({"LocationConstraint": region});
    }
    cloud.eks.aws_at(place, "s3", "CreateBucket", &bucket).unwrap();
}

/// Lets the role do this, in place of everything before.
pub(crate) fn allow(cloud: &Cloud, statements: &Value) {
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    let put = json!({"RoleName": ROLE, "PolicyName": "own", "PolicyDocument": policy.to_string()});
    cloud.aws("iam", "PutRolePolicy", &put);
}

/// What the backend needs.
pub(crate) fn needed(cloud: &Cloud) -> Value {
    let partition = &cloud.eks.options().partition;
    json!([
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:{partition}:s3:::{BUCKET}")},
        {
            "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": format!("arn:{partition}:s3:::{BUCKET}/runners/mine/*"),
        },
    ])
}

/// A bucket and a role that is allowed to use it.
pub(crate) fn set_up(cloud: &Cloud) {
    create_identity(cloud);
    create_bucket(cloud, BUCKET, Place::default());
    allow(cloud, &needed(cloud));
}

/// The same with a key, for a role that exists.
pub(crate) fn set_up_encrypted(cloud: &Cloud) {
    create_bucket(cloud, BUCKET, Place::default());
    storage_key::encrypt(cloud);
}

pub(crate) fn put_policy(cloud: &Cloud, place: Place<'_>, statements: &Value) {
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    let put = json!({"Bucket": BUCKET, "Policy": policy.to_string()});
    cloud.eks.aws_at(place, "s3", "PutBucketPolicy", &put).unwrap();
}

/// The check passed, and so did everything else.
#[track_caller]
pub(crate) fn passes(checked: &Checked, parts: &[&str]) {
    checked.all_pass();
    assert_eq!(checked.status("state-storage"), "passed", "\n{}", checked.text());
    checked.says("state-storage", parts);
}

/// Only this check failed, with these words.
#[track_caller]
pub(crate) fn fails(checked: &Checked, parts: &[&str]) {
    checked.only(&["state-storage"], &[]).says("state-storage", parts);
}

/// The JSON in the comments of a fix, each value of it.
pub(crate) fn noted(fix: &str) -> Vec<Value> {
    let lines = fix.lines().filter_map(|line| line.strip_prefix("# "));
    let text: Vec<&str> = lines.skip_while(|line| !line.starts_with('{')).collect();
    serde_json::from_str(&format!("[{}]", text.join("\n"))).unwrap()
}

/// Does what a fix says about the variables of the container.
fn set_variable(runner: &mut Value, checked: &Checked) {
    let entries = noted(checked.fix("state-storage"));
    let main = json!({"name": "main", "env": entries});
    set(runner, "job/pod_template", json!({"spec": {"containers": [main]}}));
}

fn bucket(cloud: &Cloud) {
    create_identity(cloud);
    let mut runner = runner(cloud);
    let checked = cloud.check(&runner);
    fails(&checked, &["Bucket \"my-states\" does not exist"]);
    fix::apply(cloud, &mut runner, &checked, "state-storage");
    let checked = cloud.check(&runner);
    fails(
        &checked,
        &[
            "s3:ListBucket on arn:aws:s3:::my-states",
            "s3:PutObject on arn:aws:s3:::my-states/runners/mine/",
        ],
    );
    fix::apply(cloud, &mut runner, &checked, "state-storage");
    passes(&cloud.check(&runner), &[&role_arn(cloud), "\"my-states\""]);
}

fn region(cloud: &Cloud) {
    create_identity(cloud);
    allow(cloud, &needed(cloud));
    let elsewhere = Place {
        region: Some("eu-west-1"),
        ..Place::default()
    };
    create_bucket(cloud, BUCKET, elsewhere);
    let mut runner = runner(cloud);
    let checked = cloud.check(&runner);
    fails(&checked, &["is in eu-west-1", "the cluster's region, us-west-2"]);
    set_variable(&mut runner, &checked);
    passes(&cloud.check(&runner), &["allowed to keep the state"]);
    let env = |entry: Value| {
        let main = json!({"name": "main", "env": [entry]});
        let mut runner = runner.clone();
        set(&mut runner, "job/pod_template", json!({"spec": {"containers": [main]}}));
        runner
    };
    let own = env(json!({"name": "AWS_DEFAULT_REGION", "value": "us-east-1"}));
    let checked = cloud.check(&own);
    fails(&checked, &["pod_template sets AWS_DEFAULT_REGION to us-east-1"]);
    let mut own = own;
    set_variable(&mut own, &checked);
    passes(&cloud.check(&own), &[]);
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&[
        "create",
        "secret",
        "generic",
        "place",
        &namespace,
        "--from-literal=region=eu-west-1",
    ]);
    let reference = json!({"secretKeyRef": {"name": "place", "key": "region"}});
    let hidden = env(json!({"name": "AWS_REGION", "valueFrom": reference}));
    cloud
        .check(&hidden)
        .is_incomplete("the value of AWS_REGION (1)")
        .says("state-storage", &["eu-west-1", "Secret \"place\""]);
}

/// A pod with the role of its node has no region, and its permissions are unknown.
fn no_region(cloud: &Cloud) {
    create_bucket(cloud, BUCKET, Place::default());
    let mut runner = runner(cloud);
    let checked = cloud.check(&runner);
    fails(&checked, &["has no AWS region"]);
    assert!(checked.fix("state-storage").contains("Pod Identity association"));
    // The same apply might create the identity, so that it does not fail a plan.
    let mut planned = runner.clone();
    planned["id"] = json!("my-runner");
    let found = cloud.library(&json!({"runners": [planned]}));
    let checks = found["reports"][0]["checks"].as_array().unwrap();
    let storage = checks.iter().find(|check| check["id"] == "state-storage");
    assert_eq!(storage.unwrap()["not_yet"], true, "{found:#}");
    set_variable(&mut runner, &checked);
    cloud
        .check(&runner)
        .outcome(&[], &["state-storage"], &[])
        .says("state-storage", &["no AWS identity of its own", "the node's role"]);
    // Another program might set the region itself, and another image might have it.
    for change in [
        json!({"image": "registry.example/runner:1"}),
        json!({"command": ["/own"]}),
    ] {
        cloud
            .check(&with_main(&runner, &change))
            .outcome(&[], &["state-storage"], &[])
            .says("state-storage", &["has no AWS region", "might set AWS_REGION"]);
    }
}

/// The runner with another container `main`.
fn with_main(runner: &Value, change: &Value) -> Value {
    let mut main = change.clone();
    main["name"] = json!("main");
    let mut runner = runner.clone();
    set(&mut runner, "job/pod_template", json!({"spec": {"containers": [main]}}));
    runner
}

/// Another program might use other credentials. Another image alone is usually a copy of the Orchestrator's.
fn other_program(cloud: &Cloud) {
    create_identity(cloud);
    create_bucket(cloud, BUCKET, Place::default());
    let runner = runner(cloud);
    let image = json!({"image": "registry.example/runner:1"});
    fails(
        &cloud.check(&with_main(&runner, &image)),
        &["do not allow s3:ListBucket"],
    );
    let programs = [
        with_main(&runner, &json!({"command": ["/own"]})),
        with_main(&runner, &json!({"args": ["own"]})),
    ];
    for program in &programs {
        cloud.check(program).outcome(&[], &["state-storage"], &[]).says(
            "state-storage",
            &["do not allow s3:ListBucket", "might use other credentials"],
        );
    }
    cloud.aws("iam", "DeleteRole", &json!({"RoleName": ROLE}));
    for program in &programs {
        let checked = cloud.check(program);
        checked.outcome(&[], &["pod-identity", "state-storage"], &[]);
        for id in ["pod-identity", "state-storage"] {
            checked.says(id, &["does not exist", "might use other credentials"]);
        }
    }
}

fn own_policies(cloud: &Cloud) {
    set_up(cloud);
    let mut runner = runner(cloud);
    passes(&cloud.check(&runner), &[]);
    let everything = needed(cloud);
    for (statement, action) in [(0, "s3:ListBucket"), (1, "s3:GetObject"), (1, "s3:PutObject")] {
        let mut less = everything.clone();
        let actions = less[statement]["Action"].as_array().cloned().unwrap_or_default();
        let kept: Vec<Value> = actions.into_iter().filter(|one| one != action).collect();
        match kept.as_slice() {
            [] => drop(less.as_array_mut().unwrap().remove(statement)),
            kept => less[statement]["Action"] = json!(kept),
        }
        allow(cloud, &less);
        let checked = cloud.check(&runner);
        fails(&checked, &[&format!("do not allow {action} on arn:aws:s3:::my-states")]);
        fix::apply(cloud, &mut runner, &checked, "state-storage");
        passes(&cloud.check(&runner), &[]);
        delete_printed_policies(cloud);
    }
    // Another folder of the bucket is not enough.
    let mut other = everything.clone();
    other[1]["Resource"] = json!("arn:aws:s3:::my-states/runners/other/*");
    allow(cloud, &other);
    fails(
        &cloud.check(&runner),
        &["s3:GetObject on arn:aws:s3:::my-states/runners/mine/"],
    );
    let mut denied = everything.clone();
    denied
        .as_array_mut()
        .unwrap()
        .push(json!({"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}));
    allow(cloud, &denied);
    let checked = cloud.check(&runner);
    fails(&checked, &["do not allow s3:PutObject", "overrides every Allow"]);
    fix::shell(cloud, checked.fix("state-storage"));
    // The list of the prefix alone is enough.
    let mut prefix = everything;
    prefix[0]["Condition"] = json!({"StringLike": {"s3:prefix": "runners/mine/*"}});
    allow(cloud, &prefix);
    passes(&cloud.check(&runner), &[]);
}

/// The values of the condition keys that are known are known to the simulation, too.
fn known_keys(cloud: &Cloud) {
    set_up(cloud);
    let runner = runner(cloud);
    let when = |condition: Value| {
        let mut statements = needed(cloud);
        for statement in statements.as_array_mut().unwrap() {
            statement["Condition"] = condition.clone();
        }
        statements
    };
    allow(
        cloud,
        &when(json!({"StringEquals": {"aws:ResourceAccount": "123456789012"}})),
    );
    passes(&cloud.check(&runner), &[]);
    let deny = |condition: Value| {
        let mut statements = needed(cloud);
        statements
            .as_array_mut()
            .unwrap()
            .push(json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}));
        statements
    };
    // "Denies access based on source IP" in the IAM user guide.
    allow(
        cloud,
        &deny(json!({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}, "Bool": {"aws:ViaAWSService": "false"}})),
    );
    cloud
        .check(&runner)
        .is_incomplete("policies that cannot be evaluated from outside AWS (1)")
        .says("state-storage", &["conditions on aws:sourceip"]);
    allow(
        cloud,
        &deny(json!({"StringNotEquals": {"aws:ResourceAccount": "123456789012"}})),
    );
    passes(&cloud.check(&runner), &[]);
}

/// Deletes the inline policies that printed fixes have created.
pub(crate) fn delete_printed_policies(cloud: &Cloud) {
    let found = cloud.aws("iam", "ListRolePolicies", &json!({"RoleName": ROLE}));
    let names = found["PolicyNames"].as_array().unwrap().iter();
    let printed = names.filter(|name| name.as_str().unwrap().starts_with("eks-runner-"));
    for name in printed {
        let policy = json!({"RoleName": ROLE, "PolicyName": name});
        cloud.aws("iam", "DeleteRolePolicy", &policy);
    }
}

/// Whatever the caller is not allowed to read makes the run incomplete, and never failed.
fn each_permission(cloud: &Cloud) {
    set_up(cloud);
    storage_key::encrypt(cloud);
    let runner = runner(cloud);
    passes(&cloud.check(&runner), &[]);
    for action in [
        "iam:SimulatePrincipalPolicy",
        "s3:GetBucketPolicy",
        "s3:GetEncryptionConfiguration",
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
    ] {
        cloud.deny(action);
        let checked = cloud.check(&runner);
        assert_eq!(
            (checked.ids("failed"), checked.ids("warned")),
            (vec![], vec![]),
            "\n{}",
            checked.text()
        );
        checked.says("state-storage", &[action]);
        assert_eq!(
            checked.of("state-storage")["skip"],
            "incomplete",
            "\n{}",
            checked.text()
        );
    }
    // A bucket's policy that names the role is not enough if a Deny of the role's own policies is unknown.
    cloud.faults(Faults::default());
    let of_role = json!([{
        "Effect": "Allow", "Principal": {"AWS": role_arn(cloud)}, "Action": "s3:*",
        "Resource": ["arn:aws:s3:::my-states", "arn:aws:s3:::my-states/*"],
    }]);
    put_policy(cloud, Place::default(), &of_role);
    cloud.deny("iam:SimulatePrincipalPolicy");
    let checked = cloud.check(&runner);
    assert_eq!(
        checked.of("state-storage")["skip"],
        "incomplete",
        "\n{}",
        checked.text()
    );
    cloud.faults(Faults {
        organization_denies: vec!["s3:PutObject".to_owned()],
        ..Faults::default()
    });
    cloud
        .check(&runner)
        .is_incomplete("policies that cannot be evaluated from outside AWS (1)")
        .says("state-storage", &["s3:PutObject", "AWS organization"]);
    // HeadBucket names the region to everyone.
    cloud.deny("s3:ListBucket");
    passes(&cloud.check(&runner), &[]);
    let throttle = |action: &str| (action.to_owned(), 2);
    let throttle = [
        throttle("s3:GetBucketPolicy"),
        throttle("kms:GetKeyPolicy"),
        throttle("s3:ListBucket"),
    ];
    cloud.faults(Faults {
        throttle: throttle.into(),
        ..Faults::default()
    });
    passes(&cloud.check(&runner), &[]);
}

fn partitions(_: &Cloud) {
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
        let mut cloud = Cloud::start_with(EksOptions {
            partition: partition.to_owned(),
            region: region.to_owned(),
            ..EksOptions::default()
        });
        cloud.reset();
        create_identity(&cloud);
        let mut runner = runner(&cloud);
        let mut checked = cloud.check(&runner);
        for part in ["does not exist", &format!("on arn:{partition}:s3:::my-states")] {
            fails(&checked, &[part]);
            fix::apply(&cloud, &mut runner, &checked, "state-storage");
            checked = cloud.check(&runner);
        }
        passes(&checked, &[partition]);
        storage_key::encrypt(&cloud);
        passes(&cloud.check(&runner), &[]);
    }
}
