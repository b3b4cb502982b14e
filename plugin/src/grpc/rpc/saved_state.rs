//! The states and identities that Terraform saved as JSON.

use crate::diagnostic::Diagnostic;
use crate::grpc::proto::RawState;

/// Returns the JSON of a saved state.
///
/// # Errors
/// Returns the diagnostic to show if the state is not saved as JSON. Terraform before 0.12 saved a flat map.
pub(super) fn json(state: Option<RawState>, type_name: &str) -> Result<Vec<u8>, Diagnostic> {
    match state {
        Some(state) if !state.json.is_empty() => Ok(state.json),
        Some(state) if !state.flatmap.is_empty() => Err(unreadable(
            type_name,
            "it has the format of Terraform before version 0.12",
        )),
        _ => Err(unreadable(type_name, "it is missing")),
    }
}

/// Returns the diagnostic about a saved state that cannot be read.
pub(super) fn unreadable(type_name: &str, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(
        format!("Could not read the saved state of a {type_name}"),
        format!(
            "The state does not match the provider's schema: {why}.\n\nNothing was changed. To fix it: if the state was \
             edited by hand or saved by another program, restore it from a backup. Otherwise remove the resource from \
             the state with \"state rm\", which does not delete the object, and import it again."
        ),
    )
}

/// Returns the diagnostic about a saved state or identity (`what`) of a later version of the schema.
pub(super) fn too_new(what: &str, type_name: &str, version: i64, current: i64) -> Diagnostic {
    Diagnostic::error(
        format!("The {what} of a {type_name} is too new"),
        format!(
            "It was saved with version {version} of the schema, but this version of the provider supports versions up to \
             {current}.\n\nTo fix it: install the version of the provider that saved it, or a later one."
        ),
    )
}
