//! The check `rbac-list-events`.

use super::right::Right;
use super::rights_review;
use crate::access::check::{Category, CheckInfo, NAMESPACE};
use crate::access::checks::Check;
use crate::access::objects::LIST_EVENTS;
use crate::access::settings::CheckSetting;

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "rbac-list-events",
        title: "The runner is allowed to list events",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: &rights_review::CALLER_NEEDS,
        runner_needs: &rights_review::RUNNER_NEEDS,
    },
    |run| Box::pin(rights_review::check(run, &RIGHT)),
)
.only_warns_for(|_| true)
.calls(CheckSetting::CLUSTER);

// What is lost: `CheckStatus` of the Orchestrator's data plane (stellwerk-labs/platform-orchestrator).
static RIGHT: Right = Right::new(
    LIST_EVENTS,
    Some("Deployments still work, but the Orchestrator cannot report why a Job does not start."),
);
