//! The check `rbac-create-jobs`.

use super::right::Right;
use super::{Check, access_entry, api_server, rights_review, session_name};
use crate::access::check::{Category, CheckInfo, NAMESPACE};

pub(super) static CHECK: Check = Check {
    info: CheckInfo {
        id: "rbac-create-jobs",
        title: "The runner is allowed to create Jobs",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        // Without a session that STS grants, the runner has no user.
        caller_needs: &[
            session_name::CHECK.id(),
            api_server::CHECK.id(),
            access_entry::CHECK.id(),
        ],
        runner_needs: &[api_server::CHECK.id()],
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
