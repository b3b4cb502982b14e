//! The caller's AWS credentials, looked up once.

use std::env;
use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::iter;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds;
use aws_config::imds::client::error::ImdsError;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use http::HeaderValue;
use serde_json::Value;
use tokio::sync::Mutex;

use super::error::AwsError;
use super::http as connector;
use crate::access::settings::Settings;
use crate::files;
use crate::network::chain;
use crate::secrets::protect;

/// How long to wait for a connection.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// The time limit of one attempt of a call.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(10);
/// The time limit of the instance's metadata service, which might not exist. The SDK calls it twice, and a user without
/// credentials should learn that within two seconds.
const METADATA: Duration = Duration::from_millis(500);

/// Returns the SDK's configuration without credentials: what the environment and the profile say about
/// endpoints, FIPS, proxies, and certificates.
///
/// # Errors
/// If the bundle of certificates that they name cannot be used.
pub(super) async fn anonymous(settings: &Settings) -> Result<SdkConfig, AwsError> {
    protect_files(settings).await;
    let ca_bundle = connector::ca_bundle(settings.profile.as_deref()).await?;
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(connector::client(ca_bundle)?)
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .region(None::<Region>)
        .no_credentials();
    Ok(match &settings.profile {
        Some(profile) => loader.profile_name(profile).load().await,
        None => loader.load().await,
    })
}

/// Returns the same with the caller's credentials: those of the SDK's chain, or of the role that is assumed with them. The
/// chain's own calls go to the region.
///
/// # Errors
/// If no credentials are found, or if they do not work.
pub(super) async fn caller(anonymous: &SdkConfig, settings: &Settings, region: &str) -> Result<SdkConfig, AwsError> {
    let region = Region::new(region.to_owned());
    let mut provider_config = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_use_fips(anonymous.use_fips())
        .with_use_dual_stack(anonymous.use_dual_stack())
        .with_timeout_config(timeouts());
    if let Some(http) = anonymous.http_client() {
        provider_config = provider_config.with_http_client(http);
    }
    let mut config = match &settings.profile {
        // A profile that the user names wins over the keys of the environment.
        Some(profile) => {
            let named = ProfileFileCredentialsProvider::builder()
                .configure(&provider_config)
                .profile_name(profile)
                .build();
            with(anonymous, region.clone(), named)
        }
        None => {
            let metadata = imds::Client::builder()
                .configure(&provider_config)
                .max_attempts(1)
                .connect_timeout(METADATA)
                .read_timeout(METADATA)
                .build();
            let chain = DefaultCredentialsChain::builder()
                .configure(provider_config)
                .region(region.clone())
                .imds_client(metadata);
            with(anonymous, region.clone(), chain.build().await)
        }
    };
    if let Err(error) = credentials(&config).await {
        return Err(explained(error, settings).await);
    }
    if let Some(role) = &settings.assume_role {
        let mut assume = AssumeRoleProvider::builder(&role.role_arn).configure(&config);
        if let Some(name) = &role.session_name {
            assume = assume.session_name(name);
        }
        if let Some(id) = &role.external_id {
            assume = assume.external_id(id);
        }
        config = with(&config, region, assume.build().await);
        credentials(&config).await.map_err(|error| match error {
            AwsError::BadCredentials(message) => AwsError::BadCredentials(format!(
                "Could not assume the role {}, which the checks are configured to use. {message}. The caller needs \
                 sts:AssumeRole on the role, and the role's trust policy must name the caller",
                role.role_arn
            )),
            other => other,
        })?;
    }
    Ok(config)
}

/// Returns an error with what the SDK's error lacks: the profile without credentials, and what is wrong with a
/// configuration file.
async fn explained(error: AwsError, settings: &Settings) -> AwsError {
    let profile = settings.profile.as_deref();
    match (error, profile) {
        (AwsError::NoCredentials, Some(profile)) => AwsError::BadCredentials(format!(
            "The AWS profile {profile:?} has no credentials or does not exist"
        )),
        (AwsError::BadCredentials(message), _) => match connector::profiles(profile).await {
            Ok(_) => AwsError::BadCredentials(message),
            Err(broken) => AwsError::BadCredentials(format!(
                "The AWS configuration files cannot be read: {}",
                chain(&broken)
            )),
        },
        (other, _) => other,
    }
}

/// Returns a configuration with a region and with cached credentials.
fn with(config: &SdkConfig, region: Region, provider: impl ProvideCredentials + 'static) -> SdkConfig {
    config
        .to_builder()
        .region(region)
        .credentials_provider(SharedCredentialsProvider::new(Cached::new(provider)))
        .build()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .build()
}

/// Protects the credentials in the AWS configuration files, and in the files that those and the settings name: the SDK
/// sends them before it returns any, and an error can repeat what was sent.
async fn protect_files(settings: &Settings) {
    let mut tokens: Vec<PathBuf> = settings.web_identity_token_file.iter().cloned().collect();
    if let Ok(profiles) = connector::profiles(settings.profile.as_deref()).await {
        for name in profiles.profiles() {
            let Some(profile) = profiles.get_profile(name) else {
                continue;
            };
            for secret in ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"] {
                profile.get(secret).into_iter().for_each(protect);
            }
            tokens.extend(profile.get("web_identity_token_file").map(PathBuf::from));
        }
    }
    // Its only error is a panic.
    let _ = files::in_background(move || {
        let contents = tokens.iter().filter_map(|token| files::regular(token));
        contents.for_each(|token| protect(&String::from_utf8_lossy(&token)));
        protect_sign_on();
    })
    .await;
}

