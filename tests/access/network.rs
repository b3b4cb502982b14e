//! The routes to AWS and to the cluster: FIPS endpoints, proxies, and certificate authorities.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use sandbox::eks::Faults;
use serde_json::json;
use tempfile::TempDir;

use crate::Scenario;
use crate::cloud::{BEHIND_CLUSTER, Cloud, Environment};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    fips,
    endpoints_of_one_s_own,
    ca_bundle_of_a_profile,
    proxy_that_opens_tls,
    profile_and_assumed_role,
    web_identity,
    kubeconfig_past_the_proxy,
    lower_case_proxy,
    untrusted_authority,
    unreadable_authority,
    no_way_out,
];

/// The environment with another value of a variable, or without it.
fn changed(cloud: &Cloud, name: &str, value: Option<&str>) -> Environment {
    let mut environment = cloud.eks.env();
    environment.retain(|(other, _)| other != name);
    environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    environment
}

/// A proxy that records the requested hosts and forwards to the sandbox's proxy.
struct Noting {
    url: String,
    hosts: Arc<Mutex<BTreeSet<String>>>,
}

impl Noting {
    fn start(cloud: &Cloud) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hosts = Arc::<Mutex<BTreeSet<String>>>::default();
        let noted = Arc::clone(&hosts);
        let sandbox = cloud.eks.proxy_url().replace("http://", "");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (noted, sandbox) = (Arc::clone(&noted), sandbox.clone());
                // The client reports a broken connection.
                thread::spawn(move || lead_on(client, &sandbox, &noted));
            }
        });
        Self { url, hosts }
    }

    /// Returns the hosts since the last call, without their ports.
    fn hosts(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.hosts.lock().unwrap())
    }
}

fn lead_on(client: TcpStream, sandbox: &str, noted: &Mutex<BTreeSet<String>>) -> io::Result<()> {
    let mut server = TcpStream::connect(sandbox)?;
    let mut from_client = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    from_client.read_line(&mut line)?;
    if let Some(host) = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(':').next()) {
        noted.lock().unwrap().insert(host.to_owned());
    }
    server.write_all(line.as_bytes())?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client);
    let back = thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        to_client.shutdown(Shutdown::Both)
    });
    io::copy(&mut from_client, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    let _ = back.join();
    Ok(())
}

/// A profile "mine" of the administrator with more settings, in a directory that must be kept, and the
/// environment that has the file.
fn profile(cloud: &Cloud, settings: &str) -> (TempDir, Environment) {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    let key = cloud.eks.administrator();
    let text = format!(
        "[profile mine]\naws_access_key_id = {}\naws_secret_access_key = {}\n{settings}",
        key.access_key_id, key.secret_access_key
    );
    fs::write(&config, text).unwrap();
    let mut environment = cloud.no_credentials();
    environment.retain(|(name, _)| name != "AWS_CONFIG_FILE");
    environment.push(("AWS_CONFIG_FILE".to_owned(), config.display().to_string()));
    (directory, environment)
}

/// An environment with other values of variables.
fn with(mut environment: Environment, variables: &[(&str, &str)]) -> Environment {
    for (name, value) in variables {
        environment.retain(|(other, _)| other != name);
        environment.push(((*name).to_owned(), (*value).to_owned()));
    }
    environment
}

const FIPS: [&str; 3] = [
    "fips.eks.us-west-2.amazonaws.com",
    "iam-fips.amazonaws.com",
    "sts-fips.us-west-2.amazonaws.com",
];

/// The hosts of AWS among those noted.
fn of_aws(noting: &Noting) -> Vec<String> {
    let mut hosts = noting.hosts();
    hosts.retain(|host| !host.contains(".gr7.") && host != "oidc.humanitec.dev");
    hosts.into_iter().collect()
}

fn fips(cloud: &Cloud) {
    let noting = Noting::start(cloud);
    let by_variable = with(
        cloud.eks.env(),
        &[("AWS_USE_FIPS_ENDPOINT", "true"), ("HTTPS_PROXY", &noting.url)],
    );
    cloud.check_in(by_variable, &cloud.configuration(), &[]).all_pass();
    assert_eq!(of_aws(&noting), FIPS);

    let (_directory, environment) = profile(cloud, "use_fips_endpoint = true\n");
    let by_profile = with(environment, &[("HTTPS_PROXY", &noting.url)]);
    cloud
        .check_in(by_profile, &cloud.configuration(), &["--profile", "mine"])
        .all_pass();
    assert_eq!(of_aws(&noting), FIPS);

    // The role that a profile assumes is assumed there, too.
    assumable(cloud);
    let role = "role_arn = arn:aws:iam::123456789012:role/checker\nexternal_id = a-secret-id\n";
    let text =
        format!("use_fips_endpoint = true\n[profile other]\nsource_profile = mine\n{role}use_fips_endpoint = true\n");
    let (_directory, environment) = profile(cloud, &text);
    let by_role = with(environment, &[("HTTPS_PROXY", &noting.url)]);
    let checked = cloud.check_in(by_role, &cloud.configuration(), &["--profile", "other"]);
    checked.says("aws-credentials", &["assumed-role/checker/"]);
    assert_eq!(of_aws(&noting), FIPS);
}

