//! The check `rbac-create-jobs`.

use super::right::Right;
use super::rights_review;
use crate::access::check::{Category, CheckInfo, NAMESPACE};
use crate::access::checks::Check;
use crate::access::objects::CREATE_JOBS;
use crate::access::settings::CheckSetting;

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "rbac-create-jobs",
        title: "The runner is allowed to create Jobs",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: &rights_review::CALLER_NEEDS,
        runner_needs: &rights_review::RUNNER_NEEDS,
    },
    |run| Box::pin(rights_review::check(run, &RIGHT)),
)
.calls(CheckSetting::CLUSTER);

/// The right that the check is about.
pub(in crate::access::checks) static RIGHT: Right = Right::new(CREATE_JOBS, None);
