//! Trust policies that admit runners of any organization, and the same policies restricted to one.
//!
//! The subject of a token is `{organization}+{runner ID}`, and anyone can have an organization in an installation that
//! many share, such as the SaaS. So only a condition that fixes the part before the `+` excludes strangers: a session
//! name, for example, is chosen by the stranger's own runner.

use serde_json::{Map, Value, json};

use super::WebIdentity;
use super::amend::{member, object};
use crate::access::policy::{Match, Operator, Version, statement_matches, texts};

/// Returns whether a policy admits runners of organizations that it does not name.
pub(super) fn trusts_any_subject(statements: &[&Value], who: &WebIdentity, version: Version) -> bool {
    let any = |effect: &str, judge: fn(&Map<String, Value>, &WebIdentity, Version) -> bool| {
        statements
            .iter()
            .filter_map(|statement| statement.as_object())
            .filter(|elements| elements.get("Effect").is_some_and(|found| found == effect))
            .any(|elements| judge(elements, who, version))
    };
    any("Allow", lets_in_any) && !any("Deny", keeps_strangers_out)
}

/// Returns the policy with a condition on the organization in each statement that admits runners of any organization. It
/// still admits everyone else that it admitted, including other runners of the organization.
pub(crate) fn restricted(document: &Value, who: &WebIdentity, org: &str) -> Value {
    let mut document = document.clone();
    let version = Version::read(&document);
    let statements = match document.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for statement in statements {
        let open = statement.as_object().is_some_and(|elements| {
            elements.get("Effect").is_some_and(|effect| effect == "Allow") && lets_in_any(elements, who, version)
        });
        if open {
            restrict(statement, who, org);
        }
    }
    document
}

/// Returns whether a statement matches a web identity, and its conditions on `sub` name no organization.
fn lets_in_any(elements: &Map<String, Value>, who: &WebIdentity, version: Version) -> bool {
    matches_but_for_subject(elements, who, version)
        && !is_for_tokens_without_subject(elements, who)
        && !subject_conditions(elements, who)
            .iter()
            .any(|(operator, values)| !operator.is_negated() && all_name_an_organization(*operator, values))
}

/// Returns whether a statement has a condition `Null` that requires a token without a `sub`. Every token of the
/// Orchestrator has one.
fn is_for_tokens_without_subject(elements: &Map<String, Value>, who: &WebIdentity) -> bool {
    let subject_key = who.subject_key();
    let null = elements.get("Condition").and_then(|found| found.get("Null"));
    null.and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.eq_ignore_ascii_case(&subject_key))
        .any(|(_, values)| {
            let values = texts(values).unwrap_or_default();
            !values.is_empty() && values.iter().all(|text| text.eq_ignore_ascii_case("true"))
        })
}

/// Returns whether a denying statement denies every `sub` whose organization it does not name.
fn keeps_strangers_out(elements: &Map<String, Value>, who: &WebIdentity, version: Version) -> bool {
    let conditions = subject_conditions(elements, who);
    matches_but_for_subject(elements, who, version)
        && !conditions.is_empty()
        && conditions
            .iter()
            .all(|(operator, values)| operator.is_negated() && all_name_an_organization(*operator, values))
}

/// Returns whether a statement matches a web identity without its conditions on `sub`.
fn matches_but_for_subject(elements: &Map<String, Value>, who: &WebIdentity, version: Version) -> bool {
    let (mut elements, subject_key) = (elements.clone(), who.subject_key());
    let conditions = elements.get_mut("Condition").and_then(object);
    for keys in conditions.into_iter().flat_map(Map::values_mut).filter_map(object) {
        keys.retain(|key, _| !key.eq_ignore_ascii_case(&subject_key));
    }
    let matches = statement_matches("", &elements, who, version);
    matches.iter().all(|found| matches!(found, Match::Yes))
}

/// Returns a statement's conditions on `sub` that compare texts.
fn subject_conditions<'a>(elements: &'a Map<String, Value>, who: &WebIdentity) -> Vec<(Operator, Vec<&'a str>)> {
    let subject_key = who.subject_key();
    let mut found = Vec::new();
    let conditions = elements.get("Condition").and_then(Value::as_object);
    for (operator, keys) in conditions.into_iter().flatten() {
        let Some(operator) = Operator::parse(operator).filter(|found| found.is_of_texts()) else {
            continue;
        };
        for (key, values) in keys.as_object().into_iter().flatten() {
            if key.eq_ignore_ascii_case(&subject_key) {
                found.push((operator, texts(values).unwrap_or_default()));
            }
        }
    }
    found
}

