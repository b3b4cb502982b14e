//! How long a run takes, how many calls it makes, and how long it waits.

use std::collections::BTreeMap;

use sandbox::eks::Faults;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Cloud, set};
use crate::{storage, storage_key};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    end_to_end,
    hundred_runners,
    shared_bucket,
    slow_plan,
    propagation,
    new_access_of_the_caller,
    nothing_to_wait_for,
    three_hundred_roles_of_a_slow_iam,
];

/// The documented runner with ids of its own.
fn runners(cloud: &Cloud, count: usize) -> Vec<Value> {
    let with_id = |number: usize| {
        let mut runner = cloud.configuration();
        runner["id"] = json!(format!("runner-{number}"));
        runner
    };
    (0..count).map(with_id).collect()
}

#[expect(clippy::print_stderr, reason = "the figure is what one wants to see")]
fn end_to_end(cloud: &Cloud) {
    let delayed = |milliseconds: u64| {
        cloud.faults(Faults {
            delay_ms: milliseconds,
            kubernetes_delay_ms: milliseconds,
            ..Faults::default()
        });
        let response = cloud.library(&json!({"runners": runners(cloud, 1)}));
        response["took_ms"].as_u64().unwrap()
    };
    // The machine's own time does not grow with the delay, so the slope is the number of sequential calls.
    let (quick, slow) = (delayed(50), delayed(1050));
    eprintln!("one runner: {quick} ms with 50 ms a call, {slow} ms with 1050 ms");
    assert!(slow - quick.min(slow) <= 8 * 1000 + 500, "{quick} ms, {slow} ms");
}

#[expect(clippy::print_stderr, reason = "the figure is what one wants to see")]
fn hundred_runners(cloud: &Cloud) {
    let response = cloud.library(&json!({"runners": runners(cloud, 100)}));
    eprintln!("100 runners: {} ms, {} KiB", response["took_ms"], response["peak_kib"]);
    assert_eq!(response["reports"].as_array().unwrap().len(), 100);
    for report in response["reports"].as_array().unwrap() {
        for id in [
            "cluster-active",
            "access-entry",
            "api-server",
            "namespace",
            "service-account",
        ] {
            let checks = report["checks"].as_array().unwrap();
            let check = checks.iter().find(|check| check["id"] == id).unwrap();
            assert_eq!(check["status"], "passed", "{check}");
        }
    }
    let calls = cloud.eks.calls().unwrap();
    for action in [
        "eks:DescribeAccessEntry",
        "eks:DescribeCluster",
        "iam:GetOpenIDConnectProvider",
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
        "sts:GetCallerIdentity",
    ] {
        assert_eq!(calls[action], 1, "{calls:?}");
    }
    // None if it was created in the same second as the last one of the scenario before, which the API server remembers.
    assert!(cloud.eks.cluster_tokens().unwrap() <= 1);
    // The configuration and the keys.
    assert_eq!(calls["issuer"], 2, "{calls:?}");
    each_action_was_called_once(&calls);
}

/// Asserts that each AWS call was made once, except that the issuer publishes two documents.
#[track_caller]
fn each_action_was_called_once(calls: &BTreeMap<String, u64>) {
    for (action, count) in calls {
        let documents = if action == "issuer" { 2 } else { 1 };
        assert_eq!(*count, documents, "{action}: {calls:?}");
    }
}

/// Runners that share a bucket share what S3, KMS and IAM say about it, and its calls are not a chain of their own.
#[expect(clippy::print_stderr, reason = "the figure is what one wants to see")]
fn shared_bucket(cloud: &Cloud) {
    storage::set_up(cloud);
    storage_key::encrypt(cloud);
    let runners = |count: usize| -> Vec<Value> {
        let with_id = |number: usize| {
            let mut runner = storage::runner(cloud);
            runner["id"] = json!(format!("runner-{number}"));
            runner
        };
        (0..count).map(with_id).collect()
    };
    cloud.eks.reset_calls().unwrap();
    let response = cloud.library(&json!({"runners": runners(100)}));
    for report in response["reports"].as_array().unwrap() {
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == "state-storage");
        assert_eq!(check.unwrap()["status"], "passed", "{check:?}");
    }
    let calls = cloud.eks.calls().unwrap();
    for (action, count) in [
        ("s3:ListBucket", 1),
        ("s3:GetBucketPolicy", 1),
        ("s3:GetEncryptionConfiguration", 1),
        ("kms:DescribeKey", 1),
        ("kms:GetKeyPolicy", 1),
        // The cluster, the bucket, its objects, and the key.
        ("iam:SimulatePrincipalPolicy", 4),
    ] {
        assert_eq!(calls[action], count, "{calls:?}");
    }
    let delayed = |milliseconds: u64| {
        cloud.faults(Faults {
            delay_ms: milliseconds,
            kubernetes_delay_ms: milliseconds,
            ..Faults::default()
        });
        let response = cloud.library(&json!({"runners": runners(1)}));
        response["took_ms"].as_u64().unwrap()
    };
    let (quick, slow) = (delayed(50), delayed(1050));
    eprintln!("one runner with a bucket: {quick} ms with 50 ms a call, {slow} ms with 1050 ms");
    assert!(slow - quick.min(slow) <= 9 * 1000 + 500, "{quick} ms, {slow} ms");
}

