//! No secret is in what the command prints: each place that a credential comes from, in each way of
//! breaking it, is searched for in standard output and standard error, as text and as JSON.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::Test;
use crate::command::{CHECK, Folder};
use crate::echo;

pub(crate) const TESTS: &[Test] = &[
    ("secrets::kubeconfig", kubeconfig),
    ("secrets::credential_plugin", credential_plugin),
    ("secrets::aws", aws),
    ("secrets::orchestrator", orchestrator),
    ("secrets::proxy", proxy),
];

/// What is searched for, with every eight characters of it.
const CANARY: &str = "Zq7Xw2Lp9Tv5-C4n4ry-Hk3Rb8";

/// One way in which a credential is given and broken.
struct Case {
    name: String,
    files: Vec<(&'static str, Vec<u8>)>,
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    /// What the output must have, so that the case is known to have come that far.
    shows: &'static str,
}

impl Case {
    fn new(name: impl Into<String>, shows: &'static str) -> Self {
        Self {
            name: name.into(),
            files: Vec::new(),
            variables: Vec::new(),
            arguments: Vec::new(),
            shows,
        }
    }

    fn file(mut self, name: &'static str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name, content.into()));
        self
    }

    fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// With AWS as the echo server, and credentials of it.
    fn with_aws(self, url: &str) -> Self {
        self.variable("AWS_ENDPOINT_URL", url)
            .variable("AWS_ACCESS_KEY_ID", "an-access-key")
            .variable("AWS_SECRET_ACCESS_KEY", "another-key")
    }

