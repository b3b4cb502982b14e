//! The security contexts of the merged pod and its containers.

use serde_json::Value;

use super::super::{InvalidField, problem};
use super::{MergedContainer, at, join};

/// The field of a container, and of a pod.
const CONTEXT: &str = "securityContext";

/// Returns what contradicts in the security context of a container.
///
/// Source: `ValidateSecurityContext`, which compares the capability by exactly this name.
pub(super) fn check(container: &MergedContainer<'_>) -> Vec<InvalidField> {
    let context = &container.merged[CONTEXT];
    let mut problems = Vec::new();
    if context["allowPrivilegeEscalation"] == false {
        let by = if container.is_main() && !container.sets(&[CONTEXT, "allowPrivilegeEscalation"]) {
            "the Orchestrator sets `allowPrivilegeEscalation` to false"
        } else {
            "`allowPrivilegeEscalation` is false"
        };
        let mut contradicts = |field: &[&str], what: &str| {
            problems.push(problem(
                &container.path(field),
                "Contradicting security context in pod_template",
                format_args!(
                    "{what}, but {by}, and Kubernetes refuses every Job with both. Remove it, or set \
                     `allowPrivilegeEscalation` to true, too."
                ),
            ));
        };
        if context["privileged"] == true {
            contradicts(&[CONTEXT, "privileged"], "is true");
        }
        let added = context["capabilities"]["add"].as_array();
        if added.is_some_and(|added| added.iter().any(|one| one == "CAP_SYS_ADMIN")) {
            contradicts(&[CONTEXT, "capabilities", "add"], "adds CAP_SYS_ADMIN");
        }
    }
    let field = [CONTEXT, "seccompProfile"];
    let of_orchestrator = container.is_main() && !container.sets(&[field[0], field[1], "type"]);
    problems.extend(seccomp_problem(context, &container.path(&field), of_orchestrator));
    problems
}

/// Returns what is wrong with a seccomp profile. `of_orchestrator` says that the Orchestrator sets its type.
///
/// Source: `validateSeccompProfileField`.
fn seccomp_problem(context: &Value, path: &str, of_orchestrator: bool) -> Option<InvalidField> {
    let profile = at(context, &["seccompProfile"])?;
    let has_file = at(profile, &["localhostProfile"]).is_some();
    let finding = match (profile["type"].as_str().unwrap_or_default(), has_file) {
        ("Localhost", true) | ("RuntimeDefault" | "Unconfined", false) => return None,
        ("Localhost", false) => {
            "has the type \"Localhost\", which needs a `localhostProfile`. Add it, or remove the type.".to_owned()
        }
        (ty @ ("RuntimeDefault" | "Unconfined"), true) => {
            let by = if of_orchestrator {
                "the Orchestrator sets `type` to"
            } else {
                "`type` is"
            };
            format!(
                "sets `localhostProfile`, but {by} {ty:?}, and Kubernetes refuses every Job with both. Set `type` to \
                 \"Localhost\", or remove `localhostProfile`."
            )
        }
        _ => "must have the `type` \"Localhost\", \"RuntimeDefault\", or \"Unconfined\". Kubernetes refuses every Job with \
              another one, and without one."
            .to_owned(),
    };
    Some(problem(path, "Invalid seccomp profile in pod_template", finding))
}

/// The fields of a container's security context that the Orchestrator sets, and that a pod on Windows cannot have.
const ONLY_LINUX: [&str; 3] = ["allowPrivilegeEscalation", "capabilities", "seccompProfile"];

/// Returns what is wrong with the security context of the pod, and with its operating system.
///
/// Source: `validatePodSpecSecurityContext`, and `validateWindows` for the system.
pub(super) fn check_pod(spec: &Value, containers: &[MergedContainer<'_>]) -> Vec<InvalidField> {
    let path = join("spec", &[CONTEXT, "seccompProfile"]);
    let mut problems: Vec<_> = seccomp_problem(&spec[CONTEXT], &path, false).into_iter().collect();
    let is_windows = spec["os"]["name"] == "windows";
    let main = containers.iter().find(|container| container.is_main());
    let only_linux = main.filter(|_| is_windows).is_some_and(|main| {
        let mut fields = ONLY_LINUX.iter();
        fields.any(|field| at(main.merged, &[CONTEXT, field]).is_some())
    });
    if only_linux {
        problems.push(problem(
            "spec.os",
            "Windows in pod_template",
            "selects Windows, but the Orchestrator's own container has a security context for Linux, and Kubernetes refuses \
             every Job with both. Remove it.",
        ));
    }
    problems
}
