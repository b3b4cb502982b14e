//! Reads a kubeconfig that the configuration names, by the rules of client-go
//! (`tools/clientcmd`, `transport`). No message repeats a part of the file.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use kube::config::{AuthInfo, Cluster as ClusterInfo, Kubeconfig as File, KubeconfigError};
use secrecy::{ExposeSecret, SecretString};

use super::connect::ConnectError;
use super::exec;
use crate::access::aws::http::certificates;
use crate::access::settings::Kubeconfig;
use crate::files;
use crate::network::proxy;
use crate::secrets::{protect, url_password, yaml_fault};

/// The schemes of a `proxy-url`, as client-go has them (`clientcmd.parseProxyURL`).
const PROXIES: &[&str] = &["http", "https", "socks5"];

/// Reads the file and runs its credential plugin, if it has one.
///
/// # Errors
/// What is wrong with the file, its context, or its credentials.
pub(super) async fn read(kubeconfig: &Kubeconfig) -> Result<kube::Config, ConnectError> {
    let path = kubeconfig.path.display();
    let unusable = |problem: String| ConnectError {
        reason: "the kubeconfig cannot be used",
        message: format!("the kubeconfig \"{path}\" cannot be used: {problem}"),
        fix: Some(format!("kubectl --kubeconfig '{path}' version   # must succeed\n").into()),
    };
    let named = kubeconfig.path.clone();
    let file = files::in_background(move || parse(&named)).await;
    let file = file
        .unwrap_or_else(|error| Err(error.to_string()))
        .map_err(unusable)?;
    let (cluster, user) = chosen(&file, kubeconfig.context.as_deref()).map_err(unusable)?;
    config(cluster, user).await.map_err(unusable)
}

fn parse(path: &Path) -> Result<File, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    let file = if metadata.is_file() {
        if metadata.len() > files::LIMIT {
            return Err(files::too_large().to_string());
        }
        File::read_from(path)
    } else {
        // A pipe has no folder in which the files that it names are.
        let content = files::read_blocking(path).map_err(|error| error.to_string())?;
        let text = String::from_utf8(content).map_err(|_| "it is not UTF-8 text".to_owned())?;
        File::from_yaml(&text)
    };
    file.map_err(|error| match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => yaml_fault(&error, "the fields of a kubeconfig"),
        // Kinds of mistakes without a value of the file.
        other => other.to_string(),
    })
}

/// The cluster and the user of a context, or of the file's current one.
fn chosen(file: &File, context: Option<&str>) -> Result<(ClusterInfo, AuthInfo), String> {
    let name = context
        .or(file.current_context.as_deref())
        .filter(|name| !name.is_empty());
    let name = name.ok_or("it has no current-context, and no context is set")?;
    let context = file.contexts.iter().find(|named| named.name == name);
    let context = context.and_then(|named| named.context.as_ref());
    let context = context.ok_or_else(|| format!("it has no context {name:?}"))?;
    let cluster = file
        .clusters
        .iter()
        .find(|named| named.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster.clone());
    let cluster = cluster.ok_or_else(|| {
        format!(
            "context {name:?} names cluster {:?}, which it does not have",
            context.cluster
        )
    })?;
    // A user that is missing has no credentials, as client-go has it.
    let user = context.user.as_deref();
    let user = user.and_then(|user| file.auth_infos.iter().find(|named| named.name == user));
    Ok((
        cluster,
        user.and_then(|named| named.auth_info.clone())
            .unwrap_or_default(),
    ))
}

