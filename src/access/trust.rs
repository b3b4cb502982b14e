//! Evaluates a role's trust policy for one web identity, as IAM does, and names the element that refuses.
//!
//! The decision follows from the elements that are known here. It is "unknown" if an unknown element or condition operator
//! would decide. The rules are those of AWS's "IAM JSON policy elements reference". No available crate names the refusing
//! condition or has an "unknown" result, so this evaluator is our own.

mod amend;
mod condition;
mod restrict;

use serde_json::{Map, Value};

pub use amend::Member;
pub(crate) use amend::trusting;
use condition::condition;
pub(crate) use restrict::restricted;
use restrict::trusts_any_subject;

use super::issuer::{OLDER_ISSUER, issuer_host};
use super::wildcard::like;

/// The action that the trust policy must allow.
const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// The web identity that assumes the role.
#[derive(Debug, Clone)]
pub(crate) struct WebIdentity<'a> {
    /// The ARN of the account's IAM OIDC provider for the issuer.
    pub(crate) provider_arn: &'a str,
    /// The issuer without `https://`, with which the condition keys start.
    pub(crate) issuer_host: &'a str,
    /// The token's `sub`.
    pub(crate) subject: &'a str,
    /// The name of the session.
    pub(crate) session_name: Option<&'a str>,
}

/// IAM's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The role can be assumed.
    Allowed {
        /// Runners of organizations that the policy does not name can assume it as well.
        any_subject: bool,
    },
    /// The role cannot be assumed, for these reasons; each alone is enough.
    Refused(Vec<Reason>),
    /// The decision depends on this, which is unknown.
    Unknown(String),
}

/// The reason why an element of a policy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The element: `Statement 1, StringEquals on oidc.humanitec.dev:sub`.
    pub(crate) element: String,
    /// What the Orchestrator sends.
    pub(crate) expected: String,
    /// What the policy has.
    pub(crate) found: String,
    /// A common mistake that explains the refusal.
    pub(crate) hint: Option<String>,
}

/// Whether an element of a statement matches.
enum Match {
    Yes,
    No(Reason),
    Unknown(String),
}

/// Evaluates a policy document for a web identity.
pub(crate) fn evaluate(document: &Value, who: &WebIdentity<'_>) -> Decision {
    let variables = document["Version"].as_str() == Some("2012-10-17");
    let statements: Vec<&Value> = match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    };
    let mut verdicts = Verdicts::default();
    for (index, statement) in statements.iter().enumerate() {
        let name = match statement["Sid"].as_str() {
            Some(sid) if !sid.is_empty() => format!("Statement {sid:?}"),
            _ => format!("Statement {}", index + 1),
        };
        if let Some(denial) = verdicts.add(name, statement, who, variables) {
            return Decision::Refused(vec![denial]);
        }
    }
    let Verdicts {
        allows,
        unknown_allow,
        unknown_deny,
        closest,
    } = verdicts;
    match (allows, unknown_deny, unknown_allow) {
        (true, Some(what), _) | (false, _, Some(what)) => Decision::Unknown(what),
        (true, None, _) => Decision::Allowed {
            any_subject: trusts_any_subject(&statements, who, variables),
        },
        (false, _, None) => {
            let reasons = closest.map(|(_, reasons)| reasons);
            Decision::Refused(reasons.unwrap_or_else(|| vec![nothing_allows()]))
        }
    }
}

/// What the statements of a policy say about a web identity.
#[derive(Default)]
struct Verdicts {
    /// Whether a statement allows it.
    allows: bool,
    /// What is unknown of a statement that might allow it.
    unknown_allow: Option<String>,
    /// What is unknown of a statement that might deny it.
    unknown_deny: Option<String>,
    /// The allowing statement that comes closest, with the number of its elements that match and the reasons why it
    /// does not allow: the more of a statement matches, the likelier it is the one that was meant.
    closest: Option<(usize, Vec<Reason>)>,
}

