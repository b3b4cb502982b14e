//! Evaluates a role's trust policy for one web identity, as IAM does, and says which element
//! refuses.
//!
//! It decides what follows from the elements that it knows, and says that it can't tell where an
//! element or a condition operator is decisive that it does not know. The rules are those of
//! AWS's "IAM JSON policy elements reference". No crate at hand names the refusing condition or
//! has a third answer, so this is our own.

mod amend;

use serde_json::{Map, Value};

pub(crate) use amend::amended;

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
        ![
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Condition",
        ]
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
        Some(_) => matches.push(Match::Unknown(format!(
            "{name} has a Condition of no known form"
        ))),
    }
    matches
}

/// Whether the statement is about the OIDC provider of the issuer.
fn principal(name: &str, elements: &Map<String, Value>, who: &WebIdentity<'_>) -> Match {
    let (element, principal, negated) =
        match (elements.get("Principal"), elements.get("NotPrincipal")) {
            (Some(principal), None) => ("Principal", principal, false),
            (None, Some(principal)) => ("NotPrincipal", principal, true),
            _ => return Match::Unknown(format!("{name} has no single Principal")),
        };
    let names = |kind: &str, wanted: &dyn Fn(&str) -> bool| {
        let names = principal.get(kind).and_then(texts);
        names.is_some_and(|names| names.into_iter().any(wanted))
    };
    // The host in a provider's ARN is a host name: its case does not count.
    let federated = names("Federated", &|found| {
        found == "*" || found.eq_ignore_ascii_case(who.provider_arn)
    });
    // `{"AWS": "*"}` is everyone, as `"*"` is.
    let everyone = match principal {
        Value::String(all) => all == "*",
        Value::Object(_) => names("AWS", &|found| found == "*"),
        _ => return Match::Unknown(format!("{name} has a {element} of no known form")),
    };
    if everyone && !federated && !negated && elements["Effect"] == "Allow" {
        return Match::Unknown(format!(
            "{name}, {element}: whether \"*\" lets in whoever has a web identity is not known here"
        ));
    }
    let listed = everyone || federated;
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
    let sent = match value_of(key, who) {
        Sent::Is(sent) => sent,
        Sent::Absent => return absent(element, operator, key, &patterns, who),
        Sent::Unknown => {
            return Match::Unknown(format!(
                "{element}: the value of this key is not known here"
            ));
        }
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
    let case = !negated
        && patterns
            .iter()
            .any(|pattern| pattern.eq_ignore_ascii_case(sent));
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

/// Whether a condition holds whose key is not in the call.
fn absent(
    element: String,
    operator: &str,
    key: &str,
    patterns: &[&str],
    who: &WebIdentity<'_>,
) -> Match {
    const OPERATORS: [&str; 8] = [
        "String",
        "Arn",
        "Numeric",
        "Date",
        "Bool",
        "Binary",
        "IpAddress",
        "NotIpAddress",
    ];
    let bare = operator.rsplit(':').next().unwrap_or(operator);
    let holds = match bare {
        "Null" => patterns == ["true"],
        _ if !OPERATORS.iter().any(|known| bare.starts_with(known)) => {
            return Match::Unknown(format!("{element}: the operator is not known here"));
        }
        _ if bare.ends_with("IfExists") || operator.starts_with("ForAllValues:") => true,
        _ => bare.contains("Not") && !operator.starts_with("ForAnyValue:"),
    };
    if holds {
        return Match::Yes;
    }
    Match::No(Reason {
        element,
        expected: format!("conditions on {}:aud and :sub", who.issuer_host),
        found: format!("one on {key}"),
        hint: Some("The Orchestrator's token has no such key.".to_owned()),
    })
}

/// What the Orchestrator's call has for a condition key.
enum Sent<'a> {
    /// This.
    Is(&'a str),
    /// Nothing: it is the key of another issuer.
    Absent,
    /// It is not known here.
    Unknown,
}

/// What the call has for a key; the case of keys does not count.
fn value_of<'a>(key: &str, who: &WebIdentity<'a>) -> Sent<'a> {
    if key.eq_ignore_ascii_case("sts:RoleSessionName") {
        return who.session_name.map_or(Sent::Unknown, Sent::Is);
    }
    let Some((issuer, claim)) = key.rsplit_once(':') else {
        return Sent::Unknown;
    };
    if !issuer.eq_ignore_ascii_case(who.issuer_host) {
        // AWS's own keys begin with a plain word, and those of tokens with their issuer's host.
        return match issuer.contains('.') {
            true => Sent::Absent,
            false => Sent::Unknown,
        };
    }
    match claim.to_ascii_lowercase().as_str() {
        "aud" => Sent::Is(AUDIENCE),
        "sub" => Sent::Is(who.subject),
        _ => Sent::Unknown,
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
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
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
mod tests;
