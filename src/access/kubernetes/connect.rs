//! Makes the client for a cluster: of its own endpoint and certificate authority, or of a
//! kubeconfig that the configuration names. No other kubeconfig is ever read.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use kube::config::{KubeConfigOptions, Kubeconfig as KubeconfigFile};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::{AT_A_TIME, Cluster};
use crate::access::answers::Answers;
use crate::access::aws::error::chain;
use crate::access::aws::http::certificates;
use crate::access::aws::{ATTEMPT, CONNECT};
use crate::access::settings::Kubeconfig;

/// A client for a cluster cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct KubeconfigError(pub(crate) String);

/// What a cluster is reached with.
pub(crate) struct Connection<'a> {
    /// The URL of its API.
    pub(crate) endpoint: &'a str,
    /// Its certificate authority, base64 of PEM.
    pub(crate) ca: &'a str,
    /// More authorities to trust, in PEM.
    pub(crate) ca_bundle: Option<Vec<u8>>,
    /// The bearer token.
    pub(crate) token: SecretString,
}

impl Cluster {
    /// A cluster by its own endpoint, authority and token.
    ///
    /// # Errors
    /// When the endpoint or the authority is not what EKS gives.
    pub(crate) fn connect(connection: Connection<'_>) -> Result<Arc<Self>, KubeconfigError> {
        let invalid = |what: &str, error: String| {
            KubeconfigError(format!(
                "The {what} that EKS gives for the cluster is not one: {error}"
            ))
        };
        let endpoint: Uri = connection
            .endpoint
            .parse()
            .map_err(|error: http::uri::InvalidUri| invalid("endpoint", error.to_string()))?;
        let pem = STANDARD
            .decode(connection.ca)
            .map_err(|error| invalid("certificate authority", error.to_string()))?;
        let mut authorities =
            certificates(&pem).map_err(|error| invalid("certificate authority", error))?;
        if let Some(bundle) = connection.ca_bundle {
            authorities.extend(certificates(&bundle).map_err(KubeconfigError)?);
        }
        let mut config = kube::Config::new(endpoint);
        config.root_cert = Some(authorities);
        config.auth_info.token = Some(connection.token);
        config.proxy_url = environment_proxy(&config.cluster_url);
        Self::new(config)
    }

    /// The cluster of a kubeconfig, and the URL of its API.
    ///
    /// # Errors
    /// When the file or the context cannot be read.
    pub(crate) async fn of_kubeconfig(
        kubeconfig: &Kubeconfig,
    ) -> Result<(Arc<Self>, String), KubeconfigError> {
        let unreadable = |error: &(dyn std::error::Error + 'static)| {
            let path = kubeconfig.path.display();
            KubeconfigError(format!(
                "The kubeconfig {path} cannot be used: {}",
                chain(error)
            ))
        };
        let file =
            KubeconfigFile::read_from(&kubeconfig.path).map_err(|error| unreadable(&error))?;
        let options = KubeConfigOptions {
            context: kubeconfig.context.clone(),
            ..KubeConfigOptions::default()
        };
        let own_proxy = has_proxy(&file, options.context.as_deref());
        let mut config = kube::Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(|error| unreadable(&error))?;
        if !own_proxy {
            // kube looks in NO_PROXY for the proxy's own host, and not for the cluster's.
            config.proxy_url = environment_proxy(&config.cluster_url);
        }
        let url = config.cluster_url.to_string();
        Ok((Self::new(config)?, url))
    }

    fn new(mut config: kube::Config) -> Result<Arc<Self>, KubeconfigError> {
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(ATTEMPT);
        config.reset_reader_on_write = true;
        // kube would repeat a call fifteen times.
        config.default_retry = false;
        let client = kube::Client::try_from(config).map_err(|error| {
            KubeconfigError(format!(
                "No client for the cluster can be made: {}",
                chain(&error)
            ))
        })?;
        Ok(Arc::new(Self {
            client,
            permits: Semaphore::new(AT_A_TIME),
            objects: Answers::default(),
            reviews: Answers::default(),
        }))
    }
}

/// Whether a kubeconfig names a proxy for the cluster of a context, or of its current one.
fn has_proxy(file: &KubeconfigFile, context: Option<&str>) -> bool {
    let wanted = context.or(file.current_context.as_deref());
    let context = file
        .contexts
        .iter()
        .find(|named| Some(named.name.as_str()) == wanted);
    let cluster = context.and_then(|named| Some(named.context.as_ref()?.cluster.as_str()));
    let clusters = file
        .clusters
        .iter()
        .filter(|named| Some(named.name.as_str()) == cluster);
    let mut proxies = clusters.filter_map(|named| named.cluster.as_ref()?.proxy_url.as_deref());
    proxies.any(|proxy| !proxy.is_empty())
}

/// The proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` want for a URL.
fn environment_proxy(url: &Uri) -> Option<Uri> {
    proxy_uri(&Matcher::from_env().intercept(url)?)
}

/// A proxy's URL, with its user and password back in it: kube wants them there.
fn proxy_uri(proxy: &Intercept) -> Option<Uri> {
    let Some(basic) = proxy.basic_auth() else {
        return Some(proxy.uri().clone());
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
        assert_eq!(
            intercepted("http://proxy:3128", ".eks.amazonaws.com", url),
            None
        );
    }

    #[test]
    fn an_authority_that_is_none_is_told() {
        let connection = |ca: &'static str| Connection {
            endpoint: "https://127.0.0.1:1",
            ca,
            ca_bundle: None,
            token: "secret".to_owned().into(),
        };
        let Err(error) = Cluster::connect(connection("%")) else {
            panic!("made");
        };
        assert!(
            error.to_string().contains("certificate authority"),
            "{error}"
        );
    }
}
