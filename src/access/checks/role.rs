//! `role-exists`, `oidc-provider`, `role-trust` and `role-permission`: the IAM role and what is
//! allowed to it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::access::aws::{AwsError, Role};
use crate::access::check::{Member, Outcome};
use crate::access::run::{Run, known, unknown};
use crate::access::settings::{AUDIENCE, OLDER_ISSUER, issuer_host};
use crate::access::setup::{
    client_id_command, cluster_arn, oidc_provider_command, oidc_provider_hcl, permission_command,
    restrict_command, role_command, role_hcl, shell, trust_command,
};
use crate::access::trust::{Decision, Reason, WebIdentity, amended, evaluate, restricted};
use crate::runner::RoleArn;

/// `role-exists`
pub(super) async fn exists(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let wanted = run.role()?.to_string();
    let cause = format!("role:{wanted}");
    // The credentials were taken in the cluster's region, so its partition is the caller's.
    let identity = run.identity().await?;
    if identity.partition() != run.role()?.partition {
        let role = RoleArn {
            partition: identity.partition().to_owned(),
            ..run.role()?.clone()
        };
        return Ok(Outcome::failed(format!(
            "The role and the cluster are in different AWS partitions: {wanted} is not in {}, the partition of region {}.",
            role.partition,
            run.region()?
        ))
        .compare(role.to_string(), wanted)
        .fix(run.own(&cause), run.settings().face.auth("role_arn", &role.to_string())));
    }
    run.same_account().await?;
    Ok(match run.iam_role().await? {
        Ok(role) if role.arn == wanted => Outcome::passed(format!("{wanted} exists.")),
        Ok(role) => Outcome::failed(format!(
            "IAM role {wanted} does not exist: the role of that name has another path, {}.",
            role.arn
        ))
        .compare(wanted.as_str(), role.arn.as_str())
        .fix(
            run.own(&cause),
            run.settings().face.auth("role_arn", &role.arn),
        ),
        Err(AwsError::NotFound { .. }) => missing(run, cause)?,
        Err(error) => error.outcome(),
    })
}

/// The outcome for a role that does not exist, with what creates it as far as its trust policy is known.
fn missing(run: &Run<'_>, cause: String) -> Result<Outcome, Outcome> {
    let role = run.role()?.clone();
    let outcome = Outcome::failed(format!("IAM role {role} does not exist."))
        .compare(role.to_string(), "no such role")
        .not_yet();
    let (Ok(issuer), Some(member)) = (run.issuer(), member(run)) else {
        return Ok(outcome);
    };
    let (provider, host) = (run.provider_arn()?, issuer_host(issuer).to_owned());
    let face = run.settings().face;
    Ok(outcome.shared_fix(cause, member, move |members| {
        let policy = trusting(nobody(), &provider, &host, members);
        face.makes(role_hcl(&role, &policy), role_command(&role, &policy))
    }))
}

/// The runner, as a trust policy sees it. `None` while it is not known.
fn member(run: &Run<'_>) -> Option<Member> {
    Some(Member {
        oidc_subject: run.subject.oidc_subject()?,
        session_name: run.subject.session().map(|(name, _)| name),
    })
}

/// A trust policy that trusts nobody.
fn nobody() -> Value {
    json!({"Version": "2012-10-17", "Statement": []})
}

/// A trust policy that trusts these runners as well.
fn trusting(document: Value, provider_arn: &str, issuer_host: &str, members: &[Member]) -> Value {
    members.iter().fold(document, |document, member| {
        let who = WebIdentity {
            provider_arn,
            issuer_host,
            subject: &member.oidc_subject,
            session_name: member.session_name.as_deref(),
        };
        amended(&document, &who)
    })
}

/// The role, for a check that needs `role-exists`.
async fn existing(run: &Run<'_>) -> Result<Arc<Role>, Outcome> {
    run.iam_role().await?.map_err(|error| error.outcome())
}

/// What catches people out who took the issuer of an older product for the Orchestrator's.
fn older_product(issuer: &str) -> Option<String> {
    (issuer == OLDER_ISSUER).then(|| {
        format!(
            " {issuer} belongs to an older product of Humanitec's: the issuer of the Orchestrator at \
             api.humanitec.dev is https://oidc.humanitec.dev."
        )
    })
}

/// `oidc-provider`
pub(super) async fn oidc_provider(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let issuer = run.issuer()?;
    run.same_account().await?;
    let arn = run.provider_arn()?;
    let hint = older_product(issuer);
    let hinted = hint.as_deref().unwrap_or_default();
    let cause = format!("oidc-provider:{arn}");
    Ok(match run.aws().client_ids(run.region()?, &arn).await {
        Ok(ids) if ids.iter().any(|id| id == AUDIENCE) => {
            let found = format!("IAM OIDC provider {arn} exists, with client id {AUDIENCE}.");
            match &hint {
                Some(hint) => Outcome::warned(format!("{found}{hint}")),
                None => Outcome::passed(found),
            }
        }
        Ok(ids) => Outcome::failed(format!(
            "The IAM OIDC provider for {issuer} does not have the client id {AUDIENCE}, which is the `aud` of the \
             Orchestrator's tokens.{hinted}"
        ))
        .compare(AUDIENCE, list(&ids))
        .fix(cause, client_id_command(&arn))
        .retryable(),
        Err(AwsError::NotFound { .. }) => Outcome::failed(format!(
            "The account has no IAM OIDC provider for {issuer}, the issuer of the Orchestrator's tokens.{hinted}"
        ))
        .compare(arn.as_str(), "no such provider")
        .fix(
            cause,
            run.settings()
                .face
                .makes(oidc_provider_hcl(issuer), oidc_provider_command(issuer)),
        )
        .not_yet(),
        Err(error) => error.outcome(),
    })
}