/// The client's configuration for a cluster and a user.
async fn config(mut cluster: ClusterInfo, user: AuthInfo) -> Result<kube::Config, String> {
    let server = cluster.server.as_deref().unwrap_or_default();
    let url: Uri = server
        .parse()
        .map_err(|error| format!("the cluster's server is not a URL: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
        return Err("the cluster's server must begin with https:// and have a host".to_owned());
    }
    let mut config = kube::Config::new(url);
    config.root_cert = authorities(&mut cluster).await?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.proxy_url = own_proxy(&cluster)?;
    config.auth_info = authentication(&cluster, user).await?;
    Ok(config)
}

/// The certificates of the cluster's authorities. From now on the cluster has them itself, for a credential plugin.
async fn authorities(cluster: &mut ClusterInfo) -> Result<Option<Vec<Vec<u8>>>, String> {
    let field = "certificate-authority";
    let file = cluster.certificate_authority.take();
    let given = cluster.certificate_authority_data.as_deref();
    let Some(pem) = data(field, given, file.as_deref()).await? else {
        return Ok(None);
    };
    cluster.certificate_authority_data = Some(STANDARD.encode(&pem));
    match certificates(&pem) {
        Ok(found) if !found.is_empty() => Ok(Some(found)),
        _ => Err(format!(
            "its {field} does not hold a certificate in PEM form"
        )),
    }
}

/// The content of `FIELD-data`, or else of the file that `FIELD` names.
async fn data(
    field: &str,
    data: Option<&str>,
    file: Option<&str>,
) -> Result<Option<Vec<u8>>, String> {
    match (
        data.filter(|data| !data.is_empty()),
        file.filter(|file| !file.is_empty()),
    ) {
        (Some(data), _) => STANDARD
            .decode(data.trim())
            .map(Some)
            .map_err(|_| format!("its {field}-data is not base64")),
        (None, Some(file)) => files::read(file)
            .await
            .map(Some)
            .map_err(|error| match field {
                // Some paste the key itself here.
                "client-key" => format!("the file that its {field} names cannot be read: {error}"),
                _ => format!("its {field} names the file {file:?}, which cannot be read: {error}"),
            }),
        (None, None) => Ok(None),
    }
}

/// The `proxy-url`. It applies whatever NO_PROXY says: client-go gives it to the transport in place
/// of the environment's proxies.
fn own_proxy(cluster: &ClusterInfo) -> Result<Option<Uri>, String> {
    let Some(url) = cluster.proxy_url.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    url_password(url)
        .iter()
        .for_each(|password| protect(password));
    match proxy::problem(url, PROXIES) {
        None if url.contains("://") => Ok(url.parse().ok()),
        None => Err("its proxy-url must begin with http://, https:// or socks5://".to_owned()),
        Some(problem) => Err(format!("its proxy-url cannot be used: {problem}")),
    }
}

/// The user's credentials as far as the client needs them: a token, a password, or a certificate.
async fn authentication(cluster: &ClusterInfo, user: AuthInfo) -> Result<AuthInfo, String> {
    let mut own = AuthInfo {
        impersonate: user.impersonate.clone(),
        impersonate_uid: user.impersonate_uid.clone(),
        impersonate_groups: user.impersonate_groups.clone(),
        impersonate_user_extra: user.impersonate_user_extra.clone(),
        ..AuthInfo::default()
    };
    certificate(&mut own, &user).await?;
    if let Some(token) = given_token(&user).await? {
        own.token = Some(header_value("token", token.expose_secret())?);
    } else if user.username.is_some() && user.password.is_some() {
        own.username = user.username;
        own.password = user.password;
    } else if let Some(mut exec) = user.exec {
        if exec.provide_cluster_info {
            // Its only errors are those of the authority, which has been read before.
            exec.cluster = cluster.try_into().ok();
        }
        let credential = exec::run(&exec).await?;
        if let Some(token) = credential.token {
            own.token = Some(header_value(
                "credential plugin's token",
                token.expose_secret(),
            )?);
        }
        if let Some((certificate, key)) = credential.certificate {
            own.client_certificate_data = Some(STANDARD.encode(certificate));
            own.client_key_data = Some(STANDARD.encode(key.expose_secret()).into());
        }
    }
    Ok(own)
}

async fn certificate(own: &mut AuthInfo, user: &AuthInfo) -> Result<(), String> {
    let key_data = user
        .client_key_data
        .as_ref()
        .map(ExposeSecret::expose_secret);
    if let Some(data) = key_data {
        protect(data);
    }
    let (field, file) = ("client-certificate", user.client_certificate.as_deref());
    let certificate = data(field, user.client_certificate_data.as_deref(), file).await?;
    let key = data("client-key", key_data, user.client_key.as_deref()).await?;
    if let Some(key) = &key {
        String::from_utf8_lossy(key)
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .for_each(protect);
    }
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            own.client_certificate_data = Some(STANDARD.encode(certificate));
            own.client_key_data = Some(STANDARD.encode(key).into());
            Ok(())
        }
        (None, None) => Ok(()),
        (Some(_), None) => Err("the user has a client-certificate without a client-key".to_owned()),
        (None, Some(_)) => Err("the user has a client-key without a client-certificate".to_owned()),
    }
}

