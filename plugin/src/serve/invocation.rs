//! How the binary was started: by Terraform, or by a person with arguments.

use std::ffi::OsString;

use super::Options;

/// The environment variable with which Terraform shows that it starts the plugin.
const COOKIE_KEY: &str = "TF_PLUGIN_MAGIC_COOKIE";
/// Its value for providers. It prevents mistakes, and is not a secret.
const COOKIE_VALUE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// How the binary was started.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invocation {
    /// By Terraform, as a plugin.
    Plugin,
    /// By a person, to attach Terraform to it, for example under a debugger.
    Debug,
    /// By a person, for help.
    Help,
    /// By a person, for its version.
    Version,
    /// By a person, without arguments.
    ByHand,
    /// With an argument that does not exist.
    Unknown(String),
}

impl Invocation {
    /// Reads the arguments and the environment of this process.
    pub(super) fn from_process() -> Self {
        Self::new(std::env::args_os().skip(1), std::env::var_os(COOKIE_KEY))
    }

    fn new(arguments: impl Iterator<Item = OsString>, cookie: Option<OsString>) -> Self {
        let arguments: Vec<String> = arguments
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        match arguments.as_slice() {
            [] if cookie.is_some_and(|cookie| cookie == COOKIE_VALUE) => Self::Plugin,
            [] => Self::ByHand,
            [flag] => match flag.as_str() {
                // In Go, and therefore in many launch configurations, flags can have a value.
                "-debug" | "--debug" | "-debug=true" | "--debug=true" => Self::Debug,
                "-h" | "-help" | "--help" => Self::Help,
                "-version" | "--version" => Self::Version,
                _ => Self::Unknown(flag.clone()),
            },
            [_, second, ..] => Self::Unknown(second.clone()),
        }
    }
}

/// Returns the text for a person who started the plugin by hand.
pub(super) fn by_hand(options: &Options) -> String {
    format!(
        "This is a plugin of Terraform and OpenTofu, which start it themselves. It does nothing when it is started by \
         hand.\n\n{}",
        help(options)
    )
}

/// Returns the text about how to use the plugin.
pub(super) fn help(options: &Options) -> String {
    let Options {
        source,
        version,
        report_to,
        ..
    } = options;
    let report = match *report_to {
        "" => String::new(),
        address => format!("\nReport bugs at {address}.\n"),
    };
    let local_name = source.rsplit('/').next().unwrap_or(source);
    format!(
        r#"To use the provider, name it in a configuration and run `terraform init` or `tofu init`:

  terraform {{
    required_providers {{
      {local_name} = {{
        source  = "{source}"
        version = "{version}"
      }}
    }}
  }}

Options:
  -debug    serve until Ctrl-C, and print how to attach Terraform or OpenTofu to this process
  -version  print the version
  -help     print this help
{report}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(arguments: &[&str], cookie: Option<&str>) -> Invocation {
        Invocation::new(arguments.iter().map(OsString::from), cookie.map(OsString::from))
    }

    #[test]
    fn only_the_right_cookie_starts_it_as_a_plugin() {
        assert_eq!(invocation(&[], Some(COOKIE_VALUE)), Invocation::Plugin);
        assert_eq!(invocation(&[], Some("")), Invocation::ByHand);
        assert_eq!(invocation(&[], Some("wrong")), Invocation::ByHand);
        assert_eq!(invocation(&[], None), Invocation::ByHand);
    }

    #[test]
    fn flags_are_recognized() {
        assert_eq!(invocation(&["-debug"], None), Invocation::Debug);
        assert_eq!(invocation(&["--debug"], None), Invocation::Debug);
        assert_eq!(invocation(&["-debug=true"], None), Invocation::Debug);
        assert_eq!(invocation(&["--version"], None), Invocation::Version);
        assert_eq!(invocation(&["--help"], Some(COOKIE_VALUE)), Invocation::Help);
        let unknown = |argument: &str| Invocation::Unknown(argument.to_owned());
        assert_eq!(invocation(&["apply"], None), unknown("apply"));
        assert_eq!(invocation(&["-debug", "-x"], None), unknown("-x"));
    }
}
