//! The partitions of AWS, of which none knows the objects of another one.

/// The partitions besides `aws`: the name, with what the names of its regions begin, and a region in which it has IAM.
///
/// Source: `partitions.json` of the AWS SDKs, with which their endpoint rules find the partition of a region.
const OTHERS: [(&str, &str, &str); 7] = [
    ("aws-cn", "cn-", "cn-north-1"),
    ("aws-us-gov", "us-gov-", "us-gov-west-1"),
    ("aws-iso", "us-iso-", "us-iso-east-1"),
    ("aws-iso-b", "us-isob-", "us-isob-east-1"),
    ("aws-iso-e", "eu-isoe-", "eu-isoe-west-1"),
    ("aws-iso-f", "us-isof-", "us-isof-south-1"),
    ("aws-eusc", "eusc-", "eusc-de-east-1"),
];

/// Returns the partition of a region.
pub(crate) fn partition_of(region: &str) -> &'static str {
    let mut others = OTHERS.into_iter();
    let found = others.find(|(_, start, _)| region.starts_with(start));
    found.map_or("aws", |(name, _, _)| name)
}

/// Returns whether the regions of a partition are known here.
pub(crate) fn is_known(partition: &str) -> bool {
    partition == "aws" || region_of_iam(partition).is_some()
}

/// Returns a region with which the AWS CLI calls IAM in a partition. `None` for `aws`, which it calls without one.
pub(crate) fn region_of_iam(partition: &str) -> Option<&'static str> {
    let mut others = OTHERS.into_iter();
    let found = others.find(|(name, _, _)| *name == partition);
    found.map(|(_, _, region)| region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_its_partition() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("eu-central-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), partition, "{region}");
            assert!(is_known(partition));
        }
        for (partition, _, region) in OTHERS {
            assert_eq!(partition_of(region), partition);
            assert_eq!(region_of_iam(partition), Some(region));
        }
        assert_eq!(region_of_iam("aws"), None);
        assert!(!is_known("aws-new"));
    }
}
