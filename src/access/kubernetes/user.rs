//! The Kubernetes user of a session of the runner's role.

use http::HeaderValue;

use crate::runner::{RoleArn, kubernetes_user};

/// A user of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct User {
    /// The user's name. It is empty if there is none, or another one in each session: then only groups can have rights.
    pub(crate) name: String,
    /// The groups, without those that every authenticated user has.
    pub(crate) groups: Vec<String>,
}

impl User {
    /// Returns the user of a service account.
    pub(crate) fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
            ],
        }
    }

    /// Returns the user to which an access entry maps a session: EKS passes both its templates to aws-iam-authenticator,
    /// which renders them. An entry without a user name has the default: the session's ARN without the role's path.
    pub(crate) fn from_entry(template: &str, groups: &[String], role: &RoleArn, session_name: &str) -> Self {
        let name = match template {
            "" => kubernetes_user(role, session_name),
            template => Self::render(template, role, session_name).unwrap_or_default(),
        };
        let groups = groups.iter();
        let groups = groups.filter_map(|group| Self::render(group, role, session_name));
        Self {
            name,
            groups: groups.collect(),
        }
    }

    /// Returns a user name or group with its templates replaced, as `renderTemplate` of aws-iam-authenticator does it.
    /// `None` if it contains the ID of the session's access key, which is another one in each session.
    pub(crate) fn render(template: &str, role: &RoleArn, session_name: &str) -> Option<String> {
        let text = template
            .replace("{{AccountID}}", &role.account)
            .replace("{{SessionName}}", &session_name.replace('@', "-"))
            .replace("{{SessionNameRaw}}", session_name);
        (!text.contains("{{AccessKeyID}}")).then_some(text)
    }

    /// Returns the user name or group that can only be rendered for an EC2 instance: the authenticator takes the
    /// session's name as the instance's ID and refuses any other session. The name of a runner's session is not the ID
    /// of an instance.
    pub(crate) fn instance_template<'a>(name: &'a str, groups: &'a [String]) -> Option<&'a str> {
        let groups = groups.iter().map(String::as_str);
        std::iter::once(name)
            .chain(groups)
            .find(|template| template.contains("{{EC2PrivateDNSName}}"))
    }

    /// Returns the name or group that cannot be impersonated, because a header cannot contain it.
    pub(crate) fn not_in_header(&self) -> Option<&str> {
        let groups = self.groups.iter().map(String::as_str);
        let mut all = std::iter::once(self.name.as_str()).chain(groups);
        all.find(|text| HeaderValue::from_bytes(text.as_bytes()).is_err())
    }

    /// Returns the user as the subject of a sentence.
    pub(crate) fn label(&self) -> String {
        match (self.name.as_str(), self.groups.as_slice()) {
            ("", []) => "The runner (a user without a fixed name)".to_owned(),
            ("", groups) => format!(
                "The runner (a user without a fixed name, in the groups {})",
                groups.join(", ")
            ),
            (name, _) => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_makes_the_user_name() {
        let role = "arn:aws:iam::123456789012:role/team/x/Runner".parse().unwrap();
        let name = |template: &str| User::from_entry(template, &[], &role, "me@org").name;
        assert_eq!(name(""), "arn:aws:sts::123456789012:assumed-role/Runner/me-org");
        assert_eq!(name("aws:{{AccountID}}:{{SessionName}}"), "aws:123456789012:me-org");
        assert_eq!(name("raw:{{SessionNameRaw}}"), "raw:me@org");
        assert_eq!(name("fixed"), "fixed");
        assert_eq!(name("key:{{AccessKeyID}}"), "");
        let groups = ["g:{{SessionName}}".to_owned(), "{{AccessKeyID}}".to_owned()];
        let user = User::from_entry("x", &groups, &role, "me@org");
        assert_eq!(user.groups, ["g:me-org"]);
    }

    #[test]
    fn a_header_contains_every_name_without_control_characters() {
        let user = |name: &str, group: &str| User {
            name: name.to_owned(),
            groups: vec![group.to_owned()],
        };
        assert_eq!(user("j\u{fc}rgen", "g").not_in_header(), None);
        assert_eq!(user("a\nb", "g").not_in_header(), Some("a\nb"));
        assert_eq!(user("a", "g\u{7f}").not_in_header(), Some("g\u{7f}"));
    }
}
