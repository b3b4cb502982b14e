//! The ways to AWS and to the cluster: FIPS endpoints, proxies and certificate authorities.

use std::fs;

use serde_json::json;

use crate::Scenario;
use crate::cloud::{BEHIND_CLUSTER, Cloud, Environment};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("network::fips", fips),
    (
        "network::profile_and_assumed_role",
        profile_and_assumed_role,
    ),
    ("network::lower_case_proxy", lower_case_proxy),
    ("network::untrusted_authority", untrusted_authority),
    ("network::unreadable_authority", unreadable_authority),
    ("network::no_way_out", no_way_out),
];

/// The environment with another value of a variable, or without it.
fn changed(cloud: &Cloud, name: &str, value: Option<&str>) -> Environment {
    let mut environment = cloud.eks.env();
    environment.retain(|(other, _)| other != name);
    environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    environment
}

fn fips(cloud: &Cloud) {
    let environment = changed(cloud, "AWS_USE_FIPS_ENDPOINT", Some("true"));
    cloud
        .check_in(environment, &cloud.configuration(), &[])
        .all_pass();
    // An endpoint of one's own replaces AWS's: nobody listens there.
    let environment = changed(cloud, "AWS_ENDPOINT_URL_IAM", Some("http://127.0.0.1:9"));
    let checked = cloud.check_in(environment, &cloud.configuration(), &["--timeout", "20s"]);
    checked.only(
        &[],
        &[
            "role-exists",
            "oidc-provider",
            "role-trust",
            "role-permission",
        ],
    );
}

fn profile_and_assumed_role(cloud: &Cloud) {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    let key = cloud.eks.administrator();
    let text = format!(
        "[profile admin]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = eu-west-1\n",
        key.access_key_id, key.secret_access_key
    );
    fs::write(&config, text).unwrap();
    let mut environment = cloud.no_credentials();
    environment.retain(|(name, _)| name != "AWS_CONFIG_FILE");
    environment.push(("AWS_CONFIG_FILE".to_owned(), config.display().to_string()));
    let check =
        |arguments: &[&str]| cloud.check_in(environment.clone(), &cloud.configuration(), arguments);
    check(&["--profile", "admin"]).all_pass();
    assert_eq!(
        check(&["--profile", "nobody"]).ids("failed"),
        ["aws-credentials"]
    );

    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "a-secret-id"}},
    }]});
    let role = json!({"RoleName": "checker", "AssumeRolePolicyDocument": trust.to_string()});
    cloud.aws("iam", "CreateRole", &role);
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let all =
        json!({"RoleName": "checker", "PolicyName": "all", "PolicyDocument": all.to_string()});
    cloud.aws("iam", "PutRolePolicy", &all);
    let assumed = [
        "--profile",
        "admin",
        "--assume-role-arn",
        "arn:aws:iam::123456789012:role/checker",
    ];
    let more = [
        "--assume-role-session-name",
        "ci",
        "--external-id",
        "a-secret-id",
    ];
    let checked = check(&[&assumed[..], &more].concat());
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    checked.says("aws-credentials", &["assumed-role/checker/ci"]);
    // Its role has no access entry.
    checked.says("api-server", &["assumed-role/checker/ci"]);
    let checked = check(&assumed);
    assert_eq!(
        checked.ids("failed"),
        ["aws-credentials"],
        "\n{}",
        checked.text()
    );
    checked.says("aws-credentials", &["role/checker"]);
}

fn lower_case_proxy(cloud: &Cloud) {
    let mut environment = changed(cloud, "HTTPS_PROXY", None);
    environment.push(("https_proxy".to_owned(), cloud.eks.proxy_url()));
    cloud
        .check_in(environment, &cloud.configuration(), &[])
        .all_pass();
}

fn untrusted_authority(cloud: &Cloud) {
    let environment = changed(cloud, "AWS_CA_BUNDLE", None);
    let checked = cloud.check_in(environment, &cloud.configuration(), &["--timeout", "20s"]);
    assert_eq!(
        (checked.ids("failed"), checked.exit_code),
        (vec![], 0),
        "\n{}",
        checked.text()
    );
    checked.says("aws-credentials", &["sts:GetCallerIdentity", "certificate"]);
    assert_eq!(checked.ids("skipped").len(), 19, "\n{}", checked.text());
}

fn unreadable_authority(cloud: &Cloud) {
    let environment = changed(cloud, "AWS_CA_BUNDLE", Some("/nonexistent/ca.pem"));
    let checked = cloud.check_in(environment, &cloud.configuration(), &[]);
    assert_eq!(
        checked.ids("failed"),
        ["aws-credentials"],
        "\n{}",
        checked.text()
    );
    checked.says("aws-credentials", &["AWS_CA_BUNDLE", "/nonexistent/ca.pem"]);
}

fn no_way_out(cloud: &Cloud) {
    // Past the proxy there is no AWS: the names are not known, or not let out.
    let environment = changed(cloud, "HTTPS_PROXY", Some("http://127.0.0.1:9"));
    let checked = cloud.check_in(environment, &cloud.configuration(), &["--timeout", "20s"]);
    assert_eq!(
        (checked.ids("failed"), checked.exit_code),
        (vec![], 0),
        "\n{}",
        checked.text()
    );
    checked.says("aws-credentials", &["sts:GetCallerIdentity", "refused"]);
    let mut others = checked.ids("skipped");
    others.retain(|id| BEHIND_CLUSTER.contains(id));
    assert_eq!(others, BEHIND_CLUSTER, "\n{}", checked.text());
}
