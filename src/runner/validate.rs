//! The rules, one function for each value, so that each can be applied as soon as its value is known.
//!
//! A rule refuses only what AWS, Kubernetes, or the Orchestrator never accepts. Two limits of the service are narrower, and
//! the service reports them itself: it accepts only the partition `aws`, and STS regions of three parts.
//! The rules are written by hand, because a pattern with nested repetition takes long on hostile input and cannot say
//! what is wrong. Lengths are in characters.

use super::invalid::quoted;
use super::role_arn::is_name_character;
use super::{Invalid, RoleArn, StorageType};

/// Checks a runner's id: `^[a-z][a-z0-9_-]+$`, of any length (source: `RunnerCreateBody` in the OpenAPI description of the
/// Orchestrator's control plane, stellwerk-labs/platform-orchestrator-cp). The Go providers refuse some of these ids, but the
/// API and the CLIs accept them.
///
/// # Errors
/// What is wrong with the id.
pub fn runner_id(id: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A runner ID has at least 2 lowercase letters, digits, hyphens, and underscores, and starts with a \
        letter: \"my-runner\".";
    let finding = length(id, 2, usize::MAX).or_else(|| stray_in_id(id));
    refuse(finding, "Invalid runner ID", id, EXPECTED)
}

/// Checks the beginning of runners' IDs, which can be empty.
///
/// # Errors
/// Why no ID begins with it.
pub fn runner_id_prefix(prefix: &str) -> Result<(), Invalid> {
    const EXPECTED: &str =
        "A runner ID has lowercase letters, digits, hyphens, and underscores, and starts with a letter.";
    let finding = stray_in_id(prefix).filter(|_| !prefix.is_empty());
    refuse(finding, "Invalid prefix of runner IDs", prefix, EXPECTED)
}

/// Returns why a text is not the beginning of a runner's ID.
fn stray_in_id(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    stray(text, allowed).or_else(|| {
        (!text.starts_with(|c: char| c.is_ascii_lowercase()))
            .then(|| "does not start with a lowercase letter".to_owned())
    })
}

/// Checks an EKS cluster's name: `^[0-9A-Za-z][A-Za-z0-9_-]*$`, at most 100 characters (source: `name` of `CreateCluster` in the
/// EKS API reference).
///
/// # Errors
/// What is wrong with the name.
pub fn cluster_name(name: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "Use the name of the EKS cluster, as `aws eks list-clusters` shows it: 1 to 100 \
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
    Some(format!("is the cluster's ARN; its name is {}", quoted(cluster)))
}

/// Checks the region of the cluster. It must have the form of a region in any partition.
///
/// # Errors
/// What is wrong with the region. The error about an availability zone names its region.
pub fn region(region: &str) -> Result<(), Invalid> {
    region_or(region, "")
}

/// Checks the region of the STS endpoint, as [`region`].
///
/// # Errors
/// What is wrong with the region.
pub fn sts_region(region: &str) -> Result<(), Invalid> {
    region_or(region, " Remove sts_region to use the cluster's region.")
}

fn region_or(region: &str, alternative: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "Use the code of an AWS region, such as \"us-west-2\", \"us-gov-west-1\", or \
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
    let expected = format!("{EXPECTED}{alternative}");
    refuse(finding, "Invalid AWS region", region, &expected)
}

/// Returns whether the text has the form of a region: two letters (four in the sovereign clouds: `eusc-de-east-1`), one
/// or two words (`gov-west`, `isob-east`), and a number.
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

/// Checks the ARN of an IAM role in any partition. See [`RoleArn`].
///
/// # Errors
/// What is wrong with the ARN.
pub fn role_arn(arn: &str) -> Result<(), Invalid> {
    arn.parse::<RoleArn>().map(drop)
}

/// Checks a session name: 3 to 64 characters of `[A-Za-z0-9_+=,.@-]`. The Orchestrator requires 3 characters and also accepts
/// `/` (source: `AwsTemporaryAuth` in the OpenAPI description of its control plane). STS accepts 2 to 64 of these characters
/// (source: `RoleSessionName` of `AssumeRoleWithWebIdentity` in the AWS STS API reference).
///
/// # Errors
/// What is wrong with the name. A `/` has its own message, because the Orchestrator accepts it and STS does not.
pub fn session_name(name: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A session name has 3 to 64 letters, digits, and characters of _+=,.@- (no spaces).";
    let finding = name
        .contains('/')
        .then(|| {
            "contains '/', which the Orchestrator accepts but AWS STS refuses when the role is assumed, so that every \
             deployment would fail; use another character instead"
                .to_owned()
        })
        .or_else(|| length(name, 3, 64))
        .or_else(|| stray(name, is_name_character));
    refuse(finding, "Invalid session name", name, EXPECTED)
}

