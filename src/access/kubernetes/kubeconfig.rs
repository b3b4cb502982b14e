//! Reads a kubeconfig that the configuration names, by the rules of client-go
//! (`tools/clientcmd`, `transport`). No message repeats a part of the file.

mod authentication;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use kube::config::{AuthInfo, Cluster as ClusterInfo, Kubeconfig as File, KubeconfigError};

use self::authentication::authentication;
use super::error::ConnectError;
use crate::access::aws::http::certificates;
use crate::access::render::shell::ShellCommand;
use crate::access::settings::Kubeconfig;
use crate::files;
use crate::network::proxy;
use crate::secrets::{protect, url_password, yaml_fault};

/// The schemes of a `proxy-url` that client-go accepts (`clientcmd.parseProxyURL`).
const PROXIES: &[&str] = &["http", "https", "socks5"];

/// Returns the client's configuration: reads the file, and runs its credential plugin if there is one.
///
/// # Errors
/// What is wrong with the file, its context, or its credentials.
pub(super) async fn read(kubeconfig: &Kubeconfig) -> Result<kube::Config, ConnectError> {
    let path = kubeconfig.path.display();
    let unusable = |problem: String| ConnectError {
        reason: "the kubeconfig cannot be used",
        message: format!("the kubeconfig \"{path}\" cannot be used: {problem}"),
        fix: Some(
            ShellCommand::new("kubectl")
                .option("--kubeconfig", path.to_string())
                .word("version")
                .comment("must succeed")
                .into(),
        ),
    };
    let named = kubeconfig.path.clone();
    let file = files::in_background(move || parse(&named)).await;
    let file = file.unwrap_or_else(|error| Err(error.to_string())).map_err(unusable)?;
    let (cluster, user) = chosen(&file, kubeconfig.context.as_deref()).map_err(unusable)?;
    config(cluster, user).await.map_err(unusable)
}

fn parse(path: &Path) -> Result<File, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    let file = if metadata.is_file() {
        if metadata.len() > files::LIMIT {
            return Err(files::too_large().to_string());
        }
        File::read_from(path).map(|file| without_empty_paths(file, path))
    } else {
        // A pipe has no directory for the files that it names.
        let content = files::read_blocking(path).map_err(|error| error.to_string())?;
        let text = String::from_utf8(content).map_err(|_| "it is not UTF-8 text".to_owned())?;
        File::from_yaml(&text)
    };
    file.map_err(|error| match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => yaml_fault(&error, "the fields of a kubeconfig"),
        // These errors contain no value of the file.
        other => other.to_string(),
    })
}

/// Returns a kubeconfig without the paths that were empty: kube resolves such a path to the folder of the file, and client-go
/// ignores it (`ResolvePaths` in tools/clientcmd/loader.go).
fn without_empty_paths(mut file: File, path: &Path) -> File {
    let resolved = path.parent().map(|folder| folder.join(""));
    let resolved = resolved.as_ref().and_then(|folder| folder.to_str());
    let clear = |path: &mut Option<String>| {
        if path.as_deref() == resolved {
            *path = None;
        }
    };
    let clusters = file.clusters.iter_mut();
    for cluster in clusters.filter_map(|named| named.cluster.as_mut()) {
        clear(&mut cluster.certificate_authority);
    }
    let users = file.auth_infos.iter_mut();
    for user in users.filter_map(|named| named.auth_info.as_mut()) {
        clear(&mut user.client_certificate);
        clear(&mut user.client_key);
        clear(&mut user.token_file);
    }
    file
}

/// Returns the cluster and the user of a context, or of the file's current context.
fn chosen(file: &File, context: Option<&str>) -> Result<(ClusterInfo, AuthInfo), String> {
    let name = context
        .or(file.current_context.as_deref())
        .filter(|name| !name.is_empty());
    let name = name.ok_or("it has no current-context, and no context is set")?;
    let context = file.contexts.iter().find(|named| named.name == name);
    let context = context.and_then(|named| named.context.as_ref());
    let context = context.ok_or_else(|| format!("it has no context {name:?}"))?;
    let cluster = file.clusters.iter().find(|named| named.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster.clone());
    let cluster = cluster.ok_or_else(|| {
        format!(
            "context {name:?} names cluster {:?}, which it does not have",
            context.cluster
        )
    })?;
    // A missing user has no credentials, as in client-go.
    let user = context.user.as_deref();
    let user = user.and_then(|user| file.auth_infos.iter().find(|named| named.name == user));
    Ok((
        cluster,
        user.and_then(|named| named.auth_info.clone()).unwrap_or_default(),
    ))
}

/// Returns the client's configuration for a cluster and a user.
async fn config(mut cluster: ClusterInfo, user: AuthInfo) -> Result<kube::Config, String> {
    let server = cluster.server.as_deref().unwrap_or_default();
    url_password(server).iter().for_each(|password| protect(password));
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

/// Returns the certificates of the cluster's authorities, and copies them into the cluster's data, which a credential
/// plugin receives.
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
        _ => Err(format!("its {field} does not contain a certificate in PEM format")),
    }
}

/// Returns the content of `FIELD-data`, or else of the file that `FIELD` names.
async fn data(field: &str, data: Option<&str>, file: Option<&str>) -> Result<Option<Vec<u8>>, String> {
    match (
        data.filter(|data| !data.is_empty()),
        file.filter(|file| !file.is_empty()),
    ) {
        (Some(data), _) => STANDARD
            .decode(data.trim())
            .map(Some)
            .map_err(|_| format!("its {field}-data is not base64")),
        (None, Some(file)) => files::read(file).await.map(Some).map_err(|error| match field {
            // Some users paste the key itself here.
            "client-key" => format!("the file that its {field} names cannot be read: {error}"),
            _ => format!("its {field} names the file {file:?}, which cannot be read: {error}"),
        }),
        (None, None) => Ok(None),
    }
}

/// Returns the `proxy-url`. It applies whatever NO_PROXY contains: client-go gives it to the transport in place of the
/// environment's proxies.
fn own_proxy(cluster: &ClusterInfo) -> Result<Option<Uri>, String> {
    let Some(url) = cluster.proxy_url.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    url_password(url).iter().for_each(|password| protect(password));
    match proxy::problem(url, PROXIES) {
        None if url.contains("://") => Ok(url.parse().ok()),
        None => Err("its proxy-url must begin with http://, https:// or socks5://".to_owned()),
        Some(problem) => Err(format!("its proxy-url cannot be used: {problem}")),
    }
}

#[cfg(test)]
mod tests;
