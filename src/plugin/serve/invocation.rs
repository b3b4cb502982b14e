//! Who started the binary, and what for.

use std::ffi::OsString;

use super::Options;

/// The environment variable by which Terraform says that it is the one that starts a plugin.
const COOKIE_KEY: &str = "TF_PLUGIN_MAGIC_COOKIE";
/// Its value for providers. It guards against mistakes and is no secret.
const COOKIE_VALUE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// What the binary was started for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invocation {
    /// Terraform started it, to talk to it.
    Plugin,
    /// A person started it to attach Terraform to it, maybe under a debugger.
    Debug,
    /// A person wants to know how to use it.
    Help,
    /// A person wants to know which version it is.
    Version,
    /// A person started it as if it were a command.
    ByHand,
    /// A person gave an argument that does not exist.
    Unknown(String),
}

impl Invocation {
    /// Reads this process's arguments and environment.
    pub(super) fn of_this_process() -> Self {
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
                // Go's flags, and with them many launch files, may have a value.
                "-debug" | "--debug" | "-debug=true" | "--debug=true" => Self::Debug,
                "-h" | "-help" | "--help" => Self::Help,
                "-version" | "--version" => Self::Version,
                _ => Self::Unknown(flag.clone()),
            },
            [_, second, ..] => Self::Unknown(second.clone()),
        }
    }
}

/// What a person reads who started the plugin by hand.
pub(super) fn by_hand(options: &Options) -> String {
    format!(
        "This is a plugin of Terraform and OpenTofu, which start it themselves. Started by hand it \
         does nothing.\n\n{}",
        help(options)
    )
}

/// How the plugin is used.
pub(super) fn help(options: &Options) -> String {
    let Options { source, version } = options;
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
  -debug    serve until Ctrl-C, and print what attaches Terraform or OpenTofu to this process
  -version  print the version
  -help     print this
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(arguments: &[&str], cookie: Option<&str>) -> Invocation {
        Invocation::new(
            arguments.iter().map(OsString::from),
            cookie.map(OsString::from),
        )
    }

    #[test]
    fn only_the_right_cookie_makes_it_a_plugin() {
        assert_eq!(invocation(&[], Some(COOKIE_VALUE)), Invocation::Plugin);
        assert_eq!(invocation(&[], Some("")), Invocation::ByHand);
        assert_eq!(invocation(&[], Some("wrong")), Invocation::ByHand);
        assert_eq!(invocation(&[], None), Invocation::ByHand);
    }

    #[test]
    fn a_flag_says_what_a_person_wants() {
        assert_eq!(invocation(&["-debug"], None), Invocation::Debug);
        assert_eq!(invocation(&["--debug"], None), Invocation::Debug);
        assert_eq!(invocation(&["-debug=true"], None), Invocation::Debug);
        assert_eq!(invocation(&["--version"], None), Invocation::Version);
        assert_eq!(
            invocation(&["--help"], Some(COOKIE_VALUE)),
            Invocation::Help
        );
        let unknown = |argument: &str| Invocation::Unknown(argument.to_owned());
        assert_eq!(invocation(&["apply"], None), unknown("apply"));
        assert_eq!(invocation(&["-debug", "-x"], None), unknown("-x"));
    }
}
