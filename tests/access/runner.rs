//! As the runner: each step of the Orchestrator, from the OIDC token to the Job.

use std::time::{Duration, Instant};

use sandbox::eks::{Credentials, Faults, ISSUER};
use serde_json::json;

use crate::Scenario;
use crate::cloud::{Checked, Cloud, DOES_NOT_APPLY, STEPS};
use crate::fix;
use crate::healthy::nothing_is_left;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    with_a_token,
    without_its_service_account,
    with_its_own_role_and_the_callers_sight,
    with_credentials_that_do_not_work,
    assumed_by_the_caller,
    tokens_that_sts_refuses,
    sts_of_another_region,
    what_the_cluster_refuses,
    what_the_role_may_not,
    what_only_the_caller_reads,
];

/// A pod template that removes the service account: the pod runs as `default`.
fn without_its_service_account(cloud: &Cloud) {
    for removed in [json!(null), json!("")] {
        let template = json!({"spec": {"serviceAccountName": removed}});
        let runner = cloud.with("job/pod_template", template);
        cloud
            .check(&runner)
            .only(&["service-account"], &["pod-identity", "job-dry-run"])
            .says("service-account", &["\"default\" does not exist"]);
        let namespace = format!("--namespace={}", cloud.runner().namespace);
        cloud.kubectl(&["create", "serviceaccount", "default", &namespace]);
        cloud
            .check(&runner)
            .outcome(&[], &["job-dry-run"], &[])
            .says("job-dry-run", &["the pod runs as the service account \"default\""]);
        cloud.kubectl(&["delete", "serviceaccount", "default", &namespace]);
    }
}

#[track_caller]
fn goes_all_the_way(checked: &Checked) {
    assert_eq!(
        (checked.ids("failed"), checked.ids("warned")),
        (vec![], vec![]),
        "\n{}",
        checked.text()
    );
    assert_eq!(checked.exit_code, 0);
    for id in STEPS.iter() {
        if checked.of(id)["skip"] != "requested" {
            assert_eq!(checked.status(id), "passed", "\n{}", checked.text());
        }
    }
}

/// What the guide skips by name without credentials of the caller: the documented role is not allowed to read what these
/// checks read, or to create pods.
const WITHOUT_A_CALLER: [&str; 2] = [
    "--skip",
    "service-account,pod-identity,state-storage,pod-template-refs,job-dry-run,namespace",
];

fn with_a_token(cloud: &Cloud) {
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    // The caller has no credentials of its own.
    let check = |arguments: &[&str]| cloud.check_in(cloud.no_credentials(), &cloud.configuration(), arguments);
    check(&arguments)
        .is_incomplete("no permission to read service account \"humanitec-runner\" (2)")
        .says("service-account", &["The runner has no permission to read"])
        .says("namespace", &["no permission", "job-dry-run verifies"]);
    // The Job is admitted, and the pod is not tried.
    let identity = ["--skip", "service-account,pod-identity"];
    check(&[&arguments[..], &identity].concat())
        .is_incomplete("the Job's pod could not be tried (1)")
        .says(
            "job-dry-run",
            &["admits the Orchestrator's Job.", "--as caller", "No AWS credentials"],
        );
    let guide = include_str!("../../templates/guides/eks-access-permissions.md.tmpl");
    assert!(guide.contains(&WITHOUT_A_CALLER.join(" ")));
    cloud.eks.reset_calls().unwrap();
    let checked = check(&[&arguments[..], &WITHOUT_A_CALLER].concat());
    goes_all_the_way(&checked);
    checked.says("aws-credentials", &["needs none"]);
    // The documented role is not allowed to read its entry.
    checked.says(
        "access-entry",
        &["The cluster accepts the runner", &cloud.runner().kubernetes_user],
    );
    assert_eq!(
        checked.report["kubernetes_user"],
        cloud.runner().kubernetes_user.as_str()
    );
    nothing_is_left(cloud);
    let calls = cloud.eks.calls().unwrap();
    assert_eq!(calls["sts:AssumeRoleWithWebIdentity"], 1, "{calls:?}");
    assert_eq!(calls["eks:DescribeCluster"], 1, "{calls:?}");
    // In a namespace that does not exist, the documented Role grants nothing.
    let absent = cloud.with("job/namespace", json!("absent"));
    let arguments = [&arguments[..], &WITHOUT_A_CALLER].concat();
    let checked = cloud.check_in(cloud.no_credentials(), &absent, &arguments);
    assert_eq!(checked.exit_code, 3);
    checked.says("rbac-create-jobs", &["namespace \"absent\""]);
}

