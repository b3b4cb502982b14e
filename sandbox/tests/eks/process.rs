//! Nothing of the small EKS outlives its owner.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use sandbox::eks::{Eks, Options};

use crate::{Test, becomes_user, eventually};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "everything_stops_when_its_owner_is_killed",
        everything_stops_when_its_owner_is_killed,
    ),
    (
        "another_eks_runs_beside_in_another_partition",
        another_eks_runs_beside_in_another_partition,
    ),
];

/// Set for a copy of this test that owns an EKS and waits to be killed.
pub(crate) const OWNER: &str = "SANDBOX_EKS_OWNER";

/// The life of that copy: says where its EKS is, and waits.
#[expect(clippy::print_stdout, reason = "the test reads it")]
pub(crate) fn own() -> ExitCode {
    match Eks::start(Options::default()) {
        Ok(eks) => {
            println!("{} {}", eks.kubeconfig().display(), eks.proxy_url());
            std::thread::sleep(Duration::from_secs(60));
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn everything_stops_when_its_owner_is_killed() -> Result<(), Failed> {
    let mut owner = Command::new(std::env::current_exe()?)
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(owner.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
    let (kubeconfig, proxy) = line
        .trim()
        .split_once(' ')
        .ok_or("the owner did not start")?;
    let kubeconfig = PathBuf::from(kubeconfig);
    let proxy = proxy.trim_start_matches("http://");
    let cluster: serde_json::Value = serde_json::from_slice(&std::fs::read(&kubeconfig)?)?;
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
