//! The check `oidc-issuer`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::oidc_provider::older_product;
use crate::access::aws::FetchedDocument;
use crate::access::cause::Cause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::checks::Check;
use crate::access::fix::Fix;
use crate::access::outcome::{Outcome, Skip, Status};
use crate::access::run::Run;
use crate::access::settings::{CheckSetting, Identity};

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "oidc-issuer",
        title: "The Orchestrator's issuer publishes the keys of its tokens",
        category: Category::Identity,
        attribute: ROLE_ARN,
        caller_needs: &[],
        runner_needs: &[],
    },
    |run| Box::pin(check(run)),
)
// A run as the runner can show that STS reads the issuer, whatever can be read of it from here.
.uses(&[CheckSetting::OidcIssuer, CheckSetting::Identity(Identity::Runner)]);

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let outcome = match judge(run, run.issuer()?).await {
        Ok(outcome) | Err(CheckError::Decided(outcome)) => outcome,
        Err(other) => return Err(other),
    };
    let is_bad = matches!(outcome.status, Status::Failed) || matches!(outcome.skip, Some(Skip::Incomplete(_)));
    if is_bad && is_issuer_of_token(run).await && run.is_exchanged().await {
        return Ok(Outcome::not_applicable(format!(
            "STS has accepted the web identity token, so it can read the issuer's keys. The check from this machine had \
             another result: {}",
            outcome.message
        )));
    }
    Ok(outcome)
}

/// Returns whether the web identity token of a run as the runner is one of this issuer. The role can trust others as well.
async fn is_issuer_of_token(run: &Run<'_>) -> bool {
    let (Ok(issuer), Some(file)) = (run.issuer(), &run.settings().web_identity_token_file) else {
        return false;
    };
    let token = tokio::fs::read_to_string(file).await.unwrap_or_default();
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    let own = claims["iss"].as_str().unwrap_or_default();
    own.trim_end_matches('/') == issuer
}