impl Verdicts {
    /// Adds a statement. Returns the reason if it denies, because a denial decides.
    fn add(
        &mut self,
        name: String,
        statement: &Value,
        who: &WebIdentity<'_>,
        variables: bool,
    ) -> Option<Reason> {
        let Some(elements) = statement.as_object() else {
            self.unknown_allow = Some(format!("{name} is not an object"));
            return None;
        };
        let mut matching = 0;
        let (mut unknown, mut refused) = (None, Vec::new());
        for found in statement_matches(&name, elements, who, variables) {
            match found {
                Match::Yes => matching += 1,
                Match::No(reason) => refused.push(reason),
                Match::Unknown(what) => {
                    unknown.get_or_insert(what);
                }
            }
        }
        match (elements.get("Effect").and_then(Value::as_str), unknown) {
            (Some("Deny"), None) if refused.is_empty() => return Some(denial(&name, statement)),
            (Some("Deny"), Some(what)) if refused.is_empty() => self.unknown_deny = Some(what),
            (Some("Deny"), _) => {}
            (Some("Allow"), None) if refused.is_empty() => self.allows = true,
            (Some("Allow"), Some(what)) if refused.is_empty() => self.unknown_allow = Some(what),
            (Some("Allow"), _) => {
                if self
                    .closest
                    .as_ref()
                    .is_none_or(|(best, _)| matching > *best)
                {
                    self.closest = Some((matching, refused));
                }
            }
            _ => self.unknown_allow = Some(format!("{name} has no known Effect")),
        }
        None
    }
}

/// Returns the reason for a statement that denies.
fn denial(name: &str, statement: &Value) -> Reason {
    Reason {
        element: format!("{name} denies"),
        expected: "no statement with \"Effect\": \"Deny\" for this runner".to_owned(),
        found: statement.to_string(),
        hint: Some("A Deny wins over every Allow.".to_owned()),
    }
}

/// Returns the reason for a policy without a statement that allows.
fn nothing_allows() -> Reason {
    Reason {
        element: "The trust policy".to_owned(),
        expected: format!("a statement that allows {ACTION}"),
        found: "none with \"Effect\": \"Allow\"".to_owned(),
        hint: None,
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
            "{name} has a Condition of an unknown form"
        ))),
    }
    matches
}

/// Returns whether the statement is about the OIDC provider of the issuer.
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
    // The host in a provider's ARN is a host name, whose case does not matter.
    let federated = names("Federated", &|found| {
        found == "*" || found.eq_ignore_ascii_case(who.provider_arn)
    });
    // `{"AWS": "*"}` is everyone, as `"*"` is.
    let everyone = match principal {
        Value::String(all) => all == "*",
        Value::Object(_) => names("AWS", &|found| found == "*"),
        _ => return Match::Unknown(format!("{name} has a {element} of an unknown form")),
    };
    let allows = elements
        .get("Effect")
        .is_some_and(|effect| effect == "Allow");
    if everyone && !federated && !negated && allows {
        return Match::Unknown(format!(
            "{name}, {element}: whether \"*\" includes web identities is unknown"
        ));
    }
    // "AWS JSON policy elements: NotPrincipal": with Allow it is not supported.
    if negated && allows {
        return Match::Unknown(format!(
            "{name}: whether NotPrincipal with Allow includes web identities is unknown"
        ));
    }
    let listed = everyone || federated;
    if listed != negated {
        return Match::Yes;
    }
    let older = issuer_host(OLDER_ISSUER);
    let is_older = names("Federated", &|found| found.ends_with(&format!("/{older}")));
    Match::No(Reason {
        element: format!("{name}, {element}"),
        expected: format!("{{\"Federated\": \"{}\"}}", who.provider_arn),
        found: principal.to_string(),
        hint: is_older
            .then(|| format!("{older} is the issuer of an older product of Humanitec's.")),
    })
}

/// Returns whether the statement is about assuming the role with a web identity.
fn action(name: &str, elements: &Map<String, Value>) -> Match {
    let (element, actions, negated) = match (elements.get("Action"), elements.get("NotAction")) {
        (Some(actions), None) => ("Action", actions, false),
        (None, Some(actions)) => ("NotAction", actions, true),
        _ => return Match::Unknown(format!("{name} has no single Action")),
    };
    let Some(patterns) = texts(actions) else {
        return Match::Unknown(format!("{name} has an {element} of an unknown form"));
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

/// Returns one text or a list of texts. IAM writes booleans with and without quotation marks.
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

#[cfg(test)]
mod tests;
