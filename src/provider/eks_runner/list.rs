//! The list resource: the EKS runners of the organization, by a prefix of their IDs or by their cluster.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use super::{identity, model, schema};
use crate::orchestrator::ApiError;
use crate::provider::api_diagnostics;
use crate::provider::connection::Connection;
use crate::provider::text_rules::TextRules;
use crate::provider::timeouts;
use crate::runner::validate;
use terraform_plugin_server::{
    Attribute, CallContext, Diagnostic, FoundObject, FoundObjects, ListRequest, ListResource, Schema, ValidateConfig,
    Value,
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

    fn object(&self, id: &str, resource: Option<Value>) -> FoundObject {
        FoundObject {
            identity: identity::identity(&self.connection, id.into()),
            display_name: id.to_owned(),
            resource,
            diagnostics: Vec::new(),
        }
    }
}

/// Returns the warning about a runner that this version cannot read. It is listed, because it might match the query.
fn unsupported(id: &str, error: &ApiError, cluster: Option<&str>) -> Diagnostic {
    let consequence = match cluster {
        None => "The runner is listed without its configuration.".to_owned(),
        Some(name) => format!(
            "The runner is listed without its configuration, although its cluster is unknown: it might not be {name:?}."
        ),
    };
    // Terraform shows one warning of each summary and counts the others.
    let summary = format!("Could not read runner {id:?}");
    Diagnostic::warning(summary, api_diagnostics::report(error, &[consequence]))
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
                Attribute::string("id_prefix", "Only runners whose IDs begin with this string.").optional(),
                Attribute::string(
                    "cluster_name",
                    "Only runners of the EKS cluster with this name. This makes one request for each runner, as \
                     `include_resource` does.",
                )
                .optional(),
            ],
        }
    }

    async fn list(&self, context: CallContext, request: ListRequest, found: FoundObjects) -> Result<(), Diagnostic> {
        let client = self.connection.client_now()?;
        let budget = || timeouts::default_budget(&context);
        let prefix = request.config.get("id_prefix").as_str().unwrap_or_default();
        let cluster = request.config.get("cluster_name").as_str();
        let mut pages = client.eks_runners(prefix);
        let not_listed = |error| api_diagnostics::not_listed(&client, "runners", &error);
        while let Some(page) = pages.next(&budget()).await.map_err(not_listed)? {
            // Each element of a list contains the types only, so everything else costs a call for each runner.
            if !request.include_resource && cluster.is_none() {
                for listed in page {
                    if !found.send(self.object(&listed.id, None)).await {
                        return Ok(());
                    }
                }
                continue;
            }
            let read = async |id: String| (client.get_runner(&id, &budget()).await, id);
            let mut runners = stream::iter(page.into_iter().map(|listed| read(listed.id)))
                .buffered(AT_A_TIME)
                .boxed();
            while let Some((read, id)) = runners.next().await {
                let is_received = match read {
                    Ok(Some(runner)) => {
                        let own = &runner.runner_configuration.cluster.name;
                        if cluster.is_some_and(|name| name != own) {
                            continue;
                        }
                        let state = || model::state(&runner, &Value::Null);
                        let object = self.object(&id, request.include_resource.then(state));
                        found.send(object).await
                    }
                    // It was deleted, or replaced by a runner of another type, after it was listed.
                    Ok(None) | Err(ApiError::OtherType { .. }) => continue,
                    Err(error @ ApiError::Unsupported { .. }) => {
                        // Terraform 1.14 crashes if it generates the configuration of an object without attributes.
                        let known = || Value::object([("id", id.as_str().into())]);
                        let mut object = self.object(&id, request.include_resource.then(known));
                        object.diagnostics.push(unsupported(&id, &error, cluster));
                        found.send(object).await
                    }
                    Err(error) => {
                        let what = format!("Could not read runner {id:?}");
                        return Err(api_diagnostics::failed(what, &error, &[]));
                    }
                };
                if !is_received {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(&TextRules(&[
            (&["id_prefix"], validate::runner_id_prefix),
            (&["cluster_name"], validate::cluster_name),
        ]))
    }
}