/// Judges the issuer by what the caller can read of it, which can be something else than what STS reads.
async fn judge(run: &Run<'_>, issuer: &str) -> Result<Outcome, CheckError> {
    let configuration = format!("{issuer}/.well-known/openid-configuration");
    let found = read(run, issuer, &configuration, not_found).await?;
    let published = found["issuer"].as_str().unwrap_or_default();
    if published.trim_end_matches('/') != issuer {
        return Ok(other_issuer(run, issuer, published));
    }
    let Some(keys_url) = found["jwks_uri"].as_str().filter(|url| !url.is_empty()) else {
        return Ok(without_keys(run, issuer, &configuration, "no jwks_uri"));
    };
    if !keys_url.starts_with("https://") {
        return Ok(Outcome::warned(format!(
            "{configuration} names the keys at {keys_url}, which STS might not read: it is not an HTTPS URL."
        ))
        .compare("an HTTPS URL", keys_url));
    }
    let keys = read(run, issuer, keys_url, |run, issuer, url, status| {
        without_keys(run, issuer, url, &format!("the response has status {status}"))
    })
    .await?;
    let keys = keys["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let usable = keys.iter().filter(|key| is_usable(key)).count();
    if usable == 0 {
        let kinds: Vec<String> = keys.iter().map(kind).collect();
        let found = match kinds.as_slice() {
            [] => "no keys".to_owned(),
            kinds => kinds.join(", "),
        };
        return Ok(without_keys(run, issuer, keys_url, &found));
    }
    if published != issuer {
        return Ok(Outcome::warned(format!(
            "{configuration} names the issuer {published}, with a slash at its end: STS might not find the IAM OIDC \
             provider for {issuer}."
        ))
        .compare(issuer, published));
    }
    let keys = match usable {
        1 => "1 RS256 key".to_owned(),
        several => format!("{several} RS256 keys"),
    };
    let passed = format!("{issuer} publishes its configuration and {keys}.");
    Ok(match older_product(issuer) {
        Some(hint) => Outcome::warned(format!("{passed}{hint}")),
        None => Outcome::passed(passed),
    })
}

/// Returns whether STS can verify a token of the Orchestrator with a key: the Orchestrator signs with RS256. A key without
/// `alg` or `use` is for everything (RFC 7517, sections 4.2 and 4.4).
fn is_usable(key: &Value) -> bool {
    let is_absent_or = |name: &str, value: &str| key[name].is_null() || key[name] == value;
    key["kty"] == "RSA" && is_absent_or("alg", "RS256") && is_absent_or("use", "sig")
}

/// Returns what a key is for, in words.
fn kind(key: &Value) -> String {
    let parts = ["kty", "alg", "use"].into_iter();
    let parts: Vec<String> = parts
        .filter_map(|name| Some(format!("{name} {}", key[name].as_str()?)))
        .collect();
    format!("a key with {}", parts.join(", "))
}

/// Reads a JSON document of the issuer. `missing` returns the outcome for one that does not exist, by the issuer, the URL, and
/// the status of the response.
///
/// # Errors
/// The outcome of the check without it.
async fn read(
    run: &Run<'_>,
    issuer: &str,
    url: &str,
    missing: fn(&Run<'_>, &str, &str, u16) -> Outcome,
) -> Result<Value, CheckError> {
    let document: Arc<FetchedDocument> = match run.aws().document(url).await {
        Ok(document) => document,
        Err(why) => return Err(unreachable(url, &why).into()),
    };
    match document.status {
        200 => {}
        404 | 410 => return Err(missing(run, issuer, url, document.status).into()),
        // AWS does not document that STS follows redirects.
        300..400 => {
            return Err(Outcome::warned(format!(
                "{url} responds with {}, a redirect, which STS might not follow.",
                document.status
            ))
            .compare("200", document.status.to_string())
            .into());
        }
        status => {
            let why = format!("the response has status {status}");
            return Err(unreachable(url, &why).into());
        }
    }
    match serde_json::from_slice(&document.body) {
        Ok(found @ Value::Object(_)) => Ok(found),
        _ => Err(unreachable(url, "the response is not a JSON object").into()),
    }
}

/// Returns the outcome without a usable response. Whether STS gets another one is not known from here.
fn unreachable(url: &str, why: &str) -> Outcome {
    Outcome::incomplete(
        "the issuer cannot be read from here",
        format!(
            "Could not check: {url} could not be read from here: {}. STS reads it from the internet.",
            why.trim_end_matches('.')
        ),
    )
}

fn cause(issuer: &str) -> Cause {
    Cause::OidcIssuer {
        issuer: issuer.to_owned(),
    }
}

/// Returns the outcome for a document that does not exist.
fn not_found(run: &Run<'_>, issuer: &str, url: &str, status: u16) -> Outcome {
    let setting = run.name(CheckSetting::OidcIssuer);
    Outcome::failed(format!(
        "{url} responds with {status}: STS gets no keys to verify the Orchestrator's tokens. An installation returns \
         this status if OIDC_ISSUER_URL is not set, and every EKS runner then fails.{}",
        older_product(issuer).unwrap_or_default()
    ))
    .compare("200", status.to_string())
    .fix(
        cause(issuer),
        Fix::note(format!(
            "Set OIDC_ISSUER_URL of the installation's data plane to its public URL, and {setting} to the same URL."
        )),
    )
    .retryable()
}

/// Returns the outcome for a configuration of another issuer. The data plane publishes the `iss` of its tokens there.
fn other_issuer(run: &Run<'_>, issuer: &str, published: &str) -> Outcome {
    let setting = run.name(CheckSetting::OidcIssuer);
    let found = match published {
        "" => "none",
        other => other,
    };
    Outcome::failed(format!(
        "The configuration that {issuer} publishes names another issuer: {found}. STS refuses tokens whose issuer differs \
         from the one that publishes their keys.{}",
        older_product(issuer).unwrap_or_default()
    ))
    .compare(issuer, found)
    .fix(
        cause(issuer),
        Fix::note(format!(
            "Set {setting} to the OIDC_ISSUER_URL of the installation's data plane. If it is {issuer}, a proxy in front of \
             the installation responds for another one."
        )),
    )
}

/// Returns the outcome for an issuer without a key that STS can use.
fn without_keys(run: &Run<'_>, issuer: &str, url: &str, found: &str) -> Outcome {
    let setting = run.name(CheckSetting::OidcIssuer);
    Outcome::failed(format!(
        "{url} has no key with which STS can verify the Orchestrator's tokens, which are signed with RS256: {found}.{}",
        older_product(issuer).unwrap_or_default()
    ))
    .compare("a key with kty RSA for RS256", found)
    .fix(
        cause(issuer),
        Fix::note(format!(
            "Verify that {setting} is the OIDC_ISSUER_URL of the installation's data plane, and that {url} is served by it."
        )),
    )
    .retryable()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_issuer_that_cannot_be_read_has_one_period() {
        for why in ["the connection broke", "TLS failed. Set AWS_CA_BUNDLE."] {
            let message = unreachable("https://x", why).message;
            assert!(!message.contains(".."), "{message}");
            assert!(message.ends_with(". STS reads it from the internet."), "{message}");
        }
    }

    #[test]
    fn only_a_key_for_rs256_is_usable() {
        for (key, usable) in [
            (json!({"kty": "RSA"}), true),
            (json!({"kty": "RSA", "alg": "RS256", "use": "sig"}), true),
            (json!({"kty": "RSA", "alg": "RS512"}), false),
            (json!({"kty": "RSA", "use": "enc"}), false),
            (json!({"kty": "EC", "alg": "ES256"}), false),
            (json!({}), false),
        ] {
            assert_eq!(is_usable(&key), usable, "{key}");
        }
        let key = json!({"kty": "EC", "alg": "ES256"});
        assert_eq!(kind(&key), "a key with kty EC, alg ES256");
    }
}
