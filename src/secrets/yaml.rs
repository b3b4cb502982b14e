//! Errors about YAML files that contain secrets. They have the position and the kind of the error, and never an excerpt.

/// Returns the position and the kind of an error, as in `line 3, column 5: a key appears twice`. `shape` describes what
/// the file must contain, because the parser's own message can quote a value of the file.
pub(crate) fn fault(error: &serde_saphyr::Error, shape: &str) -> String {
    use serde_saphyr::Error as Yaml;
    if let Yaml::WithSnippet { error, .. } | Yaml::AliasError { error, .. } = error {
        return fault(error, shape);
    }
    let kind = kind(error, shape);
    match error.location() {
        Some(at) => format!("line {}, column {}: {kind}", at.line(), at.column()),
        None => kind,
    }
}

/// Returns what is wrong, without a value of the file.
fn kind(error: &serde_saphyr::Error, shape: &str) -> String {
    use serde_saphyr::Error as Yaml;
    match error {
        // The scanner's messages are constants.
        Yaml::ExternalMessage { msg, .. } => msg.clone(),
        Yaml::Unexpected { expected, .. } => format!("expected {expected}"),
        Yaml::Eof { .. } => "the file ends too early".to_owned(),
        Yaml::MultipleDocuments { .. } => "the file contains more than one document".to_owned(),
        Yaml::DuplicateMappingKey { .. } => "a key appears twice".to_owned(),
        Yaml::SerdeMissingField { .. } => "a required field is missing".to_owned(),
        Yaml::SerdeInvalidType { .. } => format!("a value has the wrong type; expected {shape}"),
        _ => format!("expected {shape}"),
    }
}