fn endpoints_of_one_s_own(cloud: &Cloud) {
    let noting = Noting::start(cloud);
    let elsewhere = "https://sts.us-east-2.amazonaws.com";
    let proxied = |environment| with(environment, &[("HTTPS_PROXY", &noting.url)]);
    let expected = [
        "eks.us-west-2.amazonaws.com",
        "iam.amazonaws.com",
        "sts.us-east-2.amazonaws.com",
    ];
    let by_variable = with(cloud.eks.env(), &[("AWS_ENDPOINT_URL_STS", elsewhere)]);
    cloud
        .check_in(proxied(by_variable), &cloud.configuration(), &[])
        .all_pass();
    assert_eq!(of_aws(&noting), expected);

    let services = format!("services = here\n[services here]\nsts =\n  endpoint_url = {elsewhere}\n");
    let (_directory, environment) = profile(cloud, &services);
    let arguments = ["--profile", "mine"];
    cloud
        .check_in(proxied(environment), &cloud.configuration(), &arguments)
        .all_pass();
    assert_eq!(of_aws(&noting), expected);

    // One endpoint for all services, at which nothing listens. NO_PROXY has its address.
    let nobody = "https://127.0.0.1:9";
    let (_directory, environment) = profile(cloud, &format!("endpoint_url = {nobody}\n"));
    let by_variable = with(cloud.eks.env(), &[("AWS_ENDPOINT_URL", nobody)]);
    for (environment, arguments) in [(environment, &arguments[..]), (by_variable, &[])] {
        let arguments = [arguments, &["--timeout", "20s"]].concat();
        let checked = cloud.check_in(proxied(environment), &cloud.configuration(), &arguments);
        checked.is_incomplete("sts:GetCallerIdentity (");
        checked.says("aws-credentials", &["sts:GetCallerIdentity", "refused"]);
        assert_eq!(of_aws(&noting), [""; 0]);
    }
}

fn ca_bundle_of_a_profile(cloud: &Cloud) {
    let bundle = format!("ca_bundle = {}\n", cloud.eks.aws_ca().display());
    let (_directory, mut environment) = profile(cloud, &bundle);
    environment.retain(|(name, _)| name != "AWS_CA_BUNDLE");
    let check = |environment: &Environment| {
        let arguments = ["--profile", "mine"];
        cloud.check_in(environment.clone(), &cloud.configuration(), &arguments)
    };
    check(&environment).all_pass();
    // For the cluster as well.
    opened(cloud);
    check(&environment).all_pass();
    // The variable comes first.
    let wrong = with(environment, &[("AWS_CA_BUNDLE", "/nonexistent/ca.pem")]);
    check(&wrong).says("aws-credentials", &["AWS_CA_BUNDLE", "/nonexistent/ca.pem"]);

    let (_directory, mut environment) = profile(cloud, "ca_bundle = /nonexistent/mine.pem\n");
    environment.retain(|(name, _)| name != "AWS_CA_BUNDLE");
    let checked = check(&environment);
    checked.is_incomplete("AWS credentials (");
    checked.says("aws-credentials", &["profile's ca_bundle", "/nonexistent/mine.pem"]);
}

fn opened(cloud: &Cloud) {
    cloud.faults(Faults {
        opens_cluster_tls: true,
        ..Faults::default()
    });
}

fn proxy_that_opens_tls(cloud: &Cloud) {
    opened(cloud);
    cloud.check_documented().all_pass();
}

fn profile_and_assumed_role(cloud: &Cloud) {
    let (_directory, environment) = profile(cloud, "region = eu-west-1\n");
    let check = |arguments: &[&str]| cloud.check_in(environment.clone(), &cloud.configuration(), arguments);
    check(&["--profile", "mine"]).all_pass();
    // A profile that the settings name takes precedence over keys in the environment.
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ];
    let beside_keys = with(environment.clone(), &keys);
    let beside = |profile: &str| {
        let arguments = ["--profile", profile];
        cloud.check_in(beside_keys.clone(), &cloud.configuration(), &arguments)
    };
    beside("mine").all_pass();
    for checked in [check(&["--profile", "nobody"]), beside("nobody")] {
        checked.is_incomplete("AWS credentials (");
        checked.says("aws-credentials", &["AWS profile \"nobody\"", "does not exist"]);
        assert!(checked.fix("aws-credentials").contains("--profile nobody"));
    }

    let (_broken, environment_of_it) = profile(cloud, "[profile other\n");
    let checked = cloud.check_in(environment_of_it, &cloud.configuration(), &["--profile", "mine"]);
    checked.says("aws-credentials", &["configuration files cannot be read", "line 4"]);

    assumable(cloud);
    let assumed = [
        "--profile",
        "mine",
        "--assume-role-arn",
        "arn:aws:iam::123456789012:role/checker",
    ];
    let more = ["--assume-role-session-name", "ci", "--external-id", "a-secret-id"];
    let checked = check(&[&assumed[..], &more].concat());
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    checked.says("aws-credentials", &["assumed-role/checker/ci"]);
    // Its role has no access entry.
    checked.says("api-server", &["assumed-role/checker/ci"]);
    let checked = check(&assumed);
    checked.is_incomplete("AWS credentials (");
    checked.says("aws-credentials", &["role/checker"]);
}

