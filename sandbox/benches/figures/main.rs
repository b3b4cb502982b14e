//! Measures a release build of the provider from outside, as Terraform runs it, and prints each figure next to its
//! target.
//!
//! `make bench` passes the provider's binary, the command's, and a Terraform or OpenTofu:
//! `cargo bench --package sandbox --bench figures -- PROVIDER EKS_RUNNER CLI [BASE_PROVIDER]`
//!
//! With a fourth argument, the provider of another commit is measured as well. The runs of the two builds alternate, so
//! that whatever else the machine does affects both.

#![expect(clippy::print_stdout, reason = "the table is what this command is for")]

mod eks;
mod query;

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// What Terraform sends in `PLUGIN_CLIENT_CERT`: a self-signed P-521 certificate. Nobody has its key.
const CLIENT_CERTIFICATE: &str = include_str!("client.pem");
const ORG: &str = "my-org";
const TOKEN: &str = "the-token-of-the-bench";

const STARTS: usize = 200;
const ROUNDS: usize = 5;
const MEMORY_ROUNDS: usize = 3;

fn main() -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("The figures are read from /proc, which Linux alone has: nothing was measured.");
        return Ok(());
    }
    // Cargo adds its own `--bench`.
    let mut arguments = env::args_os().skip(1).filter(|argument| argument != "--bench");
    let (Some(provider), Some(eks_runner), Some(cli)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: figures PROVIDER EKS_RUNNER CLI [BASE_PROVIDER]".into());
    };
    let base = arguments.next();
    // Cargo runs this in the package's folder, make gives paths from the repository's.
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let orchestrator = Orchestrator::start()?;
    let builds: Vec<Bench> = std::iter::once(provider)
        .chain(base)
        .map(|provider| {
            let provider = repository.join(provider);
            Ok(Bench {
                cli: cli.clone().into(),
                mirror: mirror(&repository, &provider)?,
                address: orchestrator.address.clone(),
                provider,
            })
        })
        .collect::<Result<_>>()?;

    println!("| figure | measured | base | target | the Go provider |\n| --- | --- | --- | --- | --- |");
    let sizes = alternate(
        &builds,
        1,
        |build| Ok(fs::metadata(&build.provider)?.len() as f64 / 1e6),
    )?;
    row("binary", &sizes, "MB", 18.0, "20 MB");
    let starts = alternate(&builds, STARTS, |build| start(&build.provider))?;
    let of_starts = |figure: fn(&Start) -> f64| -> Vec<Vec<f64>> {
        let build = |starts: &Vec<Start>| starts.iter().map(figure).collect();
        starts.iter().map(build).collect()
    };
    let times = of_starts(|start| start.time.as_secs_f64() * 1e3);
    row("start to handshake", &times, "ms", 3.0, "4.5 to 7 ms");
    let resident = of_starts(|start| start.resident);
    row("resident memory just after it", &resident, "MiB", 9.0, "16 MiB");
    let peaks = alternate(&builds, MEMORY_ROUNDS, |build| build.peak_memory(1000))?;
    row("peak memory, apply of 1000 runners", &peaks, "MiB", 40.0, "107 MiB");
    let added = alternate(&builds, ROUNDS, |build| {
        let without = build.life(&terraform_data(100))?;
        let with = build.life(&runners(100, "off", "EksRunnerRole"))?;
        Ok(with.as_secs_f64() - without.as_secs_f64())
    })?;
    row(
        "plan + apply + plan + destroy, 100 runners over 100 terraform_data",
        &added,
        "s",
        1.4,
        "2.9 s",
    );
    query::rows(&builds, &repository)?;
    eks::rows(&builds, &repository.join(eks_runner))
}

/// Measures each build `rounds` times, in turn. Returns the samples of each build.
fn alternate<T>(builds: &[Bench], rounds: usize, mut measure: impl FnMut(&Bench) -> Result<T>) -> Result<Vec<Vec<T>>> {
    let mut samples: Vec<Vec<T>> = builds.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (build, samples) in builds.iter().zip(&mut samples) {
            samples.push(measure(build)?);
        }
    }
    Ok(samples)
}

