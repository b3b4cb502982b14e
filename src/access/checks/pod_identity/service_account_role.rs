//! A role for the service account (IRSA): the OIDC provider of the cluster, and the role's trust policy.

use super::role::{self, not_evaluated};
use crate::access::check_error::CheckError;
use crate::access::checks::findings::{CheckProblem, Finding, Findings};
use crate::access::checks::role::role_trust::TrustRefusal;
use crate::access::fix::Fix;
use crate::access::issuer::{AUDIENCE, issuer_host};
use crate::access::objects::{AwsObject, provider_arn, service_account_subject};
use crate::access::outcome::Outcome;
use crate::access::policy::{PolicyDecision, evaluate};
use crate::access::render::aws_cli;
use crate::access::run::Run;
use crate::access::trust::{Member, WebIdentity};
use crate::runner::Arn;

/// Checks everything between the annotation and the credentials.
pub(super) async fn check(run: &Run<'_>, role_arn: &str, audience: &str) -> Result<Findings, CheckError> {
    let cluster = run.eks_cluster().await?;
    let Some(issuer) = &cluster.oidc_issuer else {
        let outcome = Outcome::incomplete(
            "the cluster's issuer is unknown",
            "Could not check: EKS returned no OIDC issuer for the cluster.",
        );
        return Ok(Findings::from_iter([Finding::Unknown(outcome)]));
    };
    let arn = match role::parse(role_arn) {
        Ok(arn) => arn,
        Err(finding) => return Ok(Findings::from_iter([finding])),
    };
    let provider = provider_arn(&arn, issuer_host(issuer));
    let (namespace, account) = (run.namespace()?, run.service_account()?);
    let token = WebIdentity {
        sender: "the Job's pod",
        provider_arn: provider.clone(),
        issuer_host: issuer_host(issuer).to_owned(),
        audience: audience.to_owned(),
        subject: service_account_subject(namespace, account),
        session_name: None,
        source: None,
    };
    let found = async {
        role::in_own_account(run, &arn).await?;
        Ok(tokio::join!(
            oidc_provider(run, &provider, issuer, audience),
            trust(run, role_arn, &token)
        ))
    };
    let findings = match found.await {
        Ok((provider, trust)) => [provider, trust]
            .map(|one| one.unwrap_or_else(|finding| finding))
            .into(),
        Err(finding) => vec![finding],
    };
    Ok(findings.into_iter().collect())
}

/// Checks that the role's account has the OIDC provider of the cluster's issuer, with the audience of the token.
async fn oidc_provider(run: &Run<'_>, arn: &str, issuer: &str, audience: &str) -> Result<Finding, Finding> {
    let frontend = run.settings().frontend;
    let found = run.aws().client_ids(run.region()?, arn).await;
    match found.map_err(CheckError::from) {
        Ok(ids) if ids.iter().any(|id| id == audience) => Ok(Finding::Good(format!(
            "IAM OIDC provider {arn} exists, with client ID {audience}."
        ))),
        Ok(ids) => Err(Finding::Broken(CheckProblem {
            message: format!(
                "The IAM OIDC provider for the cluster's issuer, {issuer}, does not have the client ID {audience}, which \
                 is the `aud` of the service account's token."
            ),
            expected: audience.to_owned(),
            found: if ids.is_empty() {
                "none".to_owned()
            } else {
                ids.join(", ")
            },
            fix: aws_cli::add_client_id(arn, audience).into(),
        })),
        Err(error) if error.is_not_found() => {
            let partition = Arn::parse(arn).map_or("", |arn| arn.partition);
            let provider = AwsObject::OidcProvider {
                partition: partition.to_owned(),
                issuer: issuer.to_owned(),
            };
            let fix = Fix::create(frontend, provider);
            Err(Finding::Broken(CheckProblem {
                message: format!(
                    "The account has no IAM OIDC provider for the cluster's issuer, {issuer}, which issues the service \
                     account's token."
                ),
                expected: arn.to_owned(),
                found: "not found".to_owned(),
                fix: if audience == AUDIENCE {
                    fix
                } else {
                    fix.then_run(aws_cli::add_client_id(arn, audience))
                },
            }))
        }
        Err(error) => Err(error.into()),
    }
}

/// Checks that the role exists and trusts the token of the service account.
async fn trust(run: &Run<'_>, role_arn: &str, token: &WebIdentity) -> Result<Finding, Finding> {
    let role = role::look_up(run, role_arn).await?;
    let member = Member::Token(token.clone());
    let Some(document) = &role.trust_policy else {
        return Err(role.missing(run, member));
    };
    let reasons = match evaluate(document, token) {
        PolicyDecision::Allowed => {
            return Ok(Finding::Good(format!(
                "Service account {:?} has the role {}, whose trust policy admits {}.",
                run.service_account()?,
                role.arn,
                token.subject
            )));
        }
        PolicyDecision::Unknown(what) => return Err(not_evaluated(&role.arn, &what)),
        PolicyDecision::Denied { reason, .. } => vec![reason],
        PolicyDecision::NotAllowed(reasons) => reasons,
    };
    let TrustRefusal {
        sentences,
        expected,
        found,
    } = TrustRefusal::new(&reasons);
    Err(Finding::Broken(CheckProblem {
        message: format!(
            "The trust policy of {} does not let service account {:?} assume the role. {sentences}",
            role.arn,
            run.service_account()?
        ),
        expected,
        found,
        fix: role.trust(run, member),
    }))
}
