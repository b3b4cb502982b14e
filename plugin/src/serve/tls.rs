//! AutoMTLS of go-plugin: both sides create a certificate for one run and pass it to the other one outside of the
//! connection. The server accepts that one client and no other.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};

use super::error::ServeError;

/// The server's certificate, which the handshake line contains, and the TLS configuration.
pub(super) struct ServerIdentity {
    /// The server's certificate.
    pub(super) certificate: CertificateDer<'static>,
    /// The TLS configuration, with the server's key and the certificate of the one client.
    pub(super) config: Arc<ServerConfig>,
}

impl ServerIdentity {
    /// Creates a key and a certificate for this run. `client_pem` is the client's certificate.
    ///
    /// # Errors
    /// Returns an error if `client_pem` does not contain a certificate, or if the key cannot be created.
    pub(super) fn new(client_pem: &[u8]) -> Result<Self, ServeError> {
        let client = parse(client_pem)?;
        let key = rcgen::KeyPair::generate()?;
        // The name that the client of go-plugin expects.
        let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])?
            .self_signed(&key)?
            .der()
            .clone();

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(OneClient {
                certificate: client,
                provider,
            }))
            .with_single_cert(
                vec![certificate.clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        // A run has one connection, so there are no sessions to resume.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            certificate,
            config: Arc::new(config),
        })
    }
}

fn parse(pem: &[u8]) -> Result<CertificateDer<'static>, ServeError> {
    let unreadable = |reason: &dyn fmt::Display| ServeError::ClientCertificate {
        reason: reason.to_string(),
    };
    let certificate = CertificateDer::from_pem_slice(pem).map_err(|error| unreadable(&error))?;
    ParsedCertificate::try_from(&certificate).map_err(|error| unreadable(&error))?;
    Ok(certificate)
}

/// Accepts the client with exactly this certificate, if it has the certificate's key.
///
/// The usual verification is not possible: the client certificate of go-plugin is its own authority, which webpki
/// refuses for a leaf certificate. The comparison of the whole certificate is stricter than any chain.
#[derive(Debug)]
struct OneClient {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for OneClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *end_entity == self.certificate {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_not_certificates_are_refused_with_a_reason() {
        for text in [
            "certificate",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            let Err(error) = ServerIdentity::new(text.as_bytes()) else {
                panic!("took {text:?}");
            };
            assert!(error.to_string().contains("PLUGIN_CLIENT_CERT"), "{error}");
        }
    }
}
