//! Calling the provider's code.

use super::diagnostic::Diagnostic;
use super::panic;

/// The answer of `call`, which runs on a task of its own: a panic in it stays there, and a client
/// that goes away does not cut it in half. `doing` says what it does, in words that go on "while".
///
/// # Errors
/// Where it panicked: the diagnostic to show.
pub(super) async fn isolated<T: Send + 'static>(
    doing: &str,
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, Diagnostic> {
    let ended = match tokio::spawn(panic::catch(call)).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(panicked)) => format!("panicked: {panicked}"),
        Err(_) => "was shut down".to_owned(),
    };
    Err(Diagnostic::bug(format!(
        "While {doing}, the provider {ended}"
    )))
}
