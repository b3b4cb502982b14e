//! The parts of an ARN.

/// The parts of `arn:<partition>:<service>:<region>:<account>:<resource>` ("Amazon Resource Names (ARNs)" in the IAM user
/// guide). The region and the account are empty for some resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    /// `aws`, `aws-us-gov`, `aws-cn`, …
    pub(crate) partition: &'a str,
    /// The service, such as `iam`.
    pub(crate) service: &'a str,
    /// The region.
    pub(crate) region: &'a str,
    /// The twelve digits of the account.
    pub(crate) account: &'a str,
    /// The resource, which can contain colons.
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits an ARN. `None` for a text with fewer parts, or one that does not begin with `arn:`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        if next()? != "arn" {
            return None;
        }
        Some(Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_can_contain_colons() {
        let arn = Arn::parse("arn:aws:iam::123456789012:oidc-provider/a:b").unwrap();
        assert_eq!((arn.service, arn.region), ("iam", ""));
        assert_eq!(arn.resource, "oidc-provider/a:b");
        for other in ["", "arn:aws:iam::123456789012", "urn:aws:iam::1:x"] {
            assert_eq!(Arn::parse(other), None, "{other}");
        }
    }
}
