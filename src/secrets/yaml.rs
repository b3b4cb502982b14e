//! What is wrong with a YAML file that holds secrets: where and of which kind, never an excerpt.

/// The place and the kind of an error, as `line 3, column 5: a key is there twice`. `shape` is what
/// the file should hold, in words: the parser's own words can quote a value of the file.
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

/// What is wrong, in words of the grammar.
fn kind(error: &serde_saphyr::Error, shape: &str) -> String {
    use serde_saphyr::Error as Yaml;
    match error {
        // The scanner's messages are fixed texts.
        Yaml::ExternalMessage { msg, .. } => msg.clone(),
        Yaml::Unexpected { expected, .. } => format!("expected {expected}"),
        Yaml::Eof { .. } => "the file ends too early".to_owned(),
        Yaml::MultipleDocuments { .. } => "the file holds more than one document".to_owned(),
        Yaml::DuplicateMappingKey { .. } => "a key appears twice".to_owned(),
        Yaml::SerdeMissingField { .. } => "a required field is missing".to_owned(),
        Yaml::SerdeInvalidType { .. } => format!("a value has the wrong type; expected {shape}"),
        _ => format!("expected {shape}"),
    }
}
