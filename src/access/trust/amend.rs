//! An existing trust policy that also admits someone else.

use serde_json::{Map, Value, json};

use super::{Member, WebIdentity};
use crate::access::policy::{
    Match, PolicyDecision, PolicyRequest, Version, evaluate, statement_matches, statement_name, statements,
};

/// Returns a sentence about the statements of a policy that might deny one of the members: a statement with a condition whose
/// value only AWS knows, such as `aws:SourceIp`, or one that [`amended`] cannot change. `None` if there are none.
pub(crate) fn remaining_denials(document: &Value, members: &[Member]) -> Option<String> {
    let version = Version::read(document);
    let named = statements(document).into_iter().enumerate();
    let denying = named.filter(|(_, statement)| {
        let denies = |member: &Member| member_denial(statement, member, version) != Some(false);
        members.iter().any(denies)
    });
    let names: Vec<String> = denying
        .map(|(index, statement)| statement_name(index, statement))
        .collect();
    (!names.is_empty()).then(|| format!("{} might still deny it.", names.join(" and ")))
}

/// Returns the policy with the member admitted, and everything else unchanged.
///
/// A web identity is admitted by its `sub` in the list of a statement that has no other condition that refuses it, or by a
/// statement of its own, as every other member is. A statement that certainly denies a web identity gets an exception for it,
/// and still denies all others. Any other statement that denies stays: [`remaining_denials`] names it.
pub(crate) fn amended(document: &Value, member: &Member) -> Value {
    let mut amended = match document {
        Value::Object(elements) => elements.clone(),
        _ => Map::from_iter([("Version".to_owned(), json!("2012-10-17"))]),
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
    let version = Version::read(&with(&[]));
    if let Some(who) = member.identity() {
        for statement in &mut statements {
            if denies(statement, who, version) == Some(true) {
                exempt(statement, who);
            }
        }
    }
    let admits = |statements: &[Value]| {
        let is_known = |statement: &&Value| {
            statement["Effect"] != "Deny" || member_denial(statement, member, version) == Some(false)
        };
        let known = with(&statements.iter().filter(is_known).cloned().collect::<Vec<_>>());
        let mut requests = member.requests().into_iter();
        requests.all(|request| evaluate(&known, &*request) == PolicyDecision::Allowed)
    };
    if !admits(&statements) {
        let with_subject = (0..statements.len()).find_map(|index| {
            let mut tried = statements.clone();
            add_subject(tried.get_mut(index)?, member.identity()?);
            admits(&tried).then_some(tried)
        });
        match with_subject {
            Some(tried) => statements = tried,
            None => statements.push(member.statement()),
        }
    }
    with(&statements)
}

/// Returns whether a statement denies one of the requests of a member. `None` if that is unknown.
fn member_denial(statement: &Value, member: &Member, version: Version) -> Option<bool> {
    let requests = member.requests();
    let mut found = requests.iter().map(|request| denies(statement, &**request, version));
    if found.clone().any(|denies| denies == Some(true)) {
        return Some(true);
    }
    found.all(|denies| denies == Some(false)).then_some(false)
}

/// Returns whether a statement denies a request. `None` if that is unknown.
fn denies(statement: &Value, request: &dyn PolicyRequest, version: Version) -> Option<bool> {
    let elements = statement.as_object();
    let Some(elements) = elements.filter(|_| statement["Effect"] == "Deny") else {
        return Some(false);
    };
    let matches = statement_matches("", elements, request, version);
    if matches.iter().any(|found| matches!(found, Match::No(_))) {
        return Some(false);
    }
    let is_known = |found: &Match| !matches!(found, Match::Unknown(_));
    matches.iter().all(is_known).then_some(true)
}

/// Excepts one `sub` from a statement. A caller without a `sub` is still affected by it.
fn exempt(statement: &mut Value, who: &WebIdentity) {
    let Some(conditions) = object(statement).map(|elements| member(elements, "Condition")) else {
        return;
    };
    let Some(excepted) = object(conditions).map(|operators| member(operators, "StringNotEquals")) else {
        return;
    };
    let Some(keys) = object(excepted) else {
        return;
    };
    let subject_key = who.subject_key();
    let key = keys.keys().find(|key| key.eq_ignore_ascii_case(&subject_key));
    let key = key.cloned().unwrap_or(subject_key);
    add(keys.entry(key).or_insert_with(|| json!([])), &who.subject);
}

/// Adds the `sub` to every list of subjects in the conditions of a statement.
fn add_subject(statement: &mut Value, who: &WebIdentity) {
    let subject_key = who.subject_key();
    let conditions = statement.get_mut("Condition").and_then(object);
    for (operator, keys) in conditions.into_iter().flatten() {
        let listing = operator.contains("String") && !operator.contains("Not");
        for (key, values) in object(keys).into_iter().flatten() {
            if listing && key.eq_ignore_ascii_case(&subject_key) {
                add(values, &who.subject);
            }
        }
    }
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
    use crate::access::issuer::AUDIENCE;
    use crate::access::objects::trust_policy;
    use crate::access::trust::web_identity::PROVIDER;
    use crate::access::trust::{TaggedPod, TrustDecision, evaluate};

    fn runner(subject: &str) -> WebIdentity {
        WebIdentity::fixture(subject)
    }

    fn member(subject: &str) -> Member {
        Member::Token(runner(subject))
    }

    fn policy(subject: &str) -> Value {
        trust_policy(PROVIDER, "oidc.humanitec.dev", AUDIENCE, &[subject])
    }

    /// Amends a policy for `my-org+new`, and asserts that it admits this subject and the ones before.
    #[track_caller]
    fn admits_as_well(document: &Value, before: &[&str]) -> Value {
        let amended = amended(document, &member("my-org+new"));
        for subject in before.iter().chain(&["my-org+new"]) {
            assert!(
                matches!(evaluate(&amended, &runner(subject)), TrustDecision::Allowed { .. }),
                "{subject}: {amended:#}"
            );
        }
        let stranger = evaluate(&amended, &runner("my-org+stranger"));
        assert!(!matches!(stranger, TrustDecision::Allowed { .. }), "{amended:#}");
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
        let third = super::amended(&amended, &member("my-org+third"));
        for subject in ["my-org+old", "my-org+new", "my-org+third"] {
            let decision = evaluate(&third, &runner(subject));
            assert_eq!(decision, TrustDecision::Allowed { any_subject: false });
        }
    }

    #[test]
    fn a_statement_that_cannot_admit_the_subject_stays_unchanged() {
        let mut wrong_aud = policy("my-org+old");
        wrong_aud["Statement"][0]["Condition"]["StringEquals"]["oidc.humanitec.dev:aud"] = json!("eks");
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
        document["Statement"].as_array_mut().unwrap().push(deny.clone());
        let amended = amended(&document, &member("my-org+new"));
        assert_eq!(
            amended["Statement"][0],
            admits_as_well(&policy("my-org+old"), &["my-org+old"])["Statement"][0]
        );
        assert_eq!(amended["Statement"][1], deny);
        assert_eq!(amended["Statement"].as_array().unwrap().len(), 2);
        assert_eq!(
            remaining_denials(&amended, &[member("my-org+new")]).as_deref(),
            Some("Statement \"Addresses\" might still deny it.")
        );
        assert_eq!(remaining_denials(&policy("x"), &[member("y")]), None);
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
        denied["Statement"][1].as_object_mut().unwrap().remove("Condition");
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

    /// The requests of a pod are two, and a statement that denies one of them stays.
    #[test]
    fn a_pod_gets_one_statement() {
        let pod = TaggedPod::fixture("ns", "sa");
        let (one, other) = (Member::Pod(pod.clone()), Member::Pod(TaggedPod::fixture("other", "sa")));
        let deny = json!({
            "Effect": "Deny", "Principal": "*", "Action": "sts:TagSession",
            "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "ns"}},
        });
        let current = json!({"Version": "2012-10-17", "Statement": deny});
        let members = [one.clone(), other.clone(), one];
        let policy = members.iter().fold(current, |policy, member| amended(&policy, member));
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 3);
        assert_eq!(
            remaining_denials(&policy, &members).as_deref(),
            Some("Statement 1 might still deny it.")
        );
        assert_eq!(remaining_denials(&policy, &[other]), None);
    }
}
