//! Where the Job's AWS identity comes from without an association: the annotation of its service account, variables of its
//! own, or nothing.

use sandbox::eks::{EksOptions, Faults};
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Cloud, set};
use crate::fix;
use crate::identity::{ROLE, associate, passes, pod_trust, role_arn, set_trust, set_up};

pub(crate) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![annotation, both, own_variables, neither, without_s3, partitions,];

/// Annotates the Job's service account.
pub(crate) fn annotate(cloud: &Cloud, annotations: &[String]) {
    let account = cloud.runner().service_account.clone();
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let start = ["annotate", "serviceaccount", &account, &namespace, "--overwrite"];
    let annotations = annotations.iter().map(String::as_str);
    cloud.kubectl(&start.into_iter().chain(annotations).collect::<Vec<_>>());
}

fn annotation(cloud: &Cloud) {
    let role = role_arn(cloud, ROLE);
    annotate(cloud, &[format!("eks.amazonaws.com/role-arn={role}")]);
    let fails = |parts: &[&str]| crate::identity::pod_identity_fails(cloud, parts);
    // Both are missing, and one fix makes both.
    let checked = fails(&[
        "no IAM OIDC provider for the cluster's issuer",
        &format!("{role}, which the Job needs, does not exist"),
    ]);
    fix::works(cloud, &checked, "pod-identity");
    let subject = "system:serviceaccount:humanitec-runner:humanitec-runner";
    passes(&cloud.check_documented(), &[&role, subject]);
    for action in ["iam:GetOpenIDConnectProvider", "iam:GetRole"] {
        cloud.deny(action);
        cloud
            .check_documented()
            .says("pod-identity", &["no permission", action])
            .is_incomplete(&format!("no permission for {action}"));
    }
    cloud.faults(Faults::default());

    let found = cloud.aws("iam", "GetRole", &json!({"RoleName": ROLE}));
    let good = &found["Role"]["AssumeRolePolicyDocument"];
    let wrong = |from: &str, to: &str| -> Value { serde_json::from_str(&good.to_string().replace(from, to)).unwrap() };
    for (trust, part) in [
        (wrong(subject, "system:serviceaccount:x:y"), "system:serviceaccount:x:y"),
        (wrong("\"sts.amazonaws.com\"", "\"eks\""), "\"eks\""),
        (
            wrong("sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"),
            "sts:AssumeRole",
        ),
        (pod_trust(json!({})), "oidc-provider/oidc.eks.us-west-2.amazonaws.com"),
    ] {
        set_trust(cloud, ROLE, &trust);
        let checked = fails(&["does not let service account", part]);
        fix::works(cloud, &checked, "pod-identity");
    }
    // Another audience is another client ID and another condition.
    annotate(cloud, &["eks.amazonaws.com/audience=other".to_owned()]);
    let checked = fails(&["does not have the client ID other", "\"other\""]);
    fix::works(cloud, &checked, "pod-identity");
    annotate(cloud, &["eks.amazonaws.com/role-arn=job-role".to_owned()]);
    fails(&["\"job-role\" is not the ARN of an IAM role"]);
    let elsewhere = "eks.amazonaws.com/role-arn=arn:aws:iam::999999999999:role/job";
    annotate(cloud, &[elsewhere.to_owned()]);
    cloud
        .check_documented()
        .only(&[], &["pod-identity"])
        .says("pod-identity", &["it is in account 999999999999"]);
    // A cluster without an issuer.
    annotate(cloud, &[format!("eks.amazonaws.com/role-arn={role}")]);
    cloud.eks.set_cluster(&json!({"identity": {}})).unwrap();
    cloud
        .check_documented()
        .only(&[], &["pod-identity"])
        .is_incomplete("the cluster's issuer is unknown (1)");
}

/// An association wins over an annotation, whatever that says.
fn both(cloud: &Cloud) {
    let id = set_up(cloud, ROLE);
    annotate(cloud, &["eks.amazonaws.com/role-arn=nonsense".to_owned()]);
    passes(&cloud.check_documented(), &[&id, &role_arn(cloud, ROLE)]);
    let association = json!({"clusterName": cloud.eks.options().cluster_name, "associationId": id});
    cloud.aws("eks", "DeletePodIdentityAssociation", &association);
    cloud
        .check_documented()
        .only(&["pod-identity"], &[])
        .says("pod-identity", &["\"nonsense\""]);
}

