//! AWS keys in variables, in files, and from a credential_process; and web identity tokens.

use super::{CANARY, Case, try_all};
use crate::echo;

pub(super) fn keys() {
    let url = echo::start();
    let keys = |case: Case, id: &str, secret: &str, session: &str| {
        case.variable("AWS_ENDPOINT_URL", &url)
            .variable("AWS_ACCESS_KEY_ID", id)
            .variable("AWS_SECRET_ACCESS_KEY", secret)
            .variable("AWS_SESSION_TOKEN", session)
    };
    try_all(vec![
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
            Case::new("session token with a newline", "contains a line break"),
            "id-of-a-key",
            "s3cret-key-1",
            &format!("{CANARY}\n{CANARY}"),
        ),
        keys(
            Case::new("session token that cannot be a header value", "contains a line break"),
            "id-of-a-key",
            "s3cret-key-1",
            &format!("{CANARY}\u{1}é"),
        ),
    ]);
}

/// Uses the echo server as AWS, with these credentials files.
fn profile(url: &str, name: &str, text: String, shows: &'static str) -> Case {
    Case::new(name, shows)
        .variable("AWS_ENDPOINT_URL", url)
        .variable("AWS_SHARED_CREDENTIALS_FILE", "credentials")
        .variable("AWS_CONFIG_FILE", "config")
        .file("credentials", text)
        .file("config", "")
}

pub(super) fn files() {
    let url = echo::start();
    let profile = |name: &str, text: String, shows| profile(&url, name, text, shows);
    let whole = format!(
        "[default]\naws_access_key_id = id-of-a-key\naws_secret_access_key = s3cret-key\naws_session_token = {CANARY}\n"
    );
    let mut cases = vec![
        profile("file, repeated by the service", whole.clone(), "(redacted)"),
        profile(
            "file, no equals sign",
            whole.replace(" = Zq7", " Zq7"),
            "Expected an '=' sign",
        ),
        profile(
            "file, no name",
            whole.replace("aws_session_token", ""),
            "authorization: (redacted)",
        ),
        profile(
            "file, unclosed section",
            whole.replace("[default]", &format!("[{CANARY}")),
            "must end with ']'",
        ),
        profile(
            "file, unclosed quote",
            whole.replace("= Zq7", "= \"Zq7"),
            "authorization: (redacted)",
        ),
        profile(
            "file, tab",
            whole.replace("aws_session_token", "\taws_session_token"),
            "authorization: (redacted)",
        ),
        profile(
            "file, duplicate key",
            format!("{whole}aws_session_token = {CANARY}\n"),
            "(redacted)",
        ),
        profile(
            "file, newline inside",
            whole.replace("-C4n", "\n-C4n"),
            "Expected an '=' sign",
        ),
        profile(
            "file, secret alone",
            format!("[default]\naws_secret_access_key = {CANARY}\n"),
            "profile missing aws_access_key_id",
        ),
        profile(
            "file, session token alone",
            format!("[default]\naws_access_key_id = x\naws_session_token = {CANARY}\n"),
            "profile missing aws_secret_access_key",
        ),
        profile(
            "source of a role",
            format!(
                "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = s\n[profile s]\n[s]\n{}",
                whole.replace("[default]\n", "")
            ),
            "x-amz-security-token: (redacted)",
        ),
    ];
    cases.push({
        let mut case = profile("file, invalid UTF-8", String::new(), "No AWS credentials were found");
        case.files[0].1 = [whole.as_bytes(), b"\xff\n"].concat();
        case
    });
    try_all(cases);
}

pub(super) fn credential_process() {
    let url = echo::start();
    let process = |name: &str, script: String, shows| {
        let file = format!("[default]\ncredential_process = sh process.sh {CANARY}\n");
        profile(&url, name, file, shows).file("process.sh", script)
    };
    let printed = |fields: &str| format!("printf '%s' '{{\"Version\": 1, {fields}}}'");
    let right = format!(
        "\"AccessKeyId\": \"id-of-a-key\", \"SecretAccessKey\": \"s3cret-key\", \"SessionToken\": \"{CANARY}\""
    );
    try_all(vec![
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
            "is not shown",
        ),
        process(
            "credential_process, no JSON",
            format!("echo {CANARY}"),
            "unexpected token",
        ),
        process(
            "credential_process, truncated",
            printed(&right).replace("}'", "'"),
            "expected object key",
        ),
        process(
            "credential_process, unclosed",
            printed(&right).replace("8\"}'", "8}'"),
            "unexpected end of stream",
        ),
        process(
            "credential_process, wrong type",
            printed(&right.replace(&format!("\"{CANARY}\""), &format!("[\"{CANARY}\"]"))),
            "authorization: (redacted)",
        ),
        process(
            "credential_process, expiration",
            printed(&format!("{right}, \"Expiration\": \"{CANARY}\"")),
            "Invalid field in response: `Expiration`",
        ),
        process(
            "credential_process, version",
            printed(&right).replace("1,", &format!("\"{CANARY}\",")),
            "Expected field `Version`",
        ),
        process(
            "credential_process, invalid UTF-8",
            format!("printf '{CANARY}\\377'"),
            "could not decode output as UTF-8",
        ),
    ]);
}

pub(super) fn token_files() {
    let url = echo::start();
    let token = |name: &str, content: Vec<u8>, shows| {
        Case::new(name, shows)
            .variable("AWS_ENDPOINT_URL", &url)
            .variable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
            .variable("AWS_WEB_IDENTITY_TOKEN_FILE", "token")
            .file("token", content)
    };
    let mut cases = vec![
        token(
            "web identity token, repeated by the service",
            CANARY.into(),
            "WebIdentityToken=(redacted)",
        ),
        token(
            "web identity token, newline inside",
            format!("{CANARY}\n{CANARY}\n").into(),
            "WebIdentityToken=(redacted)",
        ),
        token(
            "web identity token, invalid UTF-8",
            [CANARY.as_bytes(), b"\xff"].concat(),
            "WebIdentityToken was not valid UTF-8",
        ),
    ];
    let file = |name: &str, content: Vec<u8>, shows| {
        Case::new(name, shows)
            .with_aws(&url)
            .file("token", content)
            .arguments(&["--as", "runner", "--web-identity-token-file", "token"])
    };
    cases.extend([
        file(
            "OIDC token, repeated by the service",
            CANARY.into(),
            "WebIdentityToken=(redacted)",
        ),
        file(
            "OIDC token, invalid UTF-8",
            [CANARY.as_bytes(), b"\xff"].concat(),
            "web identity token file token cannot be read",
        ),
    ]);
    try_all(cases);
}
