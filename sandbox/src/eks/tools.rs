//! The paths of the built parts. `tools/build` builds them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::{Error, io};

/// The parts of the small EKS, by their folders in `tools/`.
const PARTS: [&str; 8] = [
    "etcd",
    "kube-apiserver",
    "aws-iam-authenticator",
    "aws",
    "kubectl",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
];

/// The built parts.
pub(super) struct Tools {
    pub(super) etcd: PathBuf,
    pub(super) kube_apiserver: PathBuf,
    pub(super) aws_iam_authenticator: PathBuf,
    /// The Python of the virtual environment that has moto.
    pub(super) python: PathBuf,
    /// The AWS CLI.
    pub(super) aws_cli: PathBuf,
    pub(super) kubectl: PathBuf,
    pub(super) kube_controller_manager: PathBuf,
    pub(super) kube_scheduler: PathBuf,
    pub(super) kwok: PathBuf,
}

impl Tools {
    /// Builds the missing parts, which takes minutes the first time, and returns the paths of all.
    pub(super) fn build() -> Result<Self, Error> {
        let [
            etcd,
            kube_apiserver,
            aws_iam_authenticator,
            aws,
            kubectl,
            kube_controller_manager,
            kube_scheduler,
            kwok,
        ] = PARTS.map(|part| run_build(&[part], part));
        let aws = aws?;
        Ok(Self {
            etcd: etcd?,
            kube_apiserver: kube_apiserver?,
            aws_iam_authenticator: aws_iam_authenticator?,
            python: aws.join("bin/python"),
            aws_cli: aws.join("bin/aws"),
            kubectl: kubectl?,
            kube_controller_manager: kube_controller_manager?,
            kube_scheduler: kube_scheduler?,
            kwok: kwok?,
        })
    }
}

/// Returns the parts that are not built yet.
pub(super) fn absent() -> Vec<&'static str> {
    PARTS
        .into_iter()
        .filter(|part| !run_build(&["--path", part], part).is_ok_and(|path| path.exists()))
        .collect()
}

fn run_build(arguments: &[&str], part: &str) -> Result<PathBuf, Error> {
    let build = workspace().join("tools/build");
    let output = Command::new(&build)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(io(format!("running {}", build.display())))?;
    if !output.status.success() {
        return Err(Error::Build { part: part.to_owned() });
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Returns the root of the repository, because the sandbox runs from its sources.
pub(super) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