fn with_its_own_role_and_the_callers_sight(cloud: &Cloud) {
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let checked = cloud.check_with(&cloud.configuration(), &arguments);
    goes_all_the_way(&checked);
    // The runner is not allowed to impersonate the Job controller, and the caller is.
    checked.says("job-dry-run", &["the Orchestrator's Job and its pod"]);
    let priority = cloud.with("job/pod_template", json!({"spec": {"priority": 100}}));
    let refused = cloud.check_with(&priority, &arguments);
    assert_eq!(refused.ids("failed"), ["job-dry-run"], "\n{}", refused.text());
    refused.says("job-dry-run", &["pod of the Orchestrator's Job", "priority (100)"]);
    // With the caller's sight, every check runs that applies.
    let mut skipped = checked.ids("skipped");
    skipped.retain(|id| !DOES_NOT_APPLY.contains(id));
    assert_eq!(skipped, [""; 0], "\n{}", checked.text());
}

/// With a token, the caller's own credentials are not needed.
fn with_credentials_that_do_not_work(cloud: &Cloud) {
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let unknown = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "not-the-secret-of-any-caller".to_owned(),
        session_token: None,
    };
    let environment = cloud.eks.env_as(&unknown);
    let arguments = [&arguments[..], &WITHOUT_A_CALLER].concat();
    let checked = cloud.check_in(environment, &cloud.configuration(), &arguments);
    goes_all_the_way(&checked);
    assert_eq!(checked.unchecked(), [""; 0], "\n{}", checked.text());
    checked.says("aws-credentials", &["not needed", "do not work"]);
    checked.says("access-entry", &["The cluster accepts the runner"]);
}

fn assumed_by_the_caller(cloud: &Cloud) {
    let checked = cloud.check_with(&cloud.configuration(), &["--as", "runner"]);
    // The documented trust policy is for the Orchestrator alone.
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    checked.says("assume-role", &["not allowed to assume", "sts:AssumeRole"]);
    assert_eq!(checked.status("job-dry-run"), "skipped");

    let mut policy = cloud.eks.documented_trust_policy("my-org", "my-runner");
    policy["Statement"].as_array_mut().unwrap().push(json!({
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "sts:AssumeRole",
    }));
    cloud.eks.set_trust_policy(&policy).unwrap();
    goes_all_the_way(&cloud.check_with(&cloud.configuration(), &["--as", "runner"]));
}

fn tokens_that_sts_refuses(cloud: &Cloud) {
    let claims = |aud: &str, sub: &str| json!({"iss": ISSUER, "aud": aud, "sub": sub});
    let good = claims("sts.amazonaws.com", "my-org+my-runner");
    for token in [
        cloud.eks.oidc_token("my-org", "another").unwrap(),
        cloud
            .eks
            .oidc_token_of(&claims("eks", "my-org+my-runner"), 3600)
            .unwrap(),
        cloud.eks.oidc_token_of(&good, -60).unwrap(),
        cloud.eks.forged_oidc_token(&good).unwrap(),
        "no token".to_owned(),
    ] {
        let (_directory, file) = cloud.token_file(&token);
        let arguments = ["--as", "runner", "--web-identity-token-file", &file];
        let checked = cloud.check_with(&cloud.configuration(), &arguments);
        assert_eq!(checked.ids("failed"), ["assume-role"], "\n{}", checked.text());
        checked.says("assume-role", &["STS refuses the web identity token"]);
        assert!(!checked.fix("assume-role").is_empty());
        checked.says("cluster-active", &["Needs assume-role, which failed"]);
        assert!(!checked.report.to_string().contains(&token) || token == "no token");
    }
    let arguments = ["--as", "runner", "--web-identity-token-file", "/nonexistent/token"];
    let checked = cloud.check_with(&cloud.configuration(), &arguments);
    // A problem of the caller's file says nothing about the runner.
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    assert_eq!(checked.status("assume-role"), "skipped");
    checked.says("assume-role", &["/nonexistent/token", "No such file"]);
}

