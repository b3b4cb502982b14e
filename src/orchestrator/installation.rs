//! What is known from the API's URL alone: which installation of the Orchestrator it is, and what it publishes.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use crate::product::{HUMANITEC, PRODUCTS, Product};

/// Returns the product whose own API is on the host of this URL, whatever the scheme, the port, and the path are. `None` if
/// the host is that of another installation.
pub(super) fn product_on_host(api_url: &Url) -> Option<&'static Product> {
    let host = host(api_url)?;
    PRODUCTS.into_iter().find(|product| product.own_host == host)
}

/// Returns the host of a URL. A dot at its end, which makes the name absolute, does not count.
fn host(url: &Url) -> Option<&str> {
    Some(url.host_str()?.trim_end_matches('.'))
}

/// The facts about an installation of the Orchestrator that follow from the URL of its API.
///
/// Only the SaaS publishes any. Every other installation has an issuer, addresses, and an image of its own, and the API
/// returns none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Installation {
    /// The issuer of the OIDC tokens, without a slash at the end.
    pub oidc_issuer: Option<&'static str>,
    /// The addresses from which it calls clusters. Empty if none are published.
    pub source_addresses: &'static [&'static str],
    /// The image of the runners' Jobs, with a tag.
    pub runner_image: Option<&'static str>,
}

impl Installation {
    /// Humanitec's SaaS.
    ///
    /// The issuer and the addresses are from Humanitec's documentation of kubernetes-eks runners and of its source IP
    /// addresses. The SaaS runs the image `ghcr.io/humanitec/humanitec-runner` with a release as its tag, and does not
    /// publish which one is in use. The tag here is the newest release that public Dockerfiles used when this was
    /// written. It is a fixed version because admission policies often refuse an image without a tag or with `latest`.
    pub const SAAS: Self = Self {
        oidc_issuer: Some("https://oidc.humanitec.dev"),
        source_addresses: &["35.198.140.114", "35.246.198.96"],
        runner_image: Some("ghcr.io/humanitec/humanitec-runner:v1.10.3"),
    };

    /// Returns the installation whose API has this URL. Only the SaaS's own host name over HTTPS is the SaaS; nothing
    /// is known about any other.
    #[must_use]
    pub fn from_api_url(api_url: &Url) -> Self {
        let place = |url: &Url| {
            let host = host(url).map(str::to_owned);
            (url.scheme().to_owned(), host, url.port_or_known_default())
        };
        let saas = HUMANITEC.default_url.and_then(|url| Url::parse(url).ok());
        if saas.is_some_and(|saas| place(&saas) == place(api_url)) {
            Self::SAAS
        } else {
            Self::default()
        }
    }

    /// Returns the published addresses, each as a range of one address.
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
    fn only_the_saas_has_an_issuer_addresses_and_an_image() {
        for url in [
            "https://api.humanitec.dev",
            "https://api.humanitec.dev/",
            "https://API.humanitec.dev:443/some/path",
            "https://api.humanitec.dev./",
        ] {
            assert_eq!(Installation::from_api_url(&url.parse().unwrap()), Installation::SAAS);
        }
        for url in [
            "http://api.humanitec.dev",
            "https://api.humanitec.dev:8443",
            "https://api.humanitec.io",
            "https://api.humanitec.dev.example.com",
            "https://po.example.com/api.humanitec.dev",
            "http://localhost:8080",
        ] {
            let other = Installation::from_api_url(&url.parse().unwrap());
            assert_eq!(other, Installation::default(), "{url}");
            assert_eq!(other.oidc_issuer, None);
            assert!(other.source_addresses.is_empty() && other.runner_image.is_none());
        }
    }
}
