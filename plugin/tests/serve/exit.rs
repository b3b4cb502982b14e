//! Exits that are not requested through the connection, and events that do not cause an exit.

#[cfg(unix)]
use std::process::{Command, Stdio};

#[cfg(unix)]
use nix::sys::signal::Signal;

use crate::plugin::{ClientIdentity, Plugin, authenticated, command, connect, connect_plainly, ping, run};

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_the_process_and_removes_the_socket() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut plugin = Plugin::start(command().env("TF_LOG", "DEBUG"));
        plugin.signal(signal);
        let (status, _) = plugin.wait().await;
        assert!(status.success(), "{signal}: {status}");
        plugin.assert_unlinked();
        let stderr = plugin.stderr();
        assert!(stderr.contains(r#""shutting down""#), "{stderr}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_does_not_end_the_process() {
    let plugin = Plugin::start(&mut command());
    plugin.signal(Signal::SIGINT);
    plugin.signal(Signal::SIGINT);
    let channel = connect_plainly(plugin.address()).await.unwrap();
    ping(channel).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_process_exits_when_its_parent_is_killed() {
    let provider = command();
    let mut parent = Command::new("sh");
    parent.args(["-c", r#""$0" & wait"#]).arg(provider.get_program());
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
    // The provider keeps stdout open until it exits.
    assert_eq!(parent.rest_of_stdout(), Vec::<String>::new());
    parent.assert_unlinked();
}

#[tokio::test]
async fn the_process_continues_when_stderr_is_closed() {
    let client = ClientIdentity::new();
    let mut command = command();
    command.env("PLUGIN_CLIENT_CERT", &client.pem);
    let mut plugin = Plugin::start(command.env("TF_LOG", "TRACE"));
    drop(plugin.stderr.take());
    // Each of these is logged.
    for _ in 0..3 {
        let channel = connect_plainly(plugin.address()).await;
        drop(channel.map(ping));
        #[cfg(unix)]
        plugin.signal(Signal::SIGINT);
    }
    let tls = authenticated(&plugin, &client);
    ping(connect(plugin.address(), tls).await.unwrap()).await.unwrap();
    assert!(plugin.is_running());
}

#[test]
fn the_process_exits_when_stdout_is_closed() {
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
