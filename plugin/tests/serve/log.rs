//! The log, as Terraform reads it from stderr.

use std::collections::BTreeMap;

use crate::plugin::{ClientIdentity, Plugin, authenticated, command, connect, connect_plainly, ping, shutdown};

/// Returns what a run with a refused and an accepted connection prints on stderr.
async fn stderr(environment: &[(&str, &str)]) -> String {
    let client = ClientIdentity::new();
    let mut command = command();
    command.envs(environment.iter().copied());
    let mut plugin = Plugin::start(command.env("PLUGIN_CLIENT_CERT", &client.pem));
    if let Ok(channel) = connect_plainly(plugin.address()).await {
        ping(channel).await.unwrap_err();
    }
    let tls = authenticated(&plugin, &client);
    let channel = connect(plugin.address(), tls).await.unwrap();
    ping(channel.clone()).await.unwrap();
    shutdown(channel).await;
    plugin.wait().await;
    plugin.stderr()
}

#[tokio::test]
async fn each_line_is_one_of_hclog() {
    let stderr = stderr(&[("TF_LOG", "TRACE")]).await;
    let mut messages = Vec::new();
    for line in stderr.lines() {
        assert!(line.len() < 64 << 10);
        // The parser in Go panics if one of its own fields is not a string.
        let fields: BTreeMap<String, String> = serde_json::from_str(line).expect(line);
        let levels = ["trace", "debug", "info", "warn", "error"];
        assert!(levels.contains(&fields["@level"].as_str()), "{line}");
        assert!(fields["@module"].starts_with("provider."), "{line}");
        let time = fields["@timestamp"].as_bytes();
        assert!(time.len() == 27 && time[10] == b'T' && time[19] == b'.' && time[26] == b'Z');
        messages.push(fields["@message"].clone());
    }
    for message in [
        "listening",
        "refused a connection",
        "shutting down, as Terraform requested",
    ] {
        assert!(messages.iter().any(|m| m == message), "{messages:?}");
    }
}

#[tokio::test]
async fn nothing_is_written_above_the_level_of_terraform() {
    assert_eq!(stderr(&[]).await, "");
    assert_eq!(stderr(&[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "OFF")]).await, "");
    let warnings = stderr(&[("TF_LOG", "OFF"), ("TF_LOG_PROVIDER", "warn")]).await;
    // The client can have tried more than once.
    assert!(!warnings.is_empty());
    for line in warnings.lines() {
        assert!(line.contains("refused a connection"), "{warnings}");
    }
}
