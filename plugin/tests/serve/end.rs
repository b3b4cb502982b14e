//! Ends that nobody asks for through the connection, and what is no reason to end.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::plugin::{
    Identity, Plugin, authenticated, command, connect, connect_plainly, ping, run,
};

#[tokio::test]
async fn signals_that_end_it_leave_nothing_behind() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut plugin = Plugin::start(&mut command());
        plugin.signal(signal);
        let (status, _) = plugin.wait().await;
        assert!(status.success(), "{signal}: {status}");
        plugin.assert_unlinked();
    }
}

#[tokio::test]
async fn ctrl_c_is_left_to_terraform() {
    let plugin = Plugin::start(&mut command());
    plugin.signal(Signal::SIGINT);
    plugin.signal(Signal::SIGINT);
    let channel = connect_plainly(&plugin.socket()).await.unwrap();
    ping(channel).await.unwrap();
}

#[tokio::test]
async fn it_ends_when_its_parent_is_killed() {
    let provider = command();
    let mut parent = Command::new("sh");
    parent
        .args(["-c", r#""$0" & wait"#])
        .arg(provider.get_program());
    for (name, value) in provider.get_envs() {
        match value {
            Some(value) => parent.env(name, value),
            None => parent.env_remove(name),
        };
    }
    parent.stdout(Stdio::piped());
    let mut parent = Plugin::start(&mut parent);
    parent.signal(Signal::SIGKILL);
    parent.wait().await;
    // The provider holds stdout open until it is gone.
    assert_eq!(parent.rest_of_stdout(), Vec::<String>::new());
    parent.assert_unlinked();
}

#[tokio::test]
async fn it_lives_on_when_nobody_reads_its_log() {
    let client = Identity::new();
    let mut command = command();
    command.env("PLUGIN_CLIENT_CERT", &client.pem);
    let mut plugin = Plugin::start(command.env("TF_LOG", "TRACE"));
    drop(plugin.stderr.take());
    // Each of these is logged.
    for _ in 0..3 {
        let channel = connect_plainly(&plugin.socket()).await;
        drop(channel.map(ping));
        plugin.signal(Signal::SIGINT);
    }
    let tls = authenticated(&plugin, &client);
    ping(connect(&plugin.socket(), tls).await.unwrap())
        .await
        .unwrap();
    assert!(plugin.is_running());
}

#[test]
fn it_ends_when_nobody_reads_its_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command();
    command.env("PLUGIN_UNIX_SOCKET_DIR", folder.path());
    let (code, _, stderr) = run(command.stdout(writer));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("stdout"), "{stderr}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
