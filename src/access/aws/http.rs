//! The HTTP client for AWS: the certificates and proxies of the environment, and the limit of a response.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use aws_config::profile::{ProfileFileLoadError, ProfileSet};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::os_shim_internal::{Env, Fs};
use bytes::Bytes;
use http::Uri;
use http_body::Frame;
use http_body_util::{BodyExt, LengthLimitError, StreamBody};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::de::IgnoredAny;

use super::error::AwsError;
use crate::files;
use crate::network::proxy;

/// The certificates of the file that `AWS_CA_BUNDLE`, or else the profile's `ca_bundle`, names: the authorities that are
/// trusted in place of the system's, as the other AWS SDKs and the AWS CLI have it.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub(super) async fn ca_bundle(profile: Option<&str>) -> Result<Option<Vec<u8>>, AwsError> {
    const VARIABLE: &str = "AWS_CA_BUNDLE";
    let (setting, path) = match env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => (VARIABLE, PathBuf::from(path)),
        None => match of_profile(profile).await {
            Some(path) => ("The AWS profile's ca_bundle", path),
            None => return Ok(None),
        },
    };
    let named = format!("{setting} names {}", path.display());
    let pem = files::read(&path).await.map_err(|error| {
        AwsError::BadCredentials(format!("{named}, which cannot be read: {error}"))
    })?;
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

/// The `ca_bundle` of a profile, or of the one that the environment chooses.
async fn of_profile(profile: Option<&str>) -> Option<PathBuf> {
    // Whoever looks for credentials in the files reports that they cannot be read.
    let profiles = profiles(profile).await.ok()?;
    let path = profiles.get("ca_bundle").filter(|path| !path.is_empty())?;
    Some(path.into())
}

/// The AWS configuration files, with this profile chosen, or the one that the environment chooses.
///
/// # Errors
/// When one of them cannot be read.
pub(super) async fn profiles(profile: Option<&str>) -> Result<ProfileSet, ProfileFileLoadError> {
    let (files, environment) = (Fs::real(), Env::real());
    let chosen = profile.map(|name| name.to_owned().into());
    aws_config::profile::load(&files, &environment, &Default::default(), chosen).await
}

/// The DER certificates in a PEM text.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    CertificateDer::pem_slice_iter(pem)
        .map(|der| {
            der.map(|der| der.to_vec())
                .map_err(|error| error.to_string())
        })
        .collect()
}

/// The largest response that is read, of AWS, the sign-on service, or the metadata service alike.
/// The largest documents here, the policies of a role, have some ten KiB.
pub(super) const MAX_RESPONSE: usize = 4 << 20;

/// A response is larger than [`MAX_RESPONSE`].
#[derive(Debug, thiserror::Error)]
#[error("the response is larger than {} MiB", MAX_RESPONSE >> 20)]
pub(super) struct TooLarge;

/// A response ends in its middle.
#[derive(Debug, thiserror::Error)]
#[error("the response is incomplete: it ends in the middle of its {0}")]
struct Truncated(&'static str);

/// A client that obeys `HTTPS_PROXY`, `NO_PROXY` and the bundle, which the SDK's default one does
/// not, and reads no more than [`MAX_RESPONSE`] of a response.
///
/// # Errors
/// When the TLS client cannot be set up, or a proxy variable cannot be used.
pub(super) fn client(ca_bundle: Option<Vec<u8>>) -> Result<SharedHttpClient, AwsError> {
    proxy::check(&Uri::from_static(ANY_ENDPOINT), proxy::HTTP)
        .map_err(|error| AwsError::Proxy(error.to_string()))?;
    let trusted = match ca_bundle {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        None => TrustStore::default(),
    };
    let tls = TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(|error| {
            AwsError::BadCredentials(format!("The TLS client cannot be set up: {error}"))
        })?;
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(tls.clone())
            .build()
    });
    Ok(SharedHttpClient::new(Limited(client)))
}

/// An endpoint of AWS, which stands for all of them as far as NO_PROXY is concerned.
const ANY_ENDPOINT: &str = "https://sts.amazonaws.com";