/// A role "checker" that everybody of the account may assume who knows its external id, and that may do everything.
fn assumable(cloud: &Cloud) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "a-secret-id"}},
    }]});
    let role = json!({"RoleName": "checker", "AssumeRolePolicyDocument": trust.to_string()});
    cloud.aws("iam", "CreateRole", &role);
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let all = json!({"RoleName": "checker", "PolicyName": "all", "PolicyDocument": all.to_string()});
    cloud.aws("iam", "PutRolePolicy", &all);
}

/// NO_PROXY names destinations, not proxies.
fn kubeconfig_past_the_proxy(cloud: &Cloud) {
    let noting = Noting::start(cloud);
    let proxy = noting.url.replace("127.0.0.1", "localhost");
    let kubeconfig = cloud.eks.kubeconfig().display().to_string();
    let check = |no_proxy: &str| {
        let variables = [("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", no_proxy)];
        let arguments = ["--kubeconfig", &kubeconfig, "--timeout", "20s"];
        cloud.check_in(with(cloud.eks.env(), &variables), &cloud.configuration(), &arguments)
    };
    check("127.0.0.1").outcome(&[], &["api-server"], &[]);
    assert!(!noting.hosts().contains("127.0.0.1"));
    check("localhost");
    assert!(noting.hosts().contains("127.0.0.1"));
}

/// The caller's credentials come from a web identity token, as in a pod or a CI job.
fn web_identity(cloud: &Cloud) {
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let check = |file: &str| {
        let variables = [
            ("AWS_ROLE_ARN", cloud.runner().role_arn.as_str()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", file),
        ];
        let environment = with(cloud.no_credentials(), &variables);
        cloud.check_in(environment, &cloud.configuration(), &[])
    };
    check(&file).says("aws-credentials", &["assumed-role/humanitec-runner-eks-role/"]);
    let claims = json!({"iss": sandbox::eks::ISSUER, "aud": "sts.amazonaws.com", "sub": "my-org+my-runner"});
    let (_directory, expired) = cloud.token_file(&cloud.eks.oidc_token_of(&claims, -60).unwrap());
    for (file, parts) in [
        (
            "/nonexistent/token",
            ["AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token"],
        ),
        (expired.as_str(), ["cannot be retrieved", "xpired"]),
    ] {
        let checked = check(file);
        checked.is_incomplete("AWS credentials (");
        checked.says("aws-credentials", &parts);
    }
}

fn lower_case_proxy(cloud: &Cloud) {
    let mut environment = changed(cloud, "HTTPS_PROXY", None);
    environment.push(("https_proxy".to_owned(), cloud.eks.proxy_url()));
    cloud.check_in(environment, &cloud.configuration(), &[]).all_pass();
}

fn untrusted_authority(cloud: &Cloud) {
    let environment = changed(cloud, "AWS_CA_BUNDLE", None);
    let checked = cloud.check_in(environment, &cloud.configuration(), &["--timeout", "20s"]);
    checked.is_incomplete("sts:GetCallerIdentity (");
    checked.says("aws-credentials", &["sts:GetCallerIdentity", "certificate"]);
    assert_eq!(checked.ids("skipped").len(), 21, "\n{}", checked.text());
}

fn unreadable_authority(cloud: &Cloud) {
    let environment = changed(cloud, "AWS_CA_BUNDLE", Some("/nonexistent/ca.pem"));
    let checked = cloud.check_in(environment, &cloud.configuration(), &[]);
    checked.is_incomplete("AWS credentials (");
    checked.says("aws-credentials", &["AWS_CA_BUNDLE", "/nonexistent/ca.pem"]);
}

fn no_way_out(cloud: &Cloud) {
    // Without the proxy, AWS cannot be reached: the names do not resolve, or are blocked.
    let environment = changed(cloud, "HTTPS_PROXY", Some("http://127.0.0.1:9"));
    let checked = cloud.check_in(environment, &cloud.configuration(), &["--timeout", "20s"]);
    checked.is_incomplete("sts:GetCallerIdentity (");
    let why = "the proxy did not open a connection: Connection refused (os error 111). Check the proxy in HTTPS_PROXY";
    checked.says("aws-credentials", &["sts:GetCallerIdentity", why]);
    let mut others = checked.ids("skipped");
    others.retain(|id| BEHIND_CLUSTER.contains(id));
    assert_eq!(others, *BEHIND_CLUSTER, "\n{}", checked.text());
}
