//! State in an S3 bucket: what the role of the Jobs needs for it.

use serde_json::{Value, json};

use crate::runner::job_container::ENVIRONMENT_ID;
use crate::runner::{BucketStorage, RoleArn};

/// What OpenTofu's and Terraform's s3 backend does on the bucket. Without it, S3 responds to the look-up of a state that
/// does not exist yet with 403 in place of 404 ("HeadObject" in the API reference), and both give up.
pub(crate) const BUCKET_ACTIONS: [&str; 1] = ["s3:ListBucket"];

/// What OpenTofu's and Terraform's s3 backend does with the state's object. Measured with OpenTofu 1.10.0 and 1.12.6 and with Terraform
/// 1.11.4 (`tests/oracles/s3-backend`): without either of them, a deployment fails. Only the deletion of workspaces deletes objects,
/// and the Orchestrator never deletes one.
pub(crate) const OBJECT_ACTIONS: [&str; 2] = ["s3:GetObject", "s3:PutObject"];

/// What S3 does in the name of the role with a KMS key that encrypts the objects ("Using server-side encryption with AWS KMS
/// keys" in the S3 user guide).
pub(crate) const KEY_ACTIONS: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];

/// The bucket of a runner's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateBucket {
    /// The partition, such as `aws`.
    partition: String,
    /// The bucket's name.
    name: String,
    /// The beginning of the objects' keys, which ends with a slash unless it is empty.
    prefix: String,
}

impl StateBucket {
    /// Returns the bucket of a state storage in a partition.
    pub(crate) fn new(partition: &str, storage: &BucketStorage) -> Self {
        let prefix = storage.path_prefix.as_deref().unwrap_or_default();
        let prefix = match prefix.trim_end_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self {
            partition: partition.to_owned(),
            name: storage.bucket.clone(),
            prefix,
        }
    }

    /// Returns the bucket's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the beginning of the objects' keys. It ends with a slash, unless it is empty.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the bucket's ARN.
    pub(crate) fn arn(&self) -> String {
        let Self { partition, name, .. } = self;
        format!("arn:{partition}:s3:::{name}")
    }

    /// Returns the pattern of the ARNs of the states.
    pub(crate) fn objects(&self) -> String {
        format!("{}/{}*", self.arn(), self.prefix)
    }

    /// Returns the key of a state. The Orchestrator names it after the UUID of the deployment's environment.
    pub(crate) fn key(&self) -> String {
        format!("{}{ENVIRONMENT_ID}.tfstate", self.prefix)
    }

    /// Returns the ARN of a state.
    pub(crate) fn object(&self) -> String {
        format!("{}/{}", self.arn(), self.key())
    }

    /// Returns the role's own policy.
    pub(crate) fn policy(&self) -> Value {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": BUCKET_ACTIONS, "Resource": self.arn()},
            {"Effect": "Allow", "Action": OBJECT_ACTIONS, "Resource": self.objects()},
        ]})
    }

    /// Returns the statements that the bucket's policy needs for a role of another account.
    pub(crate) fn statements(&self, role: &RoleArn) -> Vec<Value> {
        let allow = |actions: &[&str], resource: String| {
            let principal = json!({"AWS": role.to_string()});
            json!({"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": resource})
        };
        vec![
            allow(&BUCKET_ACTIONS, self.arn()),
            allow(&OBJECT_ACTIONS, self.objects()),
        ]
    }
}

/// Returns the statement that the policy of a key needs for a role.
pub(crate) fn key_statement(role: &RoleArn) -> Value {
    json!({
        "Effect": "Allow", "Principal": {"AWS": role.to_string()},
        "Action": KEY_ACTIONS, "Resource": "*",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(path_prefix: Option<&str>) -> StateBucket {
        let storage = BucketStorage {
            bucket: "states".to_owned(),
            path_prefix: path_prefix.map(str::to_owned),
        };
        StateBucket::new("aws-cn", &storage)
    }

    #[test]
    fn the_prefix_is_a_folder() {
        for (prefix, objects) in [
            (None, "arn:aws-cn:s3:::states/*"),
            (Some("a/b"), "arn:aws-cn:s3:::states/a/b/*"),
            (Some("a/"), "arn:aws-cn:s3:::states/a/*"),
        ] {
            let bucket = bucket(prefix);
            assert_eq!(bucket.objects(), objects);
            let folder = objects.trim_end_matches('*');
            assert!(bucket.object().starts_with(folder) && bucket.object().ends_with(".tfstate"));
        }
    }

    /// The table has the first step that fails for each version of the programs with each permission denied.
    #[test]
    fn the_actions_are_those_that_the_backend_needs() {
        let table = include_str!("../../../tests/oracles/s3-backend/table.json");
        let rows: Vec<Value> = serde_json::from_str(table).unwrap();
        let ours = [&BUCKET_ACTIONS[..], &OBJECT_ACTIONS].concat();
        let denied = rows.iter().filter(|row| !row["denied"].is_null());
        let mut programs = Vec::new();
        for row in denied {
            programs.push(&row["program"]);
            let is_needed = !row["fails_at"].is_null();
            let action = row["denied"].as_str().unwrap();
            assert_eq!(ours.contains(&action), is_needed, "{row}");
        }
        programs.dedup();
        let versions = ["tofu 1.12.6", "terraform 1.11.4", "tofu 1.10.0"];
        assert_eq!(programs, versions);
        for row in rows.iter().filter(|row| row["denied"].is_null()) {
            let is_right = row["region"] == "eu-central-1";
            assert_eq!(row["fails_at"].is_null(), is_right, "{row}");
        }
    }
}
