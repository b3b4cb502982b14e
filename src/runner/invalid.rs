//! The error about a refused value. Every rule returns the same one.

/// Why a value is refused. The detail can be understood without the summary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{summary}: {detail}")]
pub struct Invalid {
    /// A short title, such as `Invalid runner id`.
    pub summary: &'static str,
    /// What was found, what is expected, and what to do.
    pub detail: String,
}

/// An [`Invalid`] value and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {invalid}")]
pub struct InvalidField {
    /// The place, in the names of the API: `runner_configuration.cluster.region`,
    /// `spec.containers[0].env[1].valueFrom`.
    pub path: String,
    /// What is wrong there.
    pub invalid: Invalid,
}

impl Invalid {
    /// Creates the error with the detail `"<value>" <finding>. <expected>`.
    pub(super) fn new(summary: &'static str, value: &str, finding: impl std::fmt::Display, expected: &str) -> Self {
        Self {
            summary,
            detail: format!("{} {finding}. {expected}", quoted(value)),
        }
    }
}

/// Returns the value in quotes, with control characters escaped, and cut after 100 characters.
pub(super) fn quoted(value: &str) -> String {
    const SHOWN: usize = 100;
    match value.char_indices().nth(SHOWN) {
        None => format!("{value:?}"),
        Some((end, _)) => format!("{:?}…", &value[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_control_characters_escaped() {
        assert_eq!(quoted("a\nb"), r#""a\nb""#);
        assert_eq!(quoted(&"é".repeat(100)), format!("\"{}\"", "é".repeat(100)));
        assert_eq!(quoted(&"é".repeat(101)), format!("\"{}\"…", "é".repeat(100)));
    }
}