/// Protects the credentials that `aws sso login` keeps in `~/.aws/sso/cache`.
fn protect_sign_on() {
    let cache = env::home_dir().map(|home| home.join(".aws/sso/cache"));
    let files = cache
        .and_then(|cache| fs::read_dir(cache).ok())
        .into_iter()
        .flatten()
        .flatten();
    for file in files {
        let kept = files::regular(&file.path()).unwrap_or_default();
        let Ok(kept) = serde_json::from_slice::<Value>(&kept) else {
            continue;
        };
        for secret in ["accessToken", "refreshToken", "clientSecret"] {
            kept[secret].as_str().into_iter().for_each(protect);
        }
    }
}

/// Takes credentials that were received: from now on no text contains them, and they fit into the headers of a signed
/// request. The SDK panics if an access key ID does not.
///
/// # Errors
/// Which part cannot be sent, as a sentence without its full stop.
pub(super) fn received(credentials: Credentials) -> Result<Credentials, String> {
    protect(credentials.access_key_id());
    protect(credentials.secret_access_key());
    credentials.session_token().into_iter().for_each(protect);
    let sent = [
        ("access key ID", Some(credentials.access_key_id())),
        ("session token", credentials.session_token()),
    ];
    for (name, value) in sent {
        if value.is_some_and(|value| HeaderValue::from_str(value).is_err()) {
            return Err(format!(
                "the {name} contains a line break or another character that cannot be sent"
            ));
        }
    }
    Ok(credentials)
}

/// Returns the credentials of a configuration.
///
/// # Errors
/// If there are none, or if they cannot be retrieved.
pub(super) async fn credentials(config: &SdkConfig) -> Result<Credentials, AwsError> {
    let provider = config.credentials_provider().ok_or(AwsError::NoCredentials)?;
    provider.provide_credentials().await.map_err(|error| {
        AwsError::proxy(&error).unwrap_or_else(|| match error {
            CredentialsError::CredentialsNotLoaded(_) => AwsError::NoCredentials,
            // The last source of the chain: no other one had credentials, and the instance has none either.
            other if is_from_metadata(&other) => AwsError::NoCredentials,
            other => AwsError::BadCredentials(format!(
                "The AWS credentials cannot be retrieved: {}{}",
                sts_error(&other).unwrap_or_else(|| without_output(chain(&other))),
                token_file(&other)
            )),
        })
    })
}

/// Returns the message without the output of a `credential_process`, which can contain the credentials. The SDK puts the
/// standard error of a process that failed at the end of its message.
fn without_output(message: String) -> String {
    match message.split_once("Stderr:") {
        Some((before, _)) => format!(
            "{} (the output of the credential_process is not shown; run it to see the output)",
            before.trim_end_matches(['.', ' '])
        ),
        None => message,
    }
}

/// Returns STS's error for a role that the credentials need.
fn sts_error(error: &(dyn Error + 'static)) -> Option<String> {
    let mut sources = iter::successors(Some(error), |&error| error.source());
    let refused = sources.find_map(|error| error.downcast_ref::<AssumeRoleError>())?;
    Some(format!("{}: {}", refused.code()?, refused.message()?))
}

/// Returns the name of the environment's web identity token file, in parentheses, if that file cannot be read.
fn token_file(error: &(dyn Error + 'static)) -> String {
    let mut sources = iter::successors(Some(error), |&error| error.source());
    match env::var("AWS_WEB_IDENTITY_TOKEN_FILE") {
        Ok(path) if sources.any(|error| error.is::<io::Error>()) => {
            format!(" (AWS_WEB_IDENTITY_TOKEN_FILE names {path})")
        }
        _ => String::new(),
    }
}

/// Returns whether the error comes from the instance's metadata service, such as that it is disabled.
fn is_from_metadata(error: &(dyn Error + 'static)) -> bool {
    let mut sources = iter::successors(Some(error), |&error| error.source());
    sources.any(|error| error.is::<ImdsError>())
}

/// Credentials that are retrieved once, and again shortly before they expire. Several clients share one call of the
/// sign-on service or the metadata service.
struct Cached<P> {
    provider: P,
    credentials: Mutex<Option<Credentials>>,
}

impl<P> Cached<P> {
    fn new(provider: P) -> Self {
        Self {
            provider,
            credentials: Mutex::default(),
        }
    }
}

impl<P> fmt::Debug for Cached<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cached")
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Cached<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let mut credentials = self.credentials.lock().await;
            let soon = SystemTime::now() + Duration::from_secs(300);
            match &*credentials {
                Some(known) if known.expiry().is_none_or(|expiry| expiry > soon) => Ok(known.clone()),
                _ => {
                    let provided = self.provider.provide_credentials().await?;
                    let received = received(provided).map_err(CredentialsError::invalid_configuration)?;
                    Ok(credentials.insert(received).clone())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_do_not_fit_into_a_header_are_refused() {
        let take = |id: &str, session: &str| {
            let session = Some(session.to_owned());
            received(Credentials::new(id, "a-secret", session, None, "test")).map(|_| ())
        };
        assert_eq!(take("an-id", "a/session+token="), Ok(()));
        for (id, session, part) in [("an\nid", "s", "access key ID"), ("an-id", "s\u{1}", "session token")] {
            let error = take(id, session).unwrap_err();
            assert!(error.contains(part) && !error.contains("an\n"), "{error}");
        }
    }

    #[test]
    fn the_output_of_a_process_is_not_shown() {
        let sdk = "Error retrieving credentials: external process exited with code exit status: 1. Stderr: s3cret";
        let shown = without_output(sdk.to_owned());
        assert!(
            shown.contains("exit status: 1 (the output") && !shown.contains("s3cret"),
            "{shown}"
        );
        assert_eq!(without_output("another".to_owned()), "another");
    }
}
