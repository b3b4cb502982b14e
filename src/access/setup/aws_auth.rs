//! Commands that change the ConfigMap `aws-auth` and keep what is in it.

use super::{shell, yaml};
use crate::access::kubernetes::aws_auth::{Key, Room};
use crate::access::kubernetes::go_yaml::Unreadable;
use crate::runner::{RoleArn, kubernetes_user};

const EDIT: &str = "kubectl edit configmap aws-auth -n kube-system\n";

/// Adds a line for a role to `mapRoles`, with the user name that an access entry would give. The other lines stay, and
/// of several lines for one role the last one counts. The role's ARN stands there without its path.
pub(crate) fn aws_auth_command(role: &RoleArn, room: Room) -> String {
    let arn = RoleArn {
        path: "/".to_owned(),
        ..role.clone()
    };
    let username = kubernetes_user(role, "{{SessionName}}");
    let line = format!(
        "- {{rolearn: {}, username: {}}}",
        yaml(&arn.to_string()),
        yaml(&username)
    );
    match room {
        Room::NoConfigMap => format!(
            "kubectl create configmap aws-auth -n kube-system \\\n  --from-literal=mapRoles={}\n",
            shell(&line)
        ),
        // Nothing is written when the lines cannot be read.
        Room::Below(indent) => format!(
            "roles=$(kubectl get configmap aws-auth -n kube-system -o jsonpath='{{.data.mapRoles}}') &&\n  \
             line={} &&\n  \
             patch=$(kubectl create configmap aws-auth --dry-run=client -o json \\\n    \
             --from-literal=mapRoles=\"$(printf '%s\\n%s' \"$roles\" \"$line\")\") &&\n  \
             kubectl patch configmap aws-auth -n kube-system --type merge --patch \"$patch\"\n",
            shell(&(" ".repeat(indent) + &line))
        ),
        Room::ByHand => format!("# Add this line to mapRoles:\n#   {line}\n{EDIT}"),
    }
}

/// Corrects the keys that are not valid YAML, by hand.
pub(crate) fn aws_auth_correction(broken: &[(Key, Unreadable)]) -> String {
    let places = broken.iter().map(|(key, Unreadable { at, .. })| {
        format!(
            "# Correct {key} at line {}, column {}.\n",
            at.line, at.column
        )
    });
    places.collect::<String>() + EDIT
}

/// Leaves one of several lines, by hand.
pub(crate) fn aws_auth_one_line(role: &RoleArn, key: Key) -> String {
    format!("# Keep one line of {key} for {role}.\n{EDIT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_added_and_the_others_are_kept() {
        let role = "arn:aws-cn:iam::123456789012:role/team/runner"
            .parse()
            .unwrap();
        let line = "- {rolearn: \"arn:aws-cn:iam::123456789012:role/runner\", \
            username: \"arn:aws-cn:sts::123456789012:assumed-role/runner/{{SessionName}}\"}";
        let created = aws_auth_command(&role, Room::NoConfigMap);
        assert!(created.starts_with("kubectl create configmap aws-auth -n kube-system"));
        assert!(created.contains(line), "{created}");
        let added = aws_auth_command(&role, Room::Below(2));
        assert!(added.contains(&format!("line='  {line}' &&")), "{added}");
        let by_hand = aws_auth_command(&role, Room::ByHand);
        assert!(
            by_hand.contains(line) && by_hand.ends_with(EDIT),
            "{by_hand}"
        );
    }
}
