//! The data source `platform-orchestrator_kubernetes_eks_access`: the results of a runner's checks, for `check` blocks
//! and conditions.

use std::sync::Arc;

use async_trait::async_trait;

use crate::access::{CheckResult, Report, Skip, Status};
use crate::provider::connection::Connection;
use crate::provider::eks_runner;
use crate::provider::runner_user::RunnerUser;
use terraform_plugin_server::{
    Attribute, CallContext, DataSource, Diagnostic, Nesting, Path, ReadResponse, Schema, Type, ValidateConfig, Value,
};

const TYPE_NAME: &str = "platform-orchestrator_kubernetes_eks_access";

/// The data source.
pub(in crate::provider) struct EksAccessData {
    connection: Arc<Connection>,
}

impl EksAccessData {
    pub(in crate::provider) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Returns the state: the configuration with the results of the checks.
    async fn check(&self, context: CallContext, config: &Value) -> Result<Value, Diagnostic> {
        let client = self.connection.client_now()?;
        let access = self.connection.eks_access_now(RunnerUser::DataSource)?;
        let runner = if config.get("runner_configuration").is_null() {
            eks_runner::existing(&client, config, &context, RunnerUser::DataSource).await?
        } else {
            config.clone()
        };
        let subject = eks_runner::subject_now(client.org(), &runner)?;
        let report = access.while_reading(&subject, &context).await;
        let mut state = config.clone();
        if let Value::Map(attributes) = &mut state {
            for (name, value) in computed(&report) {
                attributes.insert(name.to_owned(), value);
            }
        }
        Ok(state)
    }
}

/// Returns the computed attributes.
fn computed(report: &Report) -> [(&'static str, Value); 7] {
    let reason = report.incomplete_reason();
    [
        ("ok", Value::from(report.is_ok())),
        ("complete", Value::from(report.is_complete())),
        ("reason", Value::optional_string(reason.as_deref())),
        ("checks", Value::List(report.checks.iter().map(check).collect())),
        (
            "kubernetes_user",
            Value::optional_string(report.kubernetes_user.as_deref()),
        ),
        ("oidc_subject", Value::optional_string(report.oidc_subject.as_deref())),
        ("session_name", Value::optional_string(report.session_name.as_deref())),
    ]
}

/// Returns an element of `checks`.
fn check(CheckResult { id, outcome, .. }: &CheckResult) -> Value {
    let message = match (&outcome.status, outcome.expected(), outcome.found()) {
        (Status::Failed, Some(expected), Some(found)) => {
            format!("{} (expected: {expected}; found: {found})", outcome.message)
        }
        _ => outcome.message.clone(),
    };
    Value::object([
        ("id", Value::from(id.as_str())),
        ("status", Value::from(outcome.status.as_str())),
        ("skip", Value::optional_string(outcome.skip.as_ref().map(Skip::as_str))),
        ("message", Value::from(message)),
        ("fix", Value::optional_string(outcome.fix_text().as_deref())),
    ])
}

/// Returns the schema of the computed attributes.
fn computed_attributes() -> Vec<Attribute> {
    vec![
        Attribute::new(
            "ok",
            Type::Bool,
            "`true` if no check failed and every check that applies ran. Warnings do not change it.",
        )
        .computed(),
        Attribute::new(
            "complete",
            Type::Bool,
            "`true` if every check that applies ran. `false` if AWS credentials or a permission are missing, a \
                 service is unreachable, or a call timed out.",
        )
        .computed(),
        Attribute::string(
            "reason",
            "Why the checks are incomplete: how many could not run, and why. Null if they are complete.",
        )
        .computed(),
        checks_attribute(),
        Attribute::string(
            "kubernetes_user",
            "The runner's user in the cluster. Null if the user has no fixed name, or if the checks cannot read how \
                 the cluster maps the role.",
        )
        .computed(),
        Attribute::string(
            "oidc_subject",
            "The `sub` of the Orchestrator's OIDC token for the runner.",
        )
        .computed(),
        Attribute::string("session_name", "The name of the runner's STS session.").computed(),
    ]
}

fn checks_attribute() -> Attribute {
    Attribute::nested(
        "checks",
        "Every check, in the order of the Orchestrator's steps.",
        Nesting::List,
        vec![
            Attribute::string("id", "The ID of the check.").computed(),
            Attribute::string("status", "`passed`, `failed`, `warned`, or `skipped`.").computed(),
            Attribute::string(
                "skip",
                "Why a check was skipped: `not-applicable` (to this runner or these settings), `blocked` (a \
                         check that it needs failed), `unknown` (a value is unknown until apply), `requested` (by \
                         `skip_checks`), or `incomplete` (it applies and could not run). Null for other checks.",
            )
            .computed(),
            Attribute::string("message", "What was found, or why the check did not run.").computed(),
            Attribute::string("fix", "The fix for a failure, ready to paste.").computed(),
        ],
    )
    .computed()
}

#[async_trait]
impl DataSource for EksAccessData {
    fn type_name(&self) -> &'static str {
        TYPE_NAME
    }

    fn schema(&self) -> Schema {
        let mut attributes = vec![Attribute::string("id", "The ID of the runner.").required()];
        attributes.extend(eks_runner::configuration_attributes());
        attributes.extend(computed_attributes());
        Schema {
            version: 0,
            description: "Checks that the Orchestrator can reach the cluster of an EKS runner, each time it is read. \
                          Set only `id` for a registered runner, or also `runner_configuration` and \
                          `state_storage_configuration` for a runner that is not registered. A failed check is not an error: use `ok` in `check` blocks and conditions.",
            attributes,
        }
    }

    async fn read(&self, context: CallContext, config: Value) -> ReadResponse {
        match self.check(context, &config).await {
            Ok(state) => ReadResponse {
                state,
                diagnostics: Vec::new(),
            },
            Err(diagnostic) => ReadResponse {
                state: Value::Null,
                diagnostics: vec![diagnostic],
            },
        }
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(self)
    }
}

#[async_trait]
impl ValidateConfig for EksAccessData {
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        let mut found = eks_runner::validate_configuration(&config);
        // With neither, the registered runner is read. Without its state storage, a runner would pass unchecked.
        let blocks = ["runner_configuration", "state_storage_configuration"];
        for [set, missing] in [blocks, [blocks[1], blocks[0]]] {
            if !config.get(set).is_null() && config.get(missing).is_null() {
                let detail = format!(
                    "The block needs {missing}. Set both to check a runner that is not registered, or neither to check \
                     the registered one."
                );
                let summary = format!("No {missing}");
                found.push(Diagnostic::error(summary, detail).at(Path::new([set])));
            }
        }
        found
    }
}
