//! The errors of AWS calls.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::response_body::{MAX_RESPONSE, TooLarge};
use crate::access::cause::Cause;
use crate::access::outcome::Outcome;
use crate::access::render::shell::ShellCommand;
use crate::network::proxy::{self, UnusableProxy};
use crate::network::tls::TlsFailure;
use crate::network::{causes, chain, is_tunnel};

/// The error of an AWS call, after the SDK's own retries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AwsError {
    /// No AWS credentials were found anywhere.
    #[error("no AWS credentials were found")]
    NoCredentials,
    /// Credentials or their configuration were found and do not work.
    #[error("{0}")]
    BadCredentials(String),
    /// The web identity token file cannot be used.
    #[error("{0}")]
    TokenFile(String),
    /// The proxy that the environment names cannot be used.
    #[error("{0}")]
    Proxy(String),
    /// The caller has no permission for this.
    #[error("{action} was denied: {message}")]
    Denied {
        /// The IAM action, such as `iam:GetRole`.
        action: &'static str,
        /// AWS's own message.
        message: String,
    },
    /// The object does not exist.
    #[error("{action} found nothing: {0}", .message)]
    NotFound {
        /// The IAM action.
        action: &'static str,
        /// AWS's own message.
        message: String,
    },
    /// Too many calls, even after the retries.
    #[error("{action} was throttled: {message}")]
    Throttled {
        /// The IAM action.
        action: &'static str,
        /// AWS's own message.
        message: String,
    },
    /// AWS did not respond, or its response is not usable.
    #[error("{action} returned no usable response: {message}")]
    Unreachable {
        /// The IAM action.
        action: &'static str,
        /// What happened to the connection.
        message: String,
    },
    /// Another error of the service.
    #[error("{action} was refused with {code}: {message}")]
    Refused {
        /// The IAM action.
        action: &'static str,
        /// AWS's error code.
        code: String,
        /// AWS's own message.
        message: String,
    },
}

impl AwsError {
    /// Returns the error of a response of `action` that lacks its content.
    pub(super) fn empty(action: &'static str) -> Self {
        Self::Unreachable {
            action,
            message: "the response is empty".to_owned(),
        }
    }

    /// Returns the error of a proxy that cannot be used, if it is one of the causes.
    pub(super) fn proxy(error: &(dyn Error + 'static)) -> Option<Self> {
        let unusable = causes(error).find_map(<dyn Error>::downcast_ref::<UnusableProxy>)?;
        Some(Self::Proxy(unusable.to_string()))
    }

    /// Converts the SDK's error of a call of `action`.
    pub(super) fn from_sdk<E>(action: &'static str, error: SdkError<E, Response>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        if let Some(proxy) = Self::proxy(&error) {
            return proxy;
        }
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        let Some(service) = error.as_service_error() else {
            return Self::Unreachable {
                action,
                message: no_response(&error),
            };
        };
        let code = service.code().unwrap_or_default().to_owned();
        let message = service.message().map_or_else(|| chain(service), ToOwned::to_owned);
        Self::from_code(action, code, message, status)
    }

    /// Classifies an error code. The codes are those of "Common errors" in the API references of STS, IAM, EKS, S3
    /// and KMS, and those that the SDKs take for throttling.
    fn from_code(action: &'static str, code: String, message: String, status: Option<u16>) -> Self {
        match code.as_str() {
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" | "OptInRequired" => {
                Self::Denied { action, message }
            }
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "AuthFailure"
            | "InvalidAccessKeyId"
            | "InvalidToken"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => {
                Self::BadCredentials(format!("AWS refused the credentials with {code}: {message}"))
            }
            "NoSuchEntity"
            | "NoSuchEntityException"
            | "ResourceNotFoundException"
            | "NoSuchBucket"
            | "NotFoundException" => Self::NotFound { action, message },
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "PriorRequestNotComplete"
            | "SlowDown" => Self::Throttled { action, message },
            _ if status == Some(429) => Self::Throttled { action, message },
            _ if status.is_some_and(|status| status >= 500) => Self::Unreachable {
                action,
                message: format!("AWS responded with {}: {message}", status.unwrap_or_default()),
            },
            // A proxy's page, or a text that cannot be parsed: it is not AWS that refuses the call.
            "" => Self::Unreachable {
                action,
                message: match status {
                    Some(status) if status >= 300 => {
                        format!("AWS responded with {status} and no error code")
                    }
                    _ => format!("the response cannot be read: {message}"),
                },
            },
            _ => Self::Refused { action, code, message },
        }
    }

    /// Returns the outcome of a check whose call returned this error. The error says nothing about the runner, so the
    /// outcome is never a failure.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::NoCredentials => Outcome::incomplete(
                "no AWS credentials",
                "No AWS credentials were found in the environment, the profile, a web identity, \
                     the container, or the instance.",
            )
            .fix(
                Cause::NoCredentials,
                ShellCommand::new("aws sso login")
                    .comment("or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
            ),
            Self::BadCredentials(message) => {
                Outcome::incomplete("unusable AWS credentials", format!("{}.", bare(message))).fix(
                    Cause::BadCredentials,
                    ShellCommand::new("aws sts get-caller-identity").comment("must succeed with these credentials"),
                )
            }
            Self::TokenFile(message) => Outcome::incomplete(
                "unusable web identity token file",
                format!("Not checked: {}.", bare(message)),
            ),
            Self::Proxy(message) => {
                Outcome::incomplete("unusable proxy variable", format!("Not checked: {}.", bare(message)))
            }
            Self::Denied { action, message } => Outcome::incomplete(
                format!("no permission for {action}"),
                format!("The caller has no permission for {action}: {}.", bare(message)),
            ),
            Self::Throttled { action, .. } => Outcome::incomplete(
                format!("{action} was throttled"),
                format!("Not checked: {}.", bare(&self.to_string())),
            ),
            Self::Unreachable { action, .. } | Self::Refused { action, .. } | Self::NotFound { action, .. } => {
                Outcome::incomplete(
                    format!("no usable response from {action}"),
                    format!("Not checked: {}.", bare(&self.to_string())),
                )
            }
        }
    }
}

