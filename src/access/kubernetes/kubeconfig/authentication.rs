//! The credentials of a kubeconfig's user, by the rules of client-go.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster as ClusterInfo};
use secrecy::{ExposeSecret, SecretString};

use super::data;
use crate::access::kubernetes::exec;
use crate::files;
use crate::secrets::protect;

/// Returns the user's credentials as far as the client needs them: a token, a password, or a certificate.
///
/// # Errors
/// What is wrong with the credentials, without a part of them.
pub(super) async fn authentication(cluster: &ClusterInfo, user: AuthInfo) -> Result<AuthInfo, String> {
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
            // Its only errors are those of the authority, which was read before.
            exec.cluster = cluster.try_into().ok();
        }
        let credential = exec::run(&exec).await?;
        if let Some(token) = credential.token {
            own.token = Some(header_value("credential plugin's token", token.expose_secret())?);
        }
        if let Some((certificate, key)) = credential.certificate {
            own.client_certificate_data = Some(STANDARD.encode(certificate));
            own.client_key_data = Some(STANDARD.encode(key.expose_secret()).into());
        }
    }
    Ok(own)
}

/// Copies the user's client certificate and its key, read from their files, into `own`.
async fn certificate(own: &mut AuthInfo, user: &AuthInfo) -> Result<(), String> {
    let key_data = user.client_key_data.as_ref().map(ExposeSecret::expose_secret);
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

/// Returns the token in the kubeconfig, or in the file that it names. The file's token counts if the file can be read, as
/// in client-go (`bearerAuthRoundTripper` in transport/round_trippers.go): the other one is often the token that was in the
/// file when the kubeconfig was written.
async fn given_token(user: &AuthInfo) -> Result<Option<SecretString>, String> {
    let token = user.token.clone();
    let token = token.filter(|token| !token.expose_secret().is_empty());
    if let Some(file) = user.token_file.as_deref().filter(|file| !file.is_empty()) {
        let text = |content| {
            let text = String::from_utf8(content);
            text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
        };
        return match (files::read(file).await.and_then(text), token) {
            (Ok(of_file), Some(token)) if of_file.trim().is_empty() => Ok(Some(token)),
            (Ok(of_file), _) => Ok(Some(of_file.into())),
            (Err(_), Some(token)) => Ok(Some(token)),
            // The message omits the file's name, because some users paste the token itself here.
            (Err(error), None) => Err(format!("the file that its tokenFile names cannot be read: {error}")),
        };
    }
    if token.is_some() {
        return Ok(token);
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
        // client-go has supported no other one since version 1.26.
        (name, _) => Err(format!(
            "the auth-provider {name:?} is not supported; use a credential plugin (exec)"
        )),
    }
}

/// Returns a token as it goes into a header. client-go trims the token of a file and refuses other tokens with blanks;
/// here, every token is trimmed.
fn header_value(what: &str, token: &str) -> Result<SecretString, String> {
    let token = token.trim();
    protect(token);
    if token.is_empty() {
        return Err(format!("the {what} is empty"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "the {what} contains a space, a line break, or another character that tokens do not contain"
        ));
    }
    Ok(token.into())
}
