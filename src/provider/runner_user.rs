//! What uses a registered runner, for the sentences of errors.

/// What uses a registered runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunnerUser {
    /// The resource, which imports it.
    Resource,
    /// A data source.
    DataSource,
    /// The action.
    Action,
}

impl RunnerUser {
    /// Returns the sentence that says which runners it takes.
    pub(super) fn sentence(self) -> String {
        let takes = match self {
            Self::Resource => "This resource manages",
            Self::DataSource => "This data source reads",
            Self::Action => "This action checks",
        };
        format!("{takes} runners of type `kubernetes-eks` only.")
    }

    /// Returns what to do if it needs settings that depend on a resource that is not applied yet.
    pub(super) fn unknown_advice(self) -> &'static str {
        match self {
            Self::DataSource => {
                "Terraform reads the data source during plan. Add depends_on with that resource to the data source, so that \
                 Terraform reads it during apply, or use values that are known during plan, such as variables."
            }
            Self::Resource | Self::Action => {
                "Apply that resource first (`-target`), or use values that are known, such as variables."
            }
        }
    }
}
