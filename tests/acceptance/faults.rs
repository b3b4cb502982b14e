//! A service, or a network, that fails in the middle: for each operation and each fault the runner is
//! made once, is not lost and not tainted, and the message says what to do.

use std::time::Duration;

use sandbox::orchestrator::Orchestrator;

use crate::Scenario;
use crate::cli::{Cli, Output, Workspace};
use crate::configuration::{Runner, provider};

pub const SCENARIOS: &[Scenario] = &[
    ("faults while creating", |cli| each_fault(cli, Operation::Create)),
    ("faults while reading", |cli| each_fault(cli, Operation::Read)),
    ("faults while updating", |cli| each_fault(cli, Operation::Update)),
    ("faults while deleting", |cli| each_fault(cli, Operation::Delete)),
    ("a service that stays down while creating", down_while_creating),
    ("a create that takes longer than its timeout", create_past_its_timeout),
    ("a create that meets somebody else's runner after a lost answer", somebody_else),
];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

/// What goes wrong, how it is switched on, and how the operation ends when it goes wrong once.
struct Case {
    name: &'static str,
    switch: fn(&Orchestrator, &str),
    /// `None`: the operation succeeds all the same. Else a part of what the error says to do.
    ends: fn(Operation) -> Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operation {
    Create,
    Read,
    Update,
    Delete,
}

impl Operation {
    fn method(self) -> &'static str {
        match self {
            Self::Create => "POST",
            Self::Read => "GET",
            Self::Update => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}