fn all_name_an_organization(operator: Operator, values: &[&str]) -> bool {
    !operator.has_wildcards() || values.iter().all(|pattern| names_an_organization(pattern))
}

/// Returns whether a pattern fixes the organization: the `+` comes before its first wildcard.
fn names_an_organization(pattern: &str) -> bool {
    let fixed = pattern.split(['*', '?', '$']).next().unwrap_or_default();
    fixed.find('+').is_some_and(|at| at > 0)
}

/// Adds a condition on the organization to a statement.
fn restrict(statement: &mut Value, who: &WebIdentity, org: &str) {
    let subject_key = who.subject_key();
    let Some(conditions) = object(statement).map(|elements| member(elements, "Condition")) else {
        return;
    };
    let mut narrowed = false;
    for (operator, keys) in object(conditions).into_iter().flatten() {
        let like = Operator::parse(operator).is_some_and(|found| found.has_wildcards() && !found.is_negated());
        for (key, values) in object(keys).into_iter().flatten() {
            if like && key.eq_ignore_ascii_case(&subject_key) {
                *values = narrow(values, org);
                narrowed = true;
            }
        }
    }
    if narrowed {
        return;
    }
    // A principal without this key, such as an account in the same statement, is still admitted. Every token of the issuer has a
    // `sub`, which OpenID Connect requires.
    if let Some(keys) = object(conditions).map(|operators| member(operators, "StringLikeIfExists"))
        && let Some(keys) = object(keys)
    {
        keys.insert(subject_key, json!(format!("{org}+*")));
    }
}

