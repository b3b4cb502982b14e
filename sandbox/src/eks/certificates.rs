//! The cluster's certificates and keys, which are generated for each run.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use super::error::{Error, io};

/// A certificate and its key, as PEM files.
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The files of the API server and its clients.
pub(super) struct Certificates {
    /// The cluster's CA.
    pub(super) ca: PathBuf,
    /// The API server's certificate.
    pub(super) server: Pair,
    /// A client certificate of the group `system:masters`, for the sandbox itself.
    pub(super) administrator: Pair,
    /// The key pair that signs service account tokens.
    pub(super) service_account_key: PathBuf,
    pub(super) service_account_public_key: PathBuf,
}

impl Certificates {
    /// Writes all files to `directory`. The API server's names are 127.0.0.1 and `host`.
    pub(super) fn make(directory: &Path, host: &str) -> Result<Self, Error> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name = name("kubernetes", None);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let ca = write(directory, "ca.pem", &authority.pem())?;

        let mut server =
            CertificateParams::new(["127.0.0.1", "localhost", "kubernetes.default.svc", host].map(String::from))?;
        server.distinguished_name = name("kube-apiserver", None);
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server = issue(directory, "server", server, &authority)?;

        let mut administrator = CertificateParams::default();
        administrator.distinguished_name = name("sandbox", Some("system:masters"));
        administrator.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let administrator = issue(directory, "administrator", administrator, &authority)?;

        let service_account = KeyPair::generate()?;
        Ok(Self {
            ca,
            server,
            administrator,
            service_account_key: write(directory, "service-account.key", &service_account.serialize_pem())?,
            service_account_public_key: write(directory, "service-account.pub", &service_account.public_key_pem())?,
        })
    }
}

fn name(common_name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    name
}

fn issue(
    directory: &Path,
    file: &str,
    mut params: CertificateParams,
    authority: &CertifiedIssuer<'_, KeyPair>,
) -> Result<Pair, Error> {
    let key = KeyPair::generate()?;
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, authority)?;
    Ok(Pair {
        certificate: write(directory, &format!("{file}.pem"), &certificate.pem())?,
        key: write(directory, &format!("{file}.key"), &key.serialize_pem())?,
    })
}

fn write(directory: &Path, file: &str, content: &str) -> Result<PathBuf, Error> {
    let path = directory.join(file);
    fs::write(&path, content).map_err(io(format!("writing {}", path.display())))?;
    Ok(path)
}
