//! The gRPC service `tfplugin6.Provider`.
//!
//! Each call is a file in `rpc`. What the user can fix is a diagnostic; gRPC's own
//! errors are left to broken messages, and to the calls of features that a provider does not have.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, async_trait};

use crate::plugin::call::isolated;
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::provider::{CallContext, Provider};

use super::catalog::Catalog;
use super::{proto, rpc};

/// Serves a [`Provider`].
pub struct ProviderService {
    provider: Arc<dyn Provider>,
    catalog: OnceLock<Arc<Catalog>>,
    /// The parent of the tokens of all calls in flight.
    stop: Mutex<CancellationToken>,
}

impl ProviderService {
    /// The service of this provider. The provider is asked nothing before the first call.
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self {
            provider,
            catalog: OnceLock::new(),
            stop: Mutex::default(),
        }
    }

    /// What the provider offers.
    ///
    /// # Errors
    /// Where the provider panicked when it was asked.
    pub(super) async fn catalog(&self) -> Result<Arc<Catalog>, Diagnostic> {
        if let Some(catalog) = self.catalog.get() {
            return Ok(Arc::clone(catalog));
        }
        let provider = Arc::clone(&self.provider);
        let catalog = isolated("describing its schemas", async { Catalog::new(provider) }).await?;
        Ok(Arc::clone(self.catalog.get_or_init(|| Arc::new(catalog))))
    }

    /// The context of a call that begins now.
    pub(super) fn context(&self) -> CallContext {
        CallContext {
            stop: self.lock_stop().child_token(),
        }
    }

    /// Cancels the calls in flight, and none of those that come later.
    pub(super) fn stop(&self) {
        std::mem::take(&mut *self.lock_stop()).cancel();
    }

    fn lock_stop(&self) -> std::sync::MutexGuard<'_, CancellationToken> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The calls that are served: the name in the service, and the function that answers it.
macro_rules! calls {
    ($($call:ident => $handler:path,)*) => {
        #[async_trait]
        impl proto::provider_server::Provider for ProviderService {
            $(async fn $call(
                &self,
                request: Request<proto::$call::Request>,
            ) -> Result<Response<proto::$call::Response>, Status> {
                tracing::trace!(call = stringify!($call), "asked");
                let answer = $handler(self, request.into_inner()).await;
                tracing::trace!(call = stringify!($call), "answered");
                Ok(Response::new(answer))
            })*
        }
    };
}

calls! {
    get_metadata => rpc::get_metadata::answer,
    get_provider_schema => rpc::get_provider_schema::answer,
    get_resource_identity_schemas => rpc::none::identity_schemas,
    get_functions => rpc::none::functions,
    validate_provider_config => rpc::validate::provider,
    validate_resource_config => rpc::validate::resource,
    validate_data_resource_config => rpc::validate::data_source,
    configure_provider => rpc::configure_provider::answer,
    upgrade_resource_state => rpc::upgrade_resource_state::answer,
    move_resource_state => rpc::move_resource_state::answer,
    import_resource_state => rpc::import_resource_state::answer,
    read_resource => rpc::read_resource::answer,
    plan_resource_change => rpc::plan_resource_change::answer,
    apply_resource_change => rpc::apply_resource_change::answer,
    read_data_source => rpc::read_data_source::answer,
    stop_provider => rpc::stop_provider::answer,
}
