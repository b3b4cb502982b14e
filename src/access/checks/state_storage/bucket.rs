//! The bucket of the state: its name, and that it exists.

use crate::access::cause::Cause;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::access::render::shell::ShellCommand;
use crate::runner::BucketStorage;

/// A kind of S3 resource that is not a general purpose bucket.
struct OtherResource {
    /// The endings of its names.
    suffixes: &'static [&'static str],
    /// What it is.
    what: &'static str,
    /// Why this check does not evaluate it.
    why: &'static str,
}

/// The endings of names that S3 reserves ("General purpose bucket naming rules" and "Directory bucket naming rules" in the S3 user
/// guide). A bucket from before a reservation can still have one.
const OTHERS: [OtherResource; 5] = [
    OtherResource {
        suffixes: &["-s3alias"],
        what: "an S3 access point",
        why: "This check does not evaluate the access point's policy or its bucket",
    },
    OtherResource {
        suffixes: &["--ol-s3"],
        what: "an S3 Object Lambda Access Point",
        why: "This check does not evaluate the access point's policy or its bucket",
    },
    OtherResource {
        suffixes: &[".mrap"],
        what: "an S3 Multi-Region Access Point",
        why: "This check does not evaluate the access point's policy or its buckets",
    },
    OtherResource {
        suffixes: &["--x-s3", "--xa-s3"],
        what: "an S3 directory bucket, or an access point of one",
        why: "This check does not evaluate its permission, s3express:CreateSession",
    },
    OtherResource {
        suffixes: &["--table-s3"],
        what: "an S3 table bucket",
        why: "It is unknown whether it can store a state",
    },
];

/// Returns the outcome for a name that is reserved for something else than a general purpose bucket.
pub(super) fn not_evaluated(name: &str) -> Option<Outcome> {
    let has_name = |one: &&OtherResource| one.suffixes.iter().any(|end| name.ends_with(end));
    let OtherResource { what, why, .. } = OTHERS.iter().find(has_name)?;
    Some(Outcome::incomplete(
        format!("the bucket is {what}"),
        format!("Not checked: {name:?} is the name of {what}. {why}."),
    ))
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
        "{name:?} is not a valid bucket name: it has {length} characters, but S3 accepts 3 to 63."
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
        _ => create
            .next_line()
            .option("--create-bucket-configuration", format!("LocationConstraint={region}")),
    };
    Outcome::failed(format!("Bucket {bucket:?} does not exist."))
        .compare(bucket.as_str(), "not found")
        .fix(Cause::MissingBucket { bucket: bucket.clone() }, create)
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
            ("x-abc-s3alias", "an S3 access point"),
            ("x-abc--ol-s3", "an S3 Object Lambda Access Point"),
            ("x.mrap", "an S3 Multi-Region Access Point"),
            ("x--usw2-az1--x-s3", "s3express:CreateSession"),
            ("x--usw2-az1--xa-s3", "an access point of one"),
            ("x--table-s3", "an S3 table bucket"),
        ] {
            let message = not_evaluated(name).unwrap().message;
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(not_evaluated("x-s3"), None);
    }
}
