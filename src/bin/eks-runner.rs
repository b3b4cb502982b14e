//! The `eks-runner` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    terraform_provider_platform_orchestrator::cli::main()
}
