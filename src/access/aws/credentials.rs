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

use super::error::{AwsError, chain};
use super::http as connector;
use crate::access::settings::Settings;
use crate::files;
use crate::secrets::protect;

/// How long to try to connect.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How long one attempt of a call may take.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(10);
/// How long the instance's metadata service may take, where there may be none. The SDK asks it twice,
/// and who has no credentials is to know it within two seconds.
const METADATA: Duration = Duration::from_millis(500);

/// The SDK's configuration without credentials: what the environment and the profile say about
/// endpoints, FIPS, proxies and certificates.
///
/// # Errors
/// When the bundle of certificates that they name does not serve.
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

/// The same with the caller's credentials: those of the SDK's chain, and of the role to assume
/// with them if there is one. The region is where the chain's own calls go.
///
/// # Errors
/// When no credentials are found, or what is found does not serve.
pub(super) async fn caller(
    anonymous: &SdkConfig,
    settings: &Settings,
    region: &str,
) -> Result<SdkConfig, AwsError> {
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
        // Whoever names a profile means it, whatever keys the environment has.
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
                "The role {}, which the checks are configured to assume first, cannot be assumed. {message}. The caller \
                 needs sts:AssumeRole on it, and its trust policy must name the caller",
                role.role_arn
            )),
            other => other,
        })?;
    }
    Ok(config)
}

/// An error with what the SDK does not say of it: which profile has no credentials, and what is wrong with a
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

/// A configuration with a region and with credentials that are remembered.
fn with(
    config: &SdkConfig,
    region: Region,
    provider: impl ProvideCredentials + 'static,
) -> SdkConfig {
    config
        .to_builder()
        .region(region)
        .credentials_provider(SharedCredentialsProvider::new(Remembered::new(provider)))
        .build()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .build()
}

/// Protects the credentials in the AWS configuration files and in the files that they and the
/// settings name: the SDK sends them before it returns any, and an error can repeat what was sent.
async fn protect_files(settings: &Settings) {
    let mut tokens: Vec<PathBuf> = settings.web_identity_token_file.iter().cloned().collect();
    if let Ok(profiles) = connector::profiles(settings.profile.as_deref()).await {
        for name in profiles.profiles() {
            let Some(profile) = profiles.get_profile(name) else {
                continue;
            };
            for secret in [
                "aws_access_key_id",
                "aws_secret_access_key",
                "aws_session_token",
            ] {
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

/// Protects what `aws sso login` keeps in `~/.aws/sso/cache`.
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

/// Takes credentials that were received: from now on they are in no text, and they fit into the
/// headers of a signed request. The SDK panics where an access key id does not.
///
/// # Errors
/// Which part cannot be sent, as a sentence without its full stop.
pub(super) fn received(credentials: Credentials) -> Result<Credentials, String> {
    protect(credentials.access_key_id());
    protect(credentials.secret_access_key());
    credentials.session_token().into_iter().for_each(protect);
    let sent = [
        ("access key id", Some(credentials.access_key_id())),
        ("session token", credentials.session_token()),
    ];
    for (name, value) in sent {
        if value.is_some_and(|value| HeaderValue::from_str(value).is_err()) {
            return Err(format!(
                "the {name} holds a line break or another character that cannot be sent"
            ));
        }
    }
    Ok(credentials)
}

/// The credentials of a configuration.
///
/// # Errors
/// When there are none, or they cannot be got.
pub(super) async fn credentials(config: &SdkConfig) -> Result<Credentials, AwsError> {
    let provider = config
        .credentials_provider()
        .ok_or(AwsError::NoCredentials)?;
    provider
        .provide_credentials()
        .await
        .map_err(|error| match error {
            CredentialsError::CredentialsNotLoaded(_) => AwsError::NoCredentials,
            // Last in the chain: nothing was found before, and the instance has none to give.
            other if is_of_metadata(&other) => AwsError::NoCredentials,
            other => AwsError::BadCredentials(format!(
                "The AWS credentials cannot be retrieved: {}{}",
                of_sts(&other).unwrap_or_else(|| without_output(chain(&other))),
                token_file(&other)
            )),
        })
}

/// The message without what a `credential_process` printed: it can hold the credentials. The SDK
/// puts the standard error of a process that failed at the end of its message.
fn without_output(message: String) -> String {
    match message.split_once("Stderr:") {
        Some((before, _)) => format!(
            "{} (what the credential_process printed is not shown; run it to see it)",
            before.trim_end_matches(['.', ' '])
        ),
        None => message,
    }
}

/// What STS says of a role that the credentials need, where it refuses it.
fn of_sts(error: &(dyn Error + 'static)) -> Option<String> {
    let mut sources = iter::successors(Some(error), |&error| error.source());
    let refused = sources.find_map(|error| error.downcast_ref::<AssumeRoleError>())?;
    Some(format!("{}: {}", refused.code()?, refused.message()?))
}

/// The name of the web identity token file of the environment, where it is that which cannot be read.
fn token_file(error: &(dyn Error + 'static)) -> String {
    let mut sources = iter::successors(Some(error), |&error| error.source());
    match env::var("AWS_WEB_IDENTITY_TOKEN_FILE") {
        Ok(path) if sources.any(|error| error.is::<io::Error>()) => {
            format!(" (AWS_WEB_IDENTITY_TOKEN_FILE names {path})")
        }
        _ => String::new(),
    }
}

/// Whether the metadata service of the instance gave an error, such as that it is disabled.
fn is_of_metadata(error: &(dyn Error + 'static)) -> bool {
    let mut sources = iter::successors(Some(error), |&error| error.source());
    sources.any(|error| error.is::<ImdsError>())
}

/// Credentials that are got once and again shortly before they expire, by whoever needs them
/// first: several clients share one look at the sign-on service or the metadata.
struct Remembered<P> {
    provider: P,
    credentials: Mutex<Option<Credentials>>,
}

impl<P> Remembered<P> {
    fn new(provider: P) -> Self {
        Self {
            provider,
            credentials: Mutex::default(),
        }
    }
}

impl<P> fmt::Debug for Remembered<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered")
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Remembered<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let mut credentials = self.credentials.lock().await;
            let soon = SystemTime::now() + Duration::from_secs(300);
            match &*credentials {
                Some(known) if known.expiry().is_none_or(|expiry| expiry > soon) => {
                    Ok(known.clone())
                }
                _ => {
                    let provided = self.provider.provide_credentials().await?;
                    let received =
                        received(provided).map_err(CredentialsError::invalid_configuration)?;
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
        for (id, session, part) in [
            ("an\nid", "s", "access key id"),
            ("an-id", "s\u{1}", "session token"),
        ] {
            let error = take(id, session).unwrap_err();
            assert!(error.contains(part) && !error.contains("an\n"), "{error}");
        }
    }

    #[test]
    fn what_a_process_printed_is_not_shown() {
        let sdk = "Error retrieving credentials: external process exited with code exit status: 1. Stderr: s3cret";
        let shown = without_output(sdk.to_owned());
        assert!(
            shown.contains("exit status: 1 (what") && !shown.contains("s3cret"),
            "{shown}"
        );
        assert_eq!(without_output("another".to_owned()), "another");
    }
}
