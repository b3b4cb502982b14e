//! Evaluates a role's trust policy for one web identity, as IAM does, and says which element
//! refuses.
//!
//! It decides what follows from the elements that it knows, and says that it can't tell where an
//! element or a condition operator is decisive that it does not know. The rules are those of
//! AWS's "IAM JSON policy elements reference". No crate at hand names the refusing condition or
//! has a third answer, so this is our own.

use serde_json::{Map, Value};

use super::settings::AUDIENCE;

/// The action that the trust policy must allow.
const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// Who asks to assume the role.
#[derive(Debug, Clone)]
pub(crate) struct WebIdentity<'a> {
    /// The ARN of the account's IAM OIDC provider for the issuer.
    pub(crate) provider_arn: &'a str,
    /// The issuer without `https://`: what the condition keys start with.
    pub(crate) issuer_host: &'a str,
    /// The token's `sub`.
    pub(crate) subject: &'a str,
    /// The name of the session to be.
    pub(crate) session_name: Option<&'a str>,
}

/// What IAM would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The role may be assumed. `any_subject` when nothing restricts the token's `sub`.
    Allowed {
        /// No condition on `sub` guards the statement that allows it.
        any_subject: bool,
    },
    /// The role may not be assumed, for these reasons; each alone is enough.
    Refused(Vec<Reason>),
    /// It depends on what is not known here.
    CantTell(String),
}

/// One thing in a policy that refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The element: `Statement 1, StringEquals on oidc.humanitec.dev:sub`.
    pub(crate) element: String,
    /// What the Orchestrator sends.
    pub(crate) expected: String,
    /// What the policy has.
    pub(crate) found: String,
    /// What catches people out here, if anything.
    pub(crate) hint: Option<String>,
}

/// Whether something in a statement matches.
enum Match {
    Yes,
    No(Reason),
    Unknown(String),
}

/// What a policy document says about a web identity.
pub(crate) fn evaluate(document: &Value, who: &WebIdentity<'_>) -> Decision {
    let variables = document["Version"].as_str() == Some("2012-10-17");
    let statements: Vec<&Value> = match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    };

    let mut allowed = None;
    let mut unknown_allow = None;
    let mut unknown_deny = None;
    // The allowing statement that comes closest: the more of it matches, the likelier it is the
    // one that was meant.
    let mut closest: Option<(usize, Vec<Reason>)> = None;

    for (index, statement) in statements.iter().enumerate() {
        let name = match statement["Sid"].as_str() {
            Some(sid) if !sid.is_empty() => format!("Statement {sid:?}"),
            _ => format!("Statement {}", index + 1),
        };
        let Some(elements) = statement.as_object() else {
            unknown_allow = Some(format!("{name} is no object"));
            continue;
        };
        let matches = statement_matches(&name, elements, who, variables);
        let unknown = matches.iter().find_map(|found| match found {
            Match::Unknown(what) => Some(what.clone()),
            _ => None,
        });
        let yes = matches
            .iter()
            .filter(|found| matches!(found, Match::Yes))
            .count();
        let refused: Vec<Reason> = matches
            .into_iter()
            .filter_map(|found| match found {
                Match::No(reason) => Some(reason),
                _ => None,
            })
            .collect();

        match (elements.get("Effect").and_then(Value::as_str), unknown) {
            (Some("Deny"), None) if refused.is_empty() => {
                return Decision::Refused(vec![Reason {
                    element: format!("{name} denies"),
                    expected: "no statement with \"Effect\": \"Deny\" for this runner".to_owned(),
                    found: statement.to_string(),
                    hint: Some("A Deny wins over every Allow.".to_owned()),
                }]);
            }
            (Some("Deny"), Some(what)) if refused.is_empty() => unknown_deny = Some(what),
            (Some("Deny"), _) => {}
            (Some("Allow"), None) if refused.is_empty() => {
                allowed = Some(allowed.unwrap_or(true) && !restricts_subject(elements, who));
            }
            (Some("Allow"), Some(what)) if refused.is_empty() => unknown_allow = Some(what),
            (Some("Allow"), _) => {
                if closest.as_ref().is_none_or(|(best, _)| yes > *best) {
                    closest = Some((yes, refused));
                }
            }
            _ => unknown_allow = Some(format!("{name} has no known Effect")),
        }
    }

    match (allowed, unknown_deny, unknown_allow) {
        (Some(_), Some(what), _) | (None, _, Some(what)) => Decision::CantTell(what),
        (Some(any_subject), None, _) => Decision::Allowed { any_subject },
        (None, _, None) => Decision::Refused(closest.map_or_else(
            || {
                vec![Reason {
                    element: "The trust policy".to_owned(),
                    expected: format!("a statement that allows {ACTION}"),
                    found: "none with \"Effect\": \"Allow\"".to_owned(),
                    hint: None,
                }]
            },
            |(_, reasons)| reasons,
        )),
    }
}

