//! The environment of the process, as far as settings are looked up in it.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use crate::product::Product;

/// The environment variables and the home directory of a process.
///
/// It is a value, so that a lookup can be tested without changing the real environment.
#[derive(Clone, Default)]
pub struct Environment {
    variables: HashMap<String, String>,
    home: Option<PathBuf>,
    platform: Platform,
}

/// The platforms that keep the configuration of a user in different places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Platform {
    #[default]
    Unix,
    MacOs,
    Windows,
}

impl Environment {
    /// Returns the environment of this process. Variables that are not Unicode count as not set.
    #[must_use]
    pub fn from_process() -> Self {
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

    /// Returns an environment with only these variables. `HOME`, if it is one of them, is the home directory.
    pub fn from_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
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

    /// Returns the value of a variable, if it is set.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns whether a variable is set to more than white space.
    pub(super) fn has_value(&self, name: &str) -> bool {
        self.variable(name).is_some_and(|value| !value.trim().is_empty())
    }

    /// Returns the paths where the command line of a product can have its file, in the order in which to try them. For
    /// `hctl` they are `hctl/config.yaml` in the user's configuration directory of macOS or Windows, in `$XDG_CONFIG_HOME`,
    /// and in `~/.config`, where `octl` always writes its file (stellwerk-labs/platform-orchestrator-cli, `config.go`).
    pub(super) fn default_files(&self, product: &Product) -> Vec<PathBuf> {
        let home = self.home.as_deref();
        // The XDG Base Directory Specification says that a relative path is invalid.
        let xdg = self
            .variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let of_platform = match self.platform {
            Platform::Unix => None,
            Platform::MacOs => home.map(|home| home.join("Library/Application Support")),
            Platform::Windows => self.variable("APPDATA").map(PathBuf::from),
        };
        let dot_config = home.map(|home| home.join(".config"));
        let xdg = xdg.filter(|xdg| dot_config.as_ref() != Some(xdg));
        [of_platform, xdg, dot_config]
            .into_iter()
            .flatten()
            .map(|directory| directory.join(product.cli).join("config.yaml"))
            .collect()
    }

    /// Returns the path that a person wrote: `~` and `~/…` stand for the home directory.
    #[must_use]
    pub fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix('~'), &self.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
            _ => PathBuf::from(path),
        }
    }
}

/// Shows the names only: the values can be secrets.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::{HUMANITEC, STELLWERK};

    #[test]
    fn the_default_file_follows_the_platform() {
        let env = |platform, variables: &[(&str, &str)]| {
            let mut env = Environment::from_variables(variables.iter().copied());
            env.platform = platform;
            env.default_files(&HUMANITEC)
        };
        let home = ("HOME", "/home/ann");
        let xdg = ("XDG_CONFIG_HOME", "/xdg");
        let file = |path: &str| PathBuf::from(path).join("hctl/config.yaml");

        let dot_config = file("/home/ann/.config");
        let support = file("/home/ann/Library/Application Support");
        for (platform, variables, expected) in [
            (Platform::Unix, &[home][..], &[&dot_config][..]),
            (Platform::Unix, &[home, xdg], &[&file("/xdg"), &dot_config]),
            (
                Platform::Unix,
                &[home, ("XDG_CONFIG_HOME", "/home/ann/.config")],
                &[&dot_config],
            ),
            (Platform::Unix, &[home, ("XDG_CONFIG_HOME", "relative")], &[&dot_config]),
            (Platform::Unix, &[], &[]),
            (Platform::MacOs, &[home], &[&support, &dot_config]),
            (Platform::MacOs, &[home, xdg], &[&support, &file("/xdg"), &dot_config]),
            (
                Platform::Windows,
                &[home, ("APPDATA", "/roaming")],
                &[&file("/roaming"), &dot_config],
            ),
        ] {
            let found = env(platform, variables);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{variables:?}");
        }
        assert_eq!(
            Environment::from_variables([home]).default_files(&STELLWERK),
            [PathBuf::from("/home/ann/.config/octl/config.yaml")]
        );
    }

    #[test]
    fn a_tilde_is_the_home_directory() {
        let env = Environment::from_variables([("HOME", "/home/ann")]);
        assert_eq!(env.expand("~/c.yaml"), PathBuf::from("/home/ann/c.yaml"));
        assert_eq!(env.expand("~"), PathBuf::from("/home/ann"));
        assert_eq!(env.expand("~bob/c.yaml"), PathBuf::from("~bob/c.yaml"));
        assert_eq!(env.expand("c.yaml"), PathBuf::from("c.yaml"));
        assert_eq!(Environment::from_variables([]).expand("~/c"), PathBuf::from("~/c"));
    }
}
