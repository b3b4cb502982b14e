//! Trust policies that trust a runner: a new one, and an existing one with the runner added.

use serde_json::{Map, Value, json};

use super::{TrustDecision, WebIdentity, evaluate};
use crate::access::issuer::AUDIENCE;
use crate::access::objects::trust_policy;
use crate::access::policy::{Match, has_variables, statement_matches, statement_name, statements};

/// A runner's web identity, as a trust policy sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The `sub` of the Orchestrator's OIDC token for the runner.
    pub oidc_subject: String,
    /// The name of the runner's STS session, if it is known.
    pub session_name: Option<String>,
}

/// Returns a trust policy with one more statement.
pub(super) fn with_statement(document: Option<&Value>, statement: Value) -> Value {
    let Some(Value::Object(document)) = document else {
        return json!({"Version": "2012-10-17", "Statement": [statement]});
    };
    let mut document = document.clone();
    let mut statements = match document.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![one],
    };
    statements.push(statement);
    document.insert("Statement".to_owned(), statements.into());
    Value::Object(document)
}

impl Member {
    /// Returns the web identity with which the Orchestrator assumes the role for the runner.
    pub(crate) fn identity<'a>(
        &'a self,
        provider_arn: &'a str,
        issuer_host: &'a str,
    ) -> WebIdentity<'a> {
        WebIdentity {
            sender: "the Orchestrator",
            provider_arn,
            issuer_host,
            audience: AUDIENCE,
            subject: &self.oidc_subject,
            session_name: self.session_name.as_deref(),
        }
    }
}

/// Returns a sentence about the statements of a policy that might deny a web identity: they have a condition whose value only
/// AWS knows, such as `aws:SourceIp`. `None` if there are none.
pub(crate) fn unknown_denials(document: &Value, who: &WebIdentity<'_>) -> Option<String> {
    let variables = has_variables(document);
    let named = statements(document).into_iter().enumerate();
    let unknown = named.filter(|(_, statement)| denies(statement, who, variables).is_none());
    let names: Vec<String> = unknown
        .map(|(index, statement)| statement_name(index, statement))
        .collect();
    (!names.is_empty()).then(|| format!("{} might still deny it.", names.join(" and ")))
}

/// Returns the policy with the web identity admitted, and everything else unchanged.
///
/// The web identity is admitted by its `sub` in the list of a statement that has no other condition that refuses it, or
/// by a statement of its own. A statement that certainly denies it gets an exception for it, and still denies all others. One
/// that only might deny it stays: [`unknown_denials`] names it.
pub(crate) fn amended(document: &Value, who: &WebIdentity<'_>) -> Value {
    let own = trust_policy(
        who.provider_arn,
        who.issuer_host,
        who.audience,
        &[who.subject],
    );
    let Value::Object(mut amended) = document.clone() else {
        return own;
    };
    let mut statements = match amended.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![one],
    };
    let with = |statements: &[Value]| {
        let mut document = amended.clone();
        document.insert("Statement".to_owned(), statements.into());
        Value::Object(document)
    };
    let variables = has_variables(document);
    for statement in &mut statements {
        if denies(statement, who, variables) == Some(true) {
            exempt(statement, who);
        }
    }
    let admits = |statements: &[Value]| {
        let is_known = |statement: &&Value| denies(statement, who, variables).is_some();
        let known: Vec<Value> = statements.iter().filter(is_known).cloned().collect();
        matches!(evaluate(&with(&known), who), TrustDecision::Allowed { .. })
    };
    if !admits(&statements) {
        let with_subject = (0..statements.len()).find_map(|index| {
            let mut tried = statements.clone();
            add_subject(tried.get_mut(index)?, who);
            admits(&tried).then_some(tried)
        });
        match with_subject {
            Some(tried) => statements = tried,
            None => statements.extend(own["Statement"].as_array().cloned().unwrap_or_default()),
        }
    }
    with(&statements)
}

/// Returns whether a statement denies the web identity. `None` if that is unknown.
fn denies(statement: &Value, who: &WebIdentity<'_>, variables: bool) -> Option<bool> {
    let elements = statement.as_object();
    let Some(elements) = elements.filter(|_| statement["Effect"] == "Deny") else {
        return Some(false);
    };
    let matches = statement_matches("", elements, who, variables);
    if matches.iter().any(|found| matches!(found, Match::No(_))) {
        return Some(false);
    }
    let is_known = |found: &Match| !matches!(found, Match::Unknown(_));
    matches.iter().all(is_known).then_some(true)
}

/// Excepts one `sub` from a statement. A caller without a `sub` is still affected by it.
fn exempt(statement: &mut Value, who: &WebIdentity<'_>) {
    let Some(conditions) = object(statement).map(|elements| member(elements, "Condition")) else {
        return;
    };
    let Some(excepted) = object(conditions).map(|operators| member(operators, "StringNotEquals"))
    else {
        return;
    };
    let Some(keys) = object(excepted) else {
        return;
    };
    let wanted = subject_key(who);
    let key = keys.keys().find(|key| key.eq_ignore_ascii_case(&wanted));
    let key = key.cloned().unwrap_or(wanted);
    add(keys.entry(key).or_insert_with(|| json!([])), who.subject);
}

/// Adds the `sub` to every list of subjects in the conditions of a statement.
fn add_subject(statement: &mut Value, who: &WebIdentity<'_>) {
    let wanted = subject_key(who);
    let conditions = statement.get_mut("Condition").and_then(object);
    for (operator, keys) in conditions.into_iter().flatten() {
        let listing = operator.contains("String") && !operator.contains("Not");
        for (key, values) in object(keys).into_iter().flatten() {
            if listing && key.eq_ignore_ascii_case(&wanted) {
                add(values, who.subject);
            }
        }
    }
}

