//! AutoMTLS: one client is accepted, and no other.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme, SupportedProtocolVersion};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::plugin::{ClientIdentity, Plugin, authenticated, connect, connect_plainly, ping, tls};

/// Returns whether a client gets a response. In TLS 1.3, a client connects before it is refused.
async fn is_accepted(plugin: &Plugin, config: ClientConfig) -> bool {
    match connect(plugin.address(), config).await {
        Ok(channel) => ping(channel).await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn only_the_client_with_the_certificate_and_its_key_is_accepted() {
    let client = ClientIdentity::new();
    let plugin = Plugin::with_tls(&client);

    let other = ClientIdentity::new();
    assert!(!is_accepted(&plugin, authenticated(&plugin, &other)).await);

    let anonymous = tls(plugin.certificate()).with_no_client_auth();
    assert!(!is_accepted(&plugin, anonymous).await);

    let thief = Arc::new(Thief {
        certificate: client.certificate.clone(),
        key: other.key(),
    });
    let thief = tls(plugin.certificate()).with_client_cert_resolver(thief);
    assert!(!is_accepted(&plugin, thief).await);

    let plain = match connect_plainly(plugin.address()).await {
        Ok(channel) => ping(channel).await.is_ok(),
        Err(_) => false,
    };
    assert!(!plain);

    // The server still works.
    let channel = connect(plugin.address(), authenticated(&plugin, &client)).await;
    assert_eq!(ping(channel.unwrap()).await.unwrap(), ServingStatus::Serving);
}

#[tokio::test]
async fn clients_of_tls_1_2_are_verified_too() {
    let client = ClientIdentity::new();
    let plugin = Plugin::with_tls(&client);
    assert!(is_accepted(&plugin, tls_1_2(&plugin, &client)).await);
    assert!(!is_accepted(&plugin, tls_1_2(&plugin, &ClientIdentity::new())).await);
}

fn tls_1_2(plugin: &Plugin, client: &ClientIdentity) -> ClientConfig {
    let versions: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(plugin.certificate()).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![client.certificate.clone()], client.key())
        .unwrap()
}

/// Presents a certificate without its key.
#[derive(Debug)]
struct Thief {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl ResolvesClientCert for Thief {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let key = rustls::crypto::aws_lc_rs::sign::any_ecdsa_type(&self.key).unwrap();
        let certificate = vec![self.certificate.clone()];
        Some(Arc::new(CertifiedKey::new(certificate, key)))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
