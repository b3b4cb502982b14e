//! Runs a kubeconfig's credential plugin (`exec`), as client-go does, but never shows its output: the output is the
//! credential, and the plugin's messages can contain it.
//!
//! The plugin has no terminal, so a plugin that prompts for a password or a code fails here.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use kube::config::ExecConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::files::LIMIT;
use crate::secrets::{protect, yaml_fault};

/// The time limit of a plugin.
const LONGEST: Duration = Duration::from_secs(30);

/// The credential that a plugin returns.
pub(super) struct Credential {
    /// A bearer token.
    pub(super) token: Option<SecretString>,
    /// A client certificate and its key, in PEM.
    pub(super) certificate: Option<(String, SecretString)>,
}

/// The output of a plugin: an `ExecCredential` of `client.authentication.k8s.io`.
#[derive(Deserialize)]
struct ExecCredential {
    status: Option<ExecStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecStatus {
    token: Option<SecretString>,
    client_certificate_data: Option<String>,
    client_key_data: Option<SecretString>,
}

/// Runs the plugin and reads its credential.
///
/// # Errors
/// A sentence without its full stop: what is missing in the kubeconfig, or how the plugin failed.
pub(super) async fn run(exec: &ExecConfig) -> Result<Credential, String> {
    let Some(program) = exec.command.as_deref().filter(|command| !command.trim().is_empty()) else {
        return Err("the user's exec has no command".to_owned());
    };
    // The text behind the program should be in `args`, and can be a secret.
    let shown = program.split_whitespace().next().unwrap_or_default();
    let output = tokio::time::timeout(LONGEST, output(command(program, exec)?))
        .await
        .map_err(|_| {
            format!(
                "the credential plugin {shown:?} did not finish within {} s",
                LONGEST.as_secs()
            )
        })?
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("the credential plugin {shown:?} is not installed, or is not on the PATH")
            }
            _ => format!("the credential plugin {shown:?} cannot be run: {error}"),
        })?;
    let Some((printed, status)) = output else {
        return Err(format!("the credential plugin {shown:?} printed more than 1 MiB"));
    };
    if !status.success() {
        return Err(format!("the credential plugin {shown:?} {}", ended(status)));
    }
    credential(&printed)
        .map_err(|why| format!("the credential plugin {shown:?} printed no usable ExecCredential: {why}"))
}

fn command(program: &str, exec: &ExecConfig) -> Result<Command, String> {
    let mut spec = json!({"interactive": false});
    if let Some(cluster) = &exec.cluster {
        spec["cluster"] = serde_json::to_value(cluster).map_err(|error| error.to_string())?;
    }
    let info = json!({"kind": "ExecCredential", "apiVersion": exec.api_version, "spec": spec});
    let variables = exec.env.iter().flatten();
    let variables = variables.filter_map(|entry| Some((entry.get("name")?, entry.get("value")?)));
    let mut command = Command::new(program);
    command
        .args(exec.args.iter().flatten())
        .envs(variables)
        .env("KUBERNETES_EXEC_INFO", info.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs a program. Returns its output and its exit status, or `None` if the output is larger than [`LIMIT`].
async fn output(mut command: Command) -> io::Result<Option<(Vec<u8>, ExitStatus)>> {
    let mut child = command.spawn()?;
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LIMIT + 1).read_to_end(&mut printed).await?;
    }
    if printed.len() as u64 > LIMIT {
        child.kill().await?;
        return Ok(None);
    }
    Ok(Some((printed, child.wait().await?)))
}

/// Returns how a failed program ended.
fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exited with code {code}"),
        None => "was ended by a signal".to_owned(),
    }
}

/// Reads the output of a plugin. client-go accepts YAML as well as JSON.
fn credential(stdout: &[u8]) -> Result<Credential, String> {
    let text = std::str::from_utf8(stdout).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let options = serde_saphyr::options! { with_snippet: false };
    let printed: Option<ExecCredential> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| yaml_fault(&error, "a mapping with status.token"))?;
    let Some(status) = printed.and_then(|printed| printed.status) else {
        return Err("it has no status".to_owned());
    };
    let secrets = [&status.token, &status.client_key_data];
    secrets
        .into_iter()
        .flatten()
        .for_each(|secret| protect(secret.expose_secret()));
    let certificate = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            return Err("it has only one of status.clientCertificateData and status.clientKeyData".to_owned());
        }
    };
    if certificate.is_none() && status.token.is_none() {
        return Err("it has neither status.token nor status.clientCertificateData".to_owned());
    }
    Ok(Credential {
        token: status.token,
        certificate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text that no message contains.
    const CANARY: &str = "exec-C4nary-9f8e7d";

    fn shell(script: &str) -> ExecConfig {
        serde_json::from_value(json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", script],
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn a_credential_is_read() {
        let token = format!(r#"echo '{{"status": {{"token": "{CANARY}\n"}}}}'"#);
        let read = run(&shell(&token)).await.unwrap();
        assert_eq!(read.token.unwrap().expose_secret().trim(), CANARY);
        let certificate = "printf 'status:\n  clientCertificateData: C\n  clientKeyData: K\n'";
        let read = run(&shell(certificate)).await.unwrap();
        assert!(read.token.is_none());
        assert_eq!(read.certificate.unwrap().0, "C");
        let asks = r#"test "$X" = y && case $KUBERNETES_EXEC_INFO in *client.authentication.k8s.io/v1*) echo 'status: {token: t}';; esac"#;
        let mut exec = shell(asks);
        let variable = [("name", "X"), ("value", "y")];
        exec.env = Some(vec![variable.map(|(k, v)| (k.to_owned(), v.to_owned())).into()]);
        assert!(run(&exec).await.is_ok());
    }

    #[tokio::test]
    async fn a_failure_is_named_without_the_plugin_s_output() {
        for (script, part) in [
            (
                format!("echo {CANARY}; echo {CANARY} >&2; exit 3"),
                "exited with code 3",
            ),
            (format!("echo '{{\"status\": {{\"token\": \"{CANARY}'"), "line "),
            (format!("echo '{CANARY}'"), "line 1, column 1"),
            (format!("printf 'status:\n\ttoken: {CANARY}'"), "line 2"),
            (format!("printf 'status: {{token: [{CANARY}]}}'"), "line 1"),
            (
                format!("printf 'status: {{token: {CANARY}, token: {CANARY}}}'"),
                "twice",
            ),
            (format!("printf 'status: {{expirationTimestamp: {CANARY}}}'"), "neither"),
            (format!("printf 'status: {{clientKeyData: {CANARY}}}'"), "only one"),
            (format!("printf '{CANARY}\\377'"), "not UTF-8"),
            ("true".to_owned(), "no status"),
            ("exec cat /dev/zero".to_owned(), "printed more than 1 MiB"),
            (format!("yes {CANARY}"), "printed more than 1 MiB"),
            ("kill -9 $$".to_owned(), "ended by a signal"),
        ] {
            let Err(error) = run(&shell(&script)).await else {
                panic!("{script}")
            };
            assert!(error.contains(part), "{script}: {error}");
            assert!(!error.contains("C4nary"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_missing_command_is_named() {
        let mut exec = shell("");
        exec.command = Some(format!("no-such-plugin --token {CANARY}"));
        let Err(error) = run(&exec).await else { panic!("it ran") };
        assert_eq!(
            error,
            "the credential plugin \"no-such-plugin\" is not installed, or is not on the PATH"
        );
        exec.command = None;
        let Err(error) = run(&exec).await else { panic!("it ran") };
        assert_eq!(error, "the user's exec has no command");
    }
}
