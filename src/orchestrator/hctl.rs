//! The configuration file of `hctl`, the Orchestrator's command line: where it is, and the values
//! that it keeps.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

use crate::files;
use crate::secrets::yaml_fault;

/// What the lookup knows of the process: its environment variables and the home directory.
///
/// It is a value, so that a lookup can be tried without touching the real environment.
#[derive(Clone, Default)]
pub struct Environment {
    variables: HashMap<String, String>,
    home: Option<PathBuf>,
    platform: Platform,
}

/// Where a platform keeps the configuration of a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Platform {
    #[default]
    Unix,
    MacOs,
    Windows,
}

impl Environment {
    /// The environment of this process. Variables that are not Unicode count as not set.
    #[must_use]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let platform = if cfg!(target_os = "macos") {
            Platform::MacOs
        } else if cfg!(windows) {
            Platform::Windows
        } else {
            Platform::Unix
        };
        Self {
            variables,
            home: std::env::home_dir(),
            platform,
        }
    }

    /// An environment of these variables alone; `HOME`, if it is among them, is the home directory.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables: HashMap<String, String> = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            home: variables.get("HOME").map(PathBuf::from),
            variables,
            platform: Platform::Unix,
        }
    }

    /// A variable's value as it is set, if it is set.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Where the default file may be, best place first: `$XDG_CONFIG_HOME/hctl/config.yaml`, else
    /// `~/.config/hctl/config.yaml`; on macOS and Windows the user's configuration directory
    /// first, then `$XDG_CONFIG_HOME` if it is set.
    pub(super) fn default_files(&self) -> Vec<PathBuf> {
        let home = self.home.as_deref();
        // A relative path is invalid there, says the XDG Base Directory Specification.
        let xdg = self
            .variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let directories = match self.platform {
            Platform::Unix => vec![xdg.or_else(|| Some(home?.join(".config")))],
            Platform::MacOs => vec![
                home.map(|home| home.join("Library/Application Support")),
                xdg,
            ],
            Platform::Windows => vec![self.variable("APPDATA").map(PathBuf::from), xdg],
        };
        directories
            .into_iter()
            .flatten()
            .map(|directory| directory.join("hctl").join("config.yaml"))
            .collect()
    }

    /// The path as a person writes it: `~` and `~/…` stand for the home directory.
    pub(super) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix('~'), &self.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
            _ => PathBuf::from(path),
        }
    }
}

/// Names only: the values of an environment are full of secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&String> = self.variables.keys().collect();
        names.sort();
        f.debug_struct("Environment")
            .field("variables", &names)
            .field("home", &self.home)
            .field("platform", &self.platform)
            .finish()
    }
}

/// The values that the file keeps for us; what else is in it is `hctl`'s own.
#[derive(Debug, Default, Deserialize)]
pub(super) struct HctlConfig {
    pub(super) api_url: Option<String>,
    pub(super) default_org_id: Option<String>,
    pub(super) token: Option<SecretString>,
}

/// Reads the file. `Ok(None)` when there is no such file; the error says what is wrong with it, in
/// words that never repeat a value of the file.
pub(super) fn read(path: &Path) -> Result<Option<HctlConfig>, String> {
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
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn parse(bytes: &[u8]) -> Result<HctlConfig, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("it is not UTF-8 text (line {line})")
    })?;
    // Snippets would show the lines around the fault, and with them the token.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options::<Option<HctlConfig>>(text, options)
        .map(Option::unwrap_or_default)
        .map_err(|error| {
            let shape = "a mapping of api_url, default_org_id and token, each a text";
            format!(
                "it is not the YAML that hctl writes: {}",
                yaml_fault(&error, shape)
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_follows_the_platform() {
        let env = |platform, variables: &[(&str, &str)]| {
            let mut env = Environment::of(variables.iter().copied());
            env.platform = platform;
            env.default_files()
        };
        let home = ("HOME", "/home/ann");
        let xdg = ("XDG_CONFIG_HOME", "/xdg");
        let file = |path: &str| PathBuf::from(path).join("hctl/config.yaml");

        assert_eq!(env(Platform::Unix, &[home]), [file("/home/ann/.config")]);
        assert_eq!(env(Platform::Unix, &[home, xdg]), [file("/xdg")]);
        assert_eq!(
            env(Platform::Unix, &[home, ("XDG_CONFIG_HOME", "relative")]),
            [file("/home/ann/.config")]
        );
        assert_eq!(env(Platform::Unix, &[]), [] as [PathBuf; 0]);
        let support = file("/home/ann/Library/Application Support");
        assert_eq!(
            env(Platform::MacOs, &[home]),
            std::slice::from_ref(&support)
        );
        assert_eq!(env(Platform::MacOs, &[home, xdg]), [support, file("/xdg")]);
        assert_eq!(
            env(Platform::Windows, &[home, ("APPDATA", "/roaming")]),
            [file("/roaming")]
        );
    }

    #[test]
    fn a_tilde_is_the_home_directory() {
        let env = Environment::of([("HOME", "/home/ann")]);
        assert_eq!(env.expand("~/c.yaml"), PathBuf::from("/home/ann/c.yaml"));
        assert_eq!(env.expand("~"), PathBuf::from("/home/ann"));
        assert_eq!(env.expand("~bob/c.yaml"), PathBuf::from("~bob/c.yaml"));
        assert_eq!(env.expand("c.yaml"), PathBuf::from("c.yaml"));
        assert_eq!(Environment::of([]).expand("~/c"), PathBuf::from("~/c"));
    }

    #[test]
    fn what_hctl_writes_is_read() {
        use secrecy::ExposeSecret as _;
        let config =
            parse(b"api_url: https://a.b\ndefault_org_id: 123\ntoken: 'ab:c'\nother: [1]\n")
                .unwrap();
        assert_eq!(config.api_url.as_deref(), Some("https://a.b"));
        assert_eq!(config.default_org_id.as_deref(), Some("123"));
        assert_eq!(config.token.unwrap().expose_secret(), "ab:c");

        for empty in ["", "# nothing\n", "---\n", "{}", "token:\napi_url: ~\n"] {
            let config = parse(empty.as_bytes()).unwrap();
            assert!(
                config.token.is_none() && config.api_url.is_none(),
                "{empty}"
            );
        }
    }

    #[test]
    fn a_fault_is_told_with_its_place_and_without_a_value() {
        for (text, expected) in [
            ("token: s3cret\n  bad: s3cret\n", "line 2"),
            ("api_url: x\ntoken: [s3cret]\n", "line 2, column 8"),
            ("token: s3cret\ntoken: s3cret\n", "line 2"),
            ("token: *s3cret\n", "line 1"),
            ("token: !!int s3cret\n", "line 1"),
            ("token: \"s3cret\n", "line"),
            ("- s3cret\n", "line 1"),
            ("s3cret\n", "line 1"),
            (
                "token: s3cret\n---\ntoken: s3cret\n",
                "more than one document",
            ),
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
