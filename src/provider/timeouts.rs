//! The `timeouts` attribute: the time limit of each operation on a resource.

use std::time::Duration;

use crate::access::parse;
use crate::orchestrator::CallBudget;
use terraform_plugin_server::{Attribute, CallContext, Diagnostic, Path, Value};

/// The time limit of an operation that `timeouts` does not set: long enough for a few retries against a service that
/// is restarting, and short enough that a broken service is noticed.
const DEFAULT: Duration = Duration::from_secs(120);
/// The same limit, as a person writes it.
const DEFAULT_TEXT: &str = "2m";

/// Returns the budget of an operation for which nothing sets a time limit.
pub(super) fn default_budget(context: &CallContext) -> CallBudget {
    CallBudget::new(DEFAULT, context.stop.clone())
}

/// The operations that a timeout can be set for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    /// Creating the object.
    Create,
    /// Reading it, at each refresh.
    Read,
    /// Changing it in place.
    Update,
    /// Deleting it.
    Delete,
}

const OPERATIONS: [Operation; 4] = [Operation::Create, Operation::Read, Operation::Update, Operation::Delete];

impl Operation {
    /// Returns the name of the operation in `timeouts`, which is also the verb for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn description(self) -> String {
        let doing = match self {
            Self::Create => "creating",
            Self::Read => "reading",
            Self::Update => "updating",
            Self::Delete => "deleting",
        };
        format!("The time limit for {doing}, retries included. Default: `{DEFAULT_TEXT}`.")
    }

    /// Returns the time limit that the `timeouts` of `object` set for this operation. Returns the default if they set
    /// none, or a value that cannot be used: validation has reported that one.
    pub(super) fn timeout(self, object: &Value) -> Duration {
        let text = object.get("timeouts").get(self.name()).as_str();
        text.and_then(|text| parse::duration(text).ok()).unwrap_or(DEFAULT)
    }
}

/// Returns how to give `operation` on `object` more time, as sentences that follow other advice.
pub(super) fn advice(operation: Operation, object: &Value) -> String {
    let name = operation.name();
    let given = object.get("timeouts").get(name).as_str();
    let now = given.map_or_else(
        || format!("`timeouts` does not set `{name}`, so the default of {DEFAULT_TEXT} applied"),
        |given| format!("`{name}` in `timeouts` is {given:?}"),
    );
    let how = match operation {
        // Terraform refreshes with the values of the state, before it evaluates the configuration.
        Operation::Read => "set a longer one, and apply it with -refresh=false",
        _ => "set a longer one there",
    };
    format!("To allow more time, increase the timeout. {now}: {how}.")
}

/// Returns the attribute's schema.
pub(super) fn attribute() -> Attribute {
    let operation = |o: Operation| Attribute::string(o.name(), o.description()).optional();
    Attribute::object(
        "timeouts",
        "The time limit of each operation, as a duration such as `30s` or `2m`.",
        OPERATIONS.map(operation).to_vec(),
    )
    .optional()
}

/// Returns an error for each of the `timeouts` of `config` that is not a duration.
pub(super) fn validate(config: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for operation in OPERATIONS {
        let Some(text) = config.get("timeouts").get(operation.name()).as_str() else {
            continue;
        };
        if let Err(invalid) = parse::duration(text) {
            found.push(
                Diagnostic::error("Invalid timeout", invalid.about(text)).at(Path::new(["timeouts", operation.name()])),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_default_is_the_default() {
        assert_eq!(parse::duration(DEFAULT_TEXT), Ok(DEFAULT));
    }
}
