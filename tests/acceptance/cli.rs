//! Real Terraform and OpenTofu. Each runs in its own folder with its own configuration:
//! the user's files are neither read nor written.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The provider's source address, without the registry's host.
pub(crate) const SOURCE: &str = "platform-orchestrator/platform-orchestrator";

/// Terraform or OpenTofu.
#[derive(Debug, Clone)]
pub(crate) struct Cli {
    /// `terraform`, `tofu`, or `terraform-1.14`.
    pub(crate) name: &'static str,
    /// The registry that its source addresses default to.
    pub(crate) registry: &'static str,
    /// The path of the program. `None` if it is not installed.
    pub(crate) program: Option<PathBuf>,
}

impl Cli {
    /// Terraform and OpenTofu, as the environment variables `TERRAFORM` and `TOFU` or the `PATH` name
    /// them.
    pub(crate) fn both() -> [Self; 2] {
        [
            Self {
                name: "terraform",
                registry: "registry.terraform.io",
                program: find("TERRAFORM", "terraform"),
            },
            Self {
                name: "tofu",
                registry: "registry.opentofu.org",
                program: find("TOFU", "tofu"),
            },
        ]
    }

    /// Terraform 1.14, as the environment variable `TERRAFORM_1_14` names it: it has `terraform query` and actions.
    pub(crate) fn terraform_1_14() -> Self {
        Self {
            name: "terraform-1.14",
            registry: "registry.terraform.io",
            program: std::env::var_os("TERRAFORM_1_14")
                .filter(|program| !program.is_empty())
                .map(PathBuf::from),
        }
    }
}

fn find(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(program) = std::env::var_os(variable).filter(|program| !program.is_empty()) {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The folder that `TF_PLUGIN_MIRROR` names, where it has hashicorp/aws: as `terraform providers mirror`
/// arranges providers, packed or unpacked.
pub(crate) fn plugin_mirror() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("TF_PLUGIN_MIRROR")?);
    folder.join(AWS).is_dir().then_some(folder)
}

/// The folder of a provider's unpacked package for this platform, of the newest version. `None` if it is packed.
fn unpacked(provider: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(provider).ok()?.flatten();
    let folders = versions.map(|version| version.path().join(platform()));
    folders.filter(|folder| folder.is_dir()).max()
}

const AWS: &str = "registry.terraform.io/hashicorp/aws";

/// A folder with a configuration, and the command line that works in it.
pub(crate) struct Workspace {
    folder: tempfile::TempDir,
    program: PathBuf,
    environment: BTreeMap<String, String>,
}

/// The output and the exit code of a command.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; -1 if a signal ended the command.
    pub(crate) code: i32,
    /// Standard output and standard error, one after the other, without color.
    pub(crate) text: String,
}

impl Output {
    /// The output of a command that had to succeed.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "it should have succeeded:\n{}", self.text);
        self
    }

    /// The output of a command that had to fail.
    #[track_caller]
    pub(crate) fn fails(self) -> Self {
        assert_eq!(self.code, 1, "it should have failed:\n{}", self.text);
        self
    }

    /// Asserts that the text, on one line, has `expected` in it. Boxes and line breaks of the
    /// diagnostics do not count.
    #[track_caller]
    pub(crate) fn has(&self, expected: &str) -> &Self {
        let text = self.flat();
        assert!(
            text.contains(&flatten(expected)),
            "{expected:?} is not in:\n{}",
            self.text
        );
        self
    }

    /// Asserts that the text does not have `unexpected` in it.
    #[track_caller]
    pub(crate) fn has_not(&self, unexpected: &str) -> &Self {
        assert!(
            !self.flat().contains(&flatten(unexpected)),
            "{unexpected:?} is in:\n{}",
            self.text
        );
        self
    }

    fn flat(&self) -> String {
        flatten(&self.text)
    }
}

