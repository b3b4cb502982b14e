use std::time::{Duration, Instant};

use proptest::prelude::*;
use regex_lite::Regex;

use super::*;

type Rule = fn(&str) -> Result<(), Invalid>;

#[track_caller]
fn accepts(rule: Rule, values: &[&str]) {
    for value in values {
        assert_eq!(rule(value), Ok(()), "{value}");
    }
}

/// Asserts that each value is refused for the reason beside it.
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
    accepts(
        runner_id,
        &[
            "my-runner",
            "my_runner",
            "a1",
            "ab",
            "a-",
            "a_",
            "a--b__c-",
            "r0-1-b",
            &"a".repeat(100),
            &"a".repeat(101),
            &"a_".repeat(5000),
        ],
    );
    refuses(
        runner_id,
        "Invalid runner ID",
        &[
            ("", "is empty"),
            ("a", "only 1 character"),
            ("My-runner", "'M'"),
            ("my.runner", "'.'"),
            ("my runner", "' '"),
            ("my-runner\n", "'\\n'"),
            ("rünner", "'ü'"),
            ("1-runner", "start with a lowercase letter"),
            ("-runner", "start with a lowercase letter"),
            ("_runner", "start with a lowercase letter"),
        ],
    );
}

#[test]
fn an_error_has_the_found_and_the_expected_value() {
    assert_eq!(
        runner_id("my.runner").unwrap_err().to_string(),
        "Invalid runner ID: \"my.runner\" contains '.', which is not allowed. A runner ID has at least 2 lowercase \
         letters, digits, hyphens, and underscores, and starts with a letter: \"my-runner\"."
    );
}

#[test]
fn cluster_names() {
    accepts(cluster_name, &["my-eks-cluster", "0", "A_b-", &"c".repeat(100)]);
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
    accepts(
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
            ("us-east-1a", "availability zone of the region \"us-east-1\""),
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
fn role_arns_are_those_that_can_be_parsed() {
    accepts(role_arn, &["arn:aws-us-gov:iam::123456789012:role/team/x/RoleName"]);
    refuses(
        role_arn,
        "Invalid IAM role ARN",
        &[("arn:aws:iam::123456789012:user/bob", "IAM user")],
    );
}

#[test]
fn session_names() {
    accepts(session_name, &["abc", "a_b+c=d,e.f@g-h", &"s".repeat(64)]);
    refuses(
        session_name,
        "Invalid session name",
        &[
            ("", "is empty"),
            ("ab", "only 2 characters"),
            (&"s".repeat(65), "65 characters, more than 64"),
            ("my/session", "AWS STS refuses"),
            ("/", "AWS STS refuses"),
            ("my session", "' '"),
            ("my:session", "':'"),
            ("sessiön", "'ö'"),
        ],
    );
}

#[test]
fn namespaces() {
    accepts(namespace, &["default", "a", "0-a", &"n".repeat(63)]);
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
    accepts(
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
    accepts(state_storage_type, &["kubernetes", "s3", "gcs", "azurerm"]);
    refuses(
        state_storage_type,
        "Invalid state storage type",
        &[("S3", "\"S3\""), ("", "\"\""), ("local", "\"local\"")],
    );
}

#[test]
fn buckets() {
    accepts(bucket, &["my-bucket", "a1", "0--0"]);
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
fn path_prefixes() {
    accepts(path_prefix, &["p", "p/", "A._-0/b/c/", "."]);
    refuses(
        path_prefix,
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
    accepts(storage_account_name, &["account"]);
    accepts(container_name, &["container"]);
    refuses(
        storage_account_name,
        "Invalid Azure storage account name",
        &[("", "is empty")],
    );
    refuses(container_name, "Invalid Azure container name", &[("", "is empty")]);
}

#[test]
fn a_huge_value_is_refused_quickly_and_cut() {
    let huge = "a-".repeat(500_000) + "!";
    let start = Instant::now();
    for rule in [
        runner_id as Rule,
        cluster_name,
        region,
        role_arn,
        session_name,
        namespace,
        service_account,
        state_storage_type,
        bucket,
        path_prefix,
    ] {
        assert!(rule(&huge).unwrap_err().detail.len() < 1000);
    }
    let arn = format!("arn:aws:eks:us-west-2:123456789012:cluster/{huge}");
    assert!(cluster_name(&arn).unwrap_err().detail.len() < 1000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

proptest! {
    /// The rules, which are written by hand, agree with the documented patterns.
    #[test]
    fn rules_agree_with_their_patterns(value in "[a-cA-B0-1./_@ -]{0,8}") {
        for (rule, pattern) in [
            (runner_id as Rule, r"^[a-z][a-z0-9_-]+$"),
            (cluster_name, r"^[0-9A-Za-z][A-Za-z0-9_-]*$"),
            (session_name, r"^[A-Za-z0-9_+=,.@-]{3,64}$"),
            (namespace, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
            (service_account, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
            (bucket, r"^[a-z0-9][a-z0-9\-]*[a-z0-9]$"),
            (path_prefix, r"^[a-zA-Z0-9._-]+(?:\/[a-zA-Z0-9._-]+)*\/?$"),
        ] {
            let expected = Regex::new(pattern).unwrap().is_match(&value);
            prop_assert_eq!(rule(&value).is_ok(), expected, "{} {}", pattern, value);
        }
    }

    #[test]
    fn no_rule_panics(value in any::<String>()) {
        for rule in [runner_id as Rule, cluster_name, region, role_arn, session_name] {
            let _ = rule(&value);
        }
    }
}
