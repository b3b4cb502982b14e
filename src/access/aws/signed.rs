//! Signed requests to S3 and KMS.
//!
//! They are made without clients of the SDK, which would add megabytes to the binary for a handful of requests. They pass the SDK's
//! own orchestrator instead, with the connections, timeouts, retries, and response limit of all other calls.

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;

use super::error::AwsError;

/// The value of the header `User-Agent`.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// A service that is called without a client of the SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignedService {
    /// Amazon S3.
    S3,
    /// AWS Key Management Service.
    Kms,
}

impl SignedService {
    /// Returns the name in the signature, which is also the start of the host names.
    fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Kms => "kms",
        }
    }

    /// Returns the name of the service in settings such as `AWS_ENDPOINT_URL_S3`.
    fn id(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Kms => "KMS",
        }
    }
}

/// The endpoint of a service in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The host of AWS's own endpoint.
    Host(String),
    /// The URL that the environment or the profile sets.
    Configured(String),
}

impl Endpoint {
    /// Returns the endpoint of a service in a region, in any partition: of FIPS or dual stack if the configuration has
    /// them, and the one that it sets if it sets one.
    ///
    /// # Errors
    /// If the region has no endpoint of this kind.
    pub(super) async fn find(
        config: &SdkConfig,
        service: SignedService,
        region: &str,
        action: &'static str,
    ) -> Result<Self, AwsError> {
        if let Some(url) = configured(config, service) {
            return Ok(Self::Configured(url.trim_end_matches('/').to_owned()));
        }
        let dual_stack = config.use_dual_stack().unwrap_or(false);
        let fips = match config.use_fips() {
            Some(true) => "-fips",
            _ => "",
        };
        let name = service.name();
        let unknown = |message: String| AwsError::Unreachable { action, message };
        Ok(Self::Host(match (service, dual_stack) {
            // "Amazon S3 endpoints" in the AWS general reference: the dual-stack endpoints have the suffix of the others.
            (SignedService::S3, true) => {
                let suffix = dns_suffix(region, false).await.map_err(unknown)?;
                format!("{name}{fips}.dualstack.{region}.{suffix}")
            }
            (_, dual_stack) => {
                let suffix = dns_suffix(region, dual_stack).await.map_err(unknown)?;
                format!("{name}{fips}.{region}.{suffix}")
            }
        }))
    }
}

/// Returns the endpoint that the environment or the profile sets for a service, or for all, as the SDK's clients find it.
fn configured(config: &SdkConfig, service: SignedService) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service.id())
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let of_service = config.service_config().and_then(|settings| settings.load_config(key));
    of_service.or_else(|| config.endpoint_url().map(ToOwned::to_owned))
}

/// Returns the DNS suffix of a region's partition, such as `amazonaws.com`, from the SDK's rules for STS.
///
/// # Errors
/// Why the partition has none of this kind.
pub(crate) async fn dns_suffix(region: &str, dual_stack: bool) -> Result<String, String> {
    let parameters = Params::builder()
        .region(region)
        .use_dual_stack(dual_stack)
        .build()
        .map_err(|error| error.to_string())?;
    let endpoint = DefaultResolver::new()
        .resolve_endpoint(&parameters)
        .await
        .map_err(|error| error.to_string())?;
    let suffix = endpoint
        .url()
        .trim_end_matches('/')
        .strip_prefix(&format!("https://sts.{region}."))
        .map(ToOwned::to_owned);
    suffix.ok_or_else(|| format!("the region {region:?} has no regional endpoints"))
}

/// A request before it is signed.
#[derive(Debug, Clone)]
pub(super) struct SignedRequest {
    /// The service.
    pub(super) service: SignedService,
    /// The region of the signature.
    pub(super) region: String,
    /// The name of the operation.
    pub(super) operation: &'static str,
    /// The scheme and the host, with a path if the endpoint has one.
    pub(super) endpoint: String,
    /// `GET`, `HEAD`, or `POST`.
    pub(super) method: &'static str,
    /// The path and the query. It needs no more escapes.
    pub(super) path: String,
    /// Headers besides the signature's.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub(super) body: String,
}

/// A response of S3 or KMS.
#[derive(Debug)]
pub(super) struct RawResponse<'a> {
    /// The HTTP status.
    pub(super) status: u16,
    /// The bucket's region, from the header `x-amz-bucket-region`.
    pub(super) bucket_region: Option<&'a str>,
    /// The body.
    pub(super) body: &'a str,
}

/// The error of a service, with its code and message.
#[derive(Debug)]
pub(super) struct ServiceError(ErrorMetadata);

