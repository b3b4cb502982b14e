//! The attributes of a runner rule in Terraform. They are those of the Go provider.

use terraform_plugin_server::{Attribute, Schema};

/// The type name of the resource and of the data source.
pub(super) const TYPE_NAME: &str = "platform-orchestrator_runner_rule";

const ID: &str = "The ID of the rule, a UUID that the Orchestrator generates.";
const RUNNER_ID: &str = "The ID of the runner that the rule selects.";
const PROJECT_ID: &str = "The project whose deployments the rule matches.";
const ENV_TYPE_ID: &str = "The environment type whose deployments the rule matches.";

/// Returns the schema of the resource.
pub(super) fn resource() -> Schema {
    Schema {
        version: 0,
        description: "A rule that selects the runner for the deployments of a project or of an environment type. \
                      An organization has at most one rule for each pair of project and environment type. A rule \
                      cannot be changed: every change replaces it. With `create_before_destroy`, a rule can be \
                      replaced only if its project or environment type changes.",
        attributes: vec![
            Attribute::string("id", ID).computed(),
            Attribute::string("runner_id", RUNNER_ID).required(),
            Attribute::string("project_id", format!("{PROJECT_ID} Default: every project."))
                .optional()
                .computed(),
            Attribute::string("env_type_id", format!("{ENV_TYPE_ID} Default: every environment type."))
                .optional()
                .computed(),
        ],
    }
}

/// Returns the schema of the data source.
pub(super) fn data_source() -> Schema {
    Schema {
        version: 0,
        description: "An existing runner rule, looked up by its ID.",
        attributes: vec![
            Attribute::string("id", ID).required(),
            Attribute::string("runner_id", RUNNER_ID).computed(),
            Attribute::string(
                "project_id",
                format!("{PROJECT_ID} Null if the rule matches every project."),
            )
            .computed(),
            Attribute::string(
                "env_type_id",
                format!("{ENV_TYPE_ID} Null if the rule matches every environment type."),
            )
            .computed(),
        ],
    }
}
