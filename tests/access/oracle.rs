//! What the tests expect of each check: one table, which repeats the list of checks on purpose, as a second reading of it. Everything
//! else is computed from the table.

use std::sync::LazyLock;

/// A check.
pub(crate) struct ExpectedCheck {
    pub(crate) id: &'static str,
    /// The checks without which it does not run as the caller, for the documented runner.
    needs: &'static [&'static str],
    /// Whether it cannot fail for a runner with this type of state storage.
    only_warns: fn(&str) -> bool,
    /// Whether it is one of the Orchestrator's own steps, which the runner needs no other permission for.
    is_step: bool,
    /// Whether it applies to the documented runner as the caller.
    applies: bool,
}

impl ExpectedCheck {
    const fn only_warns_if(mut self, only_warns: fn(&str) -> bool) -> Self {
        self.only_warns = only_warns;
        self
    }

    const fn step(mut self) -> Self {
        self.is_step = true;
        self
    }

    const fn does_not_apply(mut self) -> Self {
        self.applies = false;
        self
    }
}

const fn check(id: &'static str, needs: &'static [&'static str]) -> ExpectedCheck {
    ExpectedCheck {
        id,
        needs,
        only_warns: |_| false,
        is_step: false,
        applies: true,
    }
}

/// What the checks of the rights of the runner's user need.
const RIGHTS: &[&str] = &["session-name", "api-server", "access-entry"];

/// Every check, in order.
pub(crate) const CHECKS: &[ExpectedCheck] = &[
    check("session-name", &[]).step(),
    check("oidc-issuer", &[]),
    check("aws-credentials", &[]),
    check("role-exists", &["aws-credentials"]),
    check("oidc-provider", &["aws-credentials"]),
    check("role-trust", &["role-exists"]),
    check("role-permission", &["role-exists"]),
    check("assume-role", &[]).step().does_not_apply(),
    check("cluster-active", &["aws-credentials"]).step(),
    check("cluster-endpoint", &["cluster-active"]).step(),
    check("access-entry", &["cluster-active"]),
    check("api-server", &["cluster-active"]).step(),
    check("namespace", &["api-server"]),
    check("service-account", &["api-server"]),
    check("pod-identity", &["service-account"])
        .only_warns_if(|storage| storage != "s3")
        .does_not_apply(),
    check("rbac-create-jobs", RIGHTS).step(),
    check("rbac-get-jobs", RIGHTS).step(),
    check("rbac-list-pods", RIGHTS).step().only_warns_if(|_| true),
    check("rbac-list-events", RIGHTS).step().only_warns_if(|_| true),
    // The documented runner's pod template refers to nothing.
    check("pod-template-refs", &[]).step(),
    check("job-dry-run", &["rbac-create-jobs", "service-account"]).step(),
    check("scheduling", &["api-server"]).only_warns_if(|_| true),
    check("state-storage", &[])
        .only_warns_if(|storage| matches!(storage, "gcs" | "azurerm"))
        .does_not_apply(),
];

/// The IDs of checks, in order.
type Ids = LazyLock<Vec<&'static str>>;

/// The checks that do not apply to the documented runner as the caller, or are skipped by name.
pub(crate) static DOES_NOT_APPLY: Ids = LazyLock::new(|| ids(|check| !check.applies));
/// The Orchestrator's own steps.
pub(crate) static STEPS: Ids = LazyLock::new(|| ids(|check| check.is_step));
/// The checks that need `cluster-active`.
pub(crate) static BEHIND_CLUSTER: Ids = LazyLock::new(|| behind("cluster-active"));
/// The checks that need `api-server`.
pub(crate) static BEHIND_API: Ids = LazyLock::new(|| behind("api-server"));
/// Those of them that can run once the namespace exists.
pub(crate) static IN_NAMESPACE: Ids = LazyLock::new(|| {
    let in_namespace = |id: &str| !["namespace", "scheduling"].contains(&id);
    ids(|check| BEHIND_API.contains(&check.id) && in_namespace(check.id))
});
/// The checks that need the runner's user.
pub(crate) static BY_USER: Ids = LazyLock::new(|| behind("access-entry"));
/// The checks that need the role, or the user of its session.
pub(crate) static BEHIND_ROLE: Ids =
    LazyLock::new(|| [&behind("role-exists")[..], &["access-entry"], &BY_USER].concat());
/// The checks of the rights of the runner's user.
pub(crate) static RBAC: Ids = LazyLock::new(|| ids(|check| check.needs == RIGHTS));
/// Those of them that only warn.
pub(crate) static ONLY_WARN: Ids = LazyLock::new(|| ids(|check| check.needs == RIGHTS && (check.only_warns)("s3")));

/// Returns whether a check cannot fail for a runner with this type of state storage.
pub(crate) fn only_warns(id: &str, storage: &str) -> bool {
    let mut checks = CHECKS.iter();
    checks.any(|check| check.id == id && (check.only_warns)(storage))
}

fn ids(is_included: impl Fn(&ExpectedCheck) -> bool) -> Vec<&'static str> {
    let included = CHECKS.iter().filter(|check| is_included(check));
    included.map(|check| check.id).collect()
}

/// Returns the checks that need this one, themselves or through others, in order.
fn behind(id: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for check in CHECKS {
        if check.needs.iter().any(|need| *need == id || found.contains(need)) {
            found.push(check.id);
        }
    }
    found
}
