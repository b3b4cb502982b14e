//! The Orchestrator's own container in a Job, and the variables that the Orchestrator sets in it. This is the only list of them.
//!
//! Source: `validatePodTemplate` in stellwerk-labs/platform-orchestrator-cp for the reserved ones, and
//! `GenerateEnvVarsForRun` in stellwerk-labs/platform-orchestrator-dp for the others. The data plane sets all of them with
//! `value`, `ENCRYPTING_KEY`, `ENCRYPTING_LOGS_KEY`, and `METADATA_KEY` in some deployments only.

use self::Override::{Harmful, Harmless, Reserved};
use self::TriedValue::{Fixed, NotInEveryDeployment, Org, Placeholder, RunnerId};

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

/// The value of a variable in a Job that is created without a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriedValue {
    /// The organization's ID.
    Org,
    /// The runner's ID.
    RunnerId,
    /// The value that each deployment has.
    Fixed(&'static str),
    /// A placeholder for a value of the deployment.
    Placeholder(&'static str),
    /// The variable is left out, because not every deployment has it: a refusal because of it would not be certain.
    NotInEveryDeployment,
}

/// The ID of the deployment that is tried. The Orchestrator names the Job after the ID of its deployment, a random UUID.
/// The tried objects are not kept, so one ID serves every run, and its refusals are the same text each time.
pub const DEPLOYMENT_ID: &str = "6f1d2c0a-93b4-4e57-8a1e-2d5c7b9f0e34";
/// The ID of that deployment's environment, after which the Orchestrator names the state.
pub const ENVIRONMENT_ID: &str = "b07e4d19-5c2f-4a86-9d3b-e81f6a2c7d50";

/// The variables, in the Orchestrator's order, each with its value in a Job that is tried, and with what follows if a pod template
/// sets it, too.
const VARIABLES: [(&str, TriedValue, Override); 12] = [
    ("ORG_ID", Org, Reserved),
    (
        "RUNNER_ID",
        RunnerId,
        Harmful("the runner then reports as another runner"),
    ),
    ("DEPLOYMENT_ID", Placeholder(DEPLOYMENT_ID), Reserved),
    (
        "DEPLOYMENT_ENV_UUID",
        Placeholder(ENVIRONMENT_ID),
        Harmful("every deployment then reports as one of this environment"),
    ),
    ("MODE", Fixed("deploy"), Reserved),
    ("LOG_LEVEL", Fixed("info"), Harmless),
    (
        "RUNNER_GATEWAY_URL",
        Placeholder("https://gateway.example"),
        Harmful(
            "the runner then fetches its deployment from this URL and sends its token there, whatever the \
             Orchestrator's own URL is",
        ),
    ),
    ("TOKEN", Placeholder("placeholder"), Reserved),
    ("ENCRYPTING_KEY", NotInEveryDeployment, Reserved),
    (
        "ENCRYPTING_LOGS_KEY",
        NotInEveryDeployment,
        Harmful("encrypted logs cannot be read"),
    ),
    (
        "METADATA_KEY",
        NotInEveryDeployment,
        Harmful("the Orchestrator does not find the metadata of a deployment under another name"),
    ),
    ("PLATFORM_ORCHESTRATOR_BASE_URL", NotInEveryDeployment, Reserved),
];

/// The variables that have no real value in a Job without a deployment.
pub const PLACEHOLDERS: [&str; 4] = {
    let mut found = [""; 4];
    let (mut index, mut count) = (0, 0);
    while index < VARIABLES.len() {
        if let (name, Placeholder(_), _) = VARIABLES[index] {
            found[count] = name;
            count += 1;
        }
        index += 1;
    }
    assert!(count == found.len());
    found
};

/// Returns the variables of the container in a Job that is tried, with their values.
pub fn tried_variables<'a>(org: &'a str, runner_id: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> {
    VARIABLES.iter().filter_map(move |(name, value, _)| {
        let value = match value {
            Org => org,
            RunnerId => runner_id,
            Fixed(value) | Placeholder(value) => value,
            NotInEveryDeployment => return None,
        };
        Some((*name, value))
    })
}

/// Returns what follows if a pod template sets the variable in [`MAIN`]. `None` if the Orchestrator does not set it.
#[must_use]
pub fn override_of(variable: &str) -> Option<Override> {
    let found = VARIABLES.iter().find(|(name, ..)| *name == variable);
    found.map(|(.., override_)| *override_)
}