impl ServiceError {
    /// Returns an error with this code and message. The code is empty if the response has none.
    pub(super) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let metadata = ErrorMetadata::builder().code(code).message(message);
        Self(metadata.build())
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for ServiceError {}

impl ProvideErrorMetadata for ServiceError {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// Reads a response.
pub(super) type Reader<T> = fn(&RawResponse<'_>) -> Result<T, ServiceError>;

/// Sends a request with the configuration's connections, timeouts, and retries. Each attempt has a signature of its own.
///
/// # Errors
/// The error of the connection, or the one that `read` returns.
pub(super) async fn send<T>(
    config: SdkConfig,
    credentials: Credentials,
    request: SignedRequest,
    read: Reader<T>,
) -> Result<T, SdkError<ServiceError, Response>>
where
    T: fmt::Debug + Send + Sync + 'static,
{
    let disabled = TimeoutConfig::disabled;
    let retries = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let mut operation = Operation::builder()
        .service_name(request.service.name())
        .operation_name(request.operation)
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&request.endpoint)
        .no_auth()
        .interceptor(RequestSignature {
            credentials,
            service: request.service,
            region: request.region.clone(),
        })
        .standard_retry(&retries)
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<ServiceError>::new())
        .timeout_config(config.timeout_config().cloned().unwrap_or_else(disabled));
    if let Some(client) = config.http_client() {
        operation = operation.http_client(client);
    }
    if let Some(sleep) = config.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    if let Some(time) = config.time_source() {
        operation = operation.time_source(time);
    }
    operation
        .serializer(serialize)
        .deserializer(move |response: &Response| {
            let body = response.body().bytes().unwrap_or_default();
            read(&RawResponse {
                status: response.status().as_u16(),
                bucket_region: response.headers().get("x-amz-bucket-region"),
                body: std::str::from_utf8(body).unwrap_or_default(),
            })
            .map_err(OrchestratorError::operation)
        })
        .build()
        .invoke(request)
        .await
}

/// Returns the HTTP request without its endpoint and its signature.
fn serialize(request: SignedRequest) -> Result<HttpRequest, BoxError> {
    let mut http = HttpRequest::new(SdkBody::from(request.body));
    http.set_method(request.method)?;
    http.set_uri(request.path)?;
    http.headers_mut().insert("user-agent", USER_AGENT);
    for (name, value) in request.headers {
        http.headers_mut().insert(name, value);
    }
    Ok(http)
}

/// Signs each attempt of a request.
#[derive(Debug)]
struct RequestSignature {
    credentials: Credentials,
    service: SignedService,
    region: String,
}

impl Intercept for RequestSignature {
    fn name(&self) -> &'static str {
        "RequestSignature"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let identity = self.credentials.clone().into();
        let mut settings = SigningSettings::default();
        if self.service == SignedService::S3 {
            // "Signature Version 4 signing" of S3: the path is encoded once, and the checksum of the body is a header.
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service.name())
            .time(SystemTime::now())
            .settings(settings)
            .build()?
            .into();
        let request = context.request_mut();
        let signable = SignableRequest::new(
            request.method(),
            request.uri(),
            request.headers().iter(),
            SignableBody::Bytes(request.body().bytes().unwrap_or_default()),
        )?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let headers: Vec<(String, String)> = instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_partition_has_its_own_suffix() {
        for (region, suffix) in [
            ("us-east-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("eusc-de-east-1", "amazonaws.eu"),
        ] {
            assert_eq!(dns_suffix(region, false).await.as_deref(), Ok(suffix));
        }
        assert_eq!(dns_suffix("eu-west-1", true).await.as_deref(), Ok("api.aws"));
    }

    #[tokio::test]
    async fn fips_and_dual_stack_have_their_own_hosts() {
        for (service, fips, dual_stack, host) in [
            (SignedService::S3, false, false, "s3.us-east-1.amazonaws.com"),
            (SignedService::S3, true, false, "s3-fips.us-east-1.amazonaws.com"),
            (SignedService::S3, false, true, "s3.dualstack.us-east-1.amazonaws.com"),
            (
                SignedService::S3,
                true,
                true,
                "s3-fips.dualstack.us-east-1.amazonaws.com",
            ),
            (SignedService::Kms, true, false, "kms-fips.us-east-1.amazonaws.com"),
            (SignedService::Kms, false, true, "kms.us-east-1.api.aws"),
        ] {
            let config = SdkConfig::builder().use_fips(fips).use_dual_stack(dual_stack).build();
            let found = Endpoint::find(&config, service, "us-east-1", "s3:ListBucket").await;
            assert_eq!(found, Ok(Endpoint::Host(host.to_owned())));
        }
        let config = SdkConfig::builder().endpoint_url("https://s3.example/").build();
        let found = Endpoint::find(&config, SignedService::S3, "us-east-1", "s3:ListBucket").await;
        assert_eq!(found, Ok(Endpoint::Configured("https://s3.example".to_owned())));
    }
}
