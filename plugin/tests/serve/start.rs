//! The start: by hand with arguments, and up to the handshake line.

use crate::plugin::{ClientIdentity, NETWORK, Plugin, authenticated, command, connect, run, shutdown};

#[test]
fn started_by_hand_it_explains_itself() {
    for cookie in [None, Some("another program's")] {
        let mut command = command();
        command.env_remove("TF_PLUGIN_MAGIC_COOKIE");
        command.envs(cookie.map(|cookie| ("TF_PLUGIN_MAGIC_COOKIE", cookie)));
        let (code, stdout, stderr) = run(&mut command);
        assert_eq!(code, Some(1));
        assert_eq!(stdout, "");
        for part in [
            "plugin of Terraform and OpenTofu",
            "required_providers",
            "terraform init",
        ] {
            assert!(stderr.contains(part), "{stderr}");
        }
    }
}

#[test]
fn flags_print_the_version_and_the_help() {
    let (code, stdout, stderr) = run(command().arg("--version"));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout.trim_end(), env!("CARGO_PKG_VERSION"));

    let (code, stdout, _) = run(command().arg("-help"));
    assert_eq!(code, Some(0));
    assert!(stdout.contains("-debug"), "{stdout}");
    let report = "\n\nReport bugs at https://example.com/issues.\n";
    assert!(stdout.ends_with(report), "{stdout}");

    let (code, stdout, stderr) = run(command().arg("apply"));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains(r#"The argument "apply" does not exist"#), "{stderr}");
}

#[tokio::test]
async fn the_handshake_line_has_the_fields_of_go_plugin() {
    let client = ClientIdentity::new();
    let mut plugin = Plugin::with_tls(&client);
    let fields = plugin.fields();
    assert_eq!(fields.len(), 6, "{}", plugin.line);
    assert_eq!(fields[..3], ["1", "6", NETWORK]);
    assert_eq!(fields[4], "grpc");
    assert!(!fields[5].contains('='), "{}", fields[5]);
    rustls::server::ParsedCertificate::try_from(&plugin.certificate()).unwrap();

    let tls = authenticated(&plugin, &client);
    shutdown(connect(plugin.address(), tls).await.unwrap()).await;
    plugin.wait().await;
    assert_eq!(plugin.rest_of_stdout(), Vec::<String>::new());
}

#[test]
fn without_a_client_certificate_the_line_has_none() {
    let plugin = Plugin::start(&mut command());
    assert!(plugin.line.ends_with("|grpc|"), "{}", plugin.line);
    let plugin = Plugin::start(command().env("PLUGIN_CLIENT_CERT", ""));
    assert!(plugin.line.ends_with("|grpc|"), "{}", plugin.line);
}

#[test]
fn a_client_with_multiplexing_gets_a_field_that_refuses_it() {
    let plugin = Plugin::start(command().env("PLUGIN_MULTIPLEX_GRPC", "true"));
    assert!(plugin.line.ends_with("|grpc||false"), "{}", plugin.line);
}

#[test]
fn a_client_without_protocol_6_gets_the_version_that_it_needs() {
    let plugin = Plugin::start(command().env("PLUGIN_PROTOCOL_VERSIONS", "4,5"));
    assert!(plugin.line.starts_with("1|6|"), "{}", plugin.line);
}

#[test]
fn the_error_names_a_client_certificate_that_cannot_be_read() {
    for pem in [
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let (code, stdout, stderr) = run(command().env("PLUGIN_CLIENT_CERT", pem));
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
        assert!(stderr.contains("PLUGIN_CLIENT_CERT"), "{stderr}");
    }
}

#[cfg(windows)]
#[test]
fn the_port_is_on_the_loopback_interface_and_in_the_range_of_terraform() {
    let plugins = [(); 2].map(|()| Plugin::start(&mut command()));
    let ports = plugins.each_ref().map(|plugin| {
        let port = plugin.address().strip_prefix("127.0.0.1:").unwrap();
        port.parse::<u16>().unwrap()
    });
    assert!(ports.iter().all(|port| (10_000..=25_000).contains(port)));
    assert_ne!(ports[0], ports[1]);

    let mut command = command();
    command.env("PLUGIN_MIN_PORT", ports[0].to_string());
    command.env("PLUGIN_MAX_PORT", ports[0].to_string());
    let (code, stdout, stderr) = run(&mut command);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("PLUGIN_MIN_PORT"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn the_error_names_a_folder_that_does_not_exist() {
    let (code, _, stderr) = run(command().env("PLUGIN_UNIX_SOCKET_DIR", "/no/such/folder"));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("/no/such/folder"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn the_socket_is_in_a_private_folder() {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;

    let plugin = Plugin::start(&mut command());
    let folder = Path::new(plugin.address()).parent().unwrap().to_owned();
    assert_eq!(folder.parent(), Some(plugin.folder.path()));
    assert_eq!(mode(&folder), 0o700);

    let group = nix::unistd::getgid().to_string();
    let plugin = Plugin::start(command().env("PLUGIN_UNIX_SOCKET_GROUP", group));
    let socket = Path::new(plugin.address());
    assert_eq!(mode(socket), 0o660);
    assert_eq!(mode(socket.parent().unwrap()), 0o710);

    let group = "no-such-group";
    let (code, _, stderr) = run(command().env("PLUGIN_UNIX_SOCKET_GROUP", group));
    assert_eq!(code, Some(1));
    assert!(stderr.contains(group), "{stderr}");
}
