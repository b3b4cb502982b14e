//! The ARN of an IAM role and its parts.

use std::fmt;
use std::str::FromStr;

use super::Invalid;
use super::arn::Arn;

/// The parts of `arn:<partition>:iam::<account>:role<path><name>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleArn {
    /// `aws`, `aws-us-gov`, `aws-cn`, …
    pub partition: String,
    /// The twelve digits of the AWS account.
    pub account: String,
    /// `/` or, for a role with a path, such as `/team/x/`.
    pub path: String,
    /// The role's name, without its path.
    pub name: String,
}

const SUMMARY: &str = "Invalid IAM role ARN";
const EXPECTED: &str = "Use the ARN of an IAM role, such as \
    \"arn:aws:iam::123456789012:role/my-role\" or, for a role with a path, \
    \"arn:aws:iam::123456789012:role/team/my-role\".";

impl FromStr for RoleArn {
    type Err = Invalid;

    /// Parses the ARN of a role in any partition, with or without a path.
    ///
    /// # Errors
    /// Whatever IAM cannot have assigned to a role. The error names the kind of an ARN that is often taken for a
    /// role's (an assumed role, a user, an instance profile, …).
    fn from_str(arn: &str) -> Result<Self, Invalid> {
        parse(arn).map_err(|finding| Invalid::new(SUMMARY, arn, finding, EXPECTED))
    }
}

/// Parses the ARN of a role. The error is a predicate of the ARN.
fn parse(arn: &str) -> Result<RoleArn, String> {
    // IAM's reference: an ARN has at most 2048 characters. This also limits the length of the messages below.
    if arn.len() > 2048 {
        return Err("is longer than any ARN, which has at most 2048 characters".to_owned());
    }
    let Some(Arn {
        partition,
        service,
        region,
        account,
        resource,
    }) = Arn::parse(arn)
    else {
        return Err(if arn.is_empty() {
            "is empty".to_owned()
        } else if arn == "arn" || arn.starts_with("arn:") {
            "is not a whole ARN: an ARN has six parts with colons between them".to_owned()
        } else {
            "is not an ARN: an ARN starts with \"arn:\"".to_owned()
        });
    };
    if !is_partition(partition) {
        return Err(format!(
            "names the partition {partition:?}; AWS partitions are aws, aws-us-gov, aws-cn and the like"
        ));
    }
    if let ("sts", Some(session)) = (service, resource.strip_prefix("assumed-role/")) {
        let role = session.split('/').next().unwrap_or_default();
        return Err(format!(
            "is the ARN of a session of an assumed role, not of the role itself. The role's own ARN is \
             \"arn:{partition}:iam::{account}:role/{role}\", with the role's path, if it has one, before its name"
        ));
    }
    if service != "iam" {
        return Err(format!("is an ARN of {service:?}, not of IAM"));
    }
    let role = resource.strip_prefix("role/").ok_or_else(|| other_resource(resource))?;
    if !region.is_empty() {
        return Err(format!(
            "has the region {region:?}; IAM ARNs have none: \"arn:{partition}:iam::{account}:…\""
        ));
    }
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("has the account {account:?}; an AWS account is twelve digits"));
    }
    let (path, name) = path_and_name(role)?;
    Ok(RoleArn {
        partition: partition.to_owned(),
        account: account.to_owned(),
        path,
        name,
    })
}

/// Returns what an IAM resource is that is not a role, as a predicate of its ARN.
fn other_resource(resource: &str) -> String {
    match resource.split('/').next() {
        Some("user") => "is the ARN of an IAM user; only a role can be assumed".to_owned(),
        Some("instance-profile") => {
            "is the ARN of an instance profile, which contains a role but is not one; `aws iam get-instance-profile` \
             shows the role's own ARN"
                .to_owned()
        }
        Some("root") => "is the ARN of a whole account; only a role can be assumed".to_owned(),
        Some("role") => NO_NAME.to_owned(),
        other => format!(
            "is the ARN of a {:?}; only a role can be assumed",
            other.unwrap_or_default()
        ),
    }
}

const NO_NAME: &str = "does not name a role";

/// Splits what follows `role/` into the path and the name of the role.
///
/// IAM's reference: a path is `/`, or printable ASCII between two `/`, of at most 512 characters; a role's name is
/// `[\w+=,.@-]{1,64}`.
fn path_and_name(role: &str) -> Result<(String, String), String> {
    let (path, name) = match role.rfind('/') {
        None => ("/".to_owned(), role),
        Some(slash) => (format!("/{}", &role[..=slash]), &role[slash + 1..]),
    };
    if name.is_empty() {
        return Err(NO_NAME.to_owned());
    }
    if let Some(stray) = name.chars().find(|&c| !is_name_character(c)) {
        return Err(format!(
            "has {stray:?} in the role's name; IAM allows letters, digits, and _+=,.@-"
        ));
    }
    if name.len() > 64 {
        return Err(format!("has a role name of {} characters; IAM allows 64", name.len()));
    }
    if let Some(stray) = path.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(format!("has {stray:?} in the role's path"));
    }
    if path.len() > 512 {
        return Err(format!("has a path of {} characters; IAM allows 512", path.len()));
    }
    Ok((path, name.to_owned()))
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            account,
            path,
            name,
        } = self;
        write!(f, "arn:{partition}:iam::{account}:role{path}{name}")
    }
}

