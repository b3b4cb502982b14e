//! What follows from the API's URL alone: which installation of the Orchestrator it is, and what that one publishes.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

/// The API of Humanitec's SaaS, which is used where no other URL is set.
pub(super) const SAAS_URL: &str = "https://api.humanitec.dev";

/// What is known of an installation of the Orchestrator by the URL of its API.
///
/// Only the SaaS publishes anything. Whoever runs an installation of their own chooses its issuer, its addresses and
/// its image, and the API returns none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Installation {
    /// The issuer of the OIDC tokens, without a slash at its end.
    pub oidc_issuer: Option<&'static str>,
    /// The addresses that it calls clusters from. Empty where none are published.
    pub source_addresses: &'static [&'static str],
    /// The image of the runners' Jobs, with a tag.
    pub runner_image: Option<&'static str>,
}

impl Installation {
    /// Humanitec's SaaS.
    ///
    /// Issuer and addresses: Humanitec's documentation of kubernetes-eks runners and of its source IP addresses.
    /// Image: the SaaS runs `ghcr.io/humanitec/humanitec-runner` with a release as its tag, and does not publish which
    /// one is in use. The tag is the newest release that public Dockerfiles were built on when this was written: a
    /// fixed version, as admission policies often refuse an image without a tag or with `latest`.
    pub const SAAS: Self = Self {
        oidc_issuer: Some("https://oidc.humanitec.dev"),
        source_addresses: &["35.198.140.114", "35.246.198.96"],
        runner_image: Some("ghcr.io/humanitec/humanitec-runner:v1.10.3"),
    };

    /// The installation whose API has this URL. It is the SaaS only under the SaaS's own host name over HTTPS; nothing
    /// is known of any other.
    #[must_use]
    pub fn at(api_url: &Url) -> Self {
        let saas = Url::parse(SAAS_URL);
        if saas.is_ok_and(|saas| saas.origin() == api_url.origin()) {
            Self::SAAS
        } else {
            Self::default()
        }
    }

    /// The published addresses as ranges of one address each.
    #[must_use]
    pub fn source_cidrs(&self) -> Vec<IpNet> {
        let addresses = self.source_addresses.iter();
        let parsed = addresses.filter_map(|text| text.parse::<IpAddr>().ok());
        parsed.map(IpNet::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_saas_brings_an_issuer_addresses_and_an_image() {
        for url in [
            "https://api.humanitec.dev",
            "https://api.humanitec.dev/",
            "https://API.humanitec.dev:443/some/path",
        ] {
            assert_eq!(Installation::at(&url.parse().unwrap()), Installation::SAAS);
        }
        for url in [
            "http://api.humanitec.dev",
            "https://api.humanitec.dev:8443",
            "https://api.humanitec.io",
            "https://api.humanitec.dev.example.com",
            "https://po.example.com/api.humanitec.dev",
            "http://localhost:8080",
        ] {
            let other = Installation::at(&url.parse().unwrap());
            assert_eq!(other, Installation::default(), "{url}");
            assert_eq!(other.oidc_issuer, None);
            assert!(other.source_addresses.is_empty() && other.runner_image.is_none());
        }
    }
}
