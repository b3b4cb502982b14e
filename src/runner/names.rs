//! The names of a runner in AWS and Kubernetes, derived as the Orchestrator derives them.

use super::RoleArn;

/// Returns the name of the runner's STS session, and whether the default was cut.
///
/// The name is the explicit one, or `{org}-{runner id}` cut to 64 characters. Runners whose ids begin with the same
/// characters can share a cut default.
#[must_use]
pub fn session_name(org: &str, runner_id: &str, explicit: Option<&str>) -> (String, bool) {
    match explicit {
        Some(name) => (name.to_owned(), false),
        None => cut(format!("{org}-{runner_id}"), 64),
    }
}

/// Returns the `sub` of the OIDC token with which the Orchestrator assumes the runner's role: `{org}+{runner id}` cut
/// to 255 characters. The role's trust policy must admit it.
#[must_use]
pub fn oidc_subject(org: &str, runner_id: &str) -> String {
    cut(format!("{org}+{runner_id}"), 255).0
}

/// Returns the Kubernetes user of a role's session in an EKS cluster, if the access entry does not set another user
/// name. It is the subject of the runner's RoleBinding.
///
/// It does not contain the role's path, and each `@` of the session name is a `-`.
#[must_use]
pub fn kubernetes_user(role: &RoleArn, session_name: &str) -> String {
    let RoleArn {
        partition,
        account,
        name,
        ..
    } = role;
    let session = session_name.replace('@', "-");
    format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}")
}

/// Returns the text, cut to this number of characters, and whether it was longer.
fn cut(mut text: String, characters: usize) -> (String, bool) {
    match text.char_indices().nth(characters) {
        None => (text, false),
        Some((end, _)) => {
            text.truncate(end);
            (text, true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_session_name_is_cut_past_64_characters() {
        let id = "r".repeat(60);
        assert_eq!(
            session_name("org", "my-runner", None),
            ("org-my-runner".to_owned(), false)
        );
        assert_eq!(session_name("org", &id, None), (format!("org-{id}"), false));
        assert_eq!(
            session_name("org", &format!("{id}x"), None),
            (format!("org-{id}"), true)
        );
        assert_eq!(
            session_name("org", &format!("{id}x"), Some("mine")),
            ("mine".to_owned(), false)
        );
        let (name, was_cut) = session_name(&"é".repeat(70), "r", None);
        assert_eq!((name.chars().count(), was_cut), (64, true));
    }

    #[test]
    fn the_oidc_subject_is_cut_past_255_characters() {
        assert_eq!(oidc_subject("org", "my-runner"), "org+my-runner");
        assert_eq!(oidc_subject(&"o".repeat(254), "rr").len(), 255);
    }

    #[test]
    fn the_kubernetes_user_contains_no_path_and_no_at_sign() {
        let role: RoleArn = "arn:aws-us-gov:iam::123456789012:role/team/x/RoleName".parse().unwrap();
        assert_eq!(
            kubernetes_user(&role, "me@org@x"),
            "arn:aws-us-gov:sts::123456789012:assumed-role/RoleName/me-org-x"
        );
    }
}