/// Returns whether the text is `aws`, or `aws` and further parts. It is not compared with a list, because AWS opens
/// new partitions.
fn is_partition(partition: &str) -> bool {
    let mut parts = partition.split('-');
    parts.next() == Some("aws") && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Returns whether IAM allows the character in a role's name, and STS in a session name.
#[must_use]
pub fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_and_path_is_parsed_and_displayed() {
        for partition in [
            "aws",
            "aws-us-gov",
            "aws-cn",
            "aws-iso",
            "aws-iso-b",
            "aws-iso-e",
            "aws-iso-f",
            "aws-eusc",
        ] {
            for (path, name) in [("/", "r"), ("/team/x/", "RoleName"), ("/a:b!/", "Az_09+=,.@-")] {
                let text = format!("arn:{partition}:iam::123456789012:role{path}{name}");
                let arn: RoleArn = text.parse().unwrap();
                assert_eq!(arn.partition, partition);
                assert_eq!(arn.account, "123456789012");
                assert_eq!((arn.path.as_str(), arn.name.as_str()), (path, name));
                assert_eq!(arn.to_string(), text);
            }
        }
        let longest = format!("arn:aws:iam::123456789012:role/{}/{}", "p".repeat(510), "n".repeat(64));
        assert_eq!(longest.parse::<RoleArn>().unwrap().to_string(), longest);
    }

    #[test]
    fn each_invalid_arn_is_refused_with_a_reason() {
        let long_name = format!("arn:aws:iam::123456789012:role/{}", "n".repeat(65));
        let long_path = format!("arn:aws:iam::123456789012:role/{}/r", "p".repeat(511));
        for (arn, reason) in [
            ("", "is empty"),
            ("my-role", "is not an ARN"),
            ("arn:aws:iam", "not a whole ARN"),
            ("arn:awsome:iam::123456789012:role/r", "\"awsome\""),
            ("arn:aws-:iam::123456789012:role/r", "\"aws-\""),
            ("arn::iam::123456789012:role/r", "partition \"\""),
            (
                "arn:aws-cn:sts::123456789012:assumed-role/r/session",
                "The role's own ARN is \"arn:aws-cn:iam::123456789012:role/r\"",
            ),
            ("arn:aws:sts::123456789012:federated-user/bob", "not of IAM"),
            (
                "arn:aws:eks:us-west-2:123456789012:cluster/c",
                "ARN of \"eks\", not of IAM",
            ),
            ("arn:aws:iam::123456789012:user/bob", "IAM user"),
            ("arn:aws:iam::123456789012:instance-profile/p", "instance profile"),
            ("arn:aws:iam::123456789012:root", "whole account"),
            ("arn:aws:iam::123456789012:policy/p", "\"policy\""),
            ("arn:aws:iam::123456789012:group/g", "\"group\""),
            ("arn:aws:iam::123456789012:role", "does not name a role"),
            ("arn:aws:iam::123456789012:role/", "does not name a role"),
            ("arn:aws:iam::123456789012:role/team/", "does not name a role"),
            ("arn:aws:iam::123456789012:Role/r", "\"Role\""),
            ("arn:aws:iam:us-west-2:123456789012:role/r", "region \"us-west-2\""),
            ("arn:aws:iam::12345678901:role/r", "\"12345678901\""),
            ("arn:aws:iam::1234567890123:role/r", "twelve digits"),
            ("arn:aws:iam::12345678901x:role/r", "twelve digits"),
            ("arn:aws:iam::<account>:role/r", "\"<account>\""),
            ("arn:aws:iam:::role/r", "account \"\""),
            ("arn:aws:iam::123456789012:role/r ", "' ' in the role's name"),
            ("arn:aws:iam::123456789012:role/rôle", "'ô' in the role's name"),
            ("arn:aws:iam::123456789012:role/*", "'*' in the role's name"),
            ("arn:aws:iam::123456789012:role/te am/r", "' ' in the role's path"),
            (&long_name, "65 characters; IAM allows 64"),
            (&"arn:".repeat(1000), "at most 2048"),
            (&long_path, "513 characters; IAM allows 512"),
        ] {
            let invalid = arn.parse::<RoleArn>().unwrap_err();
            assert_eq!(invalid.summary, "Invalid IAM role ARN");
            assert!(invalid.detail.contains(reason), "{arn}: {invalid}");
            assert!(
                invalid.detail.contains("arn:aws:iam::123456789012:role/my-role"),
                "{invalid}"
            );
        }
    }
}