/// Returns the condition key for the `sub` of the web identity.
pub(super) fn subject_key(who: &WebIdentity<'_>) -> String {
    format!("{}:sub", who.issuer_host)
}

/// Adds a text to a condition's value, which is one text or a list of texts.
fn add(values: &mut Value, text: &str) {
    match values {
        Value::Array(list) if list.iter().any(|value| value == text) => {}
        Value::Array(list) if list.is_empty() => *values = text.into(),
        Value::Array(list) => list.push(text.into()),
        one => *one = json!([one.take(), text]),
    }
}

/// Returns the members of an object.
pub(super) fn object(value: &mut Value) -> Option<&mut Map<String, Value>> {
    value.as_object_mut()
}

/// Returns a member of an object. A missing or null member becomes an empty object.
pub(super) fn member<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    let value = object.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = json!({});
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev";

    fn runner(subject: &str) -> WebIdentity<'_> {
        WebIdentity {
            sender: "the Orchestrator",
            provider_arn: PROVIDER,
            issuer_host: "oidc.humanitec.dev",
            audience: AUDIENCE,
            subject,
            session_name: None,
        }
    }

    fn policy(subject: &str) -> Value {
        trust_policy(PROVIDER, "oidc.humanitec.dev", AUDIENCE, &[subject])
    }

    /// Amends a policy for `my-org+new`, and asserts that it admits this subject and the ones before.
    #[track_caller]
    fn admits_as_well(document: &Value, before: &[&str]) -> Value {
        let amended = amended(document, &runner("my-org+new"));
        for subject in before.iter().chain(&["my-org+new"]) {
            assert!(
                matches!(
                    evaluate(&amended, &runner(subject)),
                    TrustDecision::Allowed { .. }
                ),
                "{subject}: {amended:#}"
            );
        }
        let stranger = evaluate(&amended, &runner("my-org+stranger"));
        assert!(
            !matches!(stranger, TrustDecision::Allowed { .. }),
            "{amended:#}"
        );
        amended
    }

    #[test]
    fn a_new_trust_policy_passes_the_check() {
        let decision = evaluate(&policy("my-org+my-runner"), &runner("my-org+my-runner"));
        assert_eq!(decision, TrustDecision::Allowed { any_subject: false });
    }

    #[test]
    fn a_subject_is_added_to_the_list_of_a_statement() {
        let amended = admits_as_well(&policy("my-org+old"), &["my-org+old"]);
        let statements = amended["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 1);
        assert_eq!(
            statements[0]["Condition"]["StringEquals"]["oidc.humanitec.dev:sub"],
            json!(["my-org+old", "my-org+new"])
        );
        let third = super::amended(&amended, &runner("my-org+third"));
        for subject in ["my-org+old", "my-org+new", "my-org+third"] {
            let decision = evaluate(&third, &runner(subject));
            assert_eq!(decision, TrustDecision::Allowed { any_subject: false });
        }
    }

    #[test]
    fn a_statement_that_cannot_admit_the_subject_stays_unchanged() {
        let mut wrong_aud = policy("my-org+old");
        wrong_aud["Statement"][0]["Condition"]["StringEquals"]["oidc.humanitec.dev:aud"] =
            json!("eks");
        let account = json!({"Version": "2012-10-17", "Statement": {
            "Sid": "Admins",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "sts:AssumeRole",
        }});
        for document in [wrong_aud, account] {
            let amended = admits_as_well(&document, &[]);
            let statements = amended["Statement"].as_array().unwrap();
            let before = match &document["Statement"] {
                Value::Array(list) => list[0].clone(),
                one => one.clone(),
            };
            assert_eq!(statements[0], before);
            assert_eq!(statements.len(), 2);
        }
        for nothing in [json!({}), json!({"Statement": []}), json!([])] {
            admits_as_well(&nothing, &[]);
        }
    }

    #[test]
    fn a_deny_that_cannot_be_evaluated_stays() {
        let mut document = policy("my-org+old");
        let deny = json!({
            "Sid": "Addresses",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sts:*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        });
        document["Statement"]
            .as_array_mut()
            .unwrap()
            .push(deny.clone());
        let amended = amended(&document, &runner("my-org+new"));
        assert_eq!(
            amended["Statement"][0],
            admits_as_well(&policy("my-org+old"), &["my-org+old"])["Statement"][0]
        );
        assert_eq!(amended["Statement"][1], deny);
        assert_eq!(amended["Statement"].as_array().unwrap().len(), 2);
        assert_eq!(
            unknown_denials(&amended, &runner("my-org+new")).as_deref(),
            Some("Statement \"Addresses\" might still deny it.")
        );
        assert_eq!(unknown_denials(&policy("x"), &runner("y")), None);
    }

    #[test]
    fn a_deny_still_affects_all_others() {
        let mut denied = policy("my-org+old");
        denied["Statement"].as_array_mut().unwrap().push(json!({
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sts:*",
            "Condition": {"StringNotEquals": {"OIDC.humanitec.dev:sub": "my-org+old"}},
        }));
        let amended = admits_as_well(&denied, &["my-org+old"]);
        assert_eq!(
            amended["Statement"][1]["Condition"],
            json!({"StringNotEquals": {"OIDC.humanitec.dev:sub": ["my-org+old", "my-org+new"]}})
        );
        denied["Statement"][1]
            .as_object_mut()
            .unwrap()
            .remove("Condition");
        let mut null = denied.clone();
        null["Statement"][1]["Condition"] = Value::Null;
        for denied in [denied, null] {
            let amended = admits_as_well(&denied, &[]);
            assert_eq!(
                amended["Statement"][1]["Condition"],
                json!({"StringNotEquals": {"oidc.humanitec.dev:sub": "my-org+new"}})
            );
        }
    }
}