/// Patterns that all name an organization: a pattern that names none is limited to this one.
fn narrow(values: &Value, org: &str) -> Value {
    let mut narrowed: Vec<String> = Vec::new();
    for pattern in texts(values).unwrap_or_default() {
        let pattern = match pattern.split_once('+') {
            _ if names_an_organization(pattern) => pattern.to_owned(),
            Some((_, runner)) => format!("{org}+{runner}"),
            None if pattern.starts_with('*') => format!("{org}+{pattern}"),
            None => format!("{org}+*"),
        };
        if !narrowed.contains(&pattern) {
            narrowed.push(pattern);
        }
    }
    match narrowed.as_slice() {
        [one] => json!(one),
        several => json!(several),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TrustDecision, evaluate};
    use super::*;
    use crate::access::trust::web_identity::PROVIDER;

    const AUD: &str = "oidc.humanitec.dev:aud";
    const SUB: &str = "oidc.humanitec.dev:sub";

    fn runner(subject: &str) -> WebIdentity {
        WebIdentity::fixture(subject)
    }

    fn statement(effect: &str, condition: Value) -> Value {
        json!({
            "Effect": effect,
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        })
    }

    fn policy(statements: Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn decide(document: &Value, subject: &str) -> TrustDecision {
        evaluate(document, &runner(subject))
    }

    #[track_caller]
    fn is_open(document: &Value, open: bool) {
        let decision = decide(document, "my-org+my-runner");
        assert_eq!(decision, TrustDecision::Allowed { any_subject: open }, "{document:#}");
    }

    #[test]
    fn a_condition_that_names_no_organization_lets_in_strangers() {
        let aud = json!("sts.amazonaws.com");
        for condition in [
            json!({}),
            json!({"StringEquals": {AUD: aud}}),
            json!({"StringLike": {SUB: "*"}}),
            json!({"StringLike": {SUB: "*+*"}}),
            json!({"StringLike": {SUB: "*+my-runner"}}),
            json!({"StringLike": {SUB: "my-org*"}}),
            json!({"StringLike": {SUB: "m?-org+my-runner"}}),
            json!({"StringLike": {"OIDC.humanitec.dev:SUB": ["my-org+*", "*"]}}),
            json!({"StringLikeIfExists": {SUB: "*"}}),
            json!({"ForAnyValue:StringLike": {SUB: "*-org+*"}}),
            json!({"StringNotEquals": {SUB: "my-org+other"}}),
            json!({"StringNotLike": {SUB: "other+*"}}),
            json!({"Null": {SUB: "false"}}),
            json!({"StringEquals": {"sts:RoleSessionName": "my-org-my-runner"}}),
        ] {
            let document = policy(json!([statement("Allow", condition)]));
            is_open(&document, true);
            let restricted = restricted(&document, &runner("my-org+my-runner"), "my-org");
            is_open(&restricted, false);
            let stranger = decide(&restricted, "stranger+my-runner");
            assert!(matches!(stranger, TrustDecision::Refused(_)), "{restricted:#}");
            // Every runner of the organization that was admitted before still is.
            for other in ["my-org+my-runner", "my-org+another", "my-org+other"] {
                assert_eq!(
                    matches!(decide(&document, other), TrustDecision::Allowed { .. }),
                    matches!(decide(&restricted, other), TrustDecision::Allowed { .. }),
                    "{other}: {restricted:#}"
                );
            }
        }
    }

    #[test]
    fn the_other_principals_of_a_statement_keep_the_role() {
        let github = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
        let mut shared = statement("Allow", json!({}));
        shared["Principal"] = json!({"AWS": "arn:aws:iam::123456789012:root", "Federated": [PROVIDER, github]});
        shared["Action"] = json!(["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"]);
        let document = policy(shared);
        let restricted = restricted(&document, &runner("my-org+my-runner"), "my-org");
        is_open(&restricted, false);
        let of_github = WebIdentity {
            provider_arn: github.to_owned(),
            issuer_host: "token.actions.githubusercontent.com".to_owned(),
            ..runner("repo:x/y")
        };
        let decision = evaluate(&restricted, &of_github);
        assert!(matches!(decision, TrustDecision::Allowed { .. }), "{restricted:#}");
        assert_eq!(
            restricted["Statement"]["Condition"],
            json!({"StringLikeIfExists": {SUB: "my-org+*"}})
        );
    }

    #[test]
    fn a_condition_that_names_the_organization_is_enough() {
        for condition in [
            json!({"StringEquals": {SUB: "my-org+my-runner"}}),
            json!({"StringEquals": {SUB: ["my-org+my-runner", "other+x"]}}),
            json!({"StringLike": {SUB: "my-org+*"}}),
            json!({"StringLike": {SUB: ["my-org+*", "other-org+*"]}}),
            json!({"StringLikeIfExists": {SUB: "my-org+my-*"}}),
            json!({"ForAnyValue:StringEquals": {SUB: "my-org+my-runner"}}),
            json!({"StringEqualsIgnoreCase": {SUB: "MY-org+my-runner"}}),
            json!({"StringLike": {SUB: "*"}, "StringEquals": {SUB: "my-org+my-runner"}}),
        ] {
            is_open(&policy(statement("Allow", condition)), false);
        }
    }

    #[test]
    fn one_open_statement_is_enough_and_only_that_one_changes() {
        let mine = statement("Allow", json!({"StringEquals": {SUB: "my-org+my-runner"}}));
        let all = statement("Allow", json!({"StringEquals": {AUD: "sts.amazonaws.com"}}));
        let others = statement("Allow", json!({"StringLike": {SUB: "*+other"}}));
        for open in [&all, &others] {
            let document = policy(json!([mine, open]));
            is_open(&document, true);
            let restricted = restricted(&document, &runner("my-org+my-runner"), "my-org");
            is_open(&restricted, false);
            assert_eq!(restricted["Statement"][0], mine);
        }
        let elsewhere =
            json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"});
        is_open(&policy(json!([mine, elsewhere])), false);
    }

    #[test]
    fn a_deny_can_keep_strangers_out() {
        let all = statement("Allow", json!({"StringEquals": {AUD: "sts.amazonaws.com"}}));
        for (condition, open) in [
            (json!({"StringNotLike": {SUB: "my-org+*"}}), false),
            (
                json!({"StringNotEquals": {SUB: ["my-org+my-runner", "my-org+x"]}}),
                false,
            ),
            (json!({"StringLike": {SUB: "other+*"}}), true),
            (json!({"StringNotLike": {SUB: "*+my-runner"}}), true),
            (
                json!({"StringNotLike": {SUB: "my-org+*"}, "StringLike": {SUB: "x*"}}),
                true,
            ),
            (
                json!({"StringNotLike": {SUB: "my-org+*"}, "StringEquals": {AUD: "eks"}}),
                true,
            ),
        ] {
            is_open(&policy(json!([all, statement("Deny", condition)])), open);
        }
    }
}
