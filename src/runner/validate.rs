//! The rules, one function a value, so that each can be applied as soon as its value is known.
//!
//! What is refused here is what AWS, Kubernetes or the Orchestrator could never accept; narrower
//! limits of the service (it knows the `aws` partition only) are left to its own messages.
//! Every rule is one pass over the value, written by hand: patterns with nested repetition take
//! long on hostile input and cannot say what is wrong. Lengths count characters.

use super::role_arn::is_name_character;
use super::{Invalid, RoleArn};

/// A runner's id: `^[a-z](?:-?[a-z0-9]+)+$`, at most 100 characters.
///
/// # Errors
/// What is wrong with the id.
pub fn runner_id(id: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A runner id has 2 to 100 lower-case letters, digits and single hyphens, \
        starts with a letter and does not end with a hyphen: \"my-runner\".";
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let finding = length(id, 2, 100)
        .or_else(|| stray(id, allowed))
        .or_else(|| {
            (!id.starts_with(|c: char| c.is_ascii_lowercase()))
                .then(|| "does not start with a lower-case letter".to_owned())
        })
        .or_else(|| id.ends_with('-').then(|| "ends with a hyphen".to_owned()))
        .or_else(|| {
            id.contains("--")
                .then(|| "has two hyphens in a row".to_owned())
        });
    refuse(finding, "Invalid runner id", id, EXPECTED)
}

/// A description: at most 200 characters.
///
/// # Errors
/// How long it is.
pub fn description(description: &str) -> Result<(), Invalid> {
    refuse(
        length(description, 0, 200),
        "Invalid description",
        description,
        "A description has at most 200 characters; shorten it.",
    )
}

