//! The check `oidc-provider`.

use crate::access::cause::Cause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::checks::{Check, aws_credentials};
use crate::access::fix::Fix;
use crate::access::issuer::{AUDIENCE, OLDER_ISSUER};
use crate::access::objects::AwsObject;
use crate::access::outcome::Outcome;
use crate::access::render::aws_cli;
use crate::access::run::Run;
use crate::access::settings::CheckSetting;

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "oidc-provider",
        title: "IAM has an OIDC provider for the Orchestrator's issuer",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[aws_credentials::CHECK.id()],
        runner_needs: &[aws_credentials::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::AWS)
.uses(&[CheckSetting::OidcIssuer])
.look_ahead(|run| Box::pin(look_ahead(run)));

async fn look_ahead(run: &Run<'_>) {
    if let (Ok(region), Ok(arn)) = (run.region(), run.provider_arn()) {
        let _ = run.aws().client_ids(region, &arn).await;
    }
}

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let issuer = run.issuer()?;
    run.same_account().await?;
    let arn = run.provider_arn()?;
    let hint = older_product(issuer);
    let hinted = hint.as_deref().unwrap_or_default();
    let cause = Cause::OidcProvider { arn: arn.clone() };
    match run.aws().client_ids(run.region()?, &arn).await {
        Ok(ids) if ids.iter().any(|id| id == AUDIENCE) => {
            let found = format!("IAM OIDC provider {arn} exists, with client ID {AUDIENCE}.");
            Ok(match &hint {
                Some(hint) => Outcome::warned(format!("{found}{hint}")),
                None => Outcome::passed(found),
            })
        }
        Ok(ids) => Ok(Outcome::failed(format!(
            "The IAM OIDC provider for {issuer} does not have the client ID {AUDIENCE}, which is the `aud` of the \
             Orchestrator's tokens.{hinted}"
        ))
        .compare(AUDIENCE, list(&ids))
        .fix(cause, aws_cli::add_client_id(&arn, AUDIENCE))
        .retryable()),
        Err(error) => match CheckError::from(error) {
            error if error.is_not_found() => Ok(Outcome::failed(format!(
                "The account has no IAM OIDC provider for {issuer}, the issuer of the Orchestrator's tokens.{hinted}"
            ))
            .compare(arn.as_str(), "not found")
            .fix(
                cause,
                Fix::create(
                    run.settings().frontend,
                    AwsObject::OidcProvider {
                        partition: run.role()?.partition.clone(),
                        issuer: issuer.to_owned(),
                    },
                ),
            )
            .not_yet()),
            error => Err(error),
        },
    }
}

/// Returns a hint if the issuer is the one of an older product, which is easily mistaken for the Orchestrator's.
pub(in crate::access::checks) fn older_product(issuer: &str) -> Option<String> {
    (issuer == OLDER_ISSUER).then(|| {
        format!(
            " {issuer} belongs to an older Humanitec product: the issuer of the Orchestrator at api.humanitec.dev is \
             https://oidc.humanitec.dev."
        )
    })
}

/// Returns texts in a row, or "none".
fn list(texts: &[String]) -> String {
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}
