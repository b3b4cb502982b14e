//! The calls of S3: where a bucket is, its policy, and the key that encrypts its objects.

use std::sync::Arc;

use aws_config::SdkConfig;
use serde_json::Value;

use super::error::AwsError;
use super::signed::{Endpoint, RawResponse, Reader, ServiceError, SignedRequest, SignedService, send};
use super::{Aws, AwsCall, Service, credentials};

/// A bucket that exists.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// The bucket's region.
    pub(crate) region: String,
}

/// The policy of a bucket.
#[derive(Debug)]
pub(crate) enum BucketPolicy {
    /// The bucket has none.
    None,
    /// The policy.
    Document(Value),
    /// The bucket belongs to an account other than the caller's, from which nobody can read it.
    OfAnotherAccount,
}

/// The key that encrypts the bucket's new objects by default.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DefaultKey {
    /// A key of S3 itself, which needs no permission.
    SseS3,
    /// The account's key `aws/s3` in KMS, which is managed by AWS.
    ManagedByAws,
    /// A KMS key: its ID, ARN, or alias.
    Kms(String),
}

/// The path and query of a bucket's subresource, and the action that reads it.
struct Subresource {
    action: &'static str,
    operation: &'static str,
    method: &'static str,
    query: &'static str,
}

impl Aws {
    /// Returns a bucket and its region. `region` is any region of the bucket's partition. The caller needs no permission.
    pub(crate) fn bucket(self: &Arc<Self>, region: &str, bucket: &str) -> AwsCall<Bucket> {
        const HEAD: Subresource = Subresource {
            action: "s3:ListBucket",
            operation: "HeadBucket",
            method: "HEAD",
            query: "",
        };
        let (aws, key) = (Arc::clone(self), (region.to_owned(), bucket.to_owned()));
        self.buckets.call(key.clone(), Result::is_ok, || async move {
            let found = aws.read_bucket(&key.0, &key.1, &HEAD, located);
            Ok(Arc::new(found.await?))
        })
    }

    /// Returns the policy of a bucket in a region.
    pub(crate) fn bucket_policy(self: &Arc<Self>, region: &str, bucket: &str) -> AwsCall<BucketPolicy> {
        const POLICY: Subresource = Subresource {
            action: "s3:GetBucketPolicy",
            operation: "GetBucketPolicy",
            method: "GET",
            query: "?policy",
        };
        let (aws, key) = (Arc::clone(self), (region.to_owned(), bucket.to_owned()));
        self.bucket_policies.call(key.clone(), Result::is_ok, || async move {
            let found = aws.read_bucket(&key.0, &key.1, &POLICY, policy);
            Ok(Arc::new(found.await?))
        })
    }

    /// Returns the key that encrypts the new objects of a bucket in a region.
    pub(crate) fn bucket_key(self: &Arc<Self>, region: &str, bucket: &str) -> AwsCall<DefaultKey> {
        const ENCRYPTION: Subresource = Subresource {
            action: "s3:GetEncryptionConfiguration",
            operation: "GetBucketEncryption",
            method: "GET",
            query: "?encryption",
        };
        let (aws, key) = (Arc::clone(self), (region.to_owned(), bucket.to_owned()));
        self.bucket_keys.call(key.clone(), Result::is_ok, || async move {
            let found = aws.read_bucket(&key.0, &key.1, &ENCRYPTION, default_key);
            Ok(Arc::new(found.await?))
        })
    }

    /// Reads a subresource of a bucket.
    async fn read_bucket<T>(
        self: &Arc<Self>,
        region: &str,
        bucket: &str,
        what: &Subresource,
        read: Reader<T>,
    ) -> Result<T, AwsError>
    where
        T: std::fmt::Debug + Send + Sync + 'static,
    {
        let config = self.caller(region).await?;
        let credentials = credentials::credentials(&config).await?;
        let (endpoint, path) = address(&config, region, bucket, what.action).await?;
        let request = SignedRequest {
            service: SignedService::S3,
            region: region.to_owned(),
            operation: what.operation,
            endpoint,
            method: what.method,
            path: format!("{path}{}", what.query),
            headers: Vec::new(),
            body: String::new(),
        };
        let call = move || send(config.clone(), credentials.clone(), request.clone(), read);
        self.paced(Service::S3, what.action, call).await
    }
}