    /// What is wrong with the output, if something is.
    fn problem(&self) -> Option<String> {
        let folder = Folder::new();
        for (name, content) in &self.files {
            folder.write(name, content);
        }
        ["text", "json"].into_iter().find_map(|output| {
            let more: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
            let check = if more.contains(&"--runner") {
                &CHECK[..1]
            } else {
                CHECK
            };
            let arguments = [check, &["--output", output, "--timeout", "4s"], &more].concat();
            let variables = [
                &self.variables[..],
                &[("TF_LOG".to_owned(), "TRACE".to_owned())],
            ]
            .concat();
            let ran = folder.run_with(&arguments, &variables);
            let all = format!("{}{}", ran.out, ran.error);
            let leaked = CANARY
                .as_bytes()
                .windows(8)
                .map(|run| String::from_utf8_lossy(run));
            let leaked: Vec<_> = leaked.filter(|run| all.contains(run.as_ref())).collect();
            let name = &self.name;
            if !leaked.is_empty() {
                return Some(format!("{name} ({output}): it shows {leaked:?}\n{all}"));
            }
            if all.contains("panicked") || all.contains("has a defect") || ran.code == 101 {
                return Some(format!("{name} ({output}): exit code {}\n{all}", ran.code));
            }
            (!all.contains(self.shows)).then(|| {
                format!(
                    "{name} ({output}): it does not show {:?}\n{all}",
                    self.shows
                )
            })
        })
    }
}

/// Tries all, some at a time.
fn try_all(cases: Vec<Case>) {
    assert!(!cases.is_empty());
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(problem) = case.problem() {
                        problems.lock().expect("no panic").push(problem);
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().expect("no panic");
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// A kubeconfig for the echo server whose user has these lines.
fn kubeconfig_of(server: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\nclusters:\n\
         - name: k\n  cluster:\n    server: {server}\n{cluster}users:\n- name: u\n  user:\n{user}"
    )
}

/// The ways of breaking `    FIELD: CANARY` in a YAML file.
fn broken(field: &str, indent: &str) -> Vec<(&'static str, Vec<u8>)> {
    let lines = [
        ("unclosed quote", format!("{indent}{field}: \"{CANARY}\n")),
        (
            "unclosed single quote",
            format!("{indent}{field}: '{CANARY}\n"),
        ),
        ("tab", format!("{indent}{field}: {CANARY}\n\tx: 1\n")),
        (
            "bad indentation",
            format!("{indent}{field}: {CANARY}\n {indent}x: 1\n"),
        ),
        (
            "duplicate key",
            format!("{indent}{field}: {CANARY}\n{indent}{field}: {CANARY}\n"),
        ),
        ("list", format!("{indent}{field}: [{CANARY}]\n")),
        (
            "mapping",
            format!("{indent}{field}: {{{CANARY}: {CANARY}}}\n"),
        ),
        ("alias", format!("{indent}{field}: *{CANARY}\n")),
        ("tag", format!("{indent}{field}: !{CANARY} x\n")),
        ("wrong tag", format!("{indent}{field}: !!int {CANARY}\n")),
        (
            "newline inside",
            format!("{indent}{field}: \"{CANARY}\\n{CANARY}\"\n"),
        ),
        (
            "no header value",
            format!("{indent}{field}: \"{CANARY}\\u0001é\"\n"),
        ),
        ("bad escape", format!("{indent}{field}: \"{CANARY}\\q\"\n")),
        ("truncated", format!("{indent}{field}: {{a: {CANARY}")),
        ("colon", format!("{indent}{field}: {CANARY}: {CANARY}\n")),
    ];
    let mut ways: Vec<_> = lines.map(|(name, line)| (name, line.into_bytes())).into();
    let bytes = [
        format!("{indent}{field}: {CANARY}").as_bytes(),
        b"\xff\xfe\n",
    ]
    .concat();
    ways.push(("invalid UTF-8", bytes));
    ways
}

fn kubeconfig() {
    let url = echo::start();
    let mut cases = Vec::new();
    let mut case = |name: String, cluster: &str, user: &[u8], shows| {
        let content = [kubeconfig_of(&url, cluster, "").as_bytes(), user].concat();
        let case = Case::new(name, shows)
            .with_aws(&url)
            .file("kubeconfig", content);
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
    // Right values, which the server repeats.
    for (name, user, shows) in [
        ("token", format!("    token: {CANARY}\n"), "(redacted)"),
        ("token with a newline", format!("    token: |\n      {CANARY}\n"), "(redacted)"),
        ("password", format!("    username: me\n    password: {CANARY}\n"), "(redacted)"),
        ("id-token", format!("    auth-provider: {{name: oidc, config: {{id-token: {CANARY}}}}}\n"), "(redacted)"),
        ("access-token", format!("    auth-provider: {{name: gcp, config: {{access-token: {CANARY}}}}}\n"), "is not supported"),
        ("key", format!("    client-certificate-data: aGk=\n    client-key-data: {CANARY}\n"), "not base64"),
        ("key that is none", "    client-certificate-data: aGk=\n    client-key-data: WnE3WHcyTHA5VHY1LUM0bjRyeS1IazNSYjg=\n".to_owned(), "must be PEM"),
    ] {
        case(name.to_owned(), "", user.as_bytes(), shows);
    }
    for (name, proxy, shows) in [
        (
            "proxy-url",
            format!("http://me:{CANARY}@127.0.0.1:9"),
            "refused",
        ),
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
    ] {
        case(
            name.to_owned(),
            &format!("    proxy-url: {proxy}\n"),
            b"    token: t0ken-of-mine\n",
            shows,
        );
    }
    try_all(cases);
}

fn credential_plugin() {
    let url = echo::start();
    let plugin = |name: &str, script: String, shows| {
        let script = serde_json::to_string(&script).expect("a text");
        let user = format!(
            "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: sh\n      args: [-c, {script}, {CANARY}]\n      \
             env: [{{name: X, value: {CANARY}}}]\n      interactiveMode: IfAvailable\n"
        );
        Case::new(name, shows)
            .with_aws(&url)
            .file("kubeconfig", kubeconfig_of(&url, "", &user))
            .arguments(&["--kubeconfig", "kubeconfig"])
    };
    let json = |status: &str| {
        format!("printf '%s' '{{\"kind\": \"ExecCredential\", \"status\": {status}}}'")
    };
    let mut cases = vec![
        plugin(
            "stdout is the token alone",
            format!("echo {CANARY}"),
            "printed no usable ExecCredential",
        ),
        plugin(
            "stderr of a failure",
            format!("echo {CANARY} >&2; exit 1"),
            "exited with code 1",
        ),
        plugin(
            "stdout of a failure",
            format!("echo {CANARY}; exit 1"),
            "exited with code 1",
        ),
        plugin(
            "stderr of a success",
            format!(
                "echo {CANARY} >&2; {}",
                json("{\"token\": \"t0ken-of-mine\"}")
            ),
            "(redacted)",
        ),
        plugin(
            "repeated by the server",
            json(&format!("{{\"token\": \"{CANARY}\"}}")),
            "(redacted)",
        ),
        plugin(
            "with a newline",
            json(&format!("{{\"token\": \"{CANARY}\\n\"}}")),
            "(redacted)",
        ),
        plugin(
            "expired",
            json(&format!(
                "{{\"token\": \"{CANARY}\\n\", \"expirationTimestamp\": \"2001-01-01T00:00:00Z\"}}"
            )),
            "(redacted)",
        ),
        plugin(
            "a newline inside",
            json(&format!("{{\"token\": \"{CANARY}\\n{CANARY}\"}}")),
            "line break",
        ),
        plugin(
            "a certificate that is none",
            json(&format!(
                "{{\"clientCertificateData\": \"{CANARY}\", \"clientKeyData\": \"{CANARY}\"}}"
            )),
            "must be PEM",
        ),
        plugin(
            "a key alone",
            json(&format!("{{\"clientKeyData\": \"{CANARY}\"}}")),
            "has only one of",
        ),
        plugin(
            "invalid UTF-8",
            format!("printf '{CANARY}\\377'"),
            "not UTF-8",
        ),
    ];
    for (way, lines) in broken("token", "  ") {
        let escaped: String = lines.iter().map(|byte| format!("\\{byte:03o}")).collect();
        cases.push(plugin(way, format!("printf 'status:\\n{escaped}'"), ""));
    }
    let user = format!("    exec: {{command: 'no-such-plugin {CANARY}', args: [{CANARY}]}}\n");
    cases.push(
        Case::new("not installed", "is not installed, or is not on the PATH")
            .with_aws(&url)
            .file("kubeconfig", kubeconfig_of(&url, "", &user))
            .arguments(&["--kubeconfig", "kubeconfig"]),
    );
    try_all(cases);
}

fn aws() {
    let url = echo::start();
    let keys = |case: Case, id: &str, secret: &str, session: &str| {
        case.variable("AWS_ENDPOINT_URL", &url)
            .variable("AWS_ACCESS_KEY_ID", id)
            .variable("AWS_SECRET_ACCESS_KEY", secret)
            .variable("AWS_SESSION_TOKEN", session)
    };
    let mut cases = vec![
        keys(
            Case::new("session token", "(redacted)"),
            "id-of-a-key",
            "s3cret-key-1",
            CANARY,
        ),
        keys(
            Case::new("secret key", "(redacted)"),
            "id-of-a-key",
            CANARY,
            "s3ssion-1",
        ),
        keys(
            Case::new("access key", "(redacted)"),
            CANARY,
            "s3cret-key-1",
            "s3ssion-1",
        ),
        keys(
            Case::new("session token with a newline", ""),
            "id-of-a-key",
            "s3cret-key-1",
            &format!("{CANARY}\n{CANARY}"),
        ),
        keys(
            Case::new("session token that is no header value", ""),
            "id-of-a-key",
            "s3cret-key-1",
            &format!("{CANARY}\u{1}é"),
        ),
    ];
    let profile = |name: &str, text: String, shows| {
        Case::new(name, shows)
            .variable("AWS_ENDPOINT_URL", &url)
            .variable("AWS_SHARED_CREDENTIALS_FILE", "credentials")
            .variable("AWS_CONFIG_FILE", "config")
            .file("credentials", text)
            .file("config", "")
    };
    let whole = format!(
        "[default]\naws_access_key_id = id-of-a-key\naws_secret_access_key = s3cret-key\naws_session_token = {CANARY}\n"
    );
    cases.extend([
        profile("file, repeated by the service", whole.clone(), "(redacted)"),
        profile("file, no equals sign", whole.replace(" = Zq7", " Zq7"), ""),
        profile("file, no name", whole.replace("aws_session_token", ""), ""),
        profile("file, unclosed section", whole.replace("[default]", &format!("[{CANARY}")), ""),
        profile("file, unclosed quote", whole.replace("= Zq7", "= \"Zq7"), ""),
        profile("file, tab", whole.replace("aws_session_token", "\taws_session_token"), ""),
        profile("file, duplicate key", format!("{whole}aws_session_token = {CANARY}\n"), "(redacted)"),
        profile("file, newline inside", whole.replace("-C4n", "\n-C4n"), ""),
        profile("file, secret alone", format!("[default]\naws_secret_access_key = {CANARY}\n"), ""),
        profile("file, session token alone", format!("[default]\naws_access_key_id = x\naws_session_token = {CANARY}\n"), ""),
        profile("source of a role", format!("[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = s\n[profile s]\n[s]\n{}", whole.replace("[default]\n", "")), ""),
    ]);
    cases.push({
        let mut case = profile("file, invalid UTF-8", String::new(), "");
        case.files[0].1 = [whole.as_bytes(), b"\xff\n"].concat();
        case
    });
    let process = |name: &str, script: String, shows| {
        let file = format!("[default]\ncredential_process = sh process.sh {CANARY}\n");
        profile(name, file, shows).file("process.sh", script)
    };
    let printed = |fields: &str| format!("printf '%s' '{{\"Version\": 1, {fields}}}'");
    let right = format!(
        "\"AccessKeyId\": \"id-of-a-key\", \"SecretAccessKey\": \"s3cret-key\", \"SessionToken\": \"{CANARY}\""
    );
    cases.extend([
        process(
            "credential_process, repeated by the service",
            printed(&right),
            "(redacted)",
        ),
        process(
            "credential_process, stderr",
            format!("echo {CANARY} >&2; exit 1"),
            "is not shown",
        ),
        process(
            "credential_process, stdout of a failure",
            format!("echo {CANARY}; exit 1"),
            "",
        ),
        process("credential_process, no JSON", format!("echo {CANARY}"), ""),
        process(
            "credential_process, truncated",
            printed(&right).replace("}'", "'"),
            "",
        ),
        process(
            "credential_process, unclosed",
            printed(&right).replace("8\"}'", "8}'"),
            "",
        ),
        process(
            "credential_process, wrong type",
            printed(&right.replace(&format!("\"{CANARY}\""), &format!("[\"{CANARY}\"]"))),
            "",
        ),
        process(
            "credential_process, expiration",
            printed(&format!("{right}, \"Expiration\": \"{CANARY}\"")),
            "",
        ),
        process(
            "credential_process, version",
            printed(&right).replace("1,", &format!("\"{CANARY}\",")),
            "",
        ),
        process(
            "credential_process, invalid UTF-8",
            format!("printf '{CANARY}\\377'"),
            "",
        ),
    ]);
    let token = |name: &str, content: Vec<u8>| {
        Case::new(name, "")
            .variable("AWS_ENDPOINT_URL", &url)
            .variable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
            .variable("AWS_WEB_IDENTITY_TOKEN_FILE", "token")
            .file("token", content)
    };
    cases.extend([
        token("web identity token, repeated by the service", CANARY.into()),
        token(
            "web identity token, newline inside",
            format!("{CANARY}\n{CANARY}\n").into(),
        ),
        token(
            "web identity token, invalid UTF-8",
            [CANARY.as_bytes(), b"\xff"].concat(),
        ),
    ]);
    let file = |name: &str, content: Vec<u8>| {
        Case::new(name, "")
            .with_aws(&url)
            .file("token", content)
            .arguments(&["--as", "runner", "--web-identity-token-file", "token"])
    };
    cases.extend([
        file("OIDC token, repeated by the service", CANARY.into()),
        file(
            "OIDC token, invalid UTF-8",
            [CANARY.as_bytes(), b"\xff"].concat(),
        ),
    ]);
    try_all(cases);
}

fn orchestrator() {
    let url = echo::start();
    let runner = [
        "--runner",
        "my-runner",
        "--org",
        "my-org",
        "--api-url",
        &url,
    ];
    let mut cases: Vec<Case> = [
        ("repeated by the service", CANARY.to_owned(), "(redacted)"),
        ("Bearer before it", format!("Bearer {CANARY}"), "a space"),
        (
            "newline inside",
            format!("{CANARY}\n{CANARY}"),
            "a line break",
        ),
        ("newline after it", format!("{CANARY}\n"), "(redacted)"),
        ("no header value", format!("{CANARY}é"), "another character"),
    ]
    .into_iter()
    .map(|(name, value, shows)| {
        Case::new(format!("token, {name}"), shows)
            .variable("HUMANITEC_AUTH_TOKEN", value)
            .arguments(&runner)
    })
    .collect();
    let file = |name: String, content: Vec<u8>, shows| {
        let case = Case::new(name, shows)
            .file("hctl.yaml", content)
            .arguments(&runner);
        case.arguments(&["--hctl-config-file", "hctl.yaml"])
    };
    cases.push(file(
        "hctl file, repeated".to_owned(),
        format!("token: {CANARY}\n").into(),
        "(redacted)",
    ));
    for (way, lines) in broken("token", "") {
        cases.push(file(format!("hctl file, {way}"), lines, ""));
    }
    try_all(cases);
}

fn proxy() {
    let runner = ["--runner", "my-runner", "--org", "my-org"];
    let mut cases = Vec::new();
    for (variable, scheme) in [
        ("HTTPS_PROXY", "https"),
        ("HTTP_PROXY", "http"),
        ("ALL_PROXY", "https"),
    ] {
        for (way, value, shows) in [
            ("refused", format!("http://me:{CANARY}@127.0.0.1:9"), ""),
            (
                "scheme",
                format!("ftp://me:{CANARY}@127.0.0.1:9"),
                "is not supported",
            ),
            (
                "space",
                format!("http://me:{CANARY} x@127.0.0.1:9"),
                "holds a space",
            ),
            (
                "newline",
                format!("http://me:{CANARY}\n@127.0.0.1:9"),
                "a line break",
            ),
            ("port", format!("http://me:{CANARY}@127.0.0.1:x"), ""),
            ("no host", format!("http://{CANARY}@"), ""),
        ] {
            let api = format!("{scheme}://orchestrator.invalid");
            let asks = Case::new(format!("{variable}, {way}, Orchestrator"), shows)
                .variable("HUMANITEC_AUTH_TOKEN", "t0ken-of-mine")
                .variable(variable, value.clone())
                .arguments(&runner)
                .arguments(&["--api-url", &api]);
            if way != "refused" {
                cases.push(asks);
            }
            if scheme == "https" {
                let aws = Case::new(format!("{variable}, {way}, AWS"), shows)
                    .variable("AWS_ACCESS_KEY_ID", "an-access-key")
                    .variable("AWS_SECRET_ACCESS_KEY", "another-key")
                    .variable(variable, value);
                cases.push(aws);
            }
        }
    }
    try_all(cases);
}
