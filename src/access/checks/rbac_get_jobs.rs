//! The check `rbac-get-jobs`.

use super::right::Right;
use super::{Check, rights_review};
use crate::access::check::{Category, CheckInfo, NAMESPACE};

pub(super) static CHECK: Check = Check {
    info: CheckInfo {
        id: "rbac-get-jobs",
        title: "The runner is allowed to get Jobs",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: &rights_review::CALLER_NEEDS,
        runner_needs: &rights_review::RUNNER_NEEDS,
        only_warns: false,
    },
    run: |run| Box::pin(rights_review::check(run, &RIGHT)),
    without_calls: |_| None,
};

static RIGHT: Right = Right {
    group: "batch",
    resource: "jobs",
    verb: "get",
    lost: None,
};
