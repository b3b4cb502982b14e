//! Sets up the client for a cluster: with its own endpoint and certificate authority, or with a kubeconfig that the
//! configuration names. No other kubeconfig is ever read.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::error::ConnectError;
use super::{AT_A_TIME, ClusterClient, kubeconfig};
use crate::access::aws::http::certificates;
use crate::access::aws::{ATTEMPT, CONNECT};
use crate::access::fix::Fix;
use crate::access::render::shell::ShellCommand;
use crate::access::settings::Kubeconfig;
use crate::access::single_flight::SingleFlight;
use crate::network::chain;
use crate::network::proxy;
use crate::secrets::protect;

/// What a client for a cluster is set up with.
pub(crate) struct ClusterConnection<'a> {
    /// The URL of its API.
    pub(crate) endpoint: &'a str,
    /// Its certificate authority, base64 of PEM.
    pub(crate) ca: &'a str,
    /// More authorities to trust, in PEM.
    pub(crate) ca_bundle: Option<Vec<u8>>,
    /// The bearer token.
    pub(crate) token: SecretString,
}

impl ClusterClient {
    /// Returns a cluster with its own endpoint, authority, and token.
    ///
    /// # Errors
    /// If the endpoint or the authority is not what EKS returns for a cluster, or if the environment's proxy cannot be
    /// used.
    pub(crate) fn connect(connection: ClusterConnection<'_>) -> Result<Arc<Self>, ConnectError> {
        let invalid = |what: &str, error: String| {
            ConnectError::unusable(format!(
                "the {what} that EKS returned for the cluster cannot be used: {error}"
            ))
        };
        let endpoint: Uri = connection
            .endpoint
            .parse()
            .map_err(|error: http::uri::InvalidUri| invalid("endpoint", error.to_string()))?;
        if endpoint.scheme().is_none() || endpoint.host().is_none_or(str::is_empty) {
            return Err(invalid("endpoint", "it is not a URL with a host".to_owned()));
        }
        let pem = STANDARD
            .decode(connection.ca)
            .map_err(|error| invalid("certificate authority", error.to_string()))?;
        let mut authorities = certificates(&pem).map_err(|error| invalid("certificate authority", error))?;
        if let Some(bundle) = connection.ca_bundle {
            authorities.extend(certificates(&bundle).map_err(ConnectError::unusable)?);
        }
        let mut config = kube::Config::new(endpoint);
        config.root_cert = Some(authorities);
        config.auth_info.token = Some(connection.token);
        config.proxy_url = environment_proxy(&config.cluster_url)?;
        Self::new(config)
    }

    /// Returns the cluster of a kubeconfig, and the URL of its API.
    ///
    /// # Errors
    /// If the file, the context or its credentials cannot be used.
    pub(crate) async fn from_kubeconfig(kubeconfig: &Kubeconfig) -> Result<(Arc<Self>, String), ConnectError> {
        let mut config = kubeconfig::read(kubeconfig).await?;
        if config.proxy_url.is_none() {
            config.proxy_url = environment_proxy(&config.cluster_url)?;
        }
        let url = config.cluster_url.to_string();
        Ok((Self::new(config)?, url))
    }