fn sts_of_another_region(cloud: &Cloud) {
    let sts_region = |region: &str| cloud.with("cluster/auth/sts_region", json!(region));
    // As the caller, the STS of another region is called once.
    cloud.eks.reset_calls().unwrap();
    let calls = |runner: &serde_json::Value| {
        cloud.eks.reset_calls().unwrap();
        let checked = cloud.check(runner);
        checked.all_pass();
        assert_eq!(checked.of("assume-role")["skip"], "not-applicable");
        cloud.eks.calls().unwrap()["sts:GetCallerIdentity"]
    };
    let of_cluster = calls(&sts_region("us-west-2"));
    assert_eq!(calls(&cloud.configuration()), of_cluster);
    assert_eq!(calls(&sts_region("eu-west-1")), of_cluster + 1);
    // A region of another partition does not know the role.
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let with_token = ["--as", "runner", "--web-identity-token-file", &file];
    let mut runner = sts_region("cn-north-1");
    for arguments in [&[][..], &with_token] {
        let checked = cloud.check_with(&runner, arguments);
        assert_eq!(checked.ids("failed"), ["assume-role"], "\n{}", checked.text());
        checked.says(
            "assume-role",
            &["STS in cn-north-1", "is in partition aws-cn", "the role is in aws"],
        );
    }
    let checked = cloud.check(&runner);
    fix::apply(cloud, &mut runner, &checked, "assume-role");
    cloud.check(&runner).all_pass();
    let fixed = cloud.check_with(&runner, &with_token);
    assert_eq!(fixed.status("assume-role"), "passed", "\n{}", fixed.text());
    // An account can deactivate STS in a region. Only a call that assumes a role is refused then.
    cloud.faults(Faults {
        sts_disabled: vec!["eu-west-1".to_owned()],
        ..Faults::default()
    });
    let runner = sts_region("eu-west-1");
    cloud.check(&runner).all_pass();
    for arguments in [&["--as", "runner"][..], &with_token] {
        let checked = cloud.check_with(&runner, arguments);
        assert_eq!(checked.ids("failed"), ["assume-role"], "\n{}", checked.text());
        checked.says("assume-role", &["STS in eu-west-1 is not activated"]);
        let fix = checked.fix("assume-role");
        assert!(fix.contains("remove sts_region: the Orchestrator then calls STS in us-west-2"));
    }
}

fn what_the_cluster_refuses(cloud: &Cloud) {
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let arguments = [&arguments[..], &WITHOUT_A_CALLER].concat();
    let check = || cloud.check_in(cloud.no_credentials(), &cloud.configuration(), &arguments);
    // The authenticator sees a change within seconds.
    let checked = eventually(check, |checked| checked.ids("failed") == ["api-server"]);
    checked.says(
        "api-server",
        &[
            "\"my-org-my-runner\"",
            &cloud.runner().role_arn,
            "access entry",
            "Unauthorized",
        ],
    );
    fix::apply(cloud, &mut cloud.configuration(), &checked, "api-server");
    goes_all_the_way(&eventually(check, |checked| checked.ids("failed").is_empty()));
}

