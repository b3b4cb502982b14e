//! AutoMTLS: one client is let in, and nobody else.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme, SupportedProtocolVersion};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::plugin::{Identity, Plugin, authenticated, connect, connect_plainly, ping, tls};

/// Whether a client gets an answer. In TLS 1.3 it connects before it learns that it is refused.
async fn is_let_in(plugin: &Plugin, config: ClientConfig) -> bool {
    match connect(&plugin.socket(), config).await {
        Ok(channel) => ping(channel).await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn the_right_client_is_let_in_and_no_other() {
    let client = Identity::new();
    let plugin = Plugin::with_tls(&client);

    let other = Identity::new();
    assert!(!is_let_in(&plugin, authenticated(&plugin, &other)).await);

    let anonymous = tls(plugin.certificate()).with_no_client_auth();
    assert!(!is_let_in(&plugin, anonymous).await);

    let thief = Arc::new(Thief {
        certificate: client.certificate.clone(),
        key: other.key(),
    });
    let thief = tls(plugin.certificate()).with_client_cert_resolver(thief);
    assert!(!is_let_in(&plugin, thief).await);

    let plain = match connect_plainly(&plugin.socket()).await {
        Ok(channel) => ping(channel).await.is_ok(),
        Err(_) => false,
    };
    assert!(!plain);

    // None of them has hurt the server.
    let channel = connect(&plugin.socket(), authenticated(&plugin, &client)).await;
    assert_eq!(
        ping(channel.unwrap()).await.unwrap(),
        ServingStatus::Serving
    );
}

#[tokio::test]
async fn a_client_of_tls_1_2_has_to_prove_itself_too() {
    let client = Identity::new();
    let plugin = Plugin::with_tls(&client);
    assert!(is_let_in(&plugin, tls_1_2(&plugin, &client)).await);
    assert!(!is_let_in(&plugin, tls_1_2(&plugin, &Identity::new())).await);
}

fn tls_1_2(plugin: &Plugin, client: &Identity) -> ClientConfig {
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

/// Shows a certificate without having its key.
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