/// Prints the median of the first build's samples and their spread, and beside it the base's median where it was
/// measured.
fn row(figure: &str, builds: &[Vec<f64>], unit: &str, target: f64, go: &str) {
    let sorted = |samples: &Vec<f64>| {
        let mut samples = samples.clone();
        samples.sort_by(f64::total_cmp);
        samples
    };
    let median = |samples: &[f64]| samples[samples.len() / 2];
    let this = sorted(&builds[0]);
    let measured = median(&this);
    let spread = match this.len() {
        1 => String::new(),
        count => format!(" (median of {count}: {:.2} to {:.2})", this[0], this[count - 1]),
    };
    let base = builds.get(1).map(|samples| {
        let base = median(&sorted(samples));
        format!("{base:.2} {unit} ({:+.1} %)", (measured / base - 1.0) * 100.0)
    });
    let base = base.unwrap_or_default();
    let verdict = if measured <= target { "" } else { ", **missed**" };
    println!("| {figure} | {measured:.2} {unit}{spread} | {base} | ≤ {target} {unit}{verdict} | {go} |");
}

struct Start {
    time: Duration,
    /// In MiB.
    resident: f64,
}

/// Starts the provider as Terraform does, up to its handshake line.
fn start(provider: &Path) -> Result<Start> {
    let sockets = tempfile::tempdir()?;
    let begin = Instant::now();
    let mut process = Stopped(
        Command::new(provider)
            .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
            .env("PLUGIN_PROTOCOL_VERSIONS", "6")
            .env("PLUGIN_CLIENT_CERT", CLIENT_CERTIFICATE)
            .env("PLUGIN_UNIX_SOCKET_DIR", sockets.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?,
    );
    let line = process.first_line()?;
    let time = begin.elapsed();
    if !line.starts_with("1|6|unix|") {
        return Err(format!("the provider's first line is not a handshake: {line:?}").into());
    }
    let resident = memory(process.0.id(), "VmRSS:").ok_or("the provider has ended")?;
    Ok(Start { time, resident })
}

/// A line of /proc/PID/status in MiB; nothing once the process has ended.
fn memory(pid: u32, line: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|l| l.strip_prefix(line))?;
    let kibibytes: f64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024.0)
}

/// One build of the provider, and what runs it.
struct Bench {
    provider: PathBuf,
    cli: PathBuf,
    mirror: tempfile::TempDir,
    address: String,
}

impl Bench {
    /// The highest peak of any provider process while `count` runners are applied, in MiB.
    fn peak_memory(&self, count: usize) -> Result<f64> {
        let folder = self.folder(&runners(count, "off", "EksRunnerRole"))?;
        let (applied, peak) = self.peak_of(|| self.run(folder.path(), &["apply", "-auto-approve"]))?;
        applied?;
        self.run(folder.path(), &["destroy", "-auto-approve"])?;
        Ok(peak)
    }

    /// What `work` gives, and the highest peak of any provider process while it runs, in MiB.
    fn peak_of<T>(&self, work: impl FnOnce() -> T) -> Result<(T, f64)> {
        let done = AtomicBool::new(false);
        let (result, peak) = thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                let mut peak = 0.0_f64;
                while !done.load(Ordering::Relaxed) {
                    // The kernel keeps each process's peak, so that rare looks miss nothing but its last moment.
                    peak = self
                        .providers()
                        .filter_map(|pid| memory(pid, "VmHWM:"))
                        .fold(peak, f64::max);
                    thread::sleep(Duration::from_millis(10));
                }
                peak
            });
            let result = work();
            done.store(true, Ordering::Relaxed);
            (result, sampler.join())
        });
        match peak.map_err(|_| "the sampler panicked")? {
            0.0 => Err("no provider process was seen".into()),
            peak => Ok((result, peak)),
        }
    }

    /// Processes that run the mirror's provider.
    fn providers(&self) -> impl Iterator<Item = u32> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter(|process| {
                fs::read_link(process.path().join("exe")).is_ok_and(|exe| exe.starts_with(self.mirror.path()))
            })
            .filter_map(|process| process.file_name().to_str()?.parse().ok())
    }

    /// The time of a configuration's whole life, but for `init`.
    fn life(&self, configuration: &str) -> Result<Duration> {
        let folder = self.folder(configuration)?;
        let begin = Instant::now();
        self.run(folder.path(), &["plan"])?;
        self.run(folder.path(), &["apply", "-auto-approve"])?;
        self.run(folder.path(), &["plan", "-detailed-exitcode"])?;
        self.run(folder.path(), &["destroy", "-auto-approve"])?;
        Ok(begin.elapsed())
    }

    fn folder(&self, configuration: &str) -> Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("main.tf"), configuration)?;
        self.run(folder.path(), &["init"])?;
        Ok(folder)
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> Result<()> {
        self.run_in(folder, arguments, &[]).map(drop)
    }

    /// Runs a command with more of an environment, and gives what it prints.
    fn run_in(&self, folder: &Path, arguments: &[&str], environment: &[(String, String)]) -> Result<String> {
        let mut command = Command::new(&self.cli);
        // Terraform's own settings, and those of the product that takes precedence over `HUMANITEC_…`.
        let is_removed = |name: &str| name.starts_with("TF_") || name.starts_with("PO_");
        for (name, _) in env::vars_os().filter(|(name, _)| is_removed(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        let output = command
            .args(arguments)
            .current_dir(folder)
            .env("TF_CLI_CONFIG_FILE", self.mirror.path().join("cli.tfrc"))
            .env("HUMANITEC_API_URL", &self.address)
            .env("HUMANITEC_ORG_ID", ORG)
            .env("HUMANITEC_AUTH_TOKEN", TOKEN)
            .env("NO_PROXY", "127.0.0.1")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!(
            "{} {arguments:?} failed: {}",
            self.cli.display(),
            String::from_utf8_lossy(&output.stderr)
        )
        .into())
    }
}

