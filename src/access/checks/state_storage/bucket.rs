//! The bucket of the state: its name, and that it exists.

use crate::access::cause::Cause;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::access::render::shell::ShellCommand;
use crate::runner::BucketStorage;

/// Returns the outcome for a name that stands for something else than a general purpose bucket.
///
/// Sources in the S3 user guide: "Using a bucket-style alias for your access point" and "Directory bucket naming rules". The
/// actions on a directory bucket are others, such as `s3express:CreateSession`.
pub(super) fn not_evaluated(name: &str) -> Option<Outcome> {
    if name.ends_with("-s3alias") {
        return Some(Outcome::incomplete(
            "the bucket is an access point of S3",
            format!(
                "Not checked: {name:?} is the alias of an access point, whose policy and bucket this check does not evaluate."
            ),
        ));
    }
    let is_directory = name.ends_with("--x-s3") || name.ends_with("--xa-s3");
    is_directory.then(|| {
        Outcome::incomplete(
            "the bucket is a directory bucket of S3",
            format!(
                "Not checked: {name:?} is a directory bucket or an access point of one. This check does not evaluate its \
                 permission, s3express:CreateSession."
            ),
        )
    })
}

/// Returns the outcome for a name that no bucket can have in the region that the Job uses, if that is known.
///
/// A name has 3 to 63 characters. Until March 2018, it could have up to 255 in `us-east-1` ("General purpose bucket naming
/// rules" in the S3 user guide).
pub(super) fn impossible(name: &str, region: Option<&str>) -> Option<Outcome> {
    let longest = match region {
        None | Some("us-east-1") => 255,
        Some(_) => 63,
    };
    let length = name.chars().count();
    if (3..=longest).contains(&length) {
        return None;
    }
    let outcome = Outcome::failed(format!(
        "No bucket has the name {name:?}: it has {length} characters, and S3 accepts 3 to 63."
    ));
    Some(
        outcome
            .compare("3 to 63 characters", format!("{length} characters"))
            .fix(
                Cause::MissingBucket {
                    bucket: name.to_owned(),
                },
                Fix::note("Set bucket of the state storage to the name of a bucket that exists."),
            ),
    )
}

/// Returns the outcome for a bucket that does not exist.
pub(super) fn missing(storage: &BucketStorage, region: &str) -> Outcome {
    let bucket = &storage.bucket;
    let create = ShellCommand::new("aws s3api create-bucket")
        .option("--bucket", bucket)
        .option("--region", region);
    // us-east-1 is the one region that is not a location constraint ("CreateBucket" in the API reference).
    let create = match region {
        "us-east-1" => create,
        _ => create.next_line().option(
            "--create-bucket-configuration",
            format!("LocationConstraint={region}"),
        ),
    };
    Outcome::failed(format!("Bucket {bucket:?} does not exist."))
        .compare(bucket.as_str(), "not found")
        .fix(
            Cause::MissingBucket {
                bucket: bucket.clone(),
            },
            create,
        )
        .not_yet()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_another_length_is_impossible() {
        let elsewhere = Some("eu-west-1");
        for (length, region, is_impossible) in [
            (2, None, true),
            (2, elsewhere, true),
            (3, elsewhere, false),
            (63, elsewhere, false),
            (64, elsewhere, true),
            (64, Some("us-east-1"), false),
            (64, None, false),
            (256, Some("us-east-1"), true),
        ] {
            let found = impossible(&"b".repeat(length), region);
            assert_eq!(found.is_some(), is_impossible, "{length} {region:?}");
        }
    }

    #[test]
    fn access_points_and_directory_buckets_are_not_evaluated() {
        for (name, part) in [
            ("x-abc-s3alias", "the alias of an access point"),
            ("x--usw2-az1--x-s3", "s3express:CreateSession"),
            ("x--usw2-az1--xa-s3", "an access point of one"),
        ] {
            let message = not_evaluated(name).unwrap().message;
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(not_evaluated("x-s3"), None);
    }
}
