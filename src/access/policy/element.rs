//! The elements of a statement besides its conditions: the principal, the action, and the resource.

use serde_json::{Map, Value};

use super::{DenialReason, Match, PolicyRequest, StatementEffect, Version};
use crate::access::wildcard::like;

/// Returns whether the statement is about the sender.
pub(super) fn principal(name: &str, elements: &Map<String, Value>, request: &dyn PolicyRequest) -> Match {
    let (element, principal, negated) = match (elements.get("Principal"), elements.get("NotPrincipal")) {
        (Some(principal), None) => ("Principal", principal, false),
        (None, Some(principal)) => ("NotPrincipal", principal, true),
        _ => {
            return Match::Unknown(format!("{name} must have either Principal or NotPrincipal"));
        }
    };
    let Some(entries) = entries(principal) else {
        return Match::Unknown(format!("{name}: its {element} cannot be parsed"));
    };
    let Some(effect) = StatementEffect::read(elements) else {
        return Match::Unknown(format!("{name} has no valid Effect"));
    };
    let kind = request.kind();
    // "AWS JSON policy elements: NotPrincipal": with Allow it is not supported.
    if negated && effect == StatementEffect::Allow {
        return Match::Unknown(format!(
            "{name}: it is unknown whether NotPrincipal with Allow includes {kind}"
        ));
    }
    let named = entries
        .iter()
        .any(|&(kind, entry)| request.is_named(kind, entry, effect));
    // `{"AWS": "*"}` is everyone, as `"*"` is.
    let everyone = entries.contains(&("AWS", "*"));
    let listed = match request.is_everyone(effect) {
        _ if named => true,
        Some(includes) => everyone && includes,
        None if everyone => {
            return Match::Unknown(format!(
                "{name}, {element}: it is unknown whether \"*\" includes {kind}"
            ));
        }
        None => false,
    };
    if negated && listed && !everyone && !request.is_excepted() {
        return Match::Unknown(format!(
            "{name}: it is unknown whether its NotPrincipal excepts every session of the role"
        ));
    }
    if listed != negated {
        return Match::Yes;
    }
    Match::No(DenialReason {
        element: format!("{name}, {element}"),
        expected: request.expected_principal(),
        found: principal.to_string(),
        hint: request.principal_hint(principal),
    })
}

/// Returns the entries of a `Principal`, each with its kind. `None` for a form that IAM does not have.
fn entries(principal: &Value) -> Option<Vec<(&str, &str)>> {
    match principal {
        Value::String(all) if all == "*" => Some(vec![("AWS", "*")]),
        Value::String(_) => Some(Vec::new()),
        Value::Object(kinds) => {
            let mut found = Vec::new();
            for (kind, names) in kinds {
                let names = texts(names).unwrap_or_default();
                found.extend(names.into_iter().map(|name| (kind.as_str(), name)));
            }
            Some(found)
        }
        _ => None,
    }
}

/// Returns whether the statement is about the action.
pub(super) fn action(name: &str, elements: &Map<String, Value>, request: &dyn PolicyRequest) -> Match {
    let (element, actions, negated) = match (elements.get("Action"), elements.get("NotAction")) {
        (Some(actions), None) => ("Action", actions, false),
        (None, Some(actions)) => ("NotAction", actions, true),
        _ => return Match::Unknown(format!("{name} must have either Action or NotAction")),
    };
    let Some(patterns) = texts(actions) else {
        return Match::Unknown(format!("{name}: its {element} cannot be parsed"));
    };
    let wanted = request.action().to_ascii_lowercase();
    let listed = patterns
        .iter()
        .any(|pattern| like(&pattern.to_ascii_lowercase(), &wanted));
    if listed != negated {
        return Match::Yes;
    }
    Match::No(DenialReason {
        element: format!("{name}, {element}"),
        expected: format!("\"{}\"", request.action()),
        found: actions.to_string(),
        hint: None,
    })
}

/// Returns whether the statement is about the resource.
pub(super) fn resource(name: &str, elements: &Map<String, Value>, arn: &str, version: Version) -> Match {
    let (element, resources, negated) = match (elements.get("Resource"), elements.get("NotResource")) {
        (Some(resources), None) => ("Resource", resources, false),
        (None, Some(resources)) => ("NotResource", resources, true),
        _ => return Match::Unknown(format!("{name} must have either Resource or NotResource")),
    };
    let Some(patterns) = texts(resources) else {
        return Match::Unknown(format!("{name}: its {element} cannot be parsed"));
    };
    let is_variable = |pattern: &&str| version.has_variable(pattern);
    let listed = patterns
        .iter()
        .filter(|pattern| !is_variable(pattern))
        .any(|pattern| like(pattern, arn));
    if !listed && patterns.iter().any(is_variable) {
        return Match::Unknown(format!("{name}, {element} has a policy variable"));
    }
    if listed != negated {
        return Match::Yes;
    }
    Match::No(DenialReason {
        element: format!("{name}, {element}"),
        expected: format!("\"{arn}\""),
        found: resources.to_string(),
        hint: None,
    })
}

/// Returns one text or a list of texts. IAM writes booleans with and without quotation marks.
pub(crate) fn texts(value: &Value) -> Option<Vec<&str>> {
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
