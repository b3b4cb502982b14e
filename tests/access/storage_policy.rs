//! State in a bucket with a policy of its own, and in a bucket of another account.

use sandbox::eks::Place;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;
use crate::fix;
use crate::storage::{
    BUCKET, OTHER, allow, create_bucket, create_identity, fails, needed, passes, put_policy, role_arn, runner, set_up,
};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![denies, grants, other_account];

/// A statement about everything in the bucket.
fn statement(effect: &str, principal: Value, condition: Value) -> Value {
    json!({
        "Sid": "Mine", "Effect": effect, "Principal": principal, "Action": "s3:*", "Condition": condition,
        "Resource": ["arn:aws:s3:::my-states", "arn:aws:s3:::my-states/*"],
    })
}

fn denies(cloud: &Cloud) {
    set_up(cloud);
    let runner = runner(cloud);
    let role = role_arn(cloud);
    let of_role = || json!({"AWS": role});
    put_policy(
        cloud,
        Place::default(),
        &json!([statement("Deny", of_role(), json!({}))]),
    );
    let checked = cloud.check(&runner);
    fails(
        &checked,
        &[
            "The policy of bucket \"my-states\" denies",
            &role,
            "Statement \"Mine\" denies",
        ],
    );
    fix::shell(cloud, checked.fix("state-storage"));
    // Most buckets have a policy that refuses plain HTTP.
    let http = json!({"Bool": {"aws:SecureTransport": "false"}});
    put_policy(cloud, Place::default(), &json!([statement("Deny", json!("*"), http)]));
    passes(&cloud.check(&runner), &[]);
    // Or an old version of TLS, with a number in place of a text.
    let old = json!({"NumericLessThan": {"s3:TlsVersion": 1.2}});
    put_policy(cloud, Place::default(), &json!([statement("Deny", json!("*"), old)]));
    passes(&cloud.check(&runner), &[]);
    for (condition, part) in [
        (
            json!({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
            "a condition that seems to hold",
        ),
        (
            json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
            "aws:SourceVpce",
        ),
    ] {
        // The administrator must be able to take the policy out again.
        put_policy(
            cloud,
            Place::default(),
            &json!([statement("Deny", of_role(), condition)]),
        );
        cloud
            .check(&runner)
            .outcome(&[], &["state-storage"], &[])
            .says("state-storage", &["might refuse it", part]);
        // It does not hide that the role has no permission.
        let mut less = needed(cloud);
        less[1]["Action"] = json!(["s3:GetObject"]);
        allow(cloud, &less);
        fails(&cloud.check(&runner), &["do not allow s3:PutObject"]);
        allow(cloud, &needed(cloud));
    }
}

fn grants(cloud: &Cloud) {
    set_up(cloud);
    let mut runner = runner(cloud);
    let of_role = json!({"AWS": role_arn(cloud)});
    // Within an account, the bucket's policy is enough.
    allow(cloud, &json!([{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]));
    put_policy(
        cloud,
        Place::default(),
        &json!([statement("Allow", of_role, json!({}))]),
    );
    passes(&cloud.check(&runner), &[]);
    // Its statement about the account leaves the decision to the role's own policies.
    let account = json!({"AWS": "arn:aws:iam::123456789012:root"});
    put_policy(
        cloud,
        Place::default(),
        &json!([statement("Allow", account, json!({}))]),
    );
    let checked = cloud.check(&runner);
    fails(
        &checked,
        &["The policies of the Job's role", "do not allow s3:ListBucket"],
    );
    fix::apply(cloud, &mut runner, &checked, "state-storage");
    passes(&cloud.check(&runner), &[]);
}

fn other_account(cloud: &Cloud) {
    create_identity(cloud);
    let other = Place {
        account: Some(OTHER),
        ..Place::default()
    };
    create_bucket(cloud, BUCKET, other);
    let runner = runner(cloud);
    allow(cloud, &needed(cloud));
    let reason = "no permission for s3:GetBucketPolicy (1)";
    cloud.check(&runner).is_incomplete(reason);
    // A caller that is allowed to read the policy cannot do so from another account.
    let statement = json!({
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "s3:*",
        "Resource": ["arn:aws:s3:::my-states", "arn:aws:s3:::my-states/*"],
    });
    put_policy(cloud, other, &json!([statement]));
    cloud
        .check(&runner)
        .is_incomplete("the bucket belongs to another account (1)");
    allow(cloud, &json!([{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]));
    fails(
        &cloud.check(&runner),
        &["The policies of the Job's role", "do not allow s3:ListBucket"],
    );
}