/// Returns the endpoint and the path of a bucket: virtual-hosted style, or path style where the bucket's name cannot be
/// part of a host name that S3's certificates cover ("Virtual hosting of buckets" in the S3 user guide), or where the endpoint is
/// configured and might have no names of buckets.
async fn address(
    config: &SdkConfig,
    region: &str,
    bucket: &str,
    action: &'static str,
) -> Result<(String, String), AwsError> {
    Ok(match Endpoint::find(config, SignedService::S3, region, action).await? {
        Endpoint::Host(host) if is_host_label(bucket) => (format!("https://{bucket}.{host}"), "/".to_owned()),
        Endpoint::Host(host) => (format!("https://{host}"), format!("/{bucket}")),
        Endpoint::Configured(url) => (url, format!("/{bucket}")),
    })
}

/// Returns whether a bucket's name can be one label of a host name. A name with dots would be several, which a wildcard
/// certificate does not cover.
fn is_host_label(bucket: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| is_plain(b) || b == b'-')
        && bucket.as_bytes().first().copied().is_some_and(is_plain)
        && bucket.as_bytes().last().copied().is_some_and(is_plain)
}

/// Reads the response of HeadBucket, which has no body. Each response about an existing bucket names its region: 200, 403 for a
/// caller without permission, 301 for a bucket in another region, and 400 for a signature of another region
/// (botocore/utils.py, `S3RegionRedirectorv2`).
fn located(response: &RawResponse<'_>) -> Result<Bucket, ServiceError> {
    match (response.status, response.bucket_region) {
        (404, _) => Err(ServiceError::new("NoSuchBucket", "The bucket does not exist")),
        (200..=403, Some(region)) if !region.is_empty() => Ok(Bucket {
            region: region.to_owned(),
        }),
        (403, _) => Err(ServiceError::new("AccessDenied", "Forbidden")),
        // "Error responses" in the API reference of S3: the status of SlowDown.
        (503, _) => Err(ServiceError::new("SlowDown", "Reduce your request rate")),
        _ => Err(ServiceError::new("", "")),
    }
}

fn policy(response: &RawResponse<'_>) -> Result<BucketPolicy, ServiceError> {
    if response.status == 200 {
        let document = serde_json::from_str(response.body);
        return document
            .map(BucketPolicy::Document)
            .map_err(|error| ServiceError::new("", error.to_string()));
    }
    match error(response.body) {
        (code, _) if code == "NoSuchBucketPolicy" => Ok(BucketPolicy::None),
        // "GetBucketPolicy" in the API reference: 405 for a caller of another account that has the permission.
        (code, _) if code == "MethodNotAllowed" => Ok(BucketPolicy::OfAnotherAccount),
        (code, message) => Err(ServiceError::new(code, message)),
    }
}

fn default_key(response: &RawResponse<'_>) -> Result<DefaultKey, ServiceError> {
    if response.status != 200 {
        return match error(response.body) {
            // Since 2023, S3 encrypts every object with a key of its own unless the bucket says otherwise.
            (code, _) if code == "ServerSideEncryptionConfigurationNotFoundError" => Ok(DefaultKey::SseS3),
            (code, message) => Err(ServiceError::new(code, message)),
        };
    }
    match element(response.body, "SSEAlgorithm") {
        Some(algorithm) if algorithm.starts_with("aws:kms") => {
            let key = element(response.body, "KMSMasterKeyID");
            Ok(key.map_or(DefaultKey::ManagedByAws, DefaultKey::Kms))
        }
        Some(_) => Ok(DefaultKey::SseS3),
        None => Err(ServiceError::new("", "the response has no SSEAlgorithm")),
    }
}

