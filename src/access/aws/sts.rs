//! The calls of STS: who the caller is, and the credentials of the runner's session.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use secrecy::SecretString;

use super::error::{AwsError, required};
use super::{Aws, AwsCall, Service, Signer, credentials, in_region, token};
use crate::files;
use crate::runner::Arn;
use crate::secrets::protect;

/// A session of the runner's role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    /// The role's ARN.
    pub(crate) role_arn: String,
    /// The session's name.
    pub(crate) name: String,
    /// The region of the STS endpoint.
    pub(crate) sts_region: String,
}

/// The identity of the caller.
#[derive(Debug)]
pub(crate) struct CallerIdentity {
    /// The ARN of the user, or of the session of a role.
    pub(crate) arn: String,
    /// The twelve digits of the account.
    pub(crate) account: String,
}

impl CallerIdentity {
    /// Returns the partition of AWS: `aws`, `aws-cn`, `aws-us-gov`, …
    pub(crate) fn partition(&self) -> &str {
        Arn::parse(&self.arn).map_or("", |arn| arn.partition)
    }
}

impl Aws {
    /// Returns the identity of the caller, from the STS of a region.
    pub(crate) fn identity(self: &Arc<Self>, region: &str) -> AwsCall<CallerIdentity> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let (aws, region) = (Arc::clone(self), region.to_owned());
        self.identities.call(region.clone(), Result::is_ok, || async move {
            let config = aws.config(&Signer::Caller, &region).await?;
            let request = aws_sdk_sts::Client::new(&config).get_caller_identity();
            let response = aws.paced(Service::Sts, ACTION, move || request.clone().send()).await?;
            Ok(Arc::new(CallerIdentity {
                arn: required(ACTION, response.arn)?,
                account: required(ACTION, response.account)?,
            }))
        })
    }

    /// Returns the credentials of a session of the runner's role: with the web identity token if there is one, or else
    /// assumed by the caller.
    pub(crate) fn session(self: &Arc<Self>, session: &Session) -> AwsCall<Credentials> {
        let (aws, session) = (Arc::clone(self), session.clone());
        self.sessions.call(session.clone(), Result::is_ok, || async move {
            let assumed = match &aws.settings.web_identity_token_file {
                Some(file) => aws.assume_with_token(&session, file).await?,
                None => aws.assume(&session).await?,
            };
            Ok(Arc::new(assumed))
        })
    }

    async fn assume(self: &Arc<Self>, session: &Session) -> Result<Credentials, AwsError> {
        const ACTION: &str = "sts:AssumeRole";
        let config = self.caller(&session.sts_region).await?;
        let request = aws_sdk_sts::Client::new(&config)
            .assume_role()
            .role_arn(&session.role_arn)
            .role_session_name(&session.name);
        let response = self.paced(Service::Sts, ACTION, move || request.clone().send()).await?;
        received(ACTION, response.credentials)
    }

    async fn assume_with_token(self: &Arc<Self>, session: &Session, file: &Path) -> Result<Credentials, AwsError> {
        const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
        let token = web_identity_token(file).await?;
        let config = in_region(&self.anonymous().await?, &session.sts_region);
        let request = aws_sdk_sts::Client::new(&config)
            .assume_role_with_web_identity()
            .role_arn(&session.role_arn)
            .role_session_name(&session.name)
            .web_identity_token(token);
        let response = self
            .paced(Service::Sts, ACTION, move || request.clone().send())
            .await
            .map_err(|error| match error {
                // The call has no signature: STS refuses the token.
                AwsError::BadCredentials(message) => AwsError::Denied {
                    action: ACTION,
                    message,
                },
                other => other,
            })?;
        received(ACTION, response.credentials)
    }

    /// Returns a bearer token for one cluster, made with the signer's credentials and a region's STS.
    pub(crate) async fn token(
        self: &Arc<Self>,
        signer: &Signer,
        sts_region: &str,
        cluster: &str,
    ) -> Result<SecretString, AwsError> {
        let credentials = match signer {
            Signer::Caller => credentials::credentials(&self.caller(sts_region).await?).await?,
            Signer::Runner(session) => (*self.session(session).await?).clone(),
        };
        token::token(credentials, sts_region, cluster, SystemTime::now()).await
    }
}

/// Returns the credentials in a response of STS.
fn received(
    action: &'static str,
    credentials: Option<aws_sdk_sts::types::Credentials>,
) -> Result<Credentials, AwsError> {
    let credentials = credentials.ok_or_else(|| AwsError::empty(action))?;
    let received = Credentials::new(
        required(action, Some(credentials.access_key_id))?,
        required(action, Some(credentials.secret_access_key))?,
        Some(credentials.session_token),
        SystemTime::try_from(credentials.expiration).ok(),
        "runner",
    );
    credentials::received(received).map_err(|problem| AwsError::Unreachable {
        action,
        message: problem,
    })
}

/// Reads the token of a web identity token file.
async fn web_identity_token(file: &Path) -> Result<String, AwsError> {
    let problem = match files::read(file).await.map(String::from_utf8) {
        Ok(Ok(token)) if !token.trim().is_empty() => {
            let token = token.trim().to_owned();
            protect(&token);
            return Ok(token);
        }
        Ok(Ok(_)) => "is empty".to_owned(),
        Ok(Err(_)) => "cannot be read: it is not UTF-8".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    Err(AwsError::TokenFile(format!(
        "The web identity token file {} {problem}",
        file.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_file_without_a_token_is_not_sent() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        let missing = web_identity_token(&file).await;
        assert!(matches!(missing, Err(AwsError::TokenFile(_))));
        std::fs::write(&file, " \n").unwrap();
        let AwsError::TokenFile(message) = web_identity_token(&file).await.unwrap_err() else {
            panic!("not a problem of the file");
        };
        assert!(message.ends_with("is empty"), "{message}");
        std::fs::write(&file, "a-token\n").unwrap();
        assert_eq!(web_identity_token(&file).await.unwrap(), "a-token");
    }
}
