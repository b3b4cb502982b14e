//! The KMS key that encrypts the objects of a bucket.

use std::sync::Arc;

use super::bucket_access::ResourceFinding;
use crate::access::aws::{AwsError, DefaultKey, KeyGrant, KmsKey};
use crate::access::cause::Cause;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::access::policy::RoleSession;
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;

/// The key that encrypts the objects of a bucket.
pub(super) enum StateKey {
    /// A key that needs no permission: of S3 itself, or `aws/s3`. The policy of `aws/s3` has the statement "Allow access through
    /// S3 for all principals in the account that are authorized to use S3" (`aws kms get-key-policy`).
    NoPermission,
    /// A customer managed key.
    CustomerManaged(Arc<KmsKey>),
    /// Nobody can use it. The outcome of the check.
    Unusable(Box<Outcome>),
    /// It is unknown. The outcome of the check.
    Unknown(Box<Outcome>),
}

/// Looks up the key that encrypts the new objects of a bucket.
pub(super) async fn find(run: &Run<'_>, region: &str, bucket: &str) -> StateKey {
    let unknown = |error: AwsError| StateKey::Unknown(Box::new(error.outcome()));
    let id = match run.aws().bucket_key(region, bucket).await {
        Ok(key) => match &*key {
            DefaultKey::SseS3 | DefaultKey::ManagedByAws => return StateKey::NoPermission,
            DefaultKey::Kms(id) => id.clone(),
        },
        Err(error) => return unknown(error),
    };
    match run.aws().key(region, &id).await {
        Ok(key) if key.is_managed_by_aws => StateKey::NoPermission,
        Ok(key) => match disabled(&key, region, bucket) {
            Some(outcome) => StateKey::Unusable(Box::new(outcome)),
            None => StateKey::CustomerManaged(key),
        },
        Err(AwsError::NotFound { .. }) => StateKey::Unusable(Box::new(missing(&id, region, bucket))),
        Err(error) => unknown(error),
    }
}

/// Returns what a grant of a key decides on an action of a session, which no policy allows. `None` if no grant allows it.
///
/// A grant needs neither a policy of its principal nor a statement of the key's policy ("Grants in AWS KMS" in the
/// AWS KMS developer guide).
pub(super) async fn grant(
    run: &Run<'_>,
    region: &str,
    key_arn: &str,
    session: &RoleSession<'_>,
) -> Option<ResourceFinding> {
    let role = session.role.to_string();
    let grants = match run.aws().key_grants(region, key_arn, &role).await {
        Ok(grants) => grants,
        Err(error) => return Some(ResourceFinding::Unknown(Box::new(error.outcome()))),
    };
    let operation = session.action.strip_prefix("kms:");
    let allows = |grant: &&KeyGrant| grant.operations.iter().any(|one| Some(&**one) == operation);
    let grant = grants.iter().filter(allows).min_by_key(|grant| grant.is_constrained)?;
    Some(if grant.is_constrained {
        ResourceFinding::Doubtful(format!(
            "only a grant allows {}, and only with an encryption context that it names",
            session.action
        ))
    } else {
        ResourceFinding::Allowed
    })
}

/// Returns the outcome for a key in a state in which KMS refuses to encrypt and decrypt ("Key states of AWS KMS keys" in the
/// AWS KMS developer guide).
fn disabled(key: &KmsKey, region: &str, bucket: &str) -> Option<Outcome> {
    let of_key = |command: &str| {
        ShellCommand::new(command)
            .option("--region", region)
            .option("--key-id", &key.arn)
    };
    let enable = of_key("aws kms enable-key");
    let fix = match key.state.as_str() {
        "Disabled" => Fix::run(enable),
        "PendingDeletion" => Fix::run(of_key("aws kms cancel-key-deletion")).then_run(enable),
        "PendingReplicaDeletion" | "PendingImport" | "Unavailable" => Fix::run(of_key("aws kms describe-key")),
        _ => return None,
    };
    let outcome = Outcome::failed(format!(
        "The key {} that encrypts the objects of bucket {bucket:?} is in state {}: the Job cannot read or write its state.",
        key.arn, key.state
    ));
    let cause = Cause::UnusableKey { key: key.arn.clone() };
    let outcome = outcome.compare("Enabled", key.state.as_str());
    Some(outcome.fix(cause, fix).retryable())
}

/// Returns the outcome for a key that does not exist.
fn missing(id: &str, region: &str, bucket: &str) -> Outcome {
    let show = ShellCommand::new("aws s3api get-bucket-encryption")
        .option("--region", region)
        .option("--bucket", bucket);
    Outcome::failed(format!(
        "The key {id} that encrypts the objects of bucket {bucket:?} does not exist."
    ))
    .compare(id, "not found")
    .fix(
        Cause::UnusableKey { key: id.to_owned() },
        Fix::note("Set another key in the encryption of the bucket:").then_run(show),
    )
}