/// Matches each element of a statement.
fn statement_matches(
    name: &str,
    elements: &Map<String, Value>,
    who: &WebIdentity<'_>,
    variables: bool,
) -> Vec<Match> {
    let mut matches = vec![principal(name, elements, who), action(name, elements)];
    if let Some(stray) = elements.keys().find(|key| {
        !["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"]
            .contains(&key.as_str())
    }) {
        matches.push(Match::Unknown(format!("{name} has the element {stray:?}")));
    }
    match elements.get("Condition") {
        None | Some(Value::Null) => {}
        Some(Value::Object(operators)) => {
            for (operator, keys) in operators {
                let Some(keys) = keys.as_object() else {
                    matches.push(Match::Unknown(format!("{name}, {operator} holds no keys")));
                    continue;
                };
                for (key, wanted) in keys {
                    matches.push(condition(name, operator, key, wanted, who, variables));
                }
            }
        }
        Some(_) => matches.push(Match::Unknown(format!("{name} has a Condition of no known form"))),
    }
    matches
}

/// Whether the statement is about the OIDC provider of the issuer.
fn principal(name: &str, elements: &Map<String, Value>, who: &WebIdentity<'_>) -> Match {
    let (element, principal, negated) = match (elements.get("Principal"), elements.get("NotPrincipal"))
    {
        (Some(principal), None) => ("Principal", principal, false),
        (None, Some(principal)) => ("NotPrincipal", principal, true),
        _ => return Match::Unknown(format!("{name} has no single Principal")),
    };
    let listed = match principal {
        Value::String(all) => all == "*",
        Value::Object(kinds) => kinds.iter().any(|(kind, names)| {
            texts(names).is_some_and(|names| {
                names.iter().any(|found| match kind.as_str() {
                    // `{"AWS": "*"}` is everyone, as `"*"` is. The host in a provider's ARN is a
                    // host name: its case does not count.
                    "AWS" => *found == "*",
                    "Federated" => *found == "*" || found.eq_ignore_ascii_case(who.provider_arn),
                    _ => false,
                })
            })
        }),
        _ => return Match::Unknown(format!("{name} has a {element} of no known form")),
    };
    if listed != negated {
        return Match::Yes;
    }
    Match::No(Reason {
        element: format!("{name}, {element}"),
        expected: format!("{{\"Federated\": \"{}\"}}", who.provider_arn),
        found: principal.to_string(),
        hint: None,
    })
}

/// Whether the statement is about assuming the role with a web identity.
fn action(name: &str, elements: &Map<String, Value>) -> Match {
    let (element, actions, negated) = match (elements.get("Action"), elements.get("NotAction")) {
        (Some(actions), None) => ("Action", actions, false),
        (None, Some(actions)) => ("NotAction", actions, true),
        _ => return Match::Unknown(format!("{name} has no single Action")),
    };
    let Some(patterns) = texts(actions) else {
        return Match::Unknown(format!("{name} has an {element} of no known form"));
    };
    let wanted = ACTION.to_ascii_lowercase();
    let listed = patterns
        .iter()
        .any(|pattern| like(&pattern.to_ascii_lowercase(), &wanted));
    if listed != negated {
        return Match::Yes;
    }
    Match::No(Reason {
        element: format!("{name}, {element}"),
        expected: format!("\"{ACTION}\""),
        found: actions.to_string(),
        hint: None,
    })
}

