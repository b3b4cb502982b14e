//! Runs kubectl as the cluster's administrator, and with a token.

use std::io::Write;
use std::process::{Command, Stdio};

use super::Eks;
use super::error::{Error, io};

impl Eks {
    /// Runs kubectl with the administrator's certificate. Returns its stdout.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        run(self.administrative(), arguments, "")
    }

    /// Applies a manifest as the administrator.
    pub fn apply(&self, manifest: &str) -> Result<(), Error> {
        run(self.administrative(), &["apply", "-f", "-"], manifest).map(drop)
    }

    /// Runs kubectl with a bearer token through the proxy, with the endpoint and the CA that `DescribeCluster` returns.
    /// `input` is its stdin.
    pub fn kubectl_as(&self, token: &str, arguments: &[&str], input: &str) -> Result<String, Error> {
        let mut command = self.kubectl_command();
        command
            .env("KUBECONFIG", "/dev/null")
            .env("HTTPS_PROXY", self.proxy_url())
            .arg(format!("--server=https://{}", self.cluster_host))
            .arg(format!("--certificate-authority={}", self.cluster_ca.display()))
            .arg(format!("--token={token}"));
        run(command, arguments, input)
    }

    fn administrative(&self) -> Command {
        let mut command = self.kubectl_command();
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    fn kubectl_command(&self) -> Command {
        let mut command = Command::new(self.programs.join("kubectl"));
        command.arg(format!(
            "--cache-dir={}",
            self.processes.directory().join("kubectl").display()
        ));
        command
    }
}

fn run(mut command: Command, arguments: &[&str], input: &str) -> Result<String, Error> {
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io("starting kubectl"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(io("writing to kubectl"))?;
    }
    let output = child.wait_with_output().map_err(io("waiting for kubectl"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Kubectl {
            arguments: arguments.join(" "),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}
