//! Evaluates a resource-based policy for one request, as IAM does, and names the element that refuses: trust policies of
//! roles, bucket policies, and key policies.
//!
//! The decision follows from the elements that are known here. It is "unknown" if an unknown element or condition operator
//! would decide. The rules are those of AWS's "IAM JSON policy elements reference". No available crate names the refusing
//! condition or has an "unknown" result, so this evaluator is our own.

mod condition;
mod element;
mod role_session;

use serde_json::{Map, Value};

use condition::condition;
pub(crate) use condition::{Operator, Sent};
pub(crate) use element::texts;
use element::{action, principal, resource};
pub(crate) use role_session::{Grant, Judgment, KnownKey, RoleSession};

/// A request that a policy allows or refuses: who sends it, and what it is about.
pub(crate) trait PolicyRequest {
    /// Returns the action, such as `s3:GetObject`.
    fn action(&self) -> &str;

    /// Returns the ARN of the resource. `None` for a trust policy, which has no `Resource`.
    fn resource(&self) -> Option<&str>;

    /// Returns whether an entry of a `Principal`, such as `arn:aws:iam::123456789012:root` under `AWS`, is the sender.
    fn is_named(&self, kind: &str, name: &str, effect: StatementEffect) -> bool;

    /// Returns whether `"*"` includes the sender, or `None` if that is unknown.
    fn is_everyone(&self, effect: StatementEffect) -> Option<bool>;

    /// Returns whether a `NotPrincipal` that names the sender certainly excepts it from a `Deny`.
    fn is_excepted(&self) -> bool {
        true
    }

    /// Returns the value of a condition key. The case of keys does not matter.
    fn value(&self, key: &str) -> Sent<'_>;

    /// Returns the kind of the sender in the plural, such as `web identities`.
    fn kind(&self) -> &'static str;

    /// Returns who sends the request, such as `the Orchestrator`.
    fn sender(&self) -> &str;

    /// Returns the `Principal` that names the sender.
    fn expected_principal(&self) -> String;

    /// Returns a common mistake that explains a `Principal` without the sender.
    fn principal_hint(&self, principal: &Value) -> Option<String> {
        let _ = principal;
        None
    }

    /// Returns what the policy should have in place of a condition on a key that the request does not have, and a common
    /// mistake that explains it.
    fn absent_key(&self, key: &str) -> (String, Option<String>);
}

/// Returns what a request sends for a condition key, which is in lower case, whatever the request is. `None` if it depends
/// on the request.
///
/// Each request has a time. None here is of a principal that a SAML provider federates, and the tags and the name of whose
/// session are the keys that begin with `saml:` ("Available keys for SAML-based AWS STS federation" in the IAM user guide).
pub(crate) fn of_every_request(key: &str) -> Option<Sent<'static>> {
    match key {
        "aws:currenttime" | "aws:epochtime" => Some(Sent::Now),
        _ => key.starts_with("saml:").then_some(Sent::Absent),
    }
}

/// IAM's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PolicyDecision {
    /// A statement allows the request, and none denies it.
    Allowed,
    /// A statement denies the request.
    Denied {
        /// The statement.
        reason: DenialReason,
        /// Whether the statement has a condition.
        is_conditional: bool,
    },
    /// No statement allows the request, for these reasons; each alone is enough.
    NotAllowed(Vec<DenialReason>),
    /// The decision depends on this, which is unknown.
    Unknown(String),
}

/// The reason why an element of a policy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DenialReason {
    /// The element: `Statement 1, StringEquals on oidc.humanitec.dev:sub`.
    pub(crate) element: String,
    /// What the sender sends.
    pub(crate) expected: String,
    /// What the policy has.
    pub(crate) found: String,
    /// A common mistake that explains the refusal.
    pub(crate) hint: Option<String>,
}

/// Whether an element of a statement matches.
pub(crate) enum Match {
    /// The element matches.
    Yes,
    /// The element does not match.
    No(DenialReason),
    /// Whether the element matches is unknown because of this.
    Unknown(String),
}

/// Evaluates a policy document for a request.
pub(crate) fn evaluate(document: &Value, request: &dyn PolicyRequest) -> PolicyDecision {
    let StatementFindings {
        denial,
        allows,
        unknown_allow,
        unknown_deny,
        closest,
    } = findings(document, request);
    if let Some(Denial { reason, is_conditional }) = denial {
        return PolicyDecision::Denied { reason, is_conditional };
    }
    match (allows, unknown_deny, unknown_allow) {
        (true, Some(what), _) | (false, _, Some(what)) => PolicyDecision::Unknown(what),
        (true, None, _) => PolicyDecision::Allowed,
        (false, _, None) => {
            let reasons = closest.map(|(_, reasons)| reasons);
            PolicyDecision::NotAllowed(reasons.unwrap_or_else(|| vec![nothing_allows(request)]))
        }
    }
}

/// Matches each statement of a policy document.
fn findings(document: &Value, request: &dyn PolicyRequest) -> StatementFindings {
    let version = Version::read(document);
    let mut findings = StatementFindings::default();
    for (index, statement) in statements(document).into_iter().enumerate() {
        let name = statement_name(index, statement);
        findings.add(name, statement, request, version);
    }
    findings
}

/// Returns the name of a statement by its position: its `Sid`, or its number.
pub(crate) fn statement_name(index: usize, statement: &Value) -> String {
    match statement["Sid"].as_str() {
        Some(sid) if !sid.is_empty() => format!("Statement {sid:?}"),
        _ => format!("Statement {}", index + 1),
    }
}

