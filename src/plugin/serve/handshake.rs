//! What the plugin announces on stdout once it listens.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::json;

use super::socket::NETWORK;

/// The version of go-plugin's own protocol.
const CORE_PROTOCOL: u8 = 1;
/// The one plugin protocol that is spoken here. Where `PLUGIN_PROTOCOL_VERSIONS` lists it, it is the
/// highest common version; where not, the client learns from it what the plugin would want.
const PLUGIN_PROTOCOL: u8 = 6;

/// The registries in whose names a configuration may ask for the provider.
const REGISTRIES: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// The line by which the client finds the socket. `certificate` is the server's, in DER form, where
/// the connection is secured; `multiplex` says whether the client wants to know if one connection
/// may carry several brokered ones.
pub(super) fn line(address: &str, certificate: Option<&[u8]>, multiplex: bool) -> String {
    let certificate = certificate.map_or_else(String::new, |der| STANDARD_NO_PAD.encode(der));
    // Old clients refuse a line with a field that they did not ask for.
    let multiplexed = if multiplex { "|false" } else { "" };
    format!("{CORE_PROTOCOL}|{PLUGIN_PROTOCOL}|{NETWORK}|{address}|grpc|{certificate}{multiplexed}")
}

/// The line that a person pastes into a shell, before terraform or tofu, to attach it to this
/// process. `source` is the provider's address without a registry.
pub(super) fn reattach_line(source: &str, address: &str) -> String {
    let reattach = json!({
        "Protocol": "grpc",
        "ProtocolVersion": PLUGIN_PROTOCOL,
        "Pid": std::process::id(),
        // Leaves the process running when Terraform is done with it.
        "Test": true,
        "Addr": { "Network": NETWORK, "String": address },
    });
    let providers: serde_json::Map<_, _> = REGISTRIES
        .iter()
        .map(|registry| (format!("{registry}/{source}"), reattach.clone()))
        .collect();
    // JSON can say an apostrophe without one, which would end the shell's quotes.
    let providers = json!(providers).to_string().replace('\'', "\\u0027");
    format!("TF_REATTACH_PROVIDERS='{providers}'")
}

/// Writes the only line that ever goes to stdout, and flushes it.
///
/// # Errors
/// If nobody reads stdout.
pub(super) fn announce(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_certificate_unpadded_and_the_multiplex_field_if_asked_for() {
        assert_eq!(line("A", None, false), format!("1|6|{NETWORK}|A|grpc|"));
        assert_eq!(
            line("A", Some(&[0xff, 0xfe]), true),
            format!("1|6|{NETWORK}|A|grpc|//4|false")
        );
    }

    #[test]
    fn the_reattach_line_survives_an_apostrophe() {
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