/// An HTTP client whose responses are limited.
#[derive(Debug)]
struct Limited(SharedHttpClient);

impl HttpClient for Limited {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
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
        let response = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut response = response.await?;
            let is_success = response.status().is_success();
            let body = response.body_mut();
            *body = whole(std::mem::replace(body, SdkBody::taken()), is_success).await;
            Ok(response)
        })
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

/// The body, once all of it is here. Where it is too large or incomplete, reading it gives that error.
async fn whole(body: SdkBody, is_success: bool) -> SdkBody {
    let body = http_body_util::Limited::new(body, MAX_RESPONSE);
    let read = match body.collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(TooLarge.into()),
        Err(error) => Err(error),
    };
    let checked = read.and_then(|bytes| match truncated(&bytes, is_success) {
        Some(error) => Err(BoxError::from(error)),
        None => Ok(bytes),
    });
    match checked {
        Ok(bytes) => SdkBody::from(bytes),
        Err(error) => {
            let failing = futures_util::stream::iter([Err::<Frame<Bytes>, _>(error)]);
            SdkBody::from_body_1_x(StreamBody::new(failing))
        }
    }
}

/// What a body is cut off in, if it is. The parsers of the SDK do not see it: aws-smithy-xml takes the end of the text
/// for the end of the document, and what is missing becomes an empty value.
///
/// The root element of every XML response of STS and IAM has a name that ends with `Response` ("Query requests" and
/// "Common errors" in their API references). An error page in HTML is not theirs, and is judged by its status.
fn truncated(body: &[u8], is_success: bool) -> Option<Truncated> {
    let body = body.trim_ascii();
    match body.first()? {
        b'<' if body.ends_with(b"Response>") => None,
        b'<' if !is_success && is_html(body) => None,
        b'<' => Some(Truncated("XML")),
        b'{' => {
            let parsed = serde_json::from_slice::<IgnoredAny>(body);
            parsed.is_err().then_some(Truncated("JSON"))
        }
        _ => None,
    }
}

fn is_html(body: &[u8]) -> bool {
    let starts = |tag: &[u8]| {
        let start = body.get(..tag.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    starts(b"<!doctype html") || starts(b"<html")
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn a_response_is_read_up_to_the_limit() {
        let body = async |length| {
            let body = SdkBody::from_body_1_x(Full::from(vec![b'x'; length]));
            whole(body, true).await.collect().await
        };
        let read = body(MAX_RESPONSE).await.unwrap().to_bytes();
        assert_eq!(read.len(), MAX_RESPONSE);
        let error = body(MAX_RESPONSE + 1).await.unwrap_err();
        assert!(error.is::<TooLarge>(), "{error:?}");
        assert_eq!(error.to_string(), "the response is larger than 4 MiB");
    }

    #[tokio::test]
    async fn a_response_that_is_cut_off_is_an_error() {
        let read = async |text: &'static str, is_success| {
            let read = whole(SdkBody::from(text), is_success).await.collect().await;
            read.map(|read| read.to_bytes())
                .map_err(|error| error.to_string())
        };
        for (text, is_success) in [
            ("", true),
            ("an-instance-role", true),
            ("{}\n", true),
            ("<GetRoleResponse><a/></GetRoleResponse>\n", true),
            ("<ErrorResponse><Error/></ErrorResponse>", false),
            ("<!DOCTYPE html><title>Blocked", false),
            ("<HTML>Blocked</HTML>", false),
        ] {
            assert_eq!(read(text, is_success).await.unwrap(), text);
        }
        for (text, is_success, of) in [
            ("<GetRoleResponse><GetRoleResult><Role>", true, "XML"),
            ("<ErrorResponse><Error><Code>Acc", false, "XML"),
            ("<html>Sign in</html>", true, "XML"),
            ("{\"cluster\": {\"status\": \"ACT", true, "JSON"),
        ] {
            let error = read(text, is_success).await.unwrap_err();
            assert!(
                error.starts_with("the response is incomplete") && error.ends_with(of),
                "{error}"
            );
        }
    }
}
