//! The Orchestrator's own container in a Job, and the variables that the Orchestrator sets in it.
//!
//! Source: `validatePodTemplate` in stellwerk-labs/platform-orchestrator-cp for the reserved ones, and
//! `GenerateEnvVarsForRun` in stellwerk-labs/platform-orchestrator-dp for the others. The data plane sets all of them with
//! `value`, `ENCRYPTING_KEY`, `ENCRYPTING_LOGS_KEY`, and `METADATA_KEY` in some deployments only.

use self::Override::{Harmful, Harmless, Reserved};

/// The name of the container. It has an image.
pub const MAIN: &str = "main";

/// What follows if a pod template sets a variable of the container, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// The control plane refuses the runner.
    Reserved,
    /// Nothing breaks.
    Harmless,
    /// The runner uses the template's value. This clause says what breaks then.
    Harmful(&'static str),
}

/// The variables, each with what follows if a pod template sets it, too.
const VARIABLES: [(&str, Override); 12] = [
    ("ORG_ID", Reserved),
    ("DEPLOYMENT_ID", Reserved),
    ("MODE", Reserved),
    ("TOKEN", Reserved),
    ("ENCRYPTING_KEY", Reserved),
    ("PLATFORM_ORCHESTRATOR_BASE_URL", Reserved),
    (
        "RUNNER_ID",
        Harmful("the runner then reports as another runner"),
    ),
    (
        "DEPLOYMENT_ENV_UUID",
        Harmful("every deployment then reports as one of this environment"),
    ),
    ("LOG_LEVEL", Harmless),
    (
        "RUNNER_GATEWAY_URL",
        Harmful(
            "the runner then fetches its deployment from this URL and sends its token there, whatever the \
             Orchestrator's own URL is",
        ),
    ),
    (
        "ENCRYPTING_LOGS_KEY",
        Harmful("encrypted logs cannot be read"),
    ),
    (
        "METADATA_KEY",
        Harmful("the Orchestrator does not find the metadata of a deployment under another name"),
    ),
];

/// Returns what follows if a pod template sets the variable in [`MAIN`]. `None` if the Orchestrator does not set it.
#[must_use]
pub fn override_of(variable: &str) -> Option<Override> {
    let found = VARIABLES.iter().find(|(name, _)| *name == variable);
    found.map(|(_, override_)| *override_)
}
