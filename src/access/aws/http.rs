//! The HTTP client for AWS, and the certificates and proxies that the environment asks for.

use std::env;
use std::fs;
use std::path::PathBuf;

use aws_config::profile::{ProfileFileLoadError, ProfileSet};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::error::AwsError;

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

/// The `ca_bundle` of a profile, or of the one that the environment chooses.
async fn of_profile(profile: Option<&str>) -> Option<PathBuf> {
    // That the files cannot be read is told by those who look for credentials in them.
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
