//! The fixes for the ConfigMap `aws-auth`. They keep its other content.

use crate::access::fix::Fix;
use crate::access::kubernetes::aws_auth::{AwsAuthKey, Room};
use crate::access::kubernetes::go_yaml::Unreadable;
use crate::access::render::shell::{ShellCommand, Word};
use crate::access::render::yaml;
use crate::runner::{RoleArn, kubernetes_user};

/// Returns the command that opens the ConfigMap in an editor.
fn edit() -> ShellCommand {
    ShellCommand::new("kubectl edit configmap aws-auth -n kube-system")
}

/// Returns the fix that adds a line for a role to `mapRoles`, with the user name that an access entry would have.
///
/// The other lines stay, and of several lines for one role the last one counts. In `mapRoles`, the ARN of a role is
/// written without its path.
pub(super) fn add_aws_auth_line(role: &RoleArn, room: Room) -> Fix {
    let arn = RoleArn {
        path: "/".to_owned(),
        ..role.clone()
    };
    let username = kubernetes_user(role, "{{SessionName}}");
    let line = format!(
        "- {{rolearn: {}, username: {}}}",
        yaml::string(&arn.to_string()),
        yaml::string(&username)
    );
    match room {
        Room::NoConfigMap => ShellCommand::new("kubectl create configmap aws-auth -n kube-system")
            .next_line()
            .word(Word::code(format!("--from-literal=mapRoles={}", Word::from(line))))
            .into(),
        // If the current lines cannot be read, nothing is written.
        Room::Below(indent) => ShellCommand::new(format!(
            "roles=$(kubectl get configmap aws-auth -n kube-system -o jsonpath='{{.data.mapRoles}}') &&\n  \
             line={} &&\n  \
             patch=$(kubectl create configmap aws-auth --dry-run=client -o json \\\n    \
             --from-literal=mapRoles=\"$(printf '%s\\n%s' \"$roles\" \"$line\")\") &&\n  \
             kubectl patch configmap aws-auth -n kube-system --type merge --patch \"$patch\"",
            Word::from(" ".repeat(indent) + &line)
        ))
        .into(),
        Room::ByHand => Fix::note(format!("Add this line to mapRoles:\n  {line}")).then_run(edit()),
    }
}

/// Returns the fix of keys that are not valid YAML: a person must correct them.
pub(super) fn correct_aws_auth(broken: &[(AwsAuthKey, Unreadable)]) -> Fix {
    let places = broken.iter().fold(Fix::default(), |fix, (key, error)| {
        let Unreadable { at, .. } = error;
        fix.then_note(format!("Correct {key} at line {}, column {}.", at.line, at.column))
    });
    places.then_run(edit())
}

/// Returns the fix of several lines for one role: a person must decide which of them stays.
pub(super) fn keep_one_aws_auth_line(role: &RoleArn, key: AwsAuthKey) -> Fix {
    Fix::note(format!("Keep one line of {key} for {role}.")).then_run(edit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_added_and_the_others_stay() {
        let role = "arn:aws-cn:iam::123456789012:role/team/runner".parse().unwrap();
        let line = "- {rolearn: \"arn:aws-cn:iam::123456789012:role/runner\", \
            username: \"arn:aws-cn:sts::123456789012:assumed-role/runner/{{SessionName}}\"}";
        let created = add_aws_auth_line(&role, Room::NoConfigMap).to_string();
        assert!(created.starts_with("kubectl create configmap aws-auth -n kube-system"));
        assert!(created.contains(line), "{created}");
        let added = add_aws_auth_line(&role, Room::Below(2)).to_string();
        assert!(added.contains(&format!("line='  {line}' &&")), "{added}");
        let by_hand = add_aws_auth_line(&role, Room::ByHand).to_string();
        assert!(
            by_hand.contains(line) && by_hand.ends_with(&edit().to_string()),
            "{by_hand}"
        );
    }
}