/// Returns a text that every response of `action` contains.
///
/// # Errors
/// If the text is missing or empty.
pub(super) fn required(action: &'static str, text: Option<String>) -> Result<String, AwsError> {
    text.filter(|text| !text.is_empty())
        .ok_or_else(|| AwsError::empty(action))
}

/// Returns a message without the full stop at its end.
fn bare(message: &str) -> &str {
    message.trim_end_matches('.')
}

/// Returns why there is no usable response.
pub(super) fn no_response(error: &(dyn Error + 'static)) -> String {
    if causes(error).any(<dyn Error>::is::<TooLarge>) {
        return format!("the response is larger than {} MiB", MAX_RESPONSE >> 20);
    }
    match TlsFailure::find(error) {
        Some(failure) => {
            let step = failure.next_step("set AWS_CA_BUNDLE to a PEM file with that authority");
            format!("{failure} ({}). {step}", chain(error))
        }
        None if causes(error).any(is_tunnel) => {
            format!("{}. {}", chain(error), proxy::next_step("https"))
        }
        None => chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::outcome::{Skip, Status};

    fn code(code: &str, status: u16) -> AwsError {
        let message = "m".to_owned();
        AwsError::from_code("iam:GetRole", code.to_owned(), message, Some(status))
    }

    #[test]
    fn an_error_of_aws_is_never_a_failure() {
        for (code_text, status, expected) in [
            ("AccessDenied", 403, Status::Skipped),
            ("AccessDeniedException", 403, Status::Skipped),
            ("NoSuchEntity", 404, Status::Skipped),
            ("ThrottlingException", 400, Status::Skipped),
            ("", 429, Status::Skipped),
            ("", 503, Status::Skipped),
            ("InternalFailure", 500, Status::Skipped),
            ("ValidationError", 400, Status::Skipped),
            ("ExpiredToken", 403, Status::Skipped),
            ("InvalidClientTokenId", 403, Status::Skipped),
            ("UnrecognizedClientException", 403, Status::Skipped),
        ] {
            let outcome = code(code_text, status).outcome();
            assert_eq!(outcome.status, expected, "{code_text}");
            assert!(!outcome.message.is_empty());
            assert!(matches!(outcome.skip, Some(Skip::Incomplete(_))));
        }
    }

    #[test]
    fn an_error_without_a_code_is_not_a_refusal_of_aws() {
        assert_eq!(
            code("", 403),
            AwsError::Unreachable {
                action: "iam:GetRole",
                message: "AWS responded with 403 and no error code".to_owned(),
            }
        );
        assert!(matches!(code("", 200), AwsError::Unreachable { .. }));
        assert!(matches!(code("ValidationError", 400), AwsError::Refused { .. }));
    }

    #[test]
    fn a_denial_names_the_action() {
        let message = code("AccessDenied", 403).outcome().message;
        assert!(
            message.starts_with("The caller has no permission for iam:GetRole"),
            "{message}"
        );
        assert!(matches!(code("", 429), AwsError::Throttled { .. }));
        assert!(matches!(code("ServiceUnavailable", 503), AwsError::Unreachable { .. }));
        assert!(matches!(
            code("ResourceNotFoundException", 404),
            AwsError::NotFound { .. }
        ));
    }
}
