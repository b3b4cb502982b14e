//! A provider while it is served: what the calls share.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::Stream;
use tokio_util::sync::CancellationToken;

use super::catalog::Catalog;
use super::{diagnostic, proto};
use crate::context::CallContext;
use crate::diagnostic::Diagnostic;
use crate::isolation::run_isolated;
use crate::provider::Provider;
use crate::redaction::{Redact, redacted};

/// The messages of a streaming response.
pub(super) type MessageStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// A provider while it is served.
pub(super) struct ServedProvider {
    provider: Arc<dyn Provider>,
    catalog: OnceLock<Arc<Catalog>>,
    /// The parent of the tokens of all calls in flight.
    stop: Mutex<CancellationToken>,
    redact: Redact,
}

impl ServedProvider {
    pub(super) fn new(provider: Arc<dyn Provider>, redact: Redact) -> Self {
        Self {
            provider,
            catalog: OnceLock::new(),
            stop: Mutex::default(),
            redact,
        }
    }

    /// Returns what the provider offers.
    ///
    /// # Errors
    /// Returns the diagnostic to show if the provider panics while it describes itself.
    pub(super) async fn catalog(&self) -> Result<Arc<Catalog>, Diagnostic> {
        if let Some(catalog) = self.catalog.get() {
            return Ok(Arc::clone(catalog));
        }
        let provider = Arc::clone(&self.provider);
        let described = async { Catalog::new(provider) };
        let catalog = run_isolated("describing its schemas", described).await?;
        Ok(Arc::clone(self.catalog.get_or_init(|| Arc::new(catalog))))
    }

    /// Returns the context of a call that begins now.
    pub(super) fn context(&self) -> CallContext {
        CallContext {
            stop: self.lock_stop().child_token(),
        }
    }

    /// Cancels the calls in flight, but none of those that begin later.
    pub(super) fn stop_calls(&self) {
        std::mem::take(&mut *self.lock_stop()).cancel();
    }

    /// Returns what redacts the texts of a response that is sent later.
    pub(super) fn responder(&self) -> Responder {
        Responder { redact: self.redact }
    }

    /// Returns the diagnostics of a response, redacted.
    pub(super) fn diagnostics(&self, diagnostics: impl IntoIterator<Item = Diagnostic>) -> Vec<proto::Diagnostic> {
        self.responder().diagnostics(diagnostics)
    }

    /// Returns a text of a response, redacted.
    pub(super) fn redacted(&self, text: String) -> String {
        self.responder().redacted(text)
    }

    fn lock_stop(&self) -> MutexGuard<'_, CancellationToken> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Redacts the texts of responses.
pub(super) struct Responder {
    redact: Redact,
}

impl Responder {
    /// Returns the diagnostics of a response, redacted.
    pub(super) fn diagnostics(&self, diagnostics: impl IntoIterator<Item = Diagnostic>) -> Vec<proto::Diagnostic> {
        let diagnostics = diagnostics.into_iter();
        diagnostics
            .map(|diagnostic| diagnostic::encode(diagnostic, self.redact))
            .collect()
    }

    /// Returns a text of a response, redacted.
    pub(super) fn redacted(&self, text: String) -> String {
        redacted(self.redact, text)
    }

    /// Returns the event of a list that is only about these diagnostics.
    pub(super) fn list_event(&self, diagnostics: Vec<Diagnostic>) -> proto::list_resource::Event {
        proto::list_resource::Event {
            diagnostic: self.diagnostics(diagnostics),
            ..Default::default()
        }
    }
}