/// A filesystem mirror with the provider, and the CLI's configuration that names it.
fn mirror(repository: &Path, provider: &Path) -> Result<tempfile::TempDir> {
    let mirror = tempfile::tempdir()?;
    let laid = Command::new(repository.join("tools/mirror"))
        .arg(provider)
        .arg(mirror.path())
        .output()?;
    if !laid.status.success() {
        return Err(String::from_utf8_lossy(&laid.stderr).into());
    }
    let configuration = format!(
        "disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{ path = {:?} }}\n}}\n",
        mirror.path()
    );
    fs::write(mirror.path().join("cli.tfrc"), configuration)?;
    Ok(mirror)
}

fn terraform_data(count: usize) -> String {
    format!("resource \"terraform_data\" \"many\" {{\n  count = {count}\n  input = \"runner-${{count.index}}\"\n}}\n")
}

/// The provider, with settings from the environment.
const PROVIDER_BLOCK: &str = r#"
terraform {
  required_providers {
    platform-orchestrator = {
      source = "platform-orchestrator/platform-orchestrator"
    }
  }
}

provider "platform-orchestrator" {}
"#;

/// Runners of the documentation's extended example, with the checks of plans in a mode and of applies off.
fn runners(count: usize, plan: &str, role: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    platform-orchestrator = {{
      source = "platform-orchestrator/platform-orchestrator"
    }}
  }}
}}

provider "platform-orchestrator" {{
  eks_access = {{
    plan  = "{plan}"
    apply = "off"
    # The stand-in is not Humanitec's API, so that its issuer must be set.
    oidc_issuer = "https://oidc.humanitec.dev"
  }}
}}

resource "platform-orchestrator_kubernetes_eks_runner" "many" {{
  count       = {count}
  id          = "runner-${{count.index}}"
  description = "runner for all the envs"
  runner_configuration = {{
    cluster = {{
      name   = "my-eks-cluster"
      region = "us-west-2"
      auth = {{
        role_arn   = "arn:aws:iam::123456789012:role/{role}"
        sts_region = "us-west-2"
      }}
    }}
    job = {{
      namespace       = "humanitec-runner"
      service_account = "humanitec-runner"
      pod_template    = jsonencode({{ metadata = {{ labels = {{ "app.kubernetes.io/name" = "humanitec-runner" }} }} }})
    }}
  }}
  state_storage_configuration = {{
    type                     = "kubernetes"
    kubernetes_configuration = {{ namespace = "humanitec-runner" }}
  }}
}}
"#
    )
}

/// The Orchestrator's stand-in, as its own command.
struct Orchestrator {
    address: String,
    _process: Stopped,
}

impl Orchestrator {
    fn start() -> Result<Self> {
        let mut process = Stopped(
            Command::new(env!("CARGO_BIN_EXE_sandbox"))
                .args(["--port", "0", "--org", ORG, "--token", TOKEN])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()?,
        );
        let line = process.first_line()?;
        let address = line.split_whitespace().find(|word| word.starts_with("http://"));
        let address = address.ok_or("the stand-in did not say its address")?.to_owned();
        Ok(Self {
            address,
            _process: process,
        })
    }
}

/// A process that ends with its owner.
struct Stopped(Child);

impl Stopped {
    fn first_line(&mut self) -> Result<String> {
        let stdout = self.0.stdout.as_mut().ok_or("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // An error here says that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
