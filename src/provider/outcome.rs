//! What other rooms answer, as diagnostics.

use crate::orchestrator::Error;
use crate::plugin::{Diagnostic, MoveRequest, Path};
use crate::runner::Invalid;

/// A refused value, at its attribute.
pub(super) fn invalid(invalid: &Invalid, path: Path) -> Diagnostic {
    Diagnostic::error(invalid.summary, invalid.detail.clone()).at(path)
}

/// A call of the API that failed. `what` is what was tried, as in "Could not create the runner". `more`
/// are sentences that only whoever tried it can say; each becomes a paragraph.
pub(super) fn failed(what: String, error: &Error, more: &[String]) -> Diagnostic {
    let report = std::iter::once(error.report()).chain(more.iter().cloned());
    Diagnostic::error(what, report.collect::<Vec<_>>().join("\n\n"))
}

/// What becomes of an object that may have been created, as sentences.
pub(super) fn perhaps_created() -> String {
    "So that it is not lost, it is in the state now, marked as tainted. If it is there, run `untaint` with its \
     address to keep it: else the next apply replaces it, which fails with `create_before_destroy`. If it is not \
     there, the next apply creates it."
        .to_owned()
}

/// A create that met what is there already: the message has an `import` block for it, and is about
/// the attribute `at`. `unique` says what there is once only, as a clause. `None` where the error is
/// another one.
pub(super) fn exists_already(
    what: String,
    error: &Error,
    type_name: &str,
    at: &str,
    unique: &str,
) -> Option<Diagnostic> {
    let Error::AlreadyExists {
        id,
        message,
        other_type: None,
    } = error
    else {
        return None;
    };
    let message = message.trim_end_matches('.');
    let detail = format!(
        "Nothing was created: {message}.\n\nTo manage the existing one with this resource, import it: add this block, \
         with the resource's own address after `to`, and apply again; the block can be removed afterwards.\n\n  \
         import {{\n    to = {type_name}.NAME\n    id = {id:?}\n  }}\n\nIf the resource has it in the state \
         already and was to replace it, an import does not help: {unique}, so `create_before_destroy` cannot work. \
         Remove that from the `lifecycle` of the resource (and of those that depend on it), or, if nothing needs to \
         be replaced, run `untaint` with the resource's address."
    );
    Some(Diagnostic::error(what, detail).at(Path::of([at])))
}

/// The state of a `moved` source, where it is the resource of the same name of another provider of the
/// Platform Orchestrator: the schemas agree, so the state is taken over as it is.
pub(super) fn same_type_elsewhere(
    request: &MoveRequest,
    type_name: &str,
) -> Option<Result<serde_json::Value, Diagnostic>> {
    let ours = request.source_provider.ends_with("/platform-orchestrator")
        && request.source_type == type_name
        && request.source_version == 0;
    ours.then(|| Ok(request.state.clone()))
}
