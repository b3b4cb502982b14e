//! The ConfigMap `aws-auth`, read as EKS reads it: by the rules of aws-iam-authenticator 0.7.
//!
//! The sources are `ParseMap`, `saveMap`, and `Map` of its `pkg/mapper/configmap`, `Validate` and `Matches` of its
//! `pkg/config`, and `renderTemplates` of its `pkg/server`. `tests/oracles/aws-auth/table.json` contains the results of the
//! real server for about 800 maps.

use std::fmt;

use super::go_yaml::{Position, Unreadable, YamlKind, YamlValue, block_list, to_json, to_strings};
use super::user::User;
use crate::runner::RoleArn;

/// The content of the ConfigMap. By default it is empty, as if the ConfigMap did not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AwsAuth {
    roles: Vec<Line>,
    users: Vec<Line>,
    accounts: Vec<String>,
    broken: Vec<(AwsAuthKey, Unreadable)>,
    /// How a line can be added to `mapRoles`.
    pub(crate) room: Room,
}

/// How a line can be added to `mapRoles` without a change to the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Room {
    /// The ConfigMap does not exist.
    #[default]
    NoConfigMap,
    /// `mapRoles` is a list of lines with this many spaces before each dash, or there is no such key (none).
    Below(usize),
    /// `mapRoles` is in another form, or cannot be read.
    ByHand,
}

/// A key of the ConfigMap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AwsAuthKey {
    /// `mapRoles`
    Roles,
    /// `mapUsers`
    Users,
    /// `mapAccounts`
    Accounts,
}

impl fmt::Display for AwsAuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Roles => "mapRoles",
            Self::Users => "mapUsers",
            Self::Accounts => "mapAccounts",
        })
    }
}

/// An item of `mapRoles` or `mapUsers`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    at: Position,
    arn: String,
    username: String,
    groups: Vec<String>,
}

/// The authenticator's result for a session of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// The session is admitted as this user.
    Admitted {
        /// The user.
        user: User,
        /// The key that has the role or its account.
        by: AwsAuthKey,
    },
    /// At each request, one of several lines that differ only in case is picked by chance.
    ByChance {
        /// The users of the lines that can be rendered. There is at least one.
        users: Vec<User>,
        /// The key with the lines.
        by: AwsAuthKey,
    },
    /// A line has the role, and it cannot be rendered for this session.
    Refused {
        /// The key with the line.
        by: AwsAuthKey,
        /// The number of the line in the key's text, counted from 1.
        line: usize,
        /// The template that cannot be rendered.
        template: String,
    },
    /// No line has the role.
    Absent {
        /// The line of `mapRoles` that has the role's ARN with its path, counted from 1: such a line never matches.
        with_path: Option<usize>,
    },
}

impl AwsAuth {
    /// Reads a ConfigMap. Like the authenticator, it leaves out what is broken: a key that is not YAML, and an item
    /// without an ARN.
    pub(crate) fn read(config_map: &serde_json::Value) -> Self {
        let mut read = Self::default();
        let data = &config_map["data"];
        let roles = data["mapRoles"].as_str().unwrap_or_default();
        read.room = match block_list(roles) {
            Some(at) => Room::Below(at.column - 1),
            None if roles.trim().is_empty() => Room::Below(0),
            None => Room::ByHand,
        };
        for key in [AwsAuthKey::Roles, AwsAuthKey::Users] {
            let text = data[key.to_string()].as_str().unwrap_or_default();
            if is_skipped(text) {
                continue;
            }
            match to_json(text) {
                Ok(value) if key == AwsAuthKey::Roles => read.roles = lines(&value, "rolearn"),
                Ok(value) => read.users = lines(&value, "userarn"),
                Err(error) => read.broken.push((key, error)),
            }
        }
        if read.broken.iter().any(|(key, _)| *key == AwsAuthKey::Roles) {
            read.room = Room::ByHand;
        }
        let accounts = data["mapAccounts"].as_str().unwrap_or_default();
        if !is_skipped(accounts) {
            let (found, error) = to_strings(accounts);
            read.accounts = found;
            read.broken.extend(error.map(|error| (AwsAuthKey::Accounts, error)));
        }
        read
    }

