//! A failed call as a text for a person.

use std::error::Error as StdError;

use super::connect_failure::ConnectFailure;
use super::error::ApiError;
use crate::frontend::Frontend;
use crate::network::causes;

impl ApiError {
    /// Returns the whole text for a person who uses this program: what failed, why, and what to do next.
    #[must_use]
    pub fn report(&self, frontend: Frontend) -> String {
        let mut text = self.with_causes();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        if !text.ends_with(['.', '!', '?', '…']) {
            text.push('.');
        }
        if let Some(step) = self.next_step(frontend) {
            text.push_str("\n\n");
            text.push_str(&step);
        }
        text
    }

    fn with_causes(&self) -> String {
        match self {
            // The cause says the same again.
            Self::Connect {
                what: ConnectFailure::Refused,
                ..
            } => self.to_string(),
            Self::Connect { source, .. } | Self::Lost { source, .. } => {
                format!("{self} ({})", root(source))
            }
            Self::Setup { source } => format!("{self} ({})", root(source.as_ref())),
            Self::Stopped { last: Some(last), .. } | Self::DeadlineExceeded { last: Some(last), .. } => {
                format!("{self}; the previous attempt failed: {}", last.with_causes())
            }
            Self::Uncertain { source, .. } => format!("{self}: {}", source.with_causes()),
            Self::InvalidId { .. }
            | Self::Proxy { .. }
            | Self::Redirect { .. }
            | Self::AttemptTimedOut { .. }
            | Self::Stopped { last: None, .. }
            | Self::DeadlineExceeded { last: None, .. }
            | Self::TooLongToWait { .. }
            | Self::Unauthorized { .. }
            | Self::Refused { .. }
            | Self::Unexpected { .. }
            | Self::Undecodable { .. }
            | Self::Encoding { .. }
            | Self::Unsupported { .. }
            | Self::TooLarge { .. }
            | Self::AlreadyExists { .. }
            | Self::RunnerNotFound { .. }
            | Self::EnvTypeNotFound { .. }
            | Self::OtherType { .. }
            | Self::OrgNotFound { .. } => self.to_string(),
        }
    }
}

/// Returns the first cause of an error, without what libraries add on the way.
fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}
