//! The `timeouts` attribute: how long one operation on a resource may take.

use std::time::Duration;

use terraform_plugin_server::{Attribute, Diagnostic, Path, Value};

/// What an operation may take where `timeouts` does not say: long enough for a few retries against
/// a service that is restarting, short enough that a broken one is noticed.
pub(super) const DEFAULT: Duration = Duration::from_secs(120);
/// The same as a person writes it.
const DEFAULT_TEXT: &str = "2m";

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

const OPERATIONS: [Operation; 4] = [
    Operation::Create,
    Operation::Read,
    Operation::Update,
    Operation::Delete,
];

impl Operation {
    /// Its name in `timeouts`, which is also the verb for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Create => "The time limit for creating, retries included. Default `2m`.",
            Self::Read => "The time limit for reading, retries included. Default `2m`.",
            Self::Update => "The time limit for updating, retries included. Default `2m`.",
            Self::Delete => "The time limit for deleting, retries included. Default `2m`.",
        }
    }

    /// What `object`'s `timeouts` give this operation; the default where they do not say or where
    /// the value cannot be used (validation has told the user).
    pub(super) fn timeout(self, object: &Value) -> Duration {
        let text = object.get("timeouts").get(self.name()).as_str();
        text.and_then(|text| parse_duration(text).ok())
            .unwrap_or(DEFAULT)
    }
}

/// What to do but try again where the time that `operation` has was too short for `object`.
pub(super) fn advice(operation: Operation, object: &Value) -> String {
    let name = operation.name();
    let given = object.get("timeouts").get(name).as_str();
    let now = given.map_or_else(
        || format!("`timeouts` does not set `{name}`, so it had {DEFAULT_TEXT}"),
        |given| format!("`{name}` in `timeouts` is {given:?}"),
    );
    let how = match operation {
        // Terraform reads with what the state says, before it looks at the configuration.
        Operation::Read => "set a longer one, and apply it with -refresh=false",
        _ => "a longer one can be set there",
    };
    format!("Or give it more time. {now}: {how}.")
}

/// The attribute's schema.
pub(super) fn attribute() -> Attribute {
    let operation = |o: Operation| Attribute::string(o.name(), o.description()).optional();
    Attribute::object(
        "timeouts",
        "The time limit of each operation, as a duration such as `30s` or `2m`.",
        OPERATIONS.map(operation).to_vec(),
    )
    .optional()
}

/// What is wrong with the `timeouts` of `config`.
pub(super) fn validate(config: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for operation in OPERATIONS {
        let Some(text) = config.get("timeouts").get(operation.name()).as_str() else {
            continue;
        };
        if let Err(why) = parse_duration(text) {
            found.push(
                Diagnostic::error("Invalid timeout", no_duration(text, &why))
                    .at(Path::new(["timeouts", operation.name()])),
            );
        }
    }
    found
}

/// Why `text` cannot be used as a duration, and how to write one. `why` is what [`parse_duration`] says.
pub(super) fn no_duration(text: &str, why: &str) -> String {
    format!(
        "{text:?} cannot be used: {why}. Write one as Terraform does, a number and a \
                         unit (ms, s, m, h) or several of them: \"30s\", \"2m\", \"1h30m\"."
    )
}

const TOO_SHORT: &str = "it must be more than zero";

/// A duration as Go's `time.ParseDuration` reads it, which is what Terraform's timeouts use: numbers
/// with units, added up, maybe with a sign before them. It must be more than zero. The error says what is wrong, as a clause.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut total = 0.0;
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.starts_with('-') {
        return Err(TOO_SHORT.to_owned());
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err("there is no number in it".to_owned());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits]
            .parse()
            .map_err(|_| format!("there is no number before {:?}", &rest[digits..]))?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let seconds = match &rest[..letters] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "" => return Err("a number has no unit".to_owned()),
            unit => return Err(format!("{unit:?} is no unit of time")),
        };
        total += number * seconds;
        rest = &rest[letters..];
    }
    match Duration::try_from_secs_f64(total) {
        Ok(Duration::ZERO) => Err(TOO_SHORT.to_owned()),
        // Deadlines are computed from it: a century is as good as for ever, and adds up safely.
        Ok(duration) => Ok(duration.min(Duration::from_secs(100 * 365 * 24 * 3600))),
        Err(_) => Err("it is too long".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_terraform_writes_them() {
        for (text, seconds) in [
            ("30s", 30.0),
            ("2m", 120.0),
            ("1h30m", 5400.0),
            ("1.5h", 5400.0),
            ("250ms", 0.25),
            (".5s", 0.5),
            ("+5s", 5.0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs_f64(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_named() {
        for (text, why) in [
            ("", "it is empty"),
            ("30", "a number has no unit"),
            ("30 s", "\" s\" is no unit of time"),
            ("5 minutes", "\" minutes\" is no unit of time"),
            ("m", "there is no number before \"m\""),
            ("-5s", "it must be more than zero"),
            ("+", "there is no number in it"),
            ("+-5s", "there is no number before \"-5s\""),
            ("0s", "it must be more than zero"),
            ("1..2s", "there is no number before \"s\""),
            ("99999999999999999999999999999h", "it is too long"),
        ] {
            assert_eq!(parse_duration(text), Err(why.to_owned()), "{text}");
        }
    }
}
