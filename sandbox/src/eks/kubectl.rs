//! kubectl, as the cluster's administrator and as whoever has a token.

use std::io::Write;
use std::process::{Command, Stdio};

use super::Eks;
use super::error::{Error, io};

impl Eks {
    /// kubectl with the administrator's certificate; gives what it writes to stdout.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        run(self.administrative(), arguments, "")
    }

    /// Applies a manifest as the administrator.
    pub fn apply(&self, manifest: &str) -> Result<(), Error> {
        run(self.administrative(), &["apply", "-f", "-"], manifest).map(drop)
    }

    /// kubectl with a bearer token, at the cluster's endpoint, through the proxy and with the CA as `DescribeCluster`
    /// gives them; `input` is its stdin.
    pub fn kubectl_as(
        &self,
        token: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, Error> {
        let mut command = self.kubectl_command();
        command
            .env("KUBECONFIG", "/dev/null")
            .env("HTTPS_PROXY", self.proxy_url())
            .arg(format!("--server=https://{}", self.cluster_host))
            .arg(format!(
                "--certificate-authority={}",
                self.cluster_ca.display()
            ))
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
        stdin
            .write_all(input.as_bytes())
            .map_err(io("writing to kubectl"))?;
    }
    let output = child
        .wait_with_output()
        .map_err(io("waiting for kubectl"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Kubectl {
            arguments: arguments.join(" "),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}
