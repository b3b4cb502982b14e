//! The handshake line, which the plugin writes to stdout when it listens.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::json;

use super::socket::NETWORK;

/// The version of the protocol of go-plugin itself.
const CORE_PROTOCOL: u8 = 1;
/// The version of the plugin protocol. If `PLUGIN_PROTOCOL_VERSIONS` has it, it is the highest common version. If not,
/// it shows the client which version the plugin requires.
const PLUGIN_PROTOCOL: u8 = 6;

/// The registries whose addresses a configuration can use for the provider.
const REGISTRIES: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// Returns the line with which the client finds the socket. `certificate` is that of the server in DER format, if the
/// connection uses TLS. `multiplex` says whether the client expects the field about multiplexed connections.
pub(super) fn line(address: &str, certificate: Option<&[u8]>, multiplex: bool) -> String {
    let certificate = certificate.map_or_else(String::new, |der| STANDARD_NO_PAD.encode(der));
    // Old clients refuse a line with a field that they do not expect.
    let multiplexed = if multiplex { "|false" } else { "" };
    format!("{CORE_PROTOCOL}|{PLUGIN_PROTOCOL}|{NETWORK}|{address}|grpc|{certificate}{multiplexed}")
}

/// Returns the shell code that attaches terraform or tofu to this process when it is put before the command. `source` is
/// the provider's address without a registry.
pub(super) fn reattach_line(source: &str, address: &str) -> String {
    let reattach = json!({
        "Protocol": "grpc",
        "ProtocolVersion": PLUGIN_PROTOCOL,
        "Pid": std::process::id(),
        // Terraform does not end the process then.
        "Test": true,
        "Addr": { "Network": NETWORK, "String": address },
    });
    let providers: serde_json::Map<_, _> = REGISTRIES
        .iter()
        .map(|registry| (format!("{registry}/{source}"), reattach.clone()))
        .collect();
    // An apostrophe would end the shell's quotes. JSON can escape it.
    let providers = json!(providers).to_string().replace('\'', "\\u0027");
    format!("TF_REATTACH_PROVIDERS='{providers}'")
}

/// Writes the handshake line, which is the only line on stdout, and flushes it.
///
/// # Errors
/// Returns an error if nothing reads stdout.
pub(super) fn announce(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_an_unpadded_certificate_and_the_multiplex_field_if_expected() {
        assert_eq!(line("A", None, false), format!("1|6|{NETWORK}|A|grpc|"));
        assert_eq!(
            line("A", Some(&[0xff, 0xfe]), true),
            format!("1|6|{NETWORK}|A|grpc|//4|false")
        );
    }

    #[test]
    fn the_reattach_line_escapes_an_apostrophe() {
        let line = reattach_line("org/name", "/tmp/o'brien/socket");
        let json = line
            .strip_prefix("TF_REATTACH_PROVIDERS='")
            .and_then(|rest| rest.strip_suffix('\''))
            .unwrap();
        assert!(!json.contains('\''), "{json}");
        let providers: serde_json::Value = serde_json::from_str(json).unwrap();
        let provider = &providers["registry.opentofu.org/org/name"];
        assert_eq!(provider["Addr"]["String"], "/tmp/o'brien/socket");
    }
}