    pub(super) fn new(mut config: kube::Config) -> Result<Arc<Self>, ConnectError> {
        let auth = &config.auth_info;
        let secrets = [&auth.token, &auth.password].into_iter().flatten();
        secrets.for_each(|secret| protect(secret.expose_secret()));
        if let (Some(user), Some(password)) = (&auth.username, &auth.password) {
            protect(&STANDARD.encode(format!("{user}:{}", password.expose_secret())));
        }
        let has_key = auth.client_key_data.is_some();
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(ATTEMPT);
        config.reset_reader_on_write = true;
        // kube would make a call up to fifteen times.
        config.default_retry = false;
        let host = config.cluster_url.host().unwrap_or_default().to_owned();
        let client = |config: kube::Config| {
            kube::Client::try_from(config).map_err(|error| ConnectError {
                reason: "no client for the cluster",
                message: match error {
                    // Its message can repeat a line of the key.
                    kube::Error::RustlsTls(_) if has_key => "the user's client-certificate and client-key cannot be \
                        used: they must be PEM, belong together, and the key must not be encrypted"
                        .to_owned(),
                    error => format!("the client for the cluster cannot be set up: {}", chain(&error)),
                },
                fix: None,
            })
        };
        // kube adds the user that the kubeconfig impersonates to each request, also to one that impersonates another user,
        // and the API would take the groups of both. client-go leaves such a request as it is
        // (`impersonatingRoundTripper` in transport/round_trippers.go).
        let without = config.auth_info.impersonate.is_some().then(|| {
            let mut config = config.clone();
            let auth = &mut config.auth_info;
            auth.impersonate = None;
            auth.impersonate_uid = None;
            auth.impersonate_groups = None;
            auth.impersonate_user_extra = None;
            config
        });
        let own = client(config)?;
        let impersonating = without.map_or_else(|| Ok(own.clone()), client)?;
        Ok(Arc::new(Self {
            client: own,
            impersonating,
            host,
            permits: Semaphore::new(AT_A_TIME),
            objects: SingleFlight::default(),
            reviews: SingleFlight::default(),
        }))
    }
}

/// Returns the proxy that `HTTPS_PROXY`, `ALL_PROXY`, and `NO_PROXY` select for a URL.
///
/// # Errors
/// If the variable that applies cannot be used.
fn environment_proxy(url: &Uri) -> Result<Option<Uri>, ConnectError> {
    proxy::check(url, proxy::HTTP_AND_SOCKS).map_err(|error| ConnectError {
        reason: "unusable proxy variable",
        message: error.to_string(),
        fix: Some(set_proxy(error.variable)),
    })?;
    Ok(Matcher::from_env().intercept(url).as_ref().and_then(proxy_uri))
}

/// Returns the command that sets a proxy variable.
fn set_proxy(variable: &str) -> Fix {
    ShellCommand::new(format!("export {variable}=http://proxy.example.com:3128"))
        .comment(&format!("or: unset {variable}"))
        .into()
}

/// Returns a proxy's URL with its user and password, which kube expects in the URL.
fn proxy_uri(proxy: &Intercept) -> Option<Uri> {
    let Some(basic) = proxy.basic_auth() else {
        // kube knows only one of the two schemes, in both of which the proxy resolves the host's name.
        let uri = proxy.uri().to_string().replace("socks5h://", "socks5://");
        return uri.parse().ok();
    };
    let encoded = basic.to_str().ok()?.strip_prefix("Basic ")?;
    let user_info = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = user_info.split_once(':')?;
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let mut parts = proxy.uri().clone().into_parts();
    let authority = parts.authority?;
    let authority = format!("{}:{}@{authority}", encode(user), encode(password));
    parts.authority = Some(authority.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intercepted(proxy: &str, no: &str, url: &str) -> Option<String> {
        let matcher = Matcher::builder().https(proxy).no(no).build();
        let uri = proxy_uri(&matcher.intercept(&url.parse().unwrap())?)?;
        Some(uri.to_string())
    }

    #[test]
    fn the_proxy_of_the_environment_is_used_with_its_user() {
        let url = "https://ABC.gr7.eu-central-1.eks.amazonaws.com";
        assert_eq!(
            intercepted("http://proxy:3128", "", url).as_deref(),
            Some("http://proxy:3128/")
        );
        assert_eq!(
            intercepted("http://me:p%40ss@proxy:3128", "", url).as_deref(),
            Some("http://me:p%40ss@proxy:3128/")
        );
        assert_eq!(intercepted("http://proxy:3128", ".eks.amazonaws.com", url), None);
    }

    #[test]
    fn an_unusable_authority_is_named() {
        let connection = |ca: &'static str| ClusterConnection {
            endpoint: "https://127.0.0.1:1",
            ca,
            ca_bundle: None,
            token: "secret".to_owned().into(),
        };
        let Err(error) = ClusterClient::connect(connection("%")) else {
            panic!("the client was set up");
        };
        assert!(error.to_string().contains("certificate authority"), "{error}");
    }
}
