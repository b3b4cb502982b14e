//! The check `rbac-create-jobs`.

use super::right::Right;
use super::{Check, rights_review};
use crate::access::check::{Category, CheckInfo, NAMESPACE};

pub(super) static CHECK: Check = Check {
    info: CheckInfo {
        id: "rbac-create-jobs",
        title: "The runner is allowed to create Jobs",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: &rights_review::CALLER_NEEDS,
        runner_needs: &rights_review::RUNNER_NEEDS,
        only_warns: false,
    },
    run: |run| Box::pin(rights_review::check(run, &RIGHT)),
    without_calls: |_| None,
};

/// The right that the check is about.
pub(super) static RIGHT: Right = Right {
    group: "batch",
    resource: "jobs",
    verb: "create",
    lost: None,
};
