//! The list resource: the EKS runners of the organization, by a prefix of their IDs or by their cluster.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use super::{identity, model, schema};
use crate::orchestrator::{ApiError, CallBudget, Client};
use crate::provider::api_diagnostics;
use crate::provider::connection::Connection;
use crate::provider::text_rules::TextRules;
use crate::provider::timeouts::DEFAULT;
use crate::runner::Runner;
use crate::runner::validate;
use terraform_plugin_server::{
    Attribute, CallContext, Diagnostic, FoundObject, FoundObjects, ListRequest, ListResource,
    Schema, ValidateConfig, Value,
};

/// How many runners are read at a time.
const AT_A_TIME: usize = 8;

/// The list resource.
pub(in crate::provider) struct EksRunnerList {
    connection: Arc<Connection>,
}

impl EksRunnerList {
    pub(in crate::provider) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Sends the runners that match the request.
    ///
    /// # Errors
    /// Returns the diagnostic to show if a call fails.
    async fn send(
        &self,
        context: &CallContext,
        request: &ListRequest,
        found: &FoundObjects,
    ) -> Result<(), Diagnostic> {
        let client = self.connection.client_now()?;
        let prefix = request.config.get("id_prefix").as_str().unwrap_or_default();
        let cluster = request.config.get("cluster_name").as_str();
        let mut pages = client.eks_runners(prefix);
        let not_listed = |error| {
            let what = format!(
                "Could not list the runners of organization {:?}",
                client.org()
            );
            api_diagnostics::failed(what, &error, &[])
        };
        while let Some(page) = pages.next(&budget(context)).await.map_err(not_listed)? {
            // Each element of a list contains the types only, so everything else costs a call for each runner.
            if !request.include_resource && cluster.is_none() {
                for listed in page {
                    if !found.send(self.object(&listed.id, None)).await {
                        return Ok(());
                    }
                }
                continue;
            }
            let ids = page.into_iter().map(|listed| listed.id);
            let mut runners = stream::iter(ids.map(|id| read(&client, id, context)))
                .buffered(AT_A_TIME)
                .boxed();
            while let Some(read) = runners.next().await {
                let is_wanted = |runner: &Runner| {
                    cluster.is_none_or(|name| runner.runner_configuration.cluster.name == name)
                };
                let Some(runner) = read?.filter(is_wanted) else {
                    continue;
                };
                let state = request
                    .include_resource
                    .then(|| model::state(&runner, &Value::Null));
                if !found.send(self.object(&runner.id, state)).await {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn object(&self, id: &str, resource: Option<Value>) -> FoundObject {
        FoundObject {
            identity: identity::identity(&self.connection, id.into()),
            display_name: id.to_owned(),
            resource,
            diagnostics: Vec::new(),
        }
    }
}

fn budget(context: &CallContext) -> CallBudget {
    CallBudget::new(DEFAULT, context.stop.clone())
}

/// Reads a runner. Returns `None` if it was deleted, or replaced by a runner of another type, after it was listed.
///
/// # Errors
/// Returns the diagnostic to show if it cannot be read.
async fn read(
    client: &Client,
    id: String,
    context: &CallContext,
) -> Result<Option<Runner>, Diagnostic> {
    match client.get_runner(&id, &budget(context)).await {
        Ok(runner) => Ok(runner),
        Err(ApiError::OtherType { .. }) => Ok(None),
        Err(error) => {
            let what = format!("Could not read runner {id:?}");
            Err(api_diagnostics::failed(what, &error, &[]))
        }
    }
}

#[async_trait]
impl ListResource for EksRunnerList {
    fn type_name(&self) -> &'static str {
        schema::TYPE_NAME
    }

    fn schema(&self) -> Schema {
        Schema {
            version: 0,
            description: "Finds the runners of type `kubernetes-eks` in the organization, ordered by ID.",
            attributes: vec![
                Attribute::string("id_prefix", "Only runners whose IDs begin with this text.")
                    .optional(),
                Attribute::string(
                    "cluster_name",
                    "Only runners of the EKS cluster with this name. It makes one request for each runner, as \
                     `include_resource` does.",
                )
                .optional(),
            ],
        }
    }

    async fn list(
        &self,
        context: CallContext,
        request: ListRequest,
        found: FoundObjects,
    ) -> Vec<Diagnostic> {
        self.send(&context, &request, &found)
            .await
            .err()
            .into_iter()
            .collect()
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(&TextRules(&[
            (&["id_prefix"], validate::runner_id_prefix),
            (&["cluster_name"], validate::cluster_name),
        ]))
    }
}