/// `role-trust`
pub(super) async fn trust(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let issuer = run.issuer()?;
    let role = existing(run).await?;
    let org = known(&run.subject.org, "organization")?;
    let member = member(run).ok_or_else(|| unknown("runner's id"))?;
    let subject = &member.oidc_subject;
    let provider = run.provider_arn()?;
    let host = issuer_host(issuer);
    let who = WebIdentity {
        provider_arn: &provider,
        issuer_host: host,
        subject,
        session_name: member.session_name.as_deref(),
    };
    let document = role.trust_policy.as_ref().map_err(|error| {
        Outcome::incomplete(
            "an unreadable trust policy",
            format!(
                "Could not check: the trust policy of {} cannot be read: {error}.",
                role.arn
            ),
        )
    })?;
    Ok(match evaluate(document, &who) {
        Decision::Allowed { any_subject: false } => Outcome::passed(format!(
            "The trust policy lets {host} assume the role with aud {AUDIENCE} and sub {subject}."
        )),
        Decision::Allowed { any_subject: true } => Outcome::warned(format!(
            "The trust policy of {} lets {host} assume the role for this runner, and for runners of other \
             organizations as well: no condition on {host}:sub names the organization. Add one.",
            role.arn
        ))
        .compare(
            format!("a condition on {host}:sub, such as \"{org}+*\" with StringLike"),
            "none that names the organization",
        )
        .fix(
            format!("role-trust-any-subject:{}", role.arn),
            restrict_command(run.role()?, org, &restricted(document, &who, org)),
        ),
        Decision::CantTell(what) => Outcome::incomplete(
            "a trust policy that cannot be evaluated from outside",
            format!("Could not check whether the trust policy admits the Orchestrator: {what}."),
        ),
        Decision::Refused(reasons) => {
            let cause = format!("role-trust:{}", role.arn);
            let outcome = refused(issuer, &role.arn, &reasons);
            let (role, document) = (run.role()?.clone(), document.clone());
            let (provider, host) = (provider.clone(), host.to_owned());
            // One policy for all runners of the role, in which each has its own sub.
            outcome.shared_fix(cause, member.clone(), move |members| {
                let policy = trusting(document.clone(), &provider, &host, members);
                trust_command(&role, &policy, members)
            })
        }
    })
}

/// The outcome of a trust policy that refuses.
fn refused(issuer: &str, role_arn: &str, reasons: &[Reason]) -> Outcome {
    let sentences: Vec<String> = reasons
        .iter()
        .map(|reason| {
            let Reason {
                element,
                expected,
                found,
                hint,
            } = reason;
            let hint = hint
                .as_ref()
                .map(|hint| format!(" {hint}"))
                .unwrap_or_default();
            format!("{element}: expected {expected}, found {found}.{hint}")
        })
        .collect();
    let join = |part: fn(&Reason) -> &String| {
        let parts: Vec<&str> = reasons.iter().map(|reason| part(reason).as_str()).collect();
        parts.join("; ")
    };
    Outcome::failed(format!(
        "The trust policy of {role_arn} does not let {issuer} assume the role for this runner. {}{}",
        sentences.join(" "),
        older_product(issuer).unwrap_or_default()
    ))
    .compare(
        join(|reason| &reason.expected),
        join(|reason| &reason.found),
    )
}

/// `role-permission`
pub(super) async fn permission(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let role = existing(run).await?;
    let wanted = run.role()?;
    let region = run.region()?;
    let cluster = cluster_arn(wanted, region, run.cluster_name()?);
    let simulation = run
        .aws()
        .may_describe(region, &role.arn, &cluster)
        .await
        .map_err(|error| error.outcome())?;
    if simulation.allowed {
        return Ok(Outcome::passed(format!(
            "The role is allowed to describe {cluster}."
        )));
    }
    if !simulation.missing_context.is_empty() {
        return Ok(Outcome::incomplete(
            "policies that cannot be evaluated from outside",
            format!(
                "Could not check whether the role can describe {cluster}: its policies have conditions on {}.",
                simulation.missing_context.join(", ")
            ),
        ));
    }
    // No statement allows it: the policy that does may be about to be made.
    let may_come = simulation.decision == "implicitDeny"
        && !simulation.organization_refuses
        && !simulation.boundary_refuses;
    let name = shell(&wanted.name);
    let (by, fix) = if simulation.organization_refuses {
        (
            " A policy of the AWS organization refuses it, which only its administrators can change.",
            "# Ask the administrators of the AWS organization to allow the role eks:DescribeCluster.\n".to_owned(),
        )
    } else if simulation.boundary_refuses {
        (
            " The role's permissions boundary does not allow it.",
            format!(
                "aws iam get-role --role-name {name} --query Role.PermissionsBoundary   # this policy must allow it too\n"
            ),
        )
    } else if simulation.decision == "explicitDeny" {
        (
            " A statement with \"Effect\": \"Deny\" matches, which wins over every Allow.",
            format!(
                "# One of these policies has the Deny. Take it out, or except the cluster from it:\n\
                 aws iam list-role-policies --role-name {name}\n\
                 aws iam list-attached-role-policies --role-name {name}\n"
            ),
        )
    } else {
        ("", permission_command(wanted, region, run.cluster_name()?))
    };
    let refused = Outcome::failed(format!(
        "The policies of {} do not allow eks:DescribeCluster on {cluster}.{by}",
        role.arn
    ))
    .compare("allowed", simulation.decision.as_str())
    .fix(format!("role-permission:{}:{cluster}", role.arn), fix);
    Ok(if may_come {
        refused.not_yet()
    } else {
        refused.retryable()
    })
}

/// Texts in a row, or "none".
fn list(texts: &[String]) -> String {
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}
