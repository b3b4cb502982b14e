//! Debug mode: a person starts the plugin and attaches Terraform or OpenTofu to it.

use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::plugin::{ClientIdentity, Plugin, command, connect_plainly, ping};

#[tokio::test]
async fn the_line_attaches_terraform_and_opentofu_and_ctrl_c_ends_the_process() {
    let mut command = command();
    command.env_remove("TF_PLUGIN_MAGIC_COOKIE").arg("-debug");
    // Debug mode uses no TLS, because there is no host that has the certificate of the server.
    command.env("PLUGIN_CLIENT_CERT", ClientIdentity::new().pem);
    let mut plugin = Plugin::start(&mut command);

    // The line is shell code.
    let script = format!("{} printenv TF_REATTACH_PROVIDERS", plugin.line);
    let printed = Command::new("sh").args(["-c", &script]).output().unwrap();
    let providers: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let mut sources: Vec<_> = providers.as_object().unwrap().keys().collect();
    sources.sort();
    assert_eq!(
        sources,
        [
            "registry.opentofu.org/example-org/example",
            "registry.terraform.io/example-org/example",
        ]
    );
    for provider in providers.as_object().unwrap().values() {
        assert_eq!(provider["Protocol"], "grpc");
        assert_eq!(provider["ProtocolVersion"], 6);
        assert_eq!(provider["Test"], true);
        assert!(provider["Pid"].as_u64() > Some(1));
        assert_eq!(provider["Addr"]["Network"], "unix");
    }

    let socket = providers[sources[0]]["Addr"]["String"].as_str().unwrap();
    let channel = connect_plainly(socket).await.unwrap();
    ping(channel.clone()).await.unwrap();
    drop(channel);

    plugin.signal(Signal::SIGINT);
    let (status, _) = plugin.wait().await;
    assert!(status.success(), "{status}");
    plugin.assert_unlinked();
    assert_eq!(plugin.rest_of_stdout(), Vec::<String>::new());
    assert!(plugin.stderr().contains("Ctrl-C"));
}
