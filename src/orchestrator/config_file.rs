//! The configuration file of `hctl` and `octl`, the Orchestrator's command lines. Both have the same keys.

use std::io;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::files;
use crate::product::names;
use crate::secrets::yaml_fault;

/// The values of the file that are used here. The command lines have others for themselves.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ConfigFile {
    pub(super) api_url: Option<String>,
    pub(super) default_org_id: Option<String>,
    pub(super) token: Option<SecretString>,
}

impl ConfigFile {
    /// Returns whether the file has none of the values.
    pub(super) fn is_empty(&self) -> bool {
        let token = self.token.as_ref().map(ExposeSecret::expose_secret);
        [self.api_url.as_deref(), self.default_org_id.as_deref(), token]
            .into_iter()
            .flatten()
            .all(|value| value.trim().is_empty())
    }
}

/// Reads the file. Returns `None` if it does not exist.
///
/// # Errors
/// What is wrong with the file, without a value of it.
pub(super) fn read(path: &Path) -> Result<Option<ConfigFile>, String> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    let bytes = files::read_blocking(path).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => error.to_string(),
        _ => format!("it cannot be read: {error}"),
    })?;
    parse(&bytes).map(Some)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn parse(bytes: &[u8]) -> Result<ConfigFile, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("it is not UTF-8 text (line {line})")
    })?;
    // A snippet would show the lines around the error, which can contain the token.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options::<Option<ConfigFile>>(text, options)
        .map(Option::unwrap_or_default)
        .map_err(|error| {
            let shape = "a mapping of api_url, default_org_id and token, each a string";
            format!(
                "it is not the YAML that {} writes: {}",
                names(|product| product.cli),
                yaml_fault(&error, shape)
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_the_command_lines_write_is_read() {
        let config = parse(b"api_url: https://a.b\ndefault_org_id: 123\ntoken: 'ab:c'\nother: [1]\n").unwrap();
        assert_eq!(config.api_url.as_deref(), Some("https://a.b"));
        assert_eq!(config.default_org_id.as_deref(), Some("123"));
        assert_eq!(config.token.unwrap().expose_secret(), "ab:c");

        for empty in ["", "# nothing\n", "---\n", "{}", "token:\napi_url: ~\n"] {
            let config = parse(empty.as_bytes()).unwrap();
            assert!(config.token.is_none() && config.api_url.is_none(), "{empty}");
        }
    }

    #[test]
    fn an_error_has_its_position_and_no_value() {
        for (text, expected) in [
            ("token: s3cret\n  bad: s3cret\n", "line 2"),
            ("api_url: x\ntoken: [s3cret]\n", "line 2, column 8"),
            ("token: s3cret\ntoken: s3cret\n", "line 2"),
            ("token: *s3cret\n", "line 1"),
            ("token: !!int s3cret\n", "line 1"),
            ("token: \"s3cret\n", "line"),
            ("- s3cret\n", "line 1"),
            ("s3cret\n", "line 1"),
            ("token: s3cret\n---\ntoken: s3cret\n", "more than one document"),
            ("token: {s3cret: 1}\n", "line 1"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
            assert!(!error.contains("s3cret"), "{text:?}: {error}");
        }
        let error = parse(b"a: b\ntoken: \xff\n").unwrap_err();
        assert_eq!(error, "it is not UTF-8 text (line 2)");
    }
}