    /// Returns the authenticator's result for a session of a role. It looks up the role in `mapRoles`, then in
    /// `mapUsers`, and then its account in `mapAccounts`. STS names a role without its path, and case does not matter.
    pub(crate) fn map(&self, role: &RoleArn, session_name: &str) -> Mapping {
        let bare = RoleArn {
            path: "/".to_owned(),
            ..role.clone()
        }
        .to_string();
        // Lines of mapRoles are keyed by their ARN in lower case, those of mapUsers by their ARN as it is written.
        // Of several lines for one key, the last one applies.
        let sources = [
            (AwsAuthKey::Roles, &self.roles, str::to_lowercase as fn(&str) -> String),
            (AwsAuthKey::Users, &self.users, str::to_owned),
        ];
        for (by, lines, key_of) in sources {
            let mut matching: Vec<(String, &Line)> = Vec::new();
            for line in lines.iter().filter(|line| fold(&line.arn) == fold(&bare)) {
                let key = key_of(&line.arn);
                matching.retain(|(other, _)| *other != key);
                matching.push((key, line));
            }
            let mut rendered = matching
                .iter()
                .map(|(_, line)| line.render(role, session_name, by))
                .collect::<Vec<_>>();
            rendered.dedup();
            return match rendered.len() {
                0 => continue,
                1 => rendered.remove(0),
                _ => by_chance(rendered, by),
            };
        }
        if self.accounts.contains(&role.account) {
            return Mapping::Admitted {
                user: User {
                    name: bare,
                    groups: Vec::new(),
                },
                by: AwsAuthKey::Accounts,
            };
        }
        let with_path = fold(&role.to_string());
        let with_path = self.roles.iter().find(|line| fold(&line.arn) == with_path);
        Mapping::Absent {
            with_path: with_path.map(|line| line.at.line),
        }
    }

    /// Returns the keys that cannot be read, which the authenticator ignores.
    pub(crate) fn broken(&self) -> &[(AwsAuthKey, Unreadable)] {
        &self.broken
    }
}

/// Returns the result of several lines, of which the authenticator picks one by chance.
fn by_chance(rendered: Vec<Mapping>, by: AwsAuthKey) -> Mapping {
    let refused = rendered
        .iter()
        .find(|mapping| matches!(mapping, Mapping::Refused { .. }))
        .cloned();
    let users: Vec<User> = rendered
        .into_iter()
        .filter_map(|mapping| match mapping {
            Mapping::Admitted { user, .. } => Some(user),
            _ => None,
        })
        .collect();
    match refused {
        Some(refused) if users.is_empty() => refused,
        _ => Mapping::ByChance { users, by },
    }
}

impl Line {
    /// Returns the line's result for a session.
    fn render(&self, role: &RoleArn, session_name: &str, by: AwsAuthKey) -> Mapping {
        if let Some(template) = User::instance_template(&self.username, &self.groups) {
            return Mapping::Refused {
                by,
                line: self.at.line,
                template: template.to_owned(),
            };
        }
        let render = |template: &str| User::render(template, role, session_name);
        Mapping::Admitted {
            user: User {
                name: render(&self.username).unwrap_or_default(),
                groups: self.groups.iter().filter_map(|group| render(group)).collect(),
            },
            by,
        }
    }
}

/// Returns whether the authenticator skips a text without reading it.
fn is_skipped(text: &str) -> bool {
    ["", "``", "\"\"", "''"].contains(&text.trim())
}

/// Returns the items of `mapRoles` or `mapUsers` that have an ARN, as `json.Unmarshal` fills them: the names of fields are
/// compared without regard to case, and a value of another type leaves its field unchanged.
fn lines(value: &YamlValue, arn: &str) -> Vec<Line> {
    let YamlKind::List(items) = &value.kind else {
        return Vec::new();
    };
    items.iter().filter_map(|item| line(item, arn)).collect()
}

fn line(item: &YamlValue, arn: &str) -> Option<Line> {
    let YamlKind::Map(fields) = &item.kind else {
        return None;
    };
    let mut line = Line {
        at: item.at,
        arn: String::new(),
        username: String::new(),
        groups: Vec::new(),
    };
    let mut groups = Groups::default();
    let mut has_sso = false;
    for (name, value) in fields {
        match (fold(name).as_str(), &value.kind) {
            (name, YamlKind::Text(text)) if name == fold(arn) => line.arn.clone_from(text),
            ("username", YamlKind::Text(text)) => line.username.clone_from(text),
            ("groups", value) => groups.set(value),
            // An item has either an ARN or a matcher for AWS SSO's roles, which EKS does not turn on.
            ("sso", value) if arn == "rolearn" => has_sso = *value != YamlKind::Null,
            _ => {}
        }
    }
    line.groups = groups.values;
    (!line.arn.is_empty() && !has_sso).then_some(line)
}

/// A Go slice of strings that JSON is decoded into, perhaps more than once: `null` leaves an element unchanged.
#[derive(Default)]
struct Groups {
    values: Vec<String>,
    /// The elements that the slice had past its end.
    rest: Vec<String>,
}

impl Groups {
    fn set(&mut self, value: &YamlKind) {
        let items = match value {
            YamlKind::Null => &[][..],
            YamlKind::List(items) => items,
            _ => return,
        };
        if items.is_empty() {
            *self = Self::default();
            return;
        }
        let mut before = std::mem::take(&mut self.values);
        before.append(&mut self.rest);
        before.resize(before.len().max(items.len()), String::new());
        for (element, item) in before.iter_mut().zip(items) {
            if let YamlKind::Text(text) = &item.kind {
                element.clone_from(text);
            }
        }
        self.rest = before.split_off(items.len());
        self.values = before;
    }
}

/// Returns a text for a comparison without regard to case, by Go's rules: two other letters fold into ASCII.
fn fold(text: &str) -> String {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    text.chars().map(fold).collect()
}

#[cfg(test)]
mod tests;
