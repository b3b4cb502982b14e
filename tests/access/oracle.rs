//! What the tests expect of each check. It repeats the list of checks on purpose, as a second reading of it.

/// A check.
pub(crate) struct ExpectedCheck {
    pub(crate) id: &'static str,
    /// The checks without which it does not run as the caller, for the documented runner.
    needs: &'static [&'static str],
    /// Whether it cannot fail for a runner with this type of state storage.
    only_warns: fn(&str) -> bool,
}

const fn check(id: &'static str, needs: &'static [&'static str]) -> ExpectedCheck {
    only_warns_if(id, needs, |_| false)
}

const fn only_warns_if(
    id: &'static str,
    needs: &'static [&'static str],
    only_warns: fn(&str) -> bool,
) -> ExpectedCheck {
    ExpectedCheck {
        id,
        needs,
        only_warns,
    }
}

/// What the checks of the rights of the runner's user need.
const RIGHTS: &[&str] = &["session-name", "api-server", "access-entry"];

/// Every check, in order.
pub(crate) const CHECKS: &[ExpectedCheck] = &[
    check("session-name", &[]),
    check("oidc-issuer", &[]),
    check("aws-credentials", &[]),
    check("role-exists", &["aws-credentials"]),
    check("oidc-provider", &["aws-credentials"]),
    check("role-trust", &["role-exists"]),
    check("role-permission", &["role-exists"]),
    check("assume-role", &[]),
    check("cluster-active", &["aws-credentials"]),
    check("cluster-endpoint", &["cluster-active"]),
    check("access-entry", &["cluster-active"]),
    check("api-server", &["cluster-active"]),
    check("namespace", &["api-server"]),
    check("service-account", &["api-server"]),
    only_warns_if("pod-identity", &["service-account"], |storage| {
        storage != "s3"
    }),
    check("rbac-create-jobs", RIGHTS),
    check("rbac-get-jobs", RIGHTS),
    only_warns_if("rbac-list-pods", RIGHTS, |_| true),
    only_warns_if("rbac-list-events", RIGHTS, |_| true),
    // The documented runner's pod template refers to nothing.
    check("pod-template-refs", &[]),
    check("job-dry-run", &["rbac-create-jobs", "service-account"]),
    only_warns_if("scheduling", &["api-server"], |_| true),
    only_warns_if("state-storage", &[], |storage| {
        matches!(storage, "gcs" | "azurerm")
    }),
];

/// The checks that do not apply to the documented runner as the caller, or are skipped by name.
pub(crate) const DOES_NOT_APPLY: [&str; 3] = ["assume-role", "pod-identity", "state-storage"];

/// The checks that need `cluster-active`.
pub(crate) const BEHIND_CLUSTER: [&str; 12] = behind("cluster-active");
/// The checks that need `api-server`.
pub(crate) const BEHIND_API: &[&str] = &behind::<9>("api-server");
/// The checks that need the runner's user.
pub(crate) const BY_USER: [&str; 5] = behind("access-entry");
/// The checks of the rights of the runner's user.
pub(crate) const RBAC: [&str; 4] = [BY_USER[0], BY_USER[1], BY_USER[2], BY_USER[3]];
/// Those of them that only warn.
pub(crate) const ONLY_WARN: [&str; 2] = [RBAC[2], RBAC[3]];

/// Returns whether a check cannot fail for a runner with this type of state storage.
pub(crate) fn only_warns(id: &str, storage: &str) -> bool {
    let mut checks = CHECKS.iter();
    checks.any(|check| check.id == id && (check.only_warns)(storage))
}

/// Returns the checks that need this one, themselves or through others, in order.
const fn behind<const COUNT: usize>(id: &'static str) -> [&'static str; COUNT] {
    let (mut found, mut count, mut index) = ([id; COUNT], 0, 0);
    while index < CHECKS.len() {
        let needs = CHECKS[index].needs;
        let mut need = 0;
        while need < needs.len() {
            if is_same(needs[need], id) || contains(&found, count, needs[need]) {
                found[count] = CHECKS[index].id;
                count += 1;
                break;
            }
            need += 1;
        }
        index += 1;
    }
    assert!(count == COUNT);
    found
}

/// Returns whether the first elements contain a text.
const fn contains(all: &[&str], count: usize, text: &str) -> bool {
    let mut index = 0;
    while index < count {
        if is_same(all[index], text) {
            return true;
        }
        index += 1;
    }
    false
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}