/// Returns the code and the message of an error of S3. They are empty if the body is not one.
fn error(body: &str) -> (String, String) {
    let text = |name| element(body, name).unwrap_or_default();
    (text("Code"), text("Message"))
}

/// Returns the text of the first element of this name in an XML document, without markup around it.
fn element(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = text
        .trim()
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::metadata::ProvideErrorMetadata;

    use super::*;

    fn response(status: u16, bucket_region: Option<&'static str>, body: &'static str) -> RawResponse<'static> {
        RawResponse {
            status,
            bucket_region,
            body,
        }
    }

    #[test]
    fn every_response_about_an_existing_bucket_names_its_region() {
        for status in [200, 301, 400, 403] {
            let found = located(&response(status, Some("eu-west-1"), "")).unwrap();
            assert_eq!(found.region, "eu-west-1", "{status}");
        }
        for (status, region, code) in [
            (404, None, "NoSuchBucket"),
            (404, Some("eu-west-1"), "NoSuchBucket"),
            (403, None, "AccessDenied"),
            (400, None, ""),
            (503, Some("eu-west-1"), "SlowDown"),
            (500, Some("eu-west-1"), ""),
        ] {
            let error = located(&response(status, region, "")).unwrap_err();
            assert_eq!(error.code(), Some(code), "{status}");
        }
    }

    #[test]
    fn a_policy_and_its_absence_are_read() {
        let read = |status, body| policy(&response(status, None, body));
        let found = read(200, "{\"Statement\": []}").unwrap();
        assert!(matches!(found, BucketPolicy::Document(_)));
        let none = read(
            404,
            "<Error><Code>NoSuchBucketPolicy</Code><Message>m</Message></Error>",
        );
        assert!(matches!(none, Ok(BucketPolicy::None)));
        let other = read(405, "<Error><Code>MethodNotAllowed</Code></Error>");
        assert!(matches!(other, Ok(BucketPolicy::OfAnotherAccount)));
        let denied = read(
            403,
            "<Error><Code>AccessDenied</Code><Message>a &amp; b</Message></Error>",
        );
        let denied = denied.unwrap_err();
        assert_eq!((denied.code(), denied.message()), (Some("AccessDenied"), Some("a & b")));
        assert_eq!(read(200, "<html>").unwrap_err().code(), Some(""));
    }

    #[test]
    fn the_default_key_is_read() {
        let rule = |inner: &str| {
            let body = format!(
                "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>{inner}\
                 </ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
            );
            default_key(&RawResponse {
                status: 200,
                bucket_region: None,
                body: &body,
            })
            .unwrap()
        };
        let kms = "<SSEAlgorithm>aws:kms</SSEAlgorithm>";
        assert_eq!(rule("<SSEAlgorithm>AES256</SSEAlgorithm>"), DefaultKey::SseS3);
        assert_eq!(rule(kms), DefaultKey::ManagedByAws);
        let own = rule(&format!("<KMSMasterKeyID>arn:x</KMSMasterKeyID>{kms}"));
        assert_eq!(own, DefaultKey::Kms("arn:x".to_owned()));
        let none = "<Error><Code>ServerSideEncryptionConfigurationNotFoundError</Code></Error>";
        assert_eq!(default_key(&response(404, None, none)).unwrap(), DefaultKey::SseS3);
    }

    #[test]
    fn a_name_with_dots_is_no_host_label() {
        for (bucket, is_label) in [
            ("states", true),
            ("my-states-1", true),
            ("my.states", false),
            ("My_States", false),
            ("-states", false),
            ("states-", false),
            ("ab", false),
        ] {
            assert_eq!(is_host_label(bucket), is_label, "{bucket}");
        }
    }
}
