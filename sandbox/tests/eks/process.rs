//! Nothing of the small EKS outlives its owner.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use sandbox::eks::{Eks, Options, serve};

use crate::{Test, becomes_user, eventually};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "everything_stops_when_its_owner_is_killed",
        everything_stops_when_its_owner_is_killed,
    ),
    (
        "served_environment_leads_to_the_cluster",
        served_environment_leads_to_the_cluster,
    ),
    (
        "another_eks_runs_beside_in_another_partition",
        another_eks_runs_beside_in_another_partition,
    ),
];

/// Set for a copy of this test that owns an EKS and waits to be killed.
pub(crate) const OWNER: &str = "SANDBOX_EKS_OWNER";

/// The life of that copy: says where its EKS is, and serves.
pub(crate) fn own() -> ExitCode {
    match serve("my-org", "my-runner", &mut std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A copy that owns an EKS, and the environment that it says.
fn owner() -> Result<(Child, BTreeMap<String, String>), Failed> {
    let mut owner = Command::new(std::env::current_exe()?)
        .env(OWNER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut environment = BTreeMap::new();
    for line in BufReader::new(owner.stdout.take().ok_or("no stdout")?).lines() {
        let line = line?;
        let export = line
            .strip_prefix("export ")
            .and_then(|export| export.split_once('='));
        let (name, value) = export.ok_or("no export")?;
        environment.insert(name.to_owned(), value.trim_matches('\'').to_owned());
        if name == "AWS_WEB_IDENTITY_TOKEN_FILE_OF_RUNNER" {
            return Ok((owner, environment));
        }
    }
    Err("the owner did not start".into())
}

fn everything_stops_when_its_owner_is_killed() -> Result<(), Failed> {
    let (mut owner, environment) = owner()?;
    let kubeconfig = Path::new(&environment["KUBECONFIG"]);
    let proxy = environment["HTTPS_PROXY"].trim_start_matches("http://");
    let cluster: serde_json::Value = serde_json::from_slice(&std::fs::read(kubeconfig)?)?;
    let server = cluster["clusters"][0]["cluster"]["server"]
        .as_str()
        .ok_or("no server")?;
    let api_server = server.trim_start_matches("https://");
    assert!(TcpStream::connect(proxy).is_ok() && TcpStream::connect(api_server).is_ok());
    owner.kill()?;
    owner.wait()?;
    assert!(eventually(
        || TcpStream::connect(proxy).is_err() && TcpStream::connect(api_server).is_err()
    ));
    assert!(eventually(|| kubeconfig
        .parent()
        .is_some_and(|directory| !directory.exists())));
    Ok(())
}

fn served_environment_leads_to_the_cluster() -> Result<(), Failed> {
    let (mut owner, environment) = owner()?;
    let output = Command::new("kubectl")
        .args(["get", "namespaces", "--output=name"])
        .envs(&environment)
        .output()?;
    assert!(String::from_utf8(output.stdout)?.contains("namespace/humanitec-runner"));
    drop(owner.stdin.take());
    assert!(owner.wait()?.success());
    assert!(!Path::new(&environment["KUBECONFIG"]).exists());
    Ok(())
}

fn another_eks_runs_beside_in_another_partition() -> Result<(), Failed> {
    let china = Options {
        partition: "aws-cn".to_owned(),
        region: "cn-north-1".to_owned(),
        ..Options::default()
    };
    let start = Instant::now();
    let eks = Eks::start(china)?;
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
    let runner = eks.set_up_as_documented("my-org", "my-runner")?;
    assert_eq!(
        runner.kubernetes_user,
        "arn:aws-cn:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner"
    );
    assert!(becomes_user(&eks, &runner, &runner.kubernetes_user));
    let kubeconfig = eks.kubeconfig().clone();
    drop(eks);
    assert!(!kubeconfig.exists());
    Ok(())
}