/// A plan that takes longer than the responses of an apply are shared: no AWS call is made for the second runner,
/// although no association exists, or an add-on that might change.
fn slow_plan(cloud: &Cloud) {
    let calls = |runner: &Value, count: usize| {
        let with_id = |number: usize| {
            let mut runner = runner.clone();
            runner["id"] = json!(format!("runner-{number}"));
            runner
        };
        let runners: Vec<Value> = (0..count).map(with_id).collect();
        cloud.eks.reset_calls().unwrap();
        cloud.library(&json!({"runners": runners, "pause_ms": 2500}));
        cloud.eks.calls().unwrap()
    };
    let runner = cloud.configuration();
    assert_eq!(calls(&runner, 2), calls(&runner, 1));
    storage::set_up(cloud);
    let runner = storage::runner(cloud);
    assert_eq!(calls(&runner, 2), calls(&runner, 1));
}

/// Whether anything failed for the only runner.
fn failed(response: &Value) -> Vec<&str> {
    let checks = response["reports"][0]["checks"].as_array().unwrap();
    let failed = checks.iter().filter(|check| check["status"] == "failed");
    failed.map(|check| check["id"].as_str().unwrap()).collect()
}

fn propagation(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["id"] = json!("my-runner");
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    cloud.faults(Faults {
        propagation_s: [("access-entry".to_owned(), 5.0)].into(),
        ..Faults::default()
    });
    cloud.aws("eks", "CreateAccessEntry", &cloud.entry());
    let at_once = cloud.library(&json!({"runners": [runner]}));
    assert_eq!(failed(&at_once), ["access-entry"]);
    let waited = cloud.library(&json!({"runners": [runner], "wait": true}));
    assert_eq!(failed(&waited), [""; 0]);
    assert!(waited["took_ms"].as_u64().unwrap() > 1000, "{waited}");
}

/// A run waits until the cluster knows a new access entry of the caller, and for no caller without one.
fn new_access_of_the_caller(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["id"] = json!("my-runner");
    let allow = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let caller = cloud.eks.create_user("new", &allow).unwrap();
    let wait = || {
        let request = json!({"runners": [runner], "wait": true});
        cloud.library_in(cloud.eks.env_as(&caller), &request)
    };
    let api_server = |response: &Value| {
        let checks = response["reports"][0]["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["id"] == "api-server");
        found.unwrap().clone()
    };
    let response = wait();
    let message = api_server(&response)["message"].to_string();
    assert!(message.contains("rejects the token"), "{response}");
    assert!(response["took_ms"].as_u64().unwrap() < 5000, "{response}");
    let entry = json!({
        "clusterName": cloud.eks.options().cluster_name,
        "principalArn": "arn:aws:iam::123456789012:user/new",
    });
    cloud.aws("eks", "CreateAccessEntry", &entry);
    let response = wait();
    assert_eq!(api_server(&response)["status"], "passed", "{response}");
}

fn nothing_to_wait_for(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["id"] = json!("my-runner");
    // No propagation opens an endpoint.
    let network = json!({"resourcesVpcConfig": {"endpointPublicAccess": false}});
    cloud.eks.set_cluster(&network).unwrap();
    let waited = cloud.library(&json!({"runners": [runner], "wait": true}));
    assert_eq!(failed(&waited), ["cluster-endpoint"]);
    assert!(waited["took_ms"].as_u64().unwrap() < 5000, "{waited}");
}

/// Each of 300 runners has its own role, while IAM allows 15 calls a second: every check is made, and
/// the time in the queue does not count against a runner's 30 seconds.
#[expect(clippy::print_stderr, reason = "the figure is what one wants to see")]
fn three_hundred_roles_of_a_slow_iam(cloud: &Cloud) {
    let role = |number: usize| format!("runner-{number}");
    let runners: Vec<Value> = (0..300)
        .map(|number| {
            let mut runner = cloud.configuration();
            runner["id"] = json!(format!("runner-{number}"));
            let arn = format!("arn:aws:iam::123456789012:role/{}", role(number));
            set(&mut runner, "cluster/auth/role_arn", json!(arn));
            let id = runner["id"].as_str().unwrap();
            let trust = cloud.eks.documented_trust_policy("my-org", id);
            let created = json!({"RoleName": role(number), "AssumeRolePolicyDocument": trust.to_string()});
            cloud.aws("iam", "CreateRole", &created);
            runner
        })
        .collect();
    cloud.faults(Faults {
        rate: [("iam".to_owned(), 15.0)].into(),
        ..Faults::default()
    });
    let response = cloud.library(&json!({"runners": runners, "budget_s": 30}));
    eprintln!("300 roles at 15 calls a second: {} ms", response["took_ms"]);
    let calls = cloud.eks.calls().unwrap();
    eprintln!("calls: {calls:?}");
    for report in response["reports"].as_array().unwrap() {
        for check in report["checks"].as_array().unwrap() {
            let skip = check["skip"].as_str().unwrap_or_default();
            assert!(!skip.contains("Incomplete"), "{check:#}");
        }
        for (id, status) in [
            ("role-exists", "passed"),
            ("role-trust", "passed"),
            ("role-permission", "failed"),
            ("access-entry", "failed"),
            ("api-server", "passed"),
        ] {
            let checks = report["checks"].as_array().unwrap();
            let check = checks.iter().find(|check| check["id"] == id).unwrap();
            assert_eq!(check["status"], status, "{check:#}");
        }
    }
    assert!(response["took_ms"].as_u64().unwrap() > 30_000, "it was not slow");
    assert!(calls["iam:GetRole"] > 300, "nothing was throttled: {calls:?}");
}