/// Returns the statements of a policy, which can be one statement without a list.
pub(crate) fn statements(document: &Value) -> Vec<&Value> {
    match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// The version of the policy language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// `2008-10-17`, which applies to a document without a version: `${…}` are ordinary characters.
    Of2008,
    /// `2012-10-17`: `${…}` is a policy variable.
    Of2012,
}

impl Version {
    /// Returns the version of a document.
    pub(crate) fn read(document: &Value) -> Self {
        if document["Version"] == "2012-10-17" {
            Self::Of2012
        } else {
            Self::Of2008
        }
    }

    /// Returns whether a text has a policy variable.
    fn has_variable(self, text: &str) -> bool {
        self == Self::Of2012 && text.contains("${")
    }
}

/// What a statement does with the requests that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementEffect {
    Allow,
    Deny,
}

impl StatementEffect {
    /// Returns the effect of a statement. `None` if it has none that IAM knows.
    pub(crate) fn read(statement: &Map<String, Value>) -> Option<Self> {
        match statement.get("Effect")?.as_str()? {
            "Allow" => Some(Self::Allow),
            "Deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// A statement that denies a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The statement.
    pub(crate) reason: DenialReason,
    /// Whether the statement has a condition.
    pub(crate) is_conditional: bool,
}

/// What the statements of a policy say about a request.
#[derive(Default)]
struct StatementFindings {
    /// A statement that denies it. One without a condition comes before all others.
    denial: Option<Denial>,
    /// Whether a statement allows it.
    allows: bool,
    /// What is unknown of a statement that might allow it.
    unknown_allow: Option<String>,
    /// What is unknown of a statement that might deny it.
    unknown_deny: Option<String>,
    /// The allowing statement that comes closest, with the number of its elements that match and the reasons why it
    /// does not allow: the more of a statement matches, the likelier it is the one that was meant.
    closest: Option<(usize, Vec<DenialReason>)>,
}

impl StatementFindings {
    /// Adds a statement.
    fn add(&mut self, name: String, statement: &Value, request: &dyn PolicyRequest, version: Version) {
        let Some(elements) = statement.as_object() else {
            self.unknown_allow = Some(format!("{name} is not an object"));
            return;
        };
        let mut matching = 0;
        let (mut unknown, mut refused) = (None, Vec::new());
        for found in statement_matches(&name, elements, request, version) {
            match found {
                Match::Yes => matching += 1,
                Match::No(reason) => refused.push(reason),
                Match::Unknown(what) => {
                    unknown.get_or_insert(what);
                }
            }
        }
        match (StatementEffect::read(elements), unknown) {
            (Some(StatementEffect::Deny), None) if refused.is_empty() => self.deny(&name, statement),
            (Some(StatementEffect::Deny), Some(what)) if refused.is_empty() => self.unknown_deny = Some(what),
            (Some(StatementEffect::Deny), _) => {}
            (Some(StatementEffect::Allow), None) if refused.is_empty() => self.allows = true,
            (Some(StatementEffect::Allow), Some(what)) if refused.is_empty() => self.unknown_allow = Some(what),
            (Some(StatementEffect::Allow), _) => {
                if self.closest.as_ref().is_none_or(|(best, _)| matching > *best) {
                    self.closest = Some((matching, refused));
                }
            }
            _ => self.unknown_allow = Some(format!("{name} has no valid Effect")),
        }
    }

    /// Adds a statement that denies.
    fn deny(&mut self, name: &str, statement: &Value) {
        let is_conditional = match &statement["Condition"] {
            Value::Object(operators) => !operators.is_empty(),
            _ => false,
        };
        let is_first = match &self.denial {
            None => true,
            Some(before) => before.is_conditional && !is_conditional,
        };
        if is_first {
            let reason = DenialReason {
                element: format!("{name} denies"),
                expected: "no statement with \"Effect\": \"Deny\" for this runner".to_owned(),
                found: statement.to_string(),
                hint: Some("A Deny overrides every Allow.".to_owned()),
            };
            self.denial = Some(Denial { reason, is_conditional });
        }
    }
}

/// Returns the reason for a policy without a statement that allows.
fn nothing_allows(request: &dyn PolicyRequest) -> DenialReason {
    DenialReason {
        element: "The policy".to_owned(),
        expected: format!("a statement that allows {}", request.action()),
        found: "none with \"Effect\": \"Allow\"".to_owned(),
        hint: None,
    }
}

/// Matches each element of a statement.
pub(crate) fn statement_matches(
    name: &str,
    elements: &Map<String, Value>,
    request: &dyn PolicyRequest,
    version: Version,
) -> Vec<Match> {
    let mut matches = vec![principal(name, elements, request), action(name, elements, request)];
    let mut known = vec![
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Condition",
    ];
    if let Some(arn) = request.resource() {
        matches.push(resource(name, elements, arn, version));
        known.extend(["Resource", "NotResource"]);
    }
    if let Some(stray) = elements.keys().find(|key| !known.contains(&key.as_str())) {
        matches.push(Match::Unknown(format!("{name} has the element {stray:?}")));
    }
    match elements.get("Condition") {
        None | Some(Value::Null) => {}
        Some(Value::Object(operators)) => {
            for (operator, keys) in operators {
                let Some(keys) = keys.as_object() else {
                    matches.push(Match::Unknown(format!("{name}, {operator} has no keys")));
                    continue;
                };
                for (key, wanted) in keys {
                    matches.push(condition(name, operator, key, wanted, request, version));
                }
            }
        }
        Some(_) => matches.push(Match::Unknown(format!("{name}: its Condition cannot be parsed"))),
    }
    matches
}