/// The token that the file, or the file that it names, holds.
async fn given_token(user: &AuthInfo) -> Result<Option<SecretString>, String> {
    if let Some(token) = user
        .token
        .as_ref()
        .filter(|token| !token.expose_secret().is_empty())
    {
        return Ok(Some(token.clone()));
    }
    if let Some(file) = user.token_file.as_deref().filter(|file| !file.is_empty()) {
        let text = |content| {
            let text = String::from_utf8(content);
            text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
        };
        return files::read(file)
            .await
            .and_then(text)
            .map(|token| Some(token.into()))
            // Without the file's name: some paste the token itself here.
            .map_err(|error| format!("the file that its tokenFile names cannot be read: {error}"));
    }
    let Some(provider) = &user.auth_provider else {
        return Ok(None);
    };
    provider
        .config
        .iter()
        .filter(|(key, _)| key.contains("token") || key.contains("secret"))
        .for_each(|(_, value)| protect(value));
    match (provider.name.as_str(), provider.config.get("id-token")) {
        ("oidc", Some(token)) => Ok(Some(token.clone().into())),
        ("oidc", None) => Err("the user's auth-provider has no id-token".to_owned()),
        // client-go has no other one since version 1.26.
        (name, _) => Err(format!(
            "the auth-provider {name:?} is not supported; use a credential plugin (exec)"
        )),
    }
}

/// A token as it goes into a header. client-go takes the blanks from around the token of a file and
/// refuses other tokens that have some; here it is the same for all.
fn header_value(what: &str, token: &str) -> Result<SecretString, String> {
    let token = token.trim();
    protect(token);
    if token.is_empty() {
        return Err(format!("the {what} is empty"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "the {what} holds a space, a line break or another character that no token has"
        ));
    }
    Ok(token.into())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    /// What no message can hold.
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
        config
            .auth_info
            .token
            .as_ref()
            .map_or("", ExposeSecret::expose_secret)
    }

    #[tokio::test]
    async fn a_token_is_trimmed_wherever_it_comes_from() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{CANARY}\n")).unwrap();
        for user in [
            format!("    token: |\n      {CANARY}\n"),
            format!("    token: \"{CANARY}\\n\"\n"),
            format!("    tokenFile: {}\n", file.path().display()),
            format!(
                "    exec: {{command: echo, args: ['{{\"status\":{{\"token\":\"{CANARY}\\n\"}}}}']}}\n"
            ),
            format!("    auth-provider: {{name: oidc, config: {{id-token: \"{CANARY} \"}}}}\n"),
        ] {
            let config = read_text(text("", &user)).await.unwrap();
            assert_eq!(token(&config), CANARY, "{user}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_without_a_value_of_the_file() {
        let key = format!("    client-certificate-data: aGk=\n    client-key-data: \"{CANARY}\"\n");
        for (cluster, user, part) in [
            ("", format!("    token: {CANARY}\n\tx: 1\n"), "line "),
            ("", format!("    token: \"{CANARY}\n"), "line "),
            (
                "",
                format!("    token: {CANARY}\n    token: {CANARY}\n"),
                "line ",
            ),
            ("", format!("    token: [{CANARY}]\n"), "expected"),
            ("", format!("    token: {{a: {CANARY}}}\n"), "expected"),
            ("", format!("    token: *{CANARY}\n"), "line "),
            ("", format!("    token: !!int {CANARY}\n"), "expected"),
            (
                "",
                format!("    token: \"{CANARY}\\n{CANARY}\"\n"),
                "line break",
            ),
            ("", format!("    token: {CANARY}é\n"), "no token has"),
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
            (
                "    proxy-url: proxy:3128\n",
                String::new(),
                "must begin with",
            ),
        ] {
            let error = read_text(text(cluster, &user))
                .await
                .err()
                .unwrap_or_else(|| panic!("{cluster}{user}"));
            assert!(error.contains(part), "{cluster}{user}: {error}");
            assert!(!error.contains("C4nary"), "{error}");
        }
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

    /// The runtime of the test has one thread, as that of the command.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_pipe_that_nobody_writes_to_keeps_nothing_waiting() {
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
        // What a writer sends goes to the readers that still wait.
        std::fs::write(&pipe, "x").unwrap();
    }

    #[tokio::test]
    async fn a_context_and_a_cluster_that_are_missing_are_named() {
        let whole = text("", "    token: t\n");
        for (from, to, part) in [
            (
                "current-context: c",
                "current-context: d",
                "no context \"d\"",
            ),
            ("current-context: c\n", "", "no current-context"),
            ("cluster: k,", "cluster: l,", "names cluster \"l\""),
            (
                "https://127.0.0.1:6443",
                "127.0.0.1:6443",
                "must begin with https://",
            ),
            ("https://127.0.0.1:6443", "\"https://a b\"", "not a URL"),
        ] {
            let error = read_text(whole.replace(from, to)).await.unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[tokio::test]
    async fn the_proxy_url_is_used_as_it_is() {
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
                    let _ = super::super::Cluster::new(config);
                }
            });
        }
    }
}
