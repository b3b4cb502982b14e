//! Why a TLS connection failed.

use std::error::Error;
use std::fmt;

use rustls::{AlertDescription, CertificateError, PeerIncompatible};

use super::causes;

/// Why a TLS connection failed. Each variant has its own fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFailure {
    /// The server's certificate has expired.
    Expired,
    /// The server's certificate is not valid yet.
    NotValidYet,
    /// The server's certificate is for another host name.
    OtherName,
    /// This machine does not trust the issuer of the server's certificate.
    UnknownIssuer,
    /// The certificate cannot be used for another reason.
    Certificate,
    /// The server supports neither TLS 1.2 nor TLS 1.3.
    Version,
    /// The server requires a client certificate.
    ClientCertificate,
    /// The server does not speak TLS.
    NoTls,
    /// Anything else.
    Other,
}

impl TlsFailure {
    /// Returns why a connection failed. `None` if TLS was not the cause.
    pub(crate) fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        causes(error)
            .find_map(|cause| cause.downcast_ref::<rustls::Error>())
            .map(Self::from)
    }

    /// Returns whether the server's certificate is the cause.
    pub(crate) fn is_certificate(self) -> bool {
        use TlsFailure as F;
        matches!(
            self,
            F::Expired | F::NotValidYet | F::OtherName | F::UnknownIssuer | F::Certificate
        )
    }

    /// Returns how to fix it. `authority` is an imperative that says how to make this client trust an authority.
    pub(crate) fn next_step(self, authority: &str) -> String {
        match self {
            Self::Expired => "Renew the certificate of the server, or of the proxy that intercepts TLS, \
                and check the clock of this machine."
                .to_owned(),
            Self::NotValidYet => {
                "Check the clock of this machine, and the date from which the certificate is valid.".to_owned()
            }
            Self::OtherName => "Check the host name in the URL. If it is right, the server needs a \
                certificate for that name."
                .to_owned(),
            Self::UnknownIssuer => format!(
                "If the server, or a proxy that intercepts TLS, has a certificate of a private CA, \
                 {authority}."
            ),
            Self::Certificate => "Replace the certificate of the server, or of the proxy that intercepts \
                TLS."
                .to_owned(),
            Self::Version => "Enable TLS 1.2 or TLS 1.3 on the server, or on the proxy that intercepts TLS.".to_owned(),
            Self::ClientCertificate => {
                "Client certificates are not supported here. Use an address that does not require one.".to_owned()
            }
            Self::NoTls => "The URL begins with https://, but the server speaks plain HTTP or another \
                protocol at that host and port. Correct the port or the scheme."
                .to_owned(),
            Self::Other => {
                "Check that the server, or the proxy that intercepts TLS, supports TLS 1.2 or TLS 1.3.".to_owned()
            }
        }
    }
}

impl From<&rustls::Error> for TlsFailure {
    fn from(error: &rustls::Error) -> Self {
        use CertificateError as Certificate;
        match error {
            rustls::Error::InvalidCertificate(why) => match why {
                Certificate::Expired | Certificate::ExpiredContext { .. } => Self::Expired,
                Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => Self::NotValidYet,
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => Self::OtherName,
                // A bad signature: another authority with the same name is trusted.
                Certificate::UnknownIssuer | Certificate::BadSignature => Self::UnknownIssuer,
                // The error of webpki for a self-signed certificate that is not trusted.
                Certificate::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => Self::UnknownIssuer,
                _ => Self::Certificate,
            },
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
            | rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::Version,
            rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => Self::ClientCertificate,
            rustls::Error::InvalidMessage(_) => Self::NoTls,
            _ => Self::Other,
        }
    }
}

/// A clause about "the server".
impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the server's TLS certificate has expired",
            Self::NotValidYet => "the server's TLS certificate is not valid yet",
            Self::OtherName => "the server's TLS certificate is for another host name",
            Self::UnknownIssuer => "the issuer of the server's TLS certificate is not trusted",
            Self::Certificate => "the server's TLS certificate cannot be used",
            Self::Version => "the server supports neither TLS 1.2 nor TLS 1.3",
            Self::ClientCertificate => "the server requires a TLS client certificate",
            Self::NoTls => "the server does not speak TLS",
            Self::Other => "the TLS handshake failed",
        })
    }
}
