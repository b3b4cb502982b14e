//! State in a bucket whose objects a KMS key encrypts.

use sandbox::eks::{EksOptions, Faults, Place};
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;
use crate::fix;
use crate::storage::{
    BUCKET, OTHER, ROLE, allow, delete_printed_policies, fails, needed, noted, passes, role_arn, runner, set_up,
};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![permissions, policy, state, other_account,];

/// A policy that leaves the decision to the policies of an account, as KMS gives to a new key.
fn policy_of(cloud: &Cloud, account: &str) -> Value {
    let partition = &cloud.eks.options().partition;
    json!({
        "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
    })
}

/// Creates a key with these statements. Returns its ARN.
fn create_key(cloud: &Cloud, place: Place<'_>, statements: &Value) -> String {
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    let created = cloud
        .eks
        .aws_at(place, "kms", "CreateKey", &json!({"Policy": policy.to_string()}));
    created.unwrap()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

/// Makes a key the default of the bucket.
fn use_key(cloud: &Cloud, key: Option<&str>) {
    let mut rule = json!({"SSEAlgorithm": "aws:kms"});
    if let Some(key) = key {
        rule["KMSMasterKeyID"] = json!(key);
    }
    let rules = json!({"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]});
    let put = json!({"Bucket": BUCKET, "ServerSideEncryptionConfiguration": rules});
    cloud.aws("s3", "PutBucketEncryption", &put);
}

/// Encrypts the bucket with a key that the roles of its account can be allowed to use.
pub(crate) fn encrypt_for_account(cloud: &Cloud) -> String {
    let EksOptions { account, .. } = cloud.eks.options();
    let key = create_key(cloud, Place::default(), &json!([policy_of(cloud, account)]));
    use_key(cloud, Some(&key));
    key
}

/// Encrypts the bucket with a key that the role is allowed to use.
pub(crate) fn encrypt(cloud: &Cloud) -> String {
    let key = encrypt_for_account(cloud);
    let mut statements = needed(cloud);
    let use_it = json!({"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key});
    statements.as_array_mut().unwrap().push(use_it);
    allow(cloud, &statements);
    key
}

fn permissions(cloud: &Cloud) {
    set_up(cloud);
    let mut runner = runner(cloud);
    // The account's own key of S3 needs no permission.
    use_key(cloud, None);
    passes(&cloud.check(&runner), &[]);
    let key = encrypt(cloud);
    passes(&cloud.check(&runner), &[]);
    let mut statements = needed(cloud);
    let decrypt = json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"});
    statements.as_array_mut().unwrap().push(decrypt);
    allow(cloud, &statements);
    let checked = cloud.check(&runner);
    fails(&checked, &[&format!("do not allow kms:GenerateDataKey on {key}")]);
    // The backend uses this key only with `encrypt`, which the Orchestrator does not set. It verifies its length.
    let with_own_key = |value: &str| {
        let mut runner = runner.clone();
        let env = json!([{"name": "AWS_SSE_CUSTOMER_KEY", "value": value}]);
        let template = json!({"spec": {"containers": [{"name": "main", "env": env}]}});
        crate::cloud::set(&mut runner, "job/pod_template", template);
        cloud.check(&runner)
    };
    fails(
        &with_own_key("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        &[&format!("do not allow kms:GenerateDataKey on {key}")],
    );
    fails(
        &with_own_key("a2V5"),
        &["AWS_SSE_CUSTOMER_KEY in pod_template has 4 characters"],
    );
    fix::apply(cloud, &mut runner, &checked, "state-storage");
    passes(&cloud.check(&runner), &[]);
    // A grant is enough without any policy.
    let grant = |operations: &[&str], constraints: Value| {
        let grant = json!({
            "KeyId": key, "GranteePrincipal": role_arn(cloud), "Operations": operations, "Constraints": constraints,
        });
        cloud.aws("kms", "CreateGrant", &grant);
    };
    delete_printed_policies(cloud);
    let context = json!({"EncryptionContextSubset": {"aws:s3:arn": "arn:aws:s3:::my-states"}});
    grant(&["GenerateDataKey"], context);
    cloud
        .check(&runner)
        .outcome(&[], &["state-storage"], &[])
        .says("state-storage", &["only a grant allows kms:GenerateDataKey"]);
    cloud.deny("kms:ListGrants");
    cloud
        .check(&runner)
        .is_incomplete("no permission for kms:ListGrants (1)");
    cloud.faults(Faults::default());
    grant(&["Decrypt", "GenerateDataKey"], json!({}));
    passes(&cloud.check(&runner), &[]);
    // The alias of a key stands for it.
    let alias = json!({"AliasName": "alias/states", "TargetKeyId": key});
    cloud.aws("kms", "CreateAlias", &alias);
    use_key(cloud, Some("alias/states"));
    passes(&cloud.check(&runner), &[]);
}

fn policy(cloud: &Cloud) {
    set_up(cloud);
    let key = encrypt(cloud);
    let runner = runner(cloud);
    let administrator = json!({
        "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/admin"},
    });
    let put = |statements: Vec<Value>| {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        let put = json!({"KeyId": key, "PolicyName": "default", "Policy": policy.to_string()});
        cloud.aws("kms", "PutKeyPolicy", &put);
    };
    // Without a statement for the account, the policies of its roles do not count.
    put(vec![administrator.clone()]);
    let checked = cloud.check(&runner);
    fails(
        &checked,
        &[&format!("The policy of the key {key} does not allow"), &role_arn(cloud)],
    );
    let fix = checked.fix("state-storage");
    fix::shell(cloud, fix);
    put([vec![administrator.clone()], noted(fix)].concat());
    passes(&cloud.check(&runner), &[]);
    // The statement for the role is enough: it needs no policy of its own.
    allow(cloud, &needed(cloud));
    passes(&cloud.check(&runner), &[]);
    let deny = json!({
        "Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*", "Principal": {"AWS": role_arn(cloud)},
    });
    put(vec![administrator, noted(fix).remove(0), deny]);
    let checked = cloud.check(&runner);
    fails(&checked, &["The policy of the key", "denies", "kms:Decrypt"]);
    fix::shell(cloud, checked.fix("state-storage"));
}

fn state(cloud: &Cloud) {
    set_up(cloud);
    let key = encrypt(cloud);
    let mut runner = runner(cloud);
    cloud.aws("kms", "DisableKey", &json!({"KeyId": key}));
    let checked = cloud.check(&runner);
    fails(&checked, &[&key, "in state Disabled"]);
    fix::apply(cloud, &mut runner, &checked, "state-storage");
    passes(&cloud.check(&runner), &[]);
    cloud.aws(
        "kms",
        "ScheduleKeyDeletion",
        &json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    let checked = cloud.check(&runner);
    fails(&checked, &["in state PendingDeletion"]);
    fix::apply(cloud, &mut runner, &checked, "state-storage");
    passes(&cloud.check(&runner), &[]);
    let absent = "arn:aws:kms:us-west-2:123456789012:key/00000000-0000-0000-0000-000000000000";
    use_key(cloud, Some(absent));
    let checked = cloud.check(&runner);
    fails(&checked, &[absent, "does not exist"]);
    fix::shell(cloud, checked.fix("state-storage"));
}

fn other_account(cloud: &Cloud) {
    set_up(cloud);
    let other = Place {
        account: Some(OTHER),
        ..Place::default()
    };
    let statements = json!([policy_of(cloud, OTHER), policy_of(cloud, "123456789012")]);
    let key = create_key(cloud, other, &statements);
    use_key(cloud, Some(&key));
    let mut runner = runner(cloud);
    // It needs both: the role's own policies, and the policy of the key, which only its account can read.
    let checked = cloud.check(&runner);
    fails(&checked, &[&format!("do not allow kms:Decrypt on {key}")]);
    fix::apply(cloud, &mut runner, &checked, "state-storage");
    cloud
        .check(&runner)
        .is_incomplete("no permission for kms:GetKeyPolicy (1)");
    let found = cloud.aws("iam", "ListRolePolicies", &json!({"RoleName": ROLE}));
    assert!(found.to_string().contains("eks-runner-key-"), "{found}");
}