/// Whether one condition holds.
fn condition(
    name: &str,
    operator: &str,
    key: &str,
    wanted: &Value,
    who: &WebIdentity<'_>,
    variables: bool,
) -> Match {
    let element = format!("{name}, {operator} on {key}");
    let Some(patterns) = texts(wanted) else {
        return Match::Unknown(format!("{element} has values of no known form"));
    };
    let Some(sent) = value_of(key, who) else {
        return Match::Unknown(format!("{element}: the value of this key is not known here"));
    };
    // Each key here has exactly one value, so a set operator changes nothing.
    let bare = operator
        .strip_prefix("ForAnyValue:")
        .or_else(|| operator.strip_prefix("ForAllValues:"))
        .unwrap_or(operator);
    let bare = bare.strip_suffix("IfExists").unwrap_or(bare);
    if bare == "Null" {
        // The key is there, so the condition holds for "false".
        return match patterns.as_slice() {
            ["false"] => Match::Yes,
            ["true"] => Match::No(Reason {
                element,
                expected: "\"false\": the Orchestrator's token has it".to_owned(),
                found: wanted.to_string(),
                hint: None,
            }),
            _ => Match::Unknown(format!("{element} has values of no known form")),
        };
    }
    let (compare, negated): (fn(&str, &str) -> bool, bool) = match bare {
        "StringEquals" => (|pattern, sent| pattern == sent, false),
        "StringNotEquals" => (|pattern, sent| pattern == sent, true),
        "StringEqualsIgnoreCase" => (str::eq_ignore_ascii_case, false),
        "StringNotEqualsIgnoreCase" => (str::eq_ignore_ascii_case, true),
        "StringLike" => (like, false),
        "StringNotLike" => (like, true),
        _ => return Match::Unknown(format!("{element}: the operator is not known here")),
    };
    if variables && patterns.iter().any(|pattern| pattern.contains("${")) {
        return Match::Unknown(format!("{element} has a policy variable"));
    }
    let listed = patterns.iter().any(|pattern| compare(pattern, sent));
    if listed != negated {
        return Match::Yes;
    }
    let wildcard = !negated
        && bare != "StringLike"
        && patterns
            .iter()
            .any(|pattern| pattern.contains(['*', '?']) && like(pattern, sent));
    let case = !negated && patterns.iter().any(|pattern| pattern.eq_ignore_ascii_case(sent));
    let hint = if wildcard {
        Some(format!(
            "`*` and `?` are ordinary characters under {bare}; only StringLike has wildcards."
        ))
    } else if case {
        Some("They differ in upper and lower case.".to_owned())
    } else {
        None
    };
    Match::No(Reason {
        element,
        expected: if negated {
            format!("anything but \"{sent}\", which the Orchestrator sends")
        } else {
            format!("\"{sent}\"")
        },
        found: wanted.to_string(),
        hint,
    })
}

/// Whether a statement has a condition on the token's subject.
fn restricts_subject(elements: &Map<String, Value>, who: &WebIdentity<'_>) -> bool {
    let key = format!("{}:sub", who.issuer_host);
    elements
        .get("Condition")
        .and_then(Value::as_object)
        .is_some_and(|operators| {
            operators
                .values()
                .filter_map(Value::as_object)
                .flat_map(Map::keys)
                .any(|found| found.eq_ignore_ascii_case(&key))
        })
}

/// The value of a condition key in the Orchestrator's call; the case of keys does not count.
fn value_of<'a>(key: &str, who: &WebIdentity<'a>) -> Option<&'a str> {
    if key.eq_ignore_ascii_case("sts:RoleSessionName") {
        return who.session_name;
    }
    let (issuer, claim) = key.rsplit_once(':')?;
    if !issuer.eq_ignore_ascii_case(who.issuer_host) {
        return None;
    }
    match claim.to_ascii_lowercase().as_str() {
        "aud" => Some(AUDIENCE),
        "sub" => Some(who.subject),
        _ => None,
    }
}

