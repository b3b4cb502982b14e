//! Tests of the kubeconfigs that are read. No message repeats a value of the file.

use std::path::PathBuf;

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

/// A text that no message contains.
const CANARY: &str = "kubeconfig-C4nary-5a6b7c";

fn text(cluster: &str, user: &str) -> String {
    format!(
        "current-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\nclusters:\n- name: k\n  cluster:\n    server: https://127.0.0.1:6443\n{cluster}users:\n- name: u\n  user:\n{user}"
    )
}

async fn read_text(text: impl AsRef<[u8]>) -> Result<kube::Config, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let kubeconfig = Kubeconfig {
        path: file.path().to_owned(),
        context: None,
    };
    read(&kubeconfig).await.map_err(|error| error.to_string())
}

fn token(config: &kube::Config) -> &str {
    config.auth_info.token.as_ref().map_or("", ExposeSecret::expose_secret)
}

#[tokio::test]
async fn a_token_is_trimmed_wherever_it_comes_from() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{CANARY}\n")).unwrap();
    for user in [
        format!("    token: |\n      {CANARY}\n"),
        format!("    token: \"{CANARY}\\n\"\n"),
        format!("    tokenFile: {}\n", file.path().display()),
        format!("    exec: {{command: echo, args: ['{{\"status\":{{\"token\":\"{CANARY}\\n\"}}}}']}}\n"),
        format!("    auth-provider: {{name: oidc, config: {{id-token: \"{CANARY} \"}}}}\n"),
    ] {
        let config = read_text(text("", &user)).await.unwrap();
        assert_eq!(token(&config), CANARY, "{user}");
    }
}

/// kube resolves the command. Source: `GetAuthInfoFileReferences` in client-go, tools/clientcmd/loader.go.
#[cfg(unix)]
#[tokio::test]
async fn a_command_with_a_path_is_in_the_folder_of_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("bin/plugin");
    std::fs::create_dir(folder.path().join("bin")).unwrap();
    std::fs::write(&plugin, "#!/bin/sh\necho 'status: {token: t}'\n").unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let kubeconfig = Kubeconfig {
        path: folder.path().join("config"),
        context: None,
    };
    std::fs::write(&kubeconfig.path, text("", "    exec: {command: bin/plugin}\n")).unwrap();
    assert_eq!(token(&read(&kubeconfig).await.unwrap()), "t");
}

#[tokio::test]
async fn an_empty_path_is_no_path() {
    for (cluster, user) in [
        ("    certificate-authority: \"\"\n", "    token: t\n"),
        ("", "    token: t\n    tokenFile: \"\"\n"),
        ("", "    token: t\n    client-certificate: \"\"\n    client-key: \"\"\n"),
    ] {
        let config = read_text(text(cluster, user)).await.unwrap();
        assert_eq!(token(&config), "t", "{cluster} {user}");
    }
    let only_empty = read_text(text("", "    tokenFile: \"\"\n")).await.unwrap();
    assert_eq!(token(&only_empty), "");
}

#[tokio::test]
async fn the_token_of_the_file_counts_if_the_file_can_be_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let missing = "/nonexistent/token".to_owned();
    let readable = file.path().display().to_string();
    for (content, path, expected) in [
        ("fresh\n", &readable, "fresh"),
        (" \n", &readable, "stale"),
        ("", &missing, "stale"),
    ] {
        std::fs::write(file.path(), content).unwrap();
        let user = format!("    token: stale\n    tokenFile: {path}\n");
        let config = read_text(text("", &user)).await.unwrap();
        assert_eq!(token(&config), expected, "{content:?} {path}");
    }
}

/// Checks that each of these parts of a cluster and of a user is refused with this text, without a value of the file.
async fn are_refused(cases: impl IntoIterator<Item = (&'static str, String, &'static str)>) {
    for (cluster, user, part) in cases {
        let error = read_text(text(cluster, &user))
            .await
            .err()
            .unwrap_or_else(|| panic!("{cluster}{user}"));
        assert!(error.contains(part), "{cluster}{user}: {error}");
        assert!(!error.contains("C4nary"), "{error}");
    }
}

