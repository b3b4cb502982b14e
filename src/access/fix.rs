//! The fix of a cause: HCL, YAML or commands, ready to be pasted.

use std::fmt;
use std::sync::Arc;

use crate::secrets::redacted;

/// A runner's web identity, as a trust policy sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The `sub` of the Orchestrator's OIDC token for the runner.
    pub oidc_subject: String,
    /// The name of the runner's STS session, if it is known.
    pub session_name: Option<String>,
}

/// Writes the fix for several runners.
type Render = dyn Fn(&[Member]) -> String + Send + Sync;

/// A fix that all runners with the same cause share, and that has an entry for each of them.
#[derive(Clone)]
pub struct SharedFix {
    /// The entry of the runner that was checked.
    pub member: Member,
    render: Arc<Render>,
}

impl SharedFix {
    /// Returns the fix for all these runners at once.
    #[must_use]
    pub fn for_all(&self, members: &[Member]) -> String {
        (self.render)(members)
    }
}

impl PartialEq for SharedFix {
    fn eq(&self, other: &Self) -> bool {
        let alone = |fix: &Self| fix.for_all(std::slice::from_ref(&fix.member));
        self.member == other.member && alone(self) == alone(other)
    }
}

impl Eq for SharedFix {}

impl fmt::Debug for SharedFix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFix")
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

/// A fix, ready to be pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    text: Box<str>,
    shared: Option<SharedFix>,
}

impl Fix {
    /// Returns a fix that several runners share: `render` writes it for any of these runners, and `member` is the one
    /// that was checked.
    #[must_use]
    pub fn for_several(
        member: Member,
        render: impl Fn(&[Member]) -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            text: render(std::slice::from_ref(&member)).into(),
            shared: Some(SharedFix {
                member,
                render: Arc::new(render),
            }),
        }
    }

    /// Returns the fix for the runner that was checked.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the fix for several runners, if it has an entry for each of them.
    #[must_use]
    pub fn shared(&self) -> Option<&SharedFix> {
        self.shared.as_ref()
    }

    /// Returns the fix without the credentials that a foreign text might have brought into it.
    pub(super) fn redacted(self) -> Self {
        Self {
            text: redacted(self.text).into(),
            ..self
        }
    }
}

impl From<String> for Fix {
    fn from(text: String) -> Self {
        Self {
            text: text.into(),
            shared: None,
        }
    }
}

impl From<&str> for Fix {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Box<str>> for Fix {
    fn from(text: Box<str>) -> Self {
        Self { text, shared: None }
    }
}
