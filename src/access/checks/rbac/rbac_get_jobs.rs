//! The check `rbac-get-jobs`.

use super::right::Right;
use super::rights_review;
use crate::access::check::{Category, CheckInfo, NAMESPACE};
use crate::access::checks::Check;
use crate::access::objects::GET_JOBS;
use crate::access::settings::CheckSetting;

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "rbac-get-jobs",
        title: "The runner is allowed to get Jobs",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: &rights_review::CALLER_NEEDS,
        runner_needs: &rights_review::RUNNER_NEEDS,
    },
    |run| Box::pin(rights_review::check(run, &RIGHT)),
)
.calls(CheckSetting::CLUSTER);

static RIGHT: Right = Right::new(GET_JOBS, None);
