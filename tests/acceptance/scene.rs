//! The usual scene: an Orchestrator, and a workspace that is initialized for it.

use crate::cli::{Cli, Workspace};
use crate::configuration::provider;
use crate::stand_in::StandIn;

pub(crate) struct Scene {
    pub(crate) orchestrator: StandIn,
    pub(crate) workspace: Workspace,
}

impl Scene {
    pub(crate) fn new(cli: &Cli) -> Self {
        let orchestrator = StandIn::start();
        let workspace = Workspace::new(cli, &provider(&orchestrator));
        workspace.init();
        Self {
            orchestrator,
            workspace,
        }
    }

    /// Writes a configuration with this block beside the provider's.
    pub(crate) fn write(&self, block: &str) {
        let text = provider(&self.orchestrator) + block;
        self.workspace.write("main.tf", &text);
    }

    /// Writes it and applies it.
    #[track_caller]
    pub(crate) fn apply(&self, block: &str) {
        self.write(block);
        self.workspace.apply(&[]).ok();
    }
}
