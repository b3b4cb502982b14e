//! The sandbox command: runs the Orchestrator's stand-in until Ctrl-C or SIGTERM.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use k8s_openapi::jiff::SignedDuration;
use sandbox::eks::{self, Eks};
use sandbox::orchestrator::faults::FaultRule;
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};
use tokio::signal::unix::{SignalKind, signal};

const EXAMPLES: &str = r#"Examples:
  On a free port, with a token made for this run:
      cargo run -p sandbox
  A slow service on a port of its own:
      cargo run -p sandbox -- --port 8080 --delay 50ms
  A local installation, which trusts the user id in the From header:
      cargo run -p sandbox -- --local
  The response to the first create call is lost after the runner was created:
      cargo run -p sandbox -- --fault '{"method": "POST", "times": 1, "fault": {"kind": "disconnect", "when": "after-work"}}'
  With a small EKS beside it, whose environment a shell takes over:
      cargo run -p sandbox -- --eks
  The same while it runs:
      curl -X POST http://127.0.0.1:8080/_sandbox/faults -d '{"method": "POST", "times": 1, "fault": {"kind": "disconnect", "when": "after-work"}}'"#;

/// A stand-in for the Platform Orchestrator's API on 127.0.0.1, in memory.
///
/// Prints what a terminal and a Terraform configuration need to use it, and runs until Ctrl-C or
/// SIGTERM.
#[derive(Parser)]
#[command(name = "sandbox", version, after_help = EXAMPLES)]
struct Arguments {
    /// The port. 0 selects a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// The only organization that exists.
    #[arg(long, value_name = "ID", default_value = "my-org")]
    org: String,
    /// The token that callers must send. It is not printed. Without it, a token is generated and printed.
    #[arg(long, value_name = "TOKEN", value_parser = NonEmptyStringValueParser::new())]
    token: Option<String>,
    /// Run as a local installation: no token, but a user id in the From header.
    #[arg(long, conflicts_with = "token")]
    local: bool,
    /// How long every call waits, such as 50ms or 2s.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s")]
    delay: Duration,
    /// A fault rule as JSON, set from the start. Can be repeated.
    #[arg(long = "fault", value_name = "JSON", value_parser = fault)]
    faults: Vec<FaultRule>,
    /// An environment type that exists. Can be repeated. Default: any.
    #[arg(long = "env-type", value_name = "ID")]
    env_types: Option<Vec<String>>,
    /// Also start a small EKS: an AWS account and a cluster with one node, in which nothing is set up yet. Missing parts
    /// are built first, which takes minutes.
    #[arg(long)]
    eks: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration: SignedDuration = text
        .parse()
        .map_err(|error: k8s_openapi::jiff::Error| error.to_string())?;
    Duration::try_from(duration).map_err(|error| error.to_string())
}

fn fault(text: &str) -> Result<FaultRule, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a command tells of its failure there")]
            {
                eprintln!("error: the sandbox could not start: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    // This comes before the address is printed, because a reader of the address might stop the command at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let given_token = arguments.token.is_some();
    let mut options = OrchestratorOptions {
        org: arguments.org,
        port: arguments.port,
        delay: arguments.delay,
        faults: arguments.faults,
        env_types: arguments.env_types,
        ..OrchestratorOptions::default()
    };
    if arguments.local {
        options.token = None;
    } else if given_token {
        options.token = arguments.token;
    }
    let address = format!("127.0.0.1:{}", options.port);
    let orchestrator =
        Orchestrator::start(options).map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
    let mut introduction = introduction(&orchestrator, given_token);
    let eks = if arguments.eks {
        let options = eks::EksOptions {
            runs_jobs: true,
            ..eks::EksOptions::default()
        };
        let started = tokio::task::spawn_blocking(|| Eks::start(options));
        let eks = started.await?.map_err(io::Error::other)?;
        introduction += &eks_introduction(&eks);
        Some(eks)
    } else {
        None
    };
    #[expect(clippy::print_stdout, reason = "the command's output")]
    {
        println!("{introduction}\nIt ends with Ctrl-C.");
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    drop(eks);
    Ok(())
}

/// Returns the text to paste into a terminal and into a configuration. A token from the command line is not shown.
fn introduction(orchestrator: &Orchestrator, given_token: bool) -> String {
    let (url, org) = (orchestrator.url(), orchestrator.org());
    let token = match orchestrator.token() {
        "" => "# no token: a local installation".to_owned(),
        _ if given_token => "# HUMANITEC_AUTH_TOKEN: the token given with --token".to_owned(),
        token => format!("export HUMANITEC_AUTH_TOKEN={token}"),
    };
    format!(
        r#"The Orchestrator's stand-in listens on {url}

For a terminal:
  export HUMANITEC_API_URL={url}
  export HUMANITEC_ORG_ID={org}
  {token}

For a configuration:
  provider "platform-orchestrator" {{
    api_url = "{url}"
    org_id  = "{org}"
  }}

Its switches: curl {url}/_sandbox/requests (also runners, runner-rules, counts, faults, delay)
"#
    )
}

/// Returns the text to paste into a terminal to act as the administrator of the account and of the cluster.
fn eks_introduction(eks: &Eks) -> String {
    let exports: String = eks
        .shell_env()
        .iter()
        .map(|(name, value)| format!("  export {name}='{value}'\n"))
        .collect();
    let eks::EksOptions {
        account,
        region,
        cluster_name,
        ..
    } = eks.options();
    format!(
        "\nThe AWS account {account} has the cluster {cluster_name} in {region}. For a terminal with aws, kubectl and eks-runner:\n{exports}"
    )
}
