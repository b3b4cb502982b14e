//! Environments: which runner each of them uses.

use serde::Serialize;

/// An environment as the API returns it.
#[derive(Serialize)]
pub(super) struct Environment {
    pub(super) id: String,
    pub(super) uuid: &'static str,
    pub(super) project_id: String,
    pub(super) env_type_id: &'static str,
    pub(super) display_name: String,
    pub(super) created_at: &'static str,
    pub(super) updated_at: &'static str,
    pub(super) status: &'static str,
    /// Absent until the first deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runner_id: Option<String>,
}

impl Environment {
    /// Returns an environment of the type `development`. `name` is `project/environment`.
    pub(super) fn new(name: &str, runner_id: Option<&str>) -> Self {
        let (project, id) = name.split_once('/').unwrap_or(("", name));
        Self {
            id: id.to_owned(),
            uuid: "01234567-89ab-cdef-0123-456789abcdef",
            project_id: project.to_owned(),
            env_type_id: "development",
            display_name: id.to_owned(),
            created_at: "2026-01-01T00:00:00Z",
            updated_at: "2026-01-01T00:00:00Z",
            status: "active",
            runner_id: runner_id.map(str::to_owned),
        }
    }

    /// Returns the key that environments are ordered by.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.project_id, self.id)
    }
}
