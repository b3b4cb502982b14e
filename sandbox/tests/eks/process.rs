//! Nothing of the small EKS outlives its owner.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use sandbox::eks::{Eks, EksOptions};

use crate::{Test, becomes_user, eventually};

pub(crate) const TESTS: &[(&str, Test)] = sandbox::scenarios![
    everything_stops_when_its_owner_is_killed,
    served_environment_leads_to_the_cluster,
    the_aws_cli_is_the_same_with_its_server_and_without,
    another_eks_runs_beside_in_another_partition,
];

/// The sandbox's command with an EKS, and the environment that it says.
fn owner() -> Result<(Child, BTreeMap<String, String>), Failed> {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .arg("--eks")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut environment = BTreeMap::new();
    for line in BufReader::new(owner.stdout.take().ok_or("no stdout")?).lines() {
        let line = line?;
        if let Some((name, value)) = line.strip_prefix("  export ").and_then(|export| export.split_once('=')) {
            environment.insert(name.to_owned(), value.trim_matches('\'').to_owned());
        }
        if line == "It ends with Ctrl-C." {
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
    let run = |commands: &str| -> Result<String, Failed> {
        let output = Command::new("sh").args(["-c", commands]).envs(&environment).output()?;
        Ok(String::from_utf8(output.stdout)?)
    };
    assert!(run("kubectl get namespaces --output=name")?.contains("namespace/default"));
    assert_eq!(
        run("aws eks list-clusters --query clusters --output text")?.trim(),
        "my-eks-cluster"
    );
    Command::new("kill").arg(owner.id().to_string()).status()?;
    assert!(owner.wait()?.success());
    assert!(!Path::new(&environment["KUBECONFIG"]).exists());
    Ok(())
}

fn the_aws_cli_is_the_same_with_its_server_and_without() -> Result<(), Failed> {
    let (mut owner, environment) = owner()?;
    let socket = Path::new(&environment["KUBECONFIG"]).with_file_name("aws-cli.socket");
    // The name comes from standard input, and the error goes to standard error.
    let command = "printf no-such-role | aws iam get-role --role-name file:///dev/stdin 2>&1; echo $?";
    let run = || -> Result<String, Failed> {
        let output = Command::new("sh").args(["-c", command]).envs(&environment).output()?;
        Ok(String::from_utf8(output.stdout)?)
    };
    assert!(eventually(|| UnixStream::connect(&socket).is_ok()));
    let with_server = run()?;
    std::fs::remove_file(&socket)?;
    let without = run()?;
    assert!(
        without.contains("no-such-role") && without.ends_with("255\n"),
        "{without}"
    );
    assert_eq!(with_server, without);
    Command::new("kill").arg(owner.id().to_string()).status()?;
    assert!(owner.wait()?.success());
    Ok(())
}

fn another_eks_runs_beside_in_another_partition() -> Result<(), Failed> {
    let china = EksOptions {
        partition: "aws-cn".to_owned(),
        region: "cn-north-1".to_owned(),
        ..EksOptions::default()
    };
    let start = Instant::now();
    let eks = Eks::start(china)?;
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
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