/// An EKS cluster's name: `^[0-9A-Za-z][A-Za-z0-9_-]*$`, at most 100 characters.
///
/// # Errors
/// What is wrong with the name.
pub fn cluster_name(name: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "Give the name of the EKS cluster, as `aws eks list-clusters` shows it: 1 to 100 \
        letters, digits, hyphens and underscores, starting with a letter or a digit.";
    let finding = arn_of_a_cluster(name)
        .or_else(|| length(name, 1, 100))
        .or_else(|| stray(name, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .or_else(|| {
            name.starts_with(['-', '_'])
                .then(|| "does not start with a letter or a digit".to_owned())
        });
    refuse(finding, "Invalid EKS cluster name", name, EXPECTED)
}

fn arn_of_a_cluster(name: &str) -> Option<String> {
    let (_, cluster) = name.strip_prefix("arn:")?.split_once(":cluster/")?;
    Some(format!("is the cluster's ARN; its name is {cluster:?}"))
}

/// A region, of the cluster or of STS: what has the form of a region in any partition.
///
/// # Errors
/// What is wrong with the region. An availability zone is told as such.
pub fn region(region: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "Give the code of an AWS region, such as \"us-west-2\", \"us-gov-west-1\" or \
        \"cn-north-1\".";
    let finding = if region.is_empty() {
        Some("is empty".to_owned())
    } else if is_region(region) {
        None
    } else {
        let zone = region.trim_end_matches(|c: char| c.is_ascii_lowercase());
        Some(if is_region(zone) {
            format!("is an availability zone of the region {zone:?}")
        } else {
            "does not have the form of a region".to_owned()
        })
    };
    refuse(finding, "Invalid AWS region", region, EXPECTED)
}

/// Two letters (four in the sovereign clouds: `eusc-de-east-1`), one or two words (`gov-west`,
/// `isob-east`), and a number.
fn is_region(region: &str) -> bool {
    let parts: Vec<&str> = region.splitn(5, '-').collect();
    let [prefix, words @ .., number] = parts.as_slice() else {
        return false;
    };
    matches!(prefix.len(), 2 | 4)
        && matches!(words.len(), 1 | 2)
        && [prefix]
            .into_iter()
            .chain(words)
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// The ARN of an IAM role in any partition; see [`RoleArn`].
///
/// # Errors
/// What is wrong with the ARN.
pub fn role_arn(arn: &str) -> Result<(), Invalid> {
    arn.parse::<RoleArn>().map(drop)
}

/// A session name: 3 to 64 characters of `[A-Za-z0-9_+=,.@-]`.
///
/// # Errors
/// What is wrong with the name. A `/` is told on its own: the Orchestrator takes it, STS does not.
pub fn session_name(name: &str) -> Result<(), Invalid> {
    const EXPECTED: &str =
        "A session name has 3 to 64 letters, digits and characters of _+=,.@- (no spaces).";
    let finding = length(name, 3, 64)
        .or_else(|| {
            name.contains('/').then(|| {
                "contains '/', which the Orchestrator takes but AWS STS refuses when the role is \
                 assumed, so that every deployment would fail; put another character in its place"
                    .to_owned()
            })
        })
        .or_else(|| stray(name, is_name_character));
    refuse(finding, "Invalid session name", name, EXPECTED)
}

/// A Kubernetes namespace: a DNS label (RFC 1123), at most 63 characters.
///
/// # Errors
/// What is wrong with the namespace.
pub fn namespace(namespace: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A Kubernetes namespace has 1 to 63 lower-case letters, digits and hyphens, and \
        starts and ends with a letter or a digit.";
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let finding = length(namespace, 1, 63)
        .or_else(|| stray(namespace, allowed))
        .or_else(|| label_edges(namespace));
    refuse(finding, "Invalid Kubernetes namespace", namespace, EXPECTED)
}

/// The name of a Kubernetes service account: a DNS subdomain (RFC 1123), at most 253 characters.
///
/// # Errors
/// What is wrong with the name.
pub fn service_account(name: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A Kubernetes service account's name has 1 to 253 lower-case letters, digits, \
        hyphens and dots, and each part between dots starts and ends with a letter or a digit.";
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let finding = length(name, 1, 253)
        .or_else(|| stray(name, allowed))
        .or_else(|| name.split('.').find_map(label_edges));
    refuse(
        finding,
        "Invalid Kubernetes service account",
        name,
        EXPECTED,
    )
}

fn label_edges(label: &str) -> Option<String> {
    if label.is_empty() {
        Some("has an empty part beside a dot".to_owned())
    } else if label.starts_with('-') || label.ends_with('-') {
        Some("has a hyphen where a letter or a digit must stand".to_owned())
    } else {
        None
    }
}

/// The `type` of a state storage: `kubernetes`, `s3`, `gcs` or `azurerm`.
///
/// # Errors
/// The type that was found.
pub fn state_storage_type(kind: &str) -> Result<(), Invalid> {
    refuse(
        (!matches!(kind, "kubernetes" | "s3" | "gcs" | "azurerm"))
            .then(|| "is no type of state storage that an EKS runner takes".to_owned()),
        "Invalid state storage type",
        kind,
        "Use \"kubernetes\", \"s3\", \"gcs\" or \"azurerm\".",
    )
}

/// A bucket of S3 or Google Cloud Storage, as the Orchestrator takes it:
/// `^[a-z0-9][a-z0-9\-]*[a-z0-9]$`.
///
/// # Errors
/// What is wrong with the name.
pub fn bucket(bucket: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "The Orchestrator takes buckets whose name has lower-case letters, digits and \
        hyphens (no dots), and starts and ends with a letter or a digit. Give the name alone, \
        without \"s3://\" or \"gs://\".";
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let finding = length(bucket, 2, usize::MAX)
        .or_else(|| stray(bucket, allowed))
        .or_else(|| label_edges(bucket));
    refuse(finding, "Invalid bucket name", bucket, EXPECTED)
}

/// The path prefix in an S3 bucket, as the Orchestrator takes it:
/// `^[a-zA-Z0-9._-]+(?:\/[a-zA-Z0-9._-]+)*\/?$`. It states no rule for the other storages.
///
/// # Errors
/// What is wrong with the prefix.
pub fn s3_path_prefix(prefix: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A path prefix is parts of letters, digits and ._- with single slashes between \
        them; it may end with a slash but not start with one: \"team/runners/\". Leave \
        path_prefix out to have none.";
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let finding = length(prefix, 1, usize::MAX)
        .or_else(|| stray(prefix, allowed))
        .or_else(|| {
            prefix
                .starts_with('/')
                .then(|| "starts with a slash".to_owned())
        })
        .or_else(|| {
            prefix
                .contains("//")
                .then(|| "has two slashes in a row".to_owned())
        });
    refuse(finding, "Invalid path prefix", prefix, EXPECTED)
}

/// The name of an Azure storage account: not empty.
///
/// # Errors
/// That it is empty.
pub fn storage_account_name(name: &str) -> Result<(), Invalid> {
    refuse(
        length(name, 1, usize::MAX),
        "Invalid Azure storage account name",
        name,
        "Give the name of the Azure storage account that keeps the state.",
    )
}

/// The name of an Azure storage container: not empty.
///
/// # Errors
/// That it is empty.
pub fn container_name(name: &str) -> Result<(), Invalid> {
    refuse(
        length(name, 1, usize::MAX),
        "Invalid Azure container name",
        name,
        "Give the name of the container, in the Azure storage account, that keeps the state.",
    )
}

fn refuse(
    finding: Option<String>,
    summary: &'static str,
    value: &str,
    expected: &str,
) -> Result<(), Invalid> {
    finding.map_or(Ok(()), |finding| {
        Err(Invalid::new(summary, value, finding, expected))
    })
}

fn length(value: &str, least: usize, most: usize) -> Option<String> {
    match value.chars().count() {
        0 if least > 0 => Some("is empty".to_owned()),
        1 if least > 1 => Some("has only 1 character".to_owned()),
        found if found < least => Some(format!("has only {found} characters")),
        found if found > most => Some(format!("has {found} characters, more than {most}")),
        _ => None,
    }
}

fn stray(value: &str, allowed: impl Fn(char) -> bool) -> Option<String> {
    value
        .chars()
        .find(|&c| !allowed(c))
        .map(|c| format!("contains {c:?}, which is not allowed"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use regex_lite::Regex;

    use super::*;

    type Rule = fn(&str) -> Result<(), Invalid>;

    #[track_caller]
    fn takes(rule: Rule, values: &[&str]) {
        for value in values {
            assert_eq!(rule(value), Ok(()), "{value}");
        }
    }

    /// Each value is refused for the reason beside it.
    #[track_caller]
    fn refuses(rule: Rule, summary: &str, values: &[(&str, &str)]) {
        for (value, reason) in values {
            let invalid = rule(value).expect_err(value);
            assert_eq!(invalid.summary, summary);
            assert!(invalid.detail.contains(reason), "{value}: {invalid}");
        }
    }

    #[test]
    fn runner_ids() {
        takes(
            runner_id,
            &["my-runner", "a1", "ab", "a-1", "r0-1-b", &"a".repeat(100)],
        );
        refuses(
            runner_id,
            "Invalid runner id",
            &[
                ("", "is empty"),
                ("a", "only 1 character"),
                (&"a".repeat(101), "101 characters, more than 100"),
                ("My-runner", "'M'"),
                ("my_runner", "'_'"),
                ("my runner", "' '"),
                ("my-runner\n", "'\\n'"),
                ("rünner", "'ü'"),
                ("1-runner", "start with a lower-case letter"),
                ("-runner", "start with a lower-case letter"),
                ("my-runner-", "ends with a hyphen"),
                ("my--runner", "two hyphens"),
            ],
        );
    }

    #[test]
    fn a_message_says_what_was_found_and_what_is_expected() {
        assert_eq!(
            runner_id("my_runner").unwrap_err().to_string(),
            "Invalid runner id: \"my_runner\" contains '_', which is not allowed. A runner id has 2 to 100 \
             lower-case letters, digits and single hyphens, starts with a letter and does not end with a \
             hyphen: \"my-runner\"."
        );
    }

    #[test]
    fn descriptions_are_counted_in_characters() {
        takes(description, &["", "a", &"é".repeat(200), "two\nlines"]);
        refuses(
            description,
            "Invalid description",
            &[(&"é".repeat(201), "201 characters, more than 200")],
        );
    }

    #[test]
    fn cluster_names() {
        takes(
            cluster_name,
            &["my-eks-cluster", "0", "A_b-", &"c".repeat(100)],
        );
        refuses(
            cluster_name,
            "Invalid EKS cluster name",
            &[
                ("", "is empty"),
                ("-c", "does not start"),
                ("_c", "does not start"),
                ("my.cluster", "'.'"),
                (&"c".repeat(101), "101 characters"),
                (
                    "arn:aws:eks:us-west-2:123456789012:cluster/mine",
                    "its name is \"mine\"",
                ),
            ],
        );
    }

    #[test]
    fn regions_of_every_partition() {
        takes(
            region,
            &[
                "us-west-2",
                "ap-southeast-7",
                "mx-central-1",
                "il-central-1",
                "us-gov-west-1",
                "us-gov-east-1",
                "cn-north-1",
                "cn-northwest-1",
                "us-iso-east-1",
                "us-isob-east-1",
                "eu-isoe-west-1",
                "us-isof-south-1",
                "eusc-de-east-1",
            ],
        );
        refuses(
            region,
            "Invalid AWS region",
            &[
                ("", "is empty"),
                (
                    "us-east-1a",
                    "availability zone of the region \"us-east-1\"",
                ),
                ("us-east1", "form of a region"),
                ("us-east", "form of a region"),
                ("useast1", "form of a region"),
                ("US-EAST-1", "form of a region"),
                ("us-east-", "form of a region"),
                ("us--1", "form of a region"),
                ("us-east-1-", "form of a region"),
                ("us-east-123", "form of a region"),
                ("us-a-b-c-1", "form of a region"),
                ("aws-global", "form of a region"),
                ("us_east_1", "form of a region"),
                (" us-east-1", "form of a region"),
                ("Oregon", "form of a region"),
            ],
        );
    }

    #[test]
    fn role_arns_are_those_that_can_be_taken_apart() {
        takes(
            role_arn,
            &["arn:aws-us-gov:iam::123456789012:role/team/x/RoleName"],
        );
        refuses(
            role_arn,
            "Invalid IAM role ARN",
            &[("arn:aws:iam::123456789012:user/bob", "IAM user")],
        );
    }

    #[test]
    fn session_names() {
        takes(session_name, &["abc", "a_b+c=d,e.f@g-h", &"s".repeat(64)]);
        refuses(
            session_name,
            "Invalid session name",
            &[
                ("", "is empty"),
                ("ab", "only 2 characters"),
                (&"s".repeat(65), "65 characters, more than 64"),
                ("my/session", "AWS STS refuses"),
                ("my session", "' '"),
                ("my:session", "':'"),
                ("sessiön", "'ö'"),
            ],
        );
    }

    #[test]
    fn namespaces() {
        takes(namespace, &["default", "a", "0-a", &"n".repeat(63)]);
        refuses(
            namespace,
            "Invalid Kubernetes namespace",
            &[
                ("", "is empty"),
                ("Default", "'D'"),
                ("my.ns", "'.'"),
                ("my_ns", "'_'"),
                ("-ns", "hyphen"),
                ("ns-", "hyphen"),
                (&"n".repeat(64), "64 characters"),
            ],
        );
    }

    #[test]
    fn service_accounts() {
        takes(
            service_account,
            &[
                "default",
                "a.b-c.d",
                &"s".repeat(253),
                "a.".repeat(50).trim_end_matches('.'),
            ],
        );
        refuses(
            service_account,
            "Invalid Kubernetes service account",
            &[
                ("", "is empty"),
                ("My-sa", "'M'"),
                ("a_b", "'_'"),
                ("a..b", "beside a dot"),
                (".a", "beside a dot"),
                ("a.", "beside a dot"),
                ("a-.b", "hyphen"),
                ("a.-b", "hyphen"),
                (&"s".repeat(254), "254 characters"),
            ],
        );
    }

    #[test]
    fn state_storage_types() {
        takes(state_storage_type, &["kubernetes", "s3", "gcs", "azurerm"]);
        refuses(
            state_storage_type,
            "Invalid state storage type",
            &[("S3", "\"S3\""), ("", "\"\""), ("local", "\"local\"")],
        );
    }

    #[test]
    fn buckets() {
        takes(bucket, &["my-bucket", "a1", "0--0"]);
        refuses(
            bucket,
            "Invalid bucket name",
            &[
                ("", "is empty"),
                ("b", "only 1 character"),
                ("my.bucket", "'.'"),
                ("My-bucket", "'M'"),
                ("s3://bucket", "':'"),
                ("-b", "hyphen"),
                ("b-", "hyphen"),
            ],
        );
    }

    #[test]
    fn s3_path_prefixes() {
        takes(s3_path_prefix, &["p", "p/", "A._-0/b/c/", "."]);
        refuses(
            s3_path_prefix,
            "Invalid path prefix",
            &[
                ("", "is empty"),
                ("/", "starts with a slash"),
                ("/p", "starts with a slash"),
                ("p//q", "two slashes"),
                ("p//", "two slashes"),
                ("p q", "' '"),
            ],
        );
    }

    #[test]
    fn azure_names_are_not_empty() {
        takes(storage_account_name, &["account"]);
        takes(container_name, &["container"]);
        refuses(
            storage_account_name,
            "Invalid Azure storage account name",
            &[("", "is empty")],
        );
        refuses(
            container_name,
            "Invalid Azure container name",
            &[("", "is empty")],
        );
    }

    #[test]
    fn a_huge_value_is_refused_quickly_and_not_repeated_whole() {
        let huge = "a-".repeat(500_000) + "!";
        let start = Instant::now();
        for rule in [
            runner_id as Rule,
            description,
            cluster_name,
            region,
            role_arn,
            session_name,
            namespace,
            service_account,
            state_storage_type,
            bucket,
            s3_path_prefix,
        ] {
            assert!(rule(&huge).unwrap_err().detail.len() < 1000);
        }
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
    }

    proptest! {
        /// The rules by hand are the patterns that are documented.
        #[test]
        fn rules_agree_with_their_patterns(value in "[a-cA-B0-1./_@ -]{0,8}") {
            for (rule, pattern) in [
                (runner_id as Rule, r"^[a-z](?:-?[a-z0-9]+)+$"),
                (cluster_name, r"^[0-9A-Za-z][A-Za-z0-9_-]*$"),
                (session_name, r"^[A-Za-z0-9_+=,.@-]{3,64}$"),
                (namespace, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
                (service_account, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
                (bucket, r"^[a-z0-9][a-z0-9\-]*[a-z0-9]$"),
                (s3_path_prefix, r"^[a-zA-Z0-9._-]+(?:\/[a-zA-Z0-9._-]+)*\/?$"),
            ] {
                let expected = Regex::new(pattern).unwrap().is_match(&value);
                prop_assert_eq!(rule(&value).is_ok(), expected, "{} {}", pattern, value);
            }
        }

        #[test]
        fn no_rule_panics(value in any::<String>()) {
            for rule in [runner_id as Rule, description, cluster_name, region, role_arn, session_name] {
                let _ = rule(&value);
            }
        }
    }
}
