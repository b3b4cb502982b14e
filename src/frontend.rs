//! The program that shows a text, which decides how a setting is named.

/// The program that shows a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Frontend {
    /// The provider: settings are attributes of its block and of the runner's resource.
    #[default]
    Terraform,
    /// The command: settings are its options and the keys of the runner's file.
    Command,
}

impl Frontend {
    /// Returns the wording for this program.
    pub(crate) fn words(self, terraform: &'static str, command: &'static str) -> &'static str {
        match self {
            Self::Terraform => terraform,
            Self::Command => command,
        }
    }
}
