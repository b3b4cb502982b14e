//! Kubeconfigs and their credential plugins.

use super::{CANARY, Case, broken, try_all};
use crate::echo;

/// A kubeconfig for the echo server whose user has these lines.
fn kubeconfig_of(server: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\nclusters:\n\
         - name: k\n  cluster:\n    server: {server}\n{cluster}users:\n- name: u\n  user:\n{user}"
    )
}

pub(super) fn fields() {
    let url = echo::start();
    let mut cases = Vec::new();
    let mut case = |name: String, cluster: &str, user: &[u8], shows| {
        let content = [kubeconfig_of(&url, cluster, "").as_bytes(), user].concat();
        let case = Case::new(name, shows).with_aws(&url).file("kubeconfig", content);
        cases.push(case.arguments(&["--kubeconfig", "kubeconfig"]));
    };
    for field in ["token", "password", "client-key-data", "tokenFile"] {
        for (way, lines) in broken(field, "    ") {
            case(format!("{field}, {way}"), "", &lines, "");
        }
    }
    for (way, lines) in broken("id-token", "        ") {
        let provider = "    auth-provider:\n      name: oidc\n      config:\n";
        case(
            format!("auth-provider, {way}"),
            "",
            &[provider.as_bytes(), &lines].concat(),
            "",
        );
    }
    // Valid values, which the server repeats.
    for (name, user, shows) in [
        ("token", format!("    token: {CANARY}\n"), "(redacted)"),
        (
            "token with a newline",
            format!("    token: |\n      {CANARY}\n"),
            "(redacted)",
        ),
        (
            "password",
            format!("    username: me\n    password: {CANARY}\n"),
            "(redacted)",
        ),
        (
            "id-token",
            format!("    auth-provider: {{name: oidc, config: {{id-token: {CANARY}}}}}\n"),
            "(redacted)",
        ),
        (
            "access-token",
            format!("    auth-provider: {{name: gcp, config: {{access-token: {CANARY}}}}}\n"),
            "is not supported",
        ),
        (
            "key",
            format!("    client-certificate-data: aGk=\n    client-key-data: {CANARY}\n"),
            "not base64",
        ),
        (
            "key that is none",
            "    client-certificate-data: aGk=\n    client-key-data: WnE3WHcyTHA5VHY1LUM0bjRyeS1IazNSYjg=\n".to_owned(),
            "must be PEM",
        ),
    ] {
        case(name.to_owned(), "", user.as_bytes(), shows);
    }
    for (name, proxy, shows) in proxies() {
        case(
            name.to_owned(),
            &format!("    proxy-url: {proxy}\n"),
            b"    token: t0ken-of-mine\n",
            shows,
        );
    }
    try_all(cases);
}

/// Values of `proxy-url` with the canary: the name, the value, and a part of what the check reports.
fn proxies() -> [(&'static str, String, &'static str); 4] {
    [
        ("proxy-url", format!("http://me:{CANARY}@127.0.0.1:9"), "refused"),
        (
            "proxy-url with a scheme",
            format!("ftp://me:{CANARY}@127.0.0.1:9"),
            "is not supported",
        ),
        (
            "proxy-url with a space",
            format!("\"http://me:{CANARY} @127.0.0.1:9\""),
            "a space",
        ),
        (
            "socks proxy-url",
            format!("socks5://me:{CANARY}@127.0.0.1:9"),
            "refused",
        ),
    ]
}

/// Ways in which a credential plugin prints the canary: the name, the script, and a part of what the check reports.
fn scripts() -> Vec<(&'static str, String, &'static str)> {
    let json = |status: &str| format!("printf '%s' '{{\"kind\": \"ExecCredential\", \"status\": {status}}}'");
    vec![
        (
            "stdout is the token alone",
            format!("echo {CANARY}"),
            "printed no usable ExecCredential",
        ),
        (
            "stderr of a failure",
            format!("echo {CANARY} >&2; exit 1"),
            "exited with code 1",
        ),
        (
            "stdout of a failure",
            format!("echo {CANARY}; exit 1"),
            "exited with code 1",
        ),
        (
            "stderr of a success",
            format!("echo {CANARY} >&2; {}", json("{\"token\": \"t0ken-of-mine\"}")),
            "(redacted)",
        ),
        (
            "repeated by the server",
            json(&format!("{{\"token\": \"{CANARY}\"}}")),
            "(redacted)",
        ),
        (
            "with a newline",
            json(&format!("{{\"token\": \"{CANARY}\\n\"}}")),
            "(redacted)",
        ),
        (
            "expired",
            json(&format!(
                "{{\"token\": \"{CANARY}\\n\", \"expirationTimestamp\": \"2001-01-01T00:00:00Z\"}}"
            )),
            "(redacted)",
        ),
        (
            "a newline inside",
            json(&format!("{{\"token\": \"{CANARY}\\n{CANARY}\"}}")),
            "line break",
        ),
        (
            "a certificate that is none",
            json(&format!(
                "{{\"clientCertificateData\": \"{CANARY}\", \"clientKeyData\": \"{CANARY}\"}}"
            )),
            "must be PEM",
        ),
        (
            "a key alone",
            json(&format!("{{\"clientKeyData\": \"{CANARY}\"}}")),
            "has only one of",
        ),
        ("invalid UTF-8", format!("printf '{CANARY}\\377'"), "not UTF-8"),
    ]
}

pub(super) fn credential_plugin() {
    let url = echo::start();
    let with_user = |name, user: &str, shows| {
        Case::new(name, shows)
            .with_aws(&url)
            .file("kubeconfig", kubeconfig_of(&url, "", user))
            .arguments(&["--kubeconfig", "kubeconfig"])
    };
    let plugin = |name, script: String, shows| {
        let script = serde_json::to_string(&script).expect("a text");
        let user = format!(
            "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: sh\n      args: [-c, {script}, {CANARY}]\n      \
             env: [{{name: X, value: {CANARY}}}]\n      interactiveMode: IfAvailable\n"
        );
        with_user(name, &user, shows)
    };
    let scripts = scripts().into_iter();
    let mut cases: Vec<Case> = scripts
        .map(|(name, script, shows)| plugin(name, script, shows))
        .collect();
    for (way, lines) in broken("token", "  ") {
        let escaped: String = lines.iter().map(|byte| format!("\\{byte:03o}")).collect();
        cases.push(plugin(way, format!("printf 'status:\\n{escaped}'"), ""));
    }
    let user = format!("    exec: {{command: 'no-such-plugin {CANARY}', args: [{CANARY}]}}\n");
    let shows = "is not installed, or is not on the PATH";
    cases.push(with_user("not installed", &user, shows));
    try_all(cases);
}
