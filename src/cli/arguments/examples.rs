//! The examples and the exit codes at the end of the help.

/// The list of exit codes at the end of the help.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  no check failed, and every check that applies ran; or the output was written
  1  the Orchestrator did not respond, or another error occurred that the input did not cause
  2  the arguments, the file, or the Orchestrator's settings cannot be used
  3  a check failed, or warned under --fail-on warning
  4  no check failed, but checks could not run (no AWS credentials, no permission, no response);
     --allow-incomplete exits with 0 instead
  130 and 143  Ctrl-C or SIGTERM ended the checks
With several runners, the worst result sets the exit code: 3 before 2, 1, 4, and 0";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  # The file for `hctl create runner my-runner --set-yaml=@runner-config.yaml`
  eks-runner check runner-config.yaml --org my-org --id my-runner

  # A registered runner, with hctl's login
  eks-runner check --runner my-runner

  # Every EKS runner of the organization, with a table at the end
  eks-runner check --all

  # Runners whose IDs begin with prod-
  eks-runner check --all --filter 'prod-*'

  # As the runner itself: assume its role, and do everything as the Orchestrator will do it
  eks-runner check --runner my-runner --as runner

  # In CI: one JSON document, and warnings fail the job
  eks-runner check runner-config.yaml --org my-org --id my-runner --output json --fail-on warning

  # As the summary of a job in GitHub Actions
  eks-runner check --runner my-runner --output markdown >> $GITHUB_STEP_SUMMARY

  # After a change of the cluster: wait until it works
  eks-runner check --runner my-runner --wait 5m

  # One check, with the checks that it needs
  eks-runner check --runner my-runner --only role-trust

  # As a caller who is not allowed to impersonate the runner's user
  eks-runner check --runner my-runner --skip job-dry-run";

pub(super) const SETUP_EXAMPLES: &str = "\
Examples:
  # The IAM and EKS resources and the cluster's objects in Terraform
  eks-runner setup runner-config.yaml --org my-org --id my-runner > runner-access.tf

  # The same as commands; read them before you run them
  eks-runner setup runner-config.yaml --org my-org --id my-runner --output aws-cli

  # With IRSA for state in S3, for example because the Jobs run on Fargate
  eks-runner setup runner-config.yaml --org my-org --id my-runner --pod-identity irsa

  # Only the cluster's objects
  eks-runner setup runner-config.yaml --org my-org --id my-runner --output yaml | kubectl apply -f -";

pub(super) const PROBE_EXAMPLES: &str = "\
Examples:
  # As the runner's user, which you impersonate; you delete the Job
  eks-runner probe --runner my-runner

  # As the runner itself, in CI
  eks-runner probe --runner my-runner --as runner --web-identity-token-file token --yes --output json

Exit codes:
  0  the container started
  1  the Orchestrator did not respond, or another error occurred that the input did not cause
  2  the arguments, the file, or the Orchestrator's settings cannot be used, or the Job was not confirmed
  3  the container did not start
  4  unknown: interrupted, no permission, no response, or the Job could not be deleted";

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  # All checks
  eks-runner explain

  # What a check verifies, why it matters, what the caller needs, and how to fix a failure
  eks-runner explain role-trust";

pub(super) const SCHEMA_EXAMPLES: &str = "\
Examples:
  eks-runner schema > runner.schema.json

  # First line of runner-config.yaml, for editors with the YAML language server
  # yaml-language-server: $schema=./runner.schema.json";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  # Bash, in ~/.bashrc
  source <(eks-runner completions bash)

  # Fish
  eks-runner completions fish > ~/.config/fish/completions/eks-runner.fish";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  eks-runner man ~/.local/share/man/man1
  man eks-runner-check";
