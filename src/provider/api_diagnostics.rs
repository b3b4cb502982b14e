//! Diagnostics about the results of other modules.

use crate::access::hcl;
use crate::frontend::Frontend;
use crate::orchestrator::{ApiError, Client, Existing};
use crate::runner::Invalid;
use terraform_plugin_server::{Diagnostic, MoveRequest, Path};

/// Returns the error about a refused value, at its attribute.
pub(super) fn invalid(invalid: &Invalid, path: Path) -> Diagnostic {
    Diagnostic::error(invalid.summary, invalid.detail.clone()).at(path)
}

/// Returns the error about a failed call of the API. `what` is the operation, as in `Could not create runner "x"`. Each
/// of `more` is a paragraph with what only the caller knows.
pub(super) fn failed(what: String, error: &ApiError, more: &[String]) -> Diagnostic {
    Diagnostic::error(what, report(error, more))
}

/// Returns the error that the objects of an organization, such as `runners`, could not be listed.
pub(super) fn not_listed(client: &Client, objects: &str, error: &ApiError) -> Diagnostic {
    let what = format!("Could not list the {objects} of organization {:?}", client.org());
    failed(what, error, &[])
}

/// Returns the text about a failed call of the API, with `more` paragraphs.
pub(super) fn report(error: &ApiError, more: &[String]) -> String {
    let report = std::iter::once(error.report(Frontend::Terraform)).chain(more.iter().cloned());
    report.collect::<Vec<_>>().join("\n\n")
}

/// Returns sentences about the state of an object that might have been created.
pub(super) fn tainted_advice() -> String {
    "So that it is not lost, the provider added it to the state as tainted. If it exists, run `untaint` with its address to \
     keep it. If you do not, the next apply replaces it. That replacement fails if the resource sets \
     `create_before_destroy`. If it does not exist, the next apply creates it."
        .to_owned()
}

/// Returns the error that the object to create already exists, with an `import` block for it, at the attribute `at`.
/// `unique` is a clause that says what can exist only once. `None` for every other error.
pub(super) fn already_exists(
    what: String,
    error: &ApiError,
    type_name: &str,
    at: &str,
    unique: &str,
) -> Option<Diagnostic> {
    let ApiError::AlreadyExists {
        id,
        message,
        existing: Existing::Importable,
    } = error
    else {
        return None;
    };
    let message = message.trim_end_matches('.');
    let detail = format!(
        "Nothing was created: {message}.\n\n{}\n\n{}",
        import_advice(type_name, id),
        replacement_advice(unique)
    );
    Some(Diagnostic::error(what, detail).at(Path::new([at])))
}

/// Returns paragraphs that say how to manage an existing object, or one that the state has at another address.
pub(super) fn import_advice(type_name: &str, id: &str) -> String {
    let id = hcl::string(id);
    format!(
        "To fix it, import the existing object into this resource: add this block, set `to` to the address of the \
         resource, and apply. You can remove the block afterwards.\n\n  import {{\n    to = {type_name}.NAME\n    id \
         = {id}\n  }}\n\nIf it is in the state at another address because the resource was renamed, add this block \
         instead:\n\n  moved {{\n    from = {type_name}.OLD_NAME\n    to   = {type_name}.NAME\n  }}"
    )
}

/// Returns what to do if Terraform was replacing the object. `unique` is a clause that says what can exist only once.
pub(super) fn replacement_advice(unique: &str) -> String {
    format!(
        "If Terraform was replacing the object, this does not help: {unique}, so `create_before_destroy` cannot work. \
         Remove `create_before_destroy` from the `lifecycle` of the resource (and of those that depend on it), or, if \
         nothing needs to be replaced, run `untaint` with the address of the resource."
    )
}

/// Returns the state of the source of a `moved` block, if that is the resource with the same name of another provider of
/// the Platform Orchestrator. The schemas are the same, so the state is used as it is.
pub(super) fn moved_state(request: &MoveRequest, type_name: &str) -> Option<Result<serde_json::Value, Diagnostic>> {
    let is_same_type = request.source_provider.ends_with("/platform-orchestrator")
        && request.source_type == type_name
        && request.source_version == 0;
    is_same_type.then(|| Ok(request.state.clone()))
}