/// One text or a list of them. IAM writes booleans with and without quotation marks.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Array(list) => list.iter().map(text).collect(),
        one => Some(vec![text(one)?]),
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        _ => None,
    }
}

/// Whether a text matches a pattern in which `*` stands for any characters and `?` for one.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last `*` did not match: the `*` takes one more.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else {
                    return false;
                };
                retry = Some((after_star, taken + 1));
                p = after_star;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev";
    const AUD: &str = "oidc.humanitec.dev:aud";
    const SUB: &str = "oidc.humanitec.dev:sub";

    fn who() -> WebIdentity<'static> {
        WebIdentity {
            provider_arn: PROVIDER,
            issuer_host: "oidc.humanitec.dev",
            subject: "my-org+my-runner",
            session_name: Some("my-org-my-runner"),
        }
    }

    fn statement(condition: Value) -> Value {
        json!({
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        })
    }

    fn decide(statement: Value) -> Decision {
        evaluate(&json!({"Version": "2012-10-17", "Statement": statement}), &who())
    }

    fn allowed(statement: Value) -> bool {
        matches!(decide(statement), Decision::Allowed { .. })
    }

    fn refusal(statement: Value) -> Reason {
        match decide(statement.clone()) {
            Decision::Refused(mut reasons) if reasons.len() == 1 => reasons.remove(0),
            other => panic!("{statement}: {other:?}"),
        }
    }

    fn cant_tell(statement: Value) -> String {
        match decide(statement.clone()) {
            Decision::CantTell(what) => what,
            other => panic!("{statement}: {other:?}"),
        }
    }

    #[test]
    fn the_documented_policy_allows_this_runner() {
        let policy = statement(json!({
            "StringEquals": {AUD: "sts.amazonaws.com", SUB: "my-org+my-runner"}
        }));
        assert_eq!(decide(policy), Decision::Allowed { any_subject: false });
    }

    #[test]
    fn every_known_operator_lets_the_right_subject_in() {
        for (operator, value) in [
            ("StringEquals", json!("my-org+my-runner")),
            ("StringEquals", json!(["other", "my-org+my-runner"])),
            ("StringEqualsIfExists", json!("my-org+my-runner")),
            ("ForAnyValue:StringEquals", json!(["my-org+my-runner"])),
            ("ForAllValues:StringEquals", json!(["my-org+my-runner", "x"])),
            ("StringEqualsIgnoreCase", json!("MY-ORG+my-runner")),
            ("StringLike", json!("my-org+*")),
            ("StringLike", json!("m?-org+my-runner")),
            ("StringLikeIfExists", json!("*")),
            ("ForAnyValue:StringLike", json!(["x", "*-runner"])),
            ("ForAnyValue:StringLikeIfExists", json!("*+*")),
            ("StringNotEquals", json!("my-org+other")),
            ("StringNotEqualsIgnoreCase", json!(["a", "b"])),
            ("StringNotLike", json!("other-*")),
            ("Null", json!("false")),
            ("Null", json!(false)),
        ] {
            assert!(
                allowed(statement(json!({operator: {SUB: value}}))),
                "{operator} {value}"
            );
            let upper = json!({operator: {"OIDC.humanitec.dev:SUB": value}});
            assert!(allowed(statement(upper)), "{operator} {value}");
        }
    }

    #[test]
    fn every_known_operator_keeps_the_wrong_subject_out_and_is_named() {
        for (operator, value) in [
            ("StringEquals", json!("my-org+other")),
            ("StringEquals", json!([])),
            ("StringEqualsIfExists", json!("my-org+other")),
            ("ForAnyValue:StringEquals", json!(["a", "b"])),
            ("ForAllValues:StringEquals", json!(["a", "b"])),
            ("StringEqualsIgnoreCase", json!("other")),
            ("StringLike", json!("other+*")),
            ("StringLike", json!("my-org+my-runne")),
            ("StringNotEquals", json!(["x", "my-org+my-runner"])),
            ("StringNotEqualsIgnoreCase", json!("MY-org+my-runner")),
            ("StringNotLike", json!("my-org+*")),
            ("Null", json!("true")),
        ] {
            let reason = refusal(statement(json!({operator: {SUB: value}})));
            assert_eq!(reason.element, format!("Statement 1, {operator} on {SUB}"));
            assert_eq!(reason.found, value.to_string());
        }
        let wrong = json!({"StringEquals": {AUD: "sts.amazonaws.com", SUB: "my-org+other"}});
        let reason = refusal(statement(wrong));
        assert_eq!(reason.expected, "\"my-org+my-runner\"");
        assert_eq!(reason.found, "\"my-org+other\"");
        assert_eq!(reason.hint, None);
    }

    #[test]
    fn a_wildcard_where_there_is_none_and_a_wrong_case_are_told() {
        let reason = refusal(statement(json!({"StringEquals": {SUB: "my-org+*"}})));
        assert!(reason.hint.unwrap().contains("only StringLike has wildcards"));
        let reason = refusal(statement(json!({"StringEquals": {SUB: "My-Org+my-runner"}})));
        assert!(reason.hint.unwrap().contains("upper and lower case"));
    }

    #[test]
    fn both_conditions_that_refuse_are_named() {
        let both = json!({"StringEquals": {AUD: "sts.amazonaws.com.cn", SUB: "x"}});
        let Decision::Refused(reasons) = decide(statement(both)) else {
            panic!("not refused");
        };
        let elements: Vec<_> = reasons.iter().map(|r| r.element.as_str()).collect();
        assert_eq!(elements.len(), 2);
        assert!(elements[0].contains(":aud") && elements[1].contains(":sub"));
    }

    #[test]
    fn the_principal_is_the_provider_of_this_account_and_issuer() {
        let mut policy = statement(json!({}));
        for (principal, allows) in [
            (json!("*"), true),
            (json!({"AWS": "*"}), true),
            (json!({"Federated": "*"}), true),
            (json!({"Federated": ["x", PROVIDER]}), true),
            (json!({"Service": "ec2.amazonaws.com", "Federated": PROVIDER}), true),
            (json!({"Federated": "arn:aws:iam::999999999999:oidc-provider/oidc.humanitec.dev"}), false),
            (json!({"Federated": "arn:aws:iam::123456789012:oidc-provider/*"}), false),
            (json!({"Federated": "oidc.humanitec.dev"}), false),
            (json!({"AWS": "arn:aws:iam::123456789012:root"}), false),
            (json!({"Service": "*"}), false),
        ] {
            policy["Principal"] = principal.clone();
            assert_eq!(allowed(policy.clone()), allows, "{principal}");
            if !allows {
                let reason = refusal(policy.clone());
                assert_eq!(reason.element, "Statement 1, Principal");
                assert_eq!(reason.expected, format!("{{\"Federated\": \"{PROVIDER}\"}}"));
            }
        }
    }

    #[test]
    fn the_action_may_have_wildcards_and_any_case() {
        let mut policy = statement(json!({}));
        for (action, allows) in [
            (json!("*"), true),
            (json!("sts:*"), true),
            (json!("STS:assumerolewithwebidentity"), true),
            (json!(["sts:TagSession", "sts:AssumeRole*"]), true),
            (json!("sts:AssumeRole"), false),
            (json!(["sts:AssumeRoleWithSAML"]), false),
        ] {
            policy["Action"] = action.clone();
            assert_eq!(allowed(policy.clone()), allows, "{action}");
        }
        assert_eq!(refusal(policy.clone()).element, "Statement 1, Action");
        policy.as_object_mut().unwrap().remove("Action");
        policy["NotAction"] = json!("iam:*");
        assert!(allowed(policy.clone()));
        policy["NotAction"] = json!("sts:*");
        assert_eq!(refusal(policy).element, "Statement 1, NotAction");
    }

    #[test]
    fn a_deny_wins_when_all_of_it_matches() {
        let allow = statement(json!({"StringEquals": {SUB: "my-org+my-runner"}}));
        let deny = |condition: Value| {
            let mut deny = statement(condition);
            deny["Effect"] = json!("Deny");
            deny["Sid"] = json!("NotThisOne");
            deny
        };
        let matching = deny(json!({"StringLike": {SUB: "my-org+*"}}));
        let reason = refusal(json!([allow, matching]));
        assert_eq!(reason.element, "Statement \"NotThisOne\" denies");
        let other = deny(json!({"StringLike": {SUB: "other+*"}}));
        assert!(allowed(json!([other, allow])));
        let mut everyone_else = deny(json!({}));
        let elements = everyone_else.as_object_mut().unwrap();
        elements.remove("Principal");
        elements.insert("NotPrincipal".to_owned(), json!({"Federated": PROVIDER}));
        assert!(allowed(json!([everyone_else, allow])));
        let unknown = deny(json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}));
        assert!(cant_tell(json!([allow, unknown])).contains("aws:SourceIp"));
    }

    #[test]
    fn what_is_not_known_is_never_a_refusal() {
        for (condition, what) in [
            (json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}}), "aws:SourceVpc"),
            (json!({"StringMatches": {SUB: "x"}}), "StringMatches"),
            (json!({"stringequals": {SUB: "x"}}), "stringequals"),
            (json!({"StringEquals": {SUB: "${aws:username}"}}), "policy variable"),
            (json!({"StringEquals": {SUB: 7}}), "no known form"),
            (json!({"StringEquals": {"oidc.humanitec.dev:email": "x"}}), ":email"),
            (json!("x"), "Condition of no known form"),
        ] {
            assert!(cant_tell(statement(condition.clone())).contains(what), "{condition}");
        }
        let mut resource = statement(json!({}));
        resource["Resource"] = json!("*");
        assert!(cant_tell(resource).contains("Resource"));
        // It is a refusal all the same when another condition refuses for certain.
        let certain = json!({"StringEquals": {"aws:SourceVpc": "v", SUB: "other"}});
        assert!(refusal(statement(certain)).element.ends_with(":sub"));
        // And none when another statement allows.
        let open = statement(json!({"StringEquals": {SUB: "my-org+my-runner"}}));
        let unknown = statement(json!({"StringMatches": {SUB: "x"}}));
        assert!(allowed(json!([unknown, open])));
    }

    #[test]
    fn the_closest_of_several_statements_is_the_one_that_is_explained() {
        let ec2 = json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"});
        let meant = statement(json!({"StringEquals": {AUD: "sts.amazonaws.com", SUB: "my-org+old"}}));
        let reason = refusal(json!([ec2, meant]));
        assert_eq!(reason.element, format!("Statement 2, StringEquals on {SUB}"));
    }

    #[test]
    fn a_policy_without_statements_allows_nothing() {
        let Decision::Refused(reasons) = evaluate(&json!({}), &who()) else {
            panic!("not refused");
        };
        assert!(reasons[0].expected.contains("AssumeRoleWithWebIdentity"));
    }

    #[test]
    fn the_session_name_can_be_a_condition() {
        let name = |name: &str| statement(json!({"StringEquals": {"sts:RoleSessionName": name}}));
        assert!(allowed(name("my-org-my-runner")));
        assert_eq!(refusal(name("old")).expected, "\"my-org-my-runner\"");
        assert_eq!(
            decide(name("my-org-my-runner")),
            Decision::Allowed { any_subject: true }
        );
    }

    #[test]
    fn variables_are_ordinary_characters_in_the_old_version() {
        let mut policy = json!({"Version": "2008-10-17", "Statement": statement(json!({"StringEquals": {SUB: "${x}"}}))});
        assert!(matches!(evaluate(&policy, &who()), Decision::Refused(_)));
        policy["Version"] = json!("2012-10-17");
        assert!(matches!(evaluate(&policy, &who()), Decision::CantTell(_)));
    }

    #[test]
    fn wildcards_match_as_iam_has_them() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("*", "", true),
            ("**", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*", "abc", true),
            ("*ab", "aab", true),
            ("a*b*c", "axbxbxc", true),
            ("A", "a", false),
        ] {
            assert_eq!(like(pattern, text), matches, "{pattern} {text}");
        }
    }
}
