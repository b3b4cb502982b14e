//! The HTTP client for AWS, and the certificates and proxies that the environment asks for.

use std::env;
use std::fs;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::error::AwsError;

/// The certificates of the file that `AWS_CA_BUNDLE` names: the authorities that are trusted in
/// place of the system's, as the other AWS SDKs do.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub(crate) fn ca_bundle() -> Result<Option<Vec<u8>>, AwsError> {
    let Some(path) = env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let named = format!("AWS_CA_BUNDLE names {}", path.display());
    let pem = fs::read(&path).map_err(|error| {
        AwsError::BadCredentials(format!("{named}, which cannot be read: {error}"))
    })?;
    match certificates(&pem) {
        Ok(found) if !found.is_empty() => Ok(Some(pem)),
        Ok(_) => Err(AwsError::BadCredentials(format!(
            "{named}, which holds no certificate"
        ))),
        Err(error) => Err(AwsError::BadCredentials(format!(
            "{named}, which is no PEM file: {error}"
        ))),
    }
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

/// A client that obeys `HTTPS_PROXY`, `NO_PROXY` and the bundle. The SDK's default one does
/// neither.
pub(super) fn client(ca_bundle: Option<Vec<u8>>) -> Result<SharedHttpClient, AwsError> {
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
    Ok(
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
            connector
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .tls_context(tls.clone())
                .build()
        }),
    )
}
