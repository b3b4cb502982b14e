//! The bearer token that EKS accepts: a presigned `sts:GetCallerIdentity` for one cluster.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

use super::error::AwsError;

/// The prefix of EKS's tokens.
const PREFIX: &str = "k8s-aws-v1.";
/// The value that aws-iam-authenticator expects for `X-Amz-Expires`. The token itself is valid for 15 minutes.
const EXPIRES: Duration = Duration::from_secs(60);

/// Returns the token of these credentials for the cluster, with the STS of the region.
///
/// # Errors
/// If the region has no STS, or if the credentials cannot sign.
pub(super) async fn token(
    credentials: Credentials,
    region: &str,
    cluster: &str,
    now: SystemTime,
) -> Result<SecretString, AwsError> {
    let unusable = |error: String| AwsError::BadCredentials(format!("The cluster's token cannot be created: {error}"));
    let host = sts_endpoint(region).await?;
    let url = format!("{host}/?Action=GetCallerIdentity&Version=2011-06-15");

    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| unusable(error.to_string()))?
        .into();
    let header = ("x-k8s-aws-id", cluster);
    let signable = SignableRequest::new("GET", &url, [header].into_iter(), SignableBody::Bytes(&[]))
        .map_err(|error| unusable(error.to_string()))?;
    let (instructions, _) = sign(signable, &parameters)
        .map_err(|error| unusable(error.to_string()))?
        .into_parts();

    let mut request = http::Request::get(&url)
        .header(header.0, header.1)
        .body(())
        .map_err(|error| unusable(error.to_string()))?;
    instructions.apply_to_request_http1x(&mut request);
    let presigned = request.uri().to_string();
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(presigned)).into())
}

/// Returns the regional endpoint of STS, in any partition.
async fn sts_endpoint(region: &str) -> Result<String, AwsError> {
    let unknown = |error: String| AwsError::Unreachable {
        action: "sts:GetCallerIdentity",
        message: format!("the region {region:?} has no STS endpoint: {error}"),
    };
    let parameters = Params::builder()
        .region(region)
        .build()
        .map_err(|error| unknown(error.to_string()))?;
    let endpoint = DefaultResolver::new()
        .resolve_endpoint(&parameters)
        .await
        .map_err(|error| unknown(error.to_string()))?;
    Ok(endpoint.url().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn the_token_is_a_presigned_url_bound_to_the_cluster() {
        let session = Some("session/token+=".to_owned());
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", session, None, "test");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let token = token(credentials, "eu-central-1", "my-cluster", now).await.unwrap();
        assert!(!format!("{token:?}").contains("k8s-aws"));
        let encoded = token.expose_secret().strip_prefix(PREFIX).unwrap();
        let decoded = URL_SAFE_NO_PAD.decode(encoded).unwrap();
        let url: url::Url = String::from_utf8(decoded).unwrap().parse().unwrap();
        assert_eq!(url.host_str(), Some("sts.eu-central-1.amazonaws.com"));
        assert_eq!(url.path(), "/");
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let parameters: Vec<_> = query.keys().map(String::as_str).collect();
        assert_eq!(
            parameters,
            [
                "Action",
                "Version",
                "X-Amz-Algorithm",
                "X-Amz-Credential",
                "X-Amz-Date",
                "X-Amz-Expires",
                "X-Amz-Security-Token",
                "X-Amz-Signature",
                "X-Amz-SignedHeaders",
            ]
        );
        assert_eq!(query["Action"], "GetCallerIdentity");
        assert_eq!(query["X-Amz-Expires"], "60");
        assert_eq!(query["X-Amz-SignedHeaders"], "host;x-k8s-aws-id");
        assert_eq!(query["X-Amz-Security-Token"], "session/token+=");
        assert_eq!(
            query["X-Amz-Credential"],
            "AKIDEXAMPLE/20270115/eu-central-1/sts/aws4_request"
        );
    }

    #[tokio::test]
    async fn every_partition_has_its_own_sts() {
        for (region, endpoint) in [
            ("us-east-1", "https://sts.us-east-1.amazonaws.com"),
            ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
            ("us-iso-east-1", "https://sts.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "https://sts.us-isob-east-1.sc2s.sgov.gov"),
            ("eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(sts_endpoint(region).await.unwrap(), endpoint);
        }
    }
}
