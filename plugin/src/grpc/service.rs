//! The gRPC service `tfplugin6.Provider`: which function responds to which call.
//!
//! Each call has a file in `rpc`. Errors that a user can fix are diagnostics. The errors of gRPC itself are only for
//! broken messages and for the calls of state stores, which no provider offers.

use std::sync::Arc;

use futures_util::StreamExt;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, async_trait};

use super::served::ServedProvider;
use super::{proto, rpc};
use crate::provider::Provider;
use crate::redaction::{Redact, unchanged};

/// The gRPC service of a [`Provider`].
pub struct ProviderService(ServedProvider);

impl ProviderService {
    /// Returns the service of this provider. Nothing of the provider is called before the first request.
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self::with_redaction(provider, unchanged)
    }

    /// Returns the service of this provider. All diagnostics pass `redact`.
    pub fn with_redaction(provider: Arc<dyn Provider>, redact: Redact) -> Self {
        Self(ServedProvider::new(provider, redact))
    }
}

/// Implements the service: each call with the function that responds to it. The response of a streaming call is a
/// [`MessageStream`](super::served::MessageStream).
macro_rules! calls {
    (
        unary { $($unary:ident => $respond:path,)* }
        streaming { $($streaming:ident -> $message:ident => $stream:path,)* }
    ) => {
        #[async_trait]
        impl proto::provider_server::Provider for ProviderService {
            $(async fn $unary(
                &self,
                request: Request<proto::$unary::Request>,
            ) -> Result<Response<proto::$unary::Response>, Status> {
                tracing::trace!(call = stringify!($unary), "received a request");
                let response = $respond(&self.0, request.into_inner()).await;
                tracing::trace!(call = stringify!($unary), "sending the response");
                Ok(Response::new(response))
            })*
            $(async fn $streaming(
                &self,
                request: Request<proto::$streaming::Request>,
            ) -> Result<Response<BoxStream<proto::$streaming::$message>>, Status> {
                tracing::trace!(call = stringify!($streaming), "received a request");
                let messages = $stream(&self.0, request.into_inner()).await;
                tracing::trace!(call = stringify!($streaming), "streaming the response");
                Ok(Response::new(Box::pin(messages.map(Ok))))
            })*
        }
    };
}

calls! {
    unary {
        get_metadata => rpc::get_metadata::respond,
        get_provider_schema => rpc::get_provider_schema::respond,
        validate_provider_config => rpc::validate_config::provider,
        validate_resource_config => rpc::validate_config::resource,
        validate_data_resource_config => rpc::validate_config::data_source,
        configure_provider => rpc::configure_provider::respond,
        upgrade_resource_state => rpc::upgrade_resource_state::respond,
        move_resource_state => rpc::move_resource_state::respond,
        import_resource_state => rpc::import_resource_state::respond,
        read_resource => rpc::read_resource::respond,
        plan_resource_change => rpc::plan_resource_change::respond,
        apply_resource_change => rpc::apply_resource_change::respond,
        read_data_source => rpc::read_data_source::respond,
        get_functions => rpc::get_functions::respond,
        call_function => rpc::call_function::respond,
        stop_provider => rpc::stop_provider::respond,
        get_resource_identity_schemas => rpc::get_resource_identity_schemas::respond,
        upgrade_resource_identity => rpc::upgrade_resource_identity::respond,
        generate_resource_config => rpc::not_offered::generate_resource_config,
        validate_list_resource_config => rpc::validate_config::list_resource,
        validate_ephemeral_resource_config => rpc::not_offered::validate_ephemeral_resource_config,
        open_ephemeral_resource => rpc::not_offered::open_ephemeral_resource,
        renew_ephemeral_resource => rpc::not_offered::renew_ephemeral_resource,
        close_ephemeral_resource => rpc::not_offered::close_ephemeral_resource,
        validate_action_config => rpc::validate_config::action,
        plan_action => rpc::plan_action::respond,
    }
    streaming {
        list_resource -> Event => rpc::list_resource::respond,
        invoke_action -> Event => rpc::invoke_action::respond,
    }
}