#[tokio::test]
async fn a_problem_of_the_credentials_is_named_without_a_value_of_the_file() {
    let key = format!("    client-certificate-data: aGk=\n    client-key-data: \"{CANARY}\"\n");
    are_refused([
        ("", format!("    token: {CANARY}\n\tx: 1\n"), "line "),
        ("", format!("    token: \"{CANARY}\n"), "line "),
        ("", format!("    token: {CANARY}\n    token: {CANARY}\n"), "line "),
        ("", format!("    token: [{CANARY}]\n"), "expected"),
        ("", format!("    token: {{a: {CANARY}}}\n"), "expected"),
        ("", format!("    token: *{CANARY}\n"), "line "),
        ("", format!("    token: !!int {CANARY}\n"), "expected"),
        ("", format!("    token: \"{CANARY}\\n{CANARY}\"\n"), "line break"),
        ("", format!("    token: {CANARY}é\n"), "tokens do not contain"),
        ("", "    token: \" \"\n".to_owned(), "empty"),
        ("", key, "client-key-data is not base64"),
        ("", format!("    client-key-data: {CANARY}\n"), "base64"),
        (
            "",
            format!("    client-key: /nonexistent/{}\n", "key"),
            "its client-key names cannot be read: No such file",
        ),
        (
            "",
            "    tokenFile: /nonexistent/token\n".to_owned(),
            "its tokenFile names cannot be read: No such file",
        ),
        (
            "",
            format!("    auth-provider: {{name: gcp, config: {{access-token: {CANARY}}}}}\n"),
            "\"gcp\" is not supported",
        ),
        (
            "",
            format!("    auth-provider: {{name: oidc, config: {{refresh-token: {CANARY}}}}}\n"),
            "no id-token",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_problem_of_the_cluster_or_the_plugin_is_named() {
    are_refused([
        ("", "    exec: {}\n".to_owned(), "exec has no command"),
        (
            "",
            "    exec: {command: /nonexistent/aws}\n".to_owned(),
            "\"/nonexistent/aws\" is not installed",
        ),
        (
            "    certificate-authority: /nonexistent/ca\n",
            String::new(),
            "\"/nonexistent/ca\"",
        ),
        (
            "    certificate-authority-data: aGk=\n",
            String::new(),
            "a certificate in PEM form",
        ),
        (
            "    proxy-url: ftp://me:pw@proxy\n",
            String::new(),
            "\"ftp\" is not supported",
        ),
        ("    proxy-url: proxy:3128\n", String::new(), "must begin with"),
    ])
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let error = read_text(b"users:\n- name: \xff\n").await.unwrap_err();
    assert!(error.contains("UTF-8"), "{error}");
    let missing = Kubeconfig {
        path: PathBuf::from("/nonexistent/config"),
        context: None,
    };
    let error = read(&missing).await.unwrap_err().to_string();
    assert!(
        error.contains("\"/nonexistent/config\" cannot be used: No such file"),
        "{error}"
    );
}

#[tokio::test]
async fn no_file_is_read_past_the_limit() {
    let zero = Kubeconfig {
        path: PathBuf::from("/dev/zero"),
        context: None,
    };
    let error = read(&zero).await.unwrap_err().to_string();
    assert!(error.contains("larger than 1 MiB"), "{error}");
    let long = "#".repeat(1 << 20);
    let error = read_text(text("", &long)).await.unwrap_err();
    assert!(error.contains("larger than 1 MiB"), "{error}");
    for (cluster, user) in [
        ("    certificate-authority: /dev/zero\n", ""),
        ("", "    tokenFile: /dev/zero\n"),
        ("", "    client-key: /dev/zero\n"),
        ("", "    client-certificate: /dev/zero\n"),
    ] {
        let error = read_text(text(cluster, user)).await.unwrap_err();
        assert!(error.contains("larger than 1 MiB"), "{error}");
    }
}

/// The runtime of the test has one thread, like that of the command.
#[cfg(unix)]
#[tokio::test]
async fn a_pipe_without_a_writer_does_not_block_the_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let named = pipe.display();
    let alone = Kubeconfig {
        path: pipe.clone(),
        context: None,
    };
    let token = text("", &format!("    tokenFile: {named}\n"));
    let authority = text(&format!("    certificate-authority: {named}\n"), "");
    let limit = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(limit, read(&alone)).await.is_err());
    for file in [token, authority] {
        assert!(tokio::time::timeout(limit, read_text(file)).await.is_err());
    }
    // A writer ends the threads that are still reading.
    std::fs::write(&pipe, "x").unwrap();
}

#[tokio::test]
async fn a_context_and_a_cluster_that_are_missing_are_named() {
    let whole = text("", "    token: t\n");
    for (from, to, part) in [
        ("current-context: c", "current-context: d", "no context \"d\""),
        ("current-context: c\n", "", "no current-context"),
        ("cluster: k,", "cluster: l,", "names cluster \"l\""),
        ("https://127.0.0.1:6443", "127.0.0.1:6443", "must begin with https://"),
        ("https://127.0.0.1:6443", "\"https://a b\"", "not a URL"),
    ] {
        let error = read_text(whole.replace(from, to)).await.unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn the_proxy_url_is_used_unchanged() {
    for proxy in [
        "http://127.0.0.1:1",
        "https://me:pw@proxy:3128",
        "socks5://127.0.0.1:1080",
    ] {
        let config = read_text(text(&format!("    proxy-url: {proxy}\n"), "    token: t\n"))
            .await
            .unwrap();
        let expected: Uri = proxy.parse().unwrap();
        assert_eq!(config.proxy_url, Some(expected));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_token_panics(token in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let user = format!("    token: {}\n", serde_json::to_string(&token).unwrap());
        runtime.block_on(async {
            if let Ok(config) = read_text(text("", &user)).await {
                let _ = super::super::ClusterClient::new(config);
            }
        });
    }
}