/// Checks a Kubernetes namespace: a DNS label (RFC 1123), at most 63 characters.
///
/// # Errors
/// What is wrong with the namespace.
pub fn namespace(namespace: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A Kubernetes namespace has 1 to 63 lowercase letters, digits, and hyphens, and \
        starts and ends with a letter or a digit.";
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let finding = length(namespace, 1, 63)
        .or_else(|| stray(namespace, allowed))
        .or_else(|| label_edges(namespace));
    refuse(finding, "Invalid Kubernetes namespace", namespace, EXPECTED)
}

/// Checks the name of a Kubernetes service account: a DNS subdomain (RFC 1123), at most 253 characters.
///
/// # Errors
/// What is wrong with the name.
pub fn service_account(name: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A Kubernetes service account's name has 1 to 253 lowercase letters, digits, \
        hyphens, and dots, and each part between dots starts and ends with a letter or a digit.";
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let finding = length(name, 1, 253)
        .or_else(|| stray(name, allowed))
        .or_else(|| name.split('.').find_map(label_edges));
    refuse(finding, "Invalid Kubernetes service account", name, EXPECTED)
}

fn label_edges(label: &str) -> Option<String> {
    if label.is_empty() {
        Some("has an empty part beside a dot".to_owned())
    } else if label.starts_with('-') || label.ends_with('-') {
        Some("has a hyphen where a letter or a digit must be".to_owned())
    } else {
        None
    }
}

/// Checks the `type` of a state storage.
///
/// # Errors
/// The type that was found.
pub fn state_storage_type(kind: &str) -> Result<(), Invalid> {
    refuse(
        StorageType::find(kind)
            .is_none()
            .then(|| "is not a type of state storage".to_owned()),
        "Invalid state storage type",
        kind,
        &format!("Use {}.", StorageType::any(|ty| format!("{ty:?}"))),
    )
}

/// Checks the name of an S3 or Google Cloud Storage bucket, as the Orchestrator accepts it: `^[a-z0-9][a-z0-9\-]*[a-z0-9]$`
/// (source: `S3StorageConfiguration` and `GCSStorageConfiguration` in the OpenAPI description of its control plane).
///
/// # Errors
/// What is wrong with the name.
pub fn bucket(bucket: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "The Orchestrator accepts bucket names of lowercase letters, digits, and hyphens (no \
        dots) that start and end with a letter or a digit. Use the name only, without \"s3://\" or \"gs://\".";
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let finding = length(bucket, 2, usize::MAX)
        .or_else(|| stray(bucket, allowed))
        .or_else(|| label_edges(bucket));
    refuse(finding, "Invalid bucket name", bucket, EXPECTED)
}

/// Checks the path prefix in a bucket or container. The Orchestrator has one rule for S3, Google Cloud Storage and Azure:
/// `^[a-zA-Z0-9._-]+(?:\/[a-zA-Z0-9._-]+)*\/?$` (source: the OpenAPI description of its control plane).
///
/// # Errors
/// What is wrong with the prefix.
pub fn path_prefix(prefix: &str) -> Result<(), Invalid> {
    const EXPECTED: &str = "A path prefix has parts of letters, digits, and ._- with single slashes between them. \
        It can end with a slash, but not start with one: \"team/runners/\". Remove path_prefix to use none.";
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let finding = length(prefix, 1, usize::MAX)
        .or_else(|| stray(prefix, allowed))
        .or_else(|| prefix.starts_with('/').then(|| "starts with a slash".to_owned()))
        .or_else(|| prefix.contains("//").then(|| "has two slashes in a row".to_owned()));
    refuse(finding, "Invalid path prefix", prefix, EXPECTED)
}

/// Checks the name of an Azure storage account. It must not be empty. The Orchestrator accepts any string (source:
/// `AzureRMStorageConfiguration` in the OpenAPI description of its control plane), but its backend needs a name.
///
/// # Errors
/// The name is empty.
pub fn storage_account_name(name: &str) -> Result<(), Invalid> {
    refuse(
        length(name, 1, usize::MAX),
        "Invalid Azure storage account name",
        name,
        "Use the name of the Azure storage account that stores the state.",
    )
}

/// Checks the name of an Azure storage container. It must not be empty, for the same reason as [`storage_account_name`].
///
/// # Errors
/// The name is empty.
pub fn container_name(name: &str) -> Result<(), Invalid> {
    refuse(
        length(name, 1, usize::MAX),
        "Invalid Azure container name",
        name,
        "Use the name of the container in the Azure storage account that stores the state.",
    )
}

fn refuse(finding: Option<String>, summary: &'static str, value: &str, expected: &str) -> Result<(), Invalid> {
    finding.map_or(Ok(()), |finding| Err(Invalid::new(summary, value, finding, expected)))
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
mod tests;