fn what_the_role_may_not(cloud: &Cloud) {
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let arguments = [&arguments[..], &WITHOUT_A_CALLER].concat();
    let check = || cloud.check_in(cloud.no_credentials(), &cloud.configuration(), &arguments);
    let role = sandbox::eks::ROLE_NAME;
    let policy = "arn:aws:iam::123456789012:policy/humanitec-runner-eks-policy";
    cloud.aws(
        "iam",
        "DetachRolePolicy",
        &json!({"RoleName": role, "PolicyArn": policy}),
    );
    let checked = check();
    assert_eq!(checked.ids("failed"), ["cluster-active"], "\n{}", checked.text());
    checked.says("cluster-active", &["not allowed to describe", "eks:DescribeCluster"]);
    fix::apply(cloud, &mut cloud.configuration(), &checked, "cluster-active");
    goes_all_the_way(&check());
    // Another policy cannot lift a Deny.
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "eks:*", "Resource": "*"}]});
    let name = json!({"RoleName": role, "PolicyName": "deny"});
    let mut put = name.clone();
    put["PolicyDocument"] = json!(deny.to_string());
    cloud.aws("iam", "PutRolePolicy", &put);
    let checked = check();
    assert_eq!(checked.ids("failed"), ["cluster-active"]);
    let fix = checked.fix("cluster-active");
    assert!(fix.contains("list-role-policies") && !fix.contains("put-role-policy"));
    cloud.aws("iam", "DeleteRolePolicy", &name);

    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&[
        "delete",
        "rolebinding",
        "humanitec-runner-orchestrator-access",
        &namespace,
    ]);
    let checked = check();
    assert_eq!(
        (checked.ids("failed"), checked.ids("warned")),
        (
            vec!["rbac-create-jobs", "rbac-get-jobs"],
            vec!["rbac-list-pods", "rbac-list-events"]
        ),
        "\n{}",
        checked.text()
    );
    fix::apply(cloud, &mut cloud.configuration(), &checked, "rbac-create-jobs");
    goes_all_the_way(&check());
}

/// Without its service account, a Job's pod never starts: a failure as the runner as well.
fn what_only_the_caller_reads(cloud: &Cloud) {
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let key = json!({"name": "my-secret", "key": "key"});
    let main = json!({"name": "main", "env": [{"name": "A", "valueFrom": {"secretKeyRef": key}}]});
    let mut runner = cloud.with("job/pod_template", json!({"spec": {"containers": [main]}}));
    crate::cloud::set(&mut runner, "job/service_account", json!("absent"));
    runner["state_storage_configuration"] = json!({"type": "kubernetes", "namespace": cloud.runner().namespace});
    let checked = cloud.check_with(&runner, &arguments);
    assert_eq!(
        checked.ids("failed"),
        ["service-account", "pod-template-refs", "job-dry-run", "state-storage"],
        "\n{}",
        checked.text()
    );
    checked
        .says("service-account", &["\"absent\" does not exist"])
        .says("pod-template-refs", &["Secret \"my-secret\" does not exist"])
        .says("state-storage", &["is not allowed to get secrets"]);
    // Without the caller's credentials, this is unknown.
    let checked = cloud.check_in(cloud.no_credentials(), &runner, &arguments);
    checked.is_incomplete("no permission to get secrets (1)");
    for id in ["service-account", "pod-template-refs", "state-storage"] {
        checked.says(id, &["The runner has no permission to"]);
    }
    // What the pod template alone decides needs no credentials.
    let template = json!({"spec": {"automountServiceAccountToken": false}});
    crate::cloud::set(&mut runner, "job/pod_template", template);
    let checked = cloud.check_in(cloud.no_credentials(), &runner, &arguments);
    assert_eq!(checked.ids("failed"), ["state-storage"], "\n{}", checked.text());
}

/// Checks for some seconds, until the outcome is as expected.
#[track_caller]
pub(crate) fn eventually(check: impl Fn() -> Checked, condition: impl Fn(&Checked) -> bool) -> Checked {
    let start = Instant::now();
    loop {
        let checked = check();
        if condition(&checked) {
            return checked;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "\n{}", checked.text());
        std::thread::sleep(Duration::from_millis(300));
    }
}
