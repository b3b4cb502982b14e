//! What every call to a provider carries.

use tokio_util::sync::CancellationToken;

/// The context of a call.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    /// Cancelled when the user interrupts Terraform. A call should then return soon, with the state that is known.
    pub stop: CancellationToken,
}