fn flatten(text: &str) -> String {
    let plain: String = text.chars().map(|c| if "│╷╵".contains(c) { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Workspace {
    /// A folder with `configuration` as its `main.tf`, with the provider installed for `cli`, not
    /// initialized yet. `None` where this machine does not have the program.
    pub(crate) fn new(cli: &Cli, configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().join("home");
        fs::create_dir(&home).expect("a home");
        let workspace = Self {
            program: cli.program.clone().expect("skipped where there is no program"),
            environment: BTreeMap::from([
                (
                    "TF_CLI_CONFIG_FILE".into(),
                    folder.path().join("cli.tfrc").display().to_string(),
                ),
                ("TF_IN_AUTOMATION".into(), "1".into()),
                ("TF_INPUT".into(), "0".into()),
                // AWS credentials come from the environment only.
                ("AWS_EC2_METADATA_DISABLED".into(), "true".into()),
                ("CHECKPOINT_DISABLE".into(), "1".into()),
                ("HOME".into(), home.display().to_string()),
                ("XDG_CONFIG_HOME".into(), home.join(".config").display().to_string()),
                ("TMPDIR".into(), home.display().to_string()),
                ("PATH".into(), std::env::var("PATH").unwrap_or_default()),
            ]),
            folder,
        };
        workspace.write_cli_configuration("");
        workspace.mirror(cli, SOURCE);
        workspace.write("main.tf", configuration);
        workspace
    }

    /// Puts the provider into the mirror, where `init` finds it under the address `source`.
    pub(crate) fn mirror(&self, cli: &Cli, source: &str) {
        let version = env!("CARGO_PKG_VERSION");
        let provider = self.path().join(format!(
            "mirror/{}/{source}/{version}/{}/terraform-provider-platform-orchestrator_v{version}",
            cli.registry,
            platform()
        ));
        fs::create_dir_all(provider.parent().expect("has a parent")).expect("the mirror");
        let built = env!("CARGO_BIN_EXE_terraform-provider-platform-orchestrator");
        if fs::hard_link(built, &provider).is_err() {
            fs::copy(built, &provider).expect("the provider can be copied");
        }
    }

    /// Puts hashicorp/aws of the plugin mirror into this one, under the registry of `cli`: the package is
    /// the same for both.
    ///
    /// `init` installs it from there. The override spares the other commands from reading its 700 MB for the checksum.
    pub(crate) fn mirror_aws(&self, cli: &Cli) {
        let package = plugin_mirror().expect("skipped where there is none").join(AWS);
        let to = self.path().join("mirror").join(cli.registry);
        link(&package, &to.join("hashicorp/aws"));
        if let Some(unpacked) = unpacked(&package) {
            self.write_cli_configuration(&format!(
                "  dev_overrides {{\n    \"hashicorp/aws\" = {unpacked:?}\n  }}\n"
            ));
        }
    }

    /// Writes the CLI configuration: providers come from the mirror, except for those of `overrides`.
    fn write_cli_configuration(&self, overrides: &str) {
        let mirror = self.path().join("mirror");
        self.write(
            "cli.tfrc",
            &format!(
                "disable_checkpoint = true\nprovider_installation {{\n{overrides}  filesystem_mirror {{\n    path = {mirror:?}\n  }}\n}}\n"
            ),
        );
    }

    /// The same workspace with the environment variable `name` set for its commands.
    #[must_use]
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.set_env(name, value);
        self
    }

    /// Sets an environment variable for the following commands.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.environment.insert(name.into(), value.into());
    }

    /// Removes an environment variable for the following commands.
    pub(crate) fn unset_env(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that the commands take for the user's home and temporary folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().expect("has a parent")).expect("the file's folder");
        fs::write(file, text).expect("a file can be written");
    }

    /// The text of a file of the folder.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("the file is there")
    }

    /// Runs `terraform ARGUMENTS` to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Output {
        let output = self.command(arguments).output().expect("the program starts");
        Output {
            code: output.status.code().unwrap_or(-1),
            text: format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }

    /// Starts `terraform ARGUMENTS` in a process group of its own, so that a test can send it signals
    /// as a terminal does. Its output goes to the folder's files `out` and `err`.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        use std::os::unix::process::CommandExt;
        let file = |name: &str| fs::File::create(self.path().join(name)).expect("an output file");
        self.command(arguments)
            .process_group(0)
            .stdout(Stdio::from(file("out")))
            .stderr(Stdio::from(file("err")))
            .spawn()
            .expect("the program starts")
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.path())
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    /// `init`, which must succeed.
    #[track_caller]
    pub(crate) fn init(&self) {
        self.run(&["init", "-no-color"]).ok();
    }

    /// `validate`.
    pub(crate) fn validate(&self) -> Output {
        self.run(&["validate", "-no-color"])
    }

    /// `plan`, to which `more` arguments can be given.
    pub(crate) fn plan(&self, more: &[&str]) -> Output {
        self.run(&[&["plan", "-no-color"], more].concat())
    }

    /// `apply -auto-approve`, to which `more` arguments can be given.
    pub(crate) fn apply(&self, more: &[&str]) -> Output {
        self.run(&[&["apply", "-auto-approve", "-no-color"], more].concat())
    }

    /// `destroy -auto-approve`.
    pub(crate) fn destroy(&self) -> Output {
        self.run(&["destroy", "-auto-approve", "-no-color"])
    }

    /// Asserts that a plan would change nothing.
    #[track_caller]
    pub(crate) fn plans_nothing(&self) {
        let output = self.plan(&["-detailed-exitcode"]);
        assert_eq!(output.code, 0, "the plan should be empty:\n{}", output.text);
    }

    /// The state's resources of the root module: address → attributes.
    ///
    /// They are read from the state file, because `show -json` takes as long as a plan.
    pub(crate) fn state(&self) -> BTreeMap<String, Value> {
        let attributes = |(address, instance): (String, Value)| (address, instance["attributes"].clone());
        self.instances().map(attributes).collect()
    }

    /// The addresses of the tainted resources.
    pub(crate) fn tainted(&self) -> Vec<String> {
        self.instances()
            .filter(|(_, instance)| instance["status"] == "tainted")
            .map(|(address, _)| address)
            .collect()
    }

    /// Each instance in the state file of the root module, with its address. There is none without a state.
    fn instances(&self) -> impl Iterator<Item = (String, Value)> {
        let file = self.path().join("terraform.tfstate");
        let state = if file.exists() {
            serde_json::from_str(&self.read("terraform.tfstate")).expect("the state is JSON")
        } else {
            Value::Null
        };
        let resources = state["resources"].as_array().cloned().unwrap_or_default();
        let of_root = |resource: &Value| resource.get("module").is_none();
        resources.into_iter().filter(of_root).flat_map(|resource| {
            let instances = resource["instances"].as_array().cloned();
            let instances = instances.unwrap_or_default().into_iter();
            instances.map(move |instance| (address(&resource, &instance), instance))
        })
    }
}

/// The address of an instance of a resource in the state file.
fn address(resource: &Value, instance: &Value) -> String {
    let text = |name: &str| resource[name].as_str().expect("a text of the resource");
    let prefix = if text("mode") == "data" { "data." } else { "" };
    let index = match &instance["index_key"] {
        Value::Null => String::new(),
        key => format!("[{key}]"),
    };
    format!("{prefix}{}.{}{index}", text("type"), text("name"))
}

/// Creates the same folders, with links to the files.
fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of the mirror");
    for entry in fs::read_dir(from).expect("a folder of the plugin mirror") {
        let entry = entry.expect("an entry of the plugin mirror").path();
        let target = to.join(entry.file_name().expect("has a name"));
        if entry.is_dir() {
            link(&entry, &target);
        } else {
            std::os::unix::fs::symlink(&entry, &target).expect("a link can be made");
        }
    }
}

fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => arch,
    };
    format!("{os}_{arch}")
}
