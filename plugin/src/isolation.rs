//! Calling the provider's code, isolated from the server.

use crate::diagnostic::Diagnostic;
use crate::panic;

/// Returns the result of `call`, which runs in a task of its own: a client that disconnects does not cancel it. `doing`
/// says what the call does, as a clause after "while".
///
/// # Errors
/// Returns the diagnostic to show if the call panics.
pub(crate) async fn run_isolated<T: Send + 'static>(
    doing: &str,
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, Diagnostic> {
    let ended = match tokio::spawn(panic::catch(call)).await {
        Ok(Ok(result)) => return Ok(result),
        Ok(Err(panicked)) => format!("panicked: {panicked}"),
        Err(_) => "was shut down".to_owned(),
    };
    Err(Diagnostic::bug(format!("While {doing}, the provider {ended}")))
}
