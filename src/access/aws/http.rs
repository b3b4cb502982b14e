//! The HTTP client for AWS, with the certificates and the proxies of the environment.

use std::env;
use std::path::PathBuf;

use aws_config::profile::{ProfileFileLoadError, ProfileSet};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::os_shim_internal::{Env, Fs};
use http::Uri;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::error::AwsError;
use super::response_body;
use crate::files;
use crate::network::call_log::LoggedCall;
use crate::network::{causes, is_encoded, proxy};

/// Returns the PEM file that `AWS_CA_BUNDLE`, or else the profile's `ca_bundle`, names: the authorities that are trusted
/// in place of the system's, as in the other AWS SDKs and the AWS CLI.
///
/// # Errors
/// If the file cannot be read or contains no certificate.
pub(super) async fn ca_bundle(profile: Option<&str>) -> Result<Option<Vec<u8>>, AwsError> {
    const VARIABLE: &str = "AWS_CA_BUNDLE";
    let (setting, path) = match env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => (VARIABLE, PathBuf::from(path)),
        None => match profile_ca_bundle(profile).await {
            Some(path) => ("The AWS profile's ca_bundle", path),
            None => return Ok(None),
        },
    };
    let named = format!("{setting} names {}", path.display());
    let pem = files::read(&path)
        .await
        .map_err(|error| AwsError::BadCredentials(format!("{named}, which cannot be read: {error}")))?;
    match certificates(&pem) {
        Ok(found) if !found.is_empty() => Ok(Some(pem)),
        Ok(_) => Err(AwsError::BadCredentials(format!(
            "{named}, which contains no certificate"
        ))),
        Err(error) => Err(AwsError::BadCredentials(format!(
            "{named}, which is not a PEM file: {error}"
        ))),
    }
}

/// Returns the `ca_bundle` of a profile, or of the one that the environment chooses.
async fn profile_ca_bundle(profile: Option<&str>) -> Option<PathBuf> {
    // The lookup of the credentials reports files that cannot be read.
    let profiles = profiles(profile).await.ok()?;
    let path = profiles.get("ca_bundle").filter(|path| !path.is_empty())?;
    Some(path.into())
}

/// Reads the AWS configuration files, with this profile chosen, or the one that the environment chooses.
///
/// # Errors
/// If one of them cannot be read.
pub(super) async fn profiles(profile: Option<&str>) -> Result<ProfileSet, ProfileFileLoadError> {
    let (files, environment) = (Fs::real(), Env::real());
    let chosen = profile.map(|name| name.to_owned().into());
    aws_config::profile::load(&files, &environment, &Default::default(), chosen).await
}

/// Returns the DER certificates in a PEM text.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    CertificateDer::pem_slice_iter(pem)
        .map(|der| der.map(|der| der.to_vec()).map_err(|error| error.to_string()))
        .collect()
}

/// Returns a client that obeys `HTTPS_PROXY`, `NO_PROXY`, and the bundle, which the SDK's default client does not, and
/// that reads no more than [`response_body::MAX_RESPONSE`] of a response.
///
/// # Errors
/// If the TLS client cannot be set up.
pub(super) fn client(ca_bundle: Option<Vec<u8>>) -> Result<SharedHttpClient, AwsError> {
    let tls = tls_context(ca_bundle)?;
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(tls.clone())
            .build()
    });
    Ok(SharedHttpClient::new(LimitedClient(client)))
}

/// Returns a connector with the same proxy and the same trust, for servers that are not AWS's. It has no time limit.
///
/// # Errors
/// If the TLS client cannot be set up.
pub(super) fn plain_connector(ca_bundle: Option<Vec<u8>>) -> Result<Connector, AwsError> {
    let tls = tls_context(ca_bundle)?;
    Ok(Connector::builder()
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .build())
}

/// Returns the certificate authorities that a client trusts.
///
/// # Errors
/// If the TLS client cannot be set up.
fn tls_context(ca_bundle: Option<Vec<u8>>) -> Result<TlsContext, AwsError> {
    let trusted = match ca_bundle {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        None => TrustStore::default(),
    };
    TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(|error| AwsError::BadCredentials(format!("The TLS client cannot be set up: {error}")))
}

/// The error of a response with an encoding that the request does not accept.
#[derive(Debug, thiserror::Error)]
#[error("the response has the content encoding {0:?}, which is not supported")]
struct Encoded(String);

/// Sends a request through the proxy of the environment, and logs it.
///
/// # Errors
/// If the proxy cannot be used, there is no response, or it is encoded.
pub(super) async fn send(
    connector: &impl HttpConnector,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let log = logged(&request);
    let uri = request.uri().parse::<Uri>().unwrap_or_default();
    proxy::check(&uri, proxy::HTTP).map_err(|unusable| ConnectorError::user(unusable.into()))?;
    request.headers_mut().insert(ACCEPT_ENCODING.as_str(), "identity");
    let response = connector
        .call(request)
        .await
        .inspect_err(|error| log.failed(&causes(error).last().unwrap_or(error)))?;
    let mut ids = REQUEST_IDS.into_iter();
    let id = ids.find_map(|name| response.headers().get(name));
    log.finished(response.status().as_u16(), id);
    match response.headers().get(CONTENT_ENCODING.as_str()) {
        Some(encoding) if is_encoded(encoding) => {
            let encoded = Encoded(encoding.to_owned());
            Err(ConnectorError::other(encoded.into(), None))
        }
        _ => Ok(response),
    }
}

/// An HTTP client whose responses are limited.
#[derive(Debug)]
struct LimitedClient(SharedHttpClient);

impl HttpClient for LimitedClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.0.http_connector(settings, components);
        SharedHttpConnector::new(LimitedConnector(connector))
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[derive(Debug)]
struct LimitedConnector(SharedHttpConnector);

impl HttpConnector for LimitedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move {
            let mut response = send(&connector, request).await?;
            let is_success = response.status().is_success();
            let body = response.body_mut();
            *body = response_body::read(std::mem::replace(body, SdkBody::taken()), is_success).await;
            Ok(response)
        })
    }
}

/// The headers in which the services of AWS return the ID of a request.
const REQUEST_IDS: [&str; 2] = ["x-amzn-requestid", "x-amz-request-id"];

/// Returns the log of an attempt. The action is the parameter `Action` of the query protocol, the header `x-amz-target`
/// of the JSON protocol, or the method and the path.
fn logged(request: &HttpRequest) -> LoggedCall {
    let uri = request.uri().parse::<Uri>().unwrap_or_default();
    let host = uri.host().unwrap_or_default();
    let header = |name: &str| request.headers().get(name).unwrap_or_default();
    // `Credential=KEY/DATE/REGION/SERVICE/aws4_request`
    let scope = header("authorization").split("Credential=").nth(1);
    let service = scope
        .and_then(|scope| scope.split('/').nth(3))
        .or_else(|| host.split('.').next());
    let body = request.body().bytes().unwrap_or_default();
    let action = std::str::from_utf8(body)
        .ok()
        .and_then(|body| body.strip_prefix("Action="))
        .and_then(|rest| rest.split('&').next())
        .or_else(|| header("x-amz-target").rsplit('.').next())
        .filter(|action| !action.is_empty())
        .map_or_else(|| format!("{} {}", request.method(), uri.path()), str::to_owned);
    // `attempt=2; max=3`
    let attempt = header("amz-sdk-request")
        .split(';')
        .find_map(|part| part.trim().strip_prefix("attempt=")?.parse().ok());
    LoggedCall::start(service.unwrap_or_default(), action, host, attempt.unwrap_or(1))
}
