//! What other rooms answer, as diagnostics.

use crate::orchestrator::Error;
use crate::plugin::{Diagnostic, MoveRequest, Path};
use crate::runner::Invalid;

/// A refused value, at its attribute.
pub(super) fn invalid(invalid: &Invalid, path: Path) -> Diagnostic {
    Diagnostic::error(invalid.summary, invalid.detail.clone()).at(path)
}

/// A call of the API that failed. `what` is what was tried, as in "Could not create the runner".
pub(super) fn failed(what: &str, error: &Error) -> Diagnostic {
    Diagnostic::error(what, error.report())
}

/// A create that failed. `what` is as for [`failed`]. Where the object is there already, the message has
/// an `import` block for it, and is about the attribute `at`.
pub(super) fn not_created(what: &str, error: &Error, type_name: &str, at: &str) -> Diagnostic {
    let Error::AlreadyExists {
        id,
        message,
        other_type: None,
    } = error
    else {
        return failed(what, error);
    };
    Diagnostic::error(
        what,
        format!(
            "{message}\n\nNothing was created. To manage the existing one with this resource, import it: add \
             this block with the resource's own address, and apply again.\n\n  import {{\n    to = \
             {type_name}.NAME\n    id = {id:?}\n  }}"
        ),
    )
    .at(Path::of([at]))
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