/// The runner with variables in the container of the Orchestrator.
fn with_variables(cloud: &Cloud, variables: &[(&str, &str)]) -> Value {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let main = json!({"name": "main", "env": variables});
    cloud.with("job/pod_template", json!({"spec": {"containers": [main]}}))
}

fn own_variables(cloud: &Cloud) {
    // Whatever the service account has, the container's own variables count.
    associate(cloud, "absent", &json!({}));
    for variables in [
        &[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x")][..],
        &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "r")],
        &[("AWS_PROFILE", "p")],
        &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/")],
    ] {
        let checked = cloud.check(&with_variables(cloud, variables));
        checked.only(&[], &["pod-identity"]);
        assert_eq!(checked.of("pod-identity")["skip"], "not-applicable");
        checked.says("pod-identity", &["come from", "in pod_template", variables[0].0]);
    }
    // Half of a pair, or the annotation that excludes the container, leaves the Job without an identity.
    let half = [("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token")];
    let mut excluded = cloud.configuration();
    let annotations = json!({"eks.amazonaws.com/skip-containers": "main"});
    set(
        &mut excluded,
        "job/pod_template",
        json!({"metadata": {"annotations": annotations}}),
    );
    for (runner, part) in [
        (with_variables(cloud, &half), half[0].0),
        (excluded, "eks.amazonaws.com/skip-containers"),
    ] {
        cloud
            .check(&runner)
            .outcome(&[], &["pod-identity"], &[])
            .says("pod-identity", &["EKS ignores", part, "the role of its node"]);
    }
    // Variables of a Secret count, too, and without the permission to read it nobody knows.
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let keys = ["AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"];
    let literals = keys.map(|key| format!("--from-literal={key}"));
    let create = ["create", "secret", "generic", "keys", &namespace];
    let literals = literals.iter().map(String::as_str);
    cloud.kubectl(&create.into_iter().chain(literals).collect::<Vec<_>>());
    let main = json!({"name": "main", "envFrom": [{"secretRef": {"name": "keys"}}]});
    let runner = cloud.with("job/pod_template", json!({"spec": {"containers": [main]}}));
    let checked = cloud.check(&runner);
    checked.only(&[], &["pod-identity"]);
    checked.says("pod-identity", &["come from AWS_ACCESS_KEY_ID", "in pod_template"]);
    assert!(!checked.report.to_string().contains("YQ=="));
}

fn neither(cloud: &Cloud) {
    let checked = cloud.check_documented();
    checked.only(&[], &["pod-identity"]);
    assert_eq!(checked.of("pod-identity")["skip"], "not-applicable");
    checked.says("pod-identity", &["The Job has no AWS identity of its own"]);
    let calls = cloud.eks.calls().unwrap();
    assert_eq!(calls["eks:ListPodIdentityAssociations"], 1, "{calls:?}");
    assert!(!calls.contains_key("eks:DescribeAddon"), "{calls:?}");
}

/// Where the state is not in S3, the Job starts without an identity.
fn without_s3(cloud: &Cloud) {
    associate(cloud, ROLE, &json!({}));
    let mut runner = cloud.configuration();
    runner["state_storage_configuration"] = json!({"type": "gcs", "bucket": "states"});
    let checked = cloud.check(&runner);
    checked
        .outcome(&[], &["pod-identity", "state-storage"], &[])
        .says("pod-identity", &["does not exist", "is not kept in S3"]);
}

/// A small EKS of its own for each partition.
fn partitions(_: &Cloud) {
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
        let mut cloud = Cloud::start_with(EksOptions {
            partition: partition.to_owned(),
            region: region.to_owned(),
            ..EksOptions::default()
        });
        cloud.reset();
        let id = set_up(&cloud, ROLE);
        let role = role_arn(&cloud, ROLE);
        assert!(role.starts_with(&format!("arn:{partition}:iam")), "{role}");
        passes(&cloud.check_documented(), &[&id, &role]);
        let association = json!({"clusterName": cloud.eks.options().cluster_name, "associationId": id});
        cloud.aws("eks", "DeletePodIdentityAssociation", &association);
        annotate(&cloud, &[format!("eks.amazonaws.com/role-arn={role}")]);
        let checked = cloud.check_documented();
        checked.only(&["pod-identity"], &[]);
        assert!(!checked.report.to_string().contains("arn:aws:"));
        fix::works(&cloud, &checked, "pod-identity");
    }
}
