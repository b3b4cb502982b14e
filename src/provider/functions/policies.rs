//! The policies of a runner's role, as JSON.

use terraform_plugin_server::{FunctionError, Parameter, Signature, Type};

use super::{RunnerFunction, string, strings};
use crate::access;
use crate::runner::Arn;

/// `trust_policy(oidc_provider_arn, subjects)`
pub(super) const TRUST_POLICY: RunnerFunction = RunnerFunction {
    name: "trust_policy",
    signature: || Signature {
        description: "Returns the trust policy of a role, as JSON, that lets the Orchestrator assume the role for \
            runners with these subjects. The issuer is taken from the ARN. If a subject contains `*` or `?`, the \
            policy compares all of them with `StringLike`.",
        ..Signature::new(Type::String, "Returns the trust policy of a runner's role")
            .parameter(Parameter::new(
                "oidc_provider_arn",
                Type::String,
                "The ARN of the IAM OIDC provider for the Orchestrator's issuer.",
            ))
            .parameter(Parameter::new(
                "subjects",
                Type::List(Box::new(Type::String)),
                "The subjects of the runners: results of the function `oidc_subject`.",
            ))
    },
    call: |arguments| {
        let arn = string(arguments, 0)?;
        let is_provider = |arn: &Arn<'_>, host: &str| {
            arn.region.is_empty()
                && is_account(arn.account)
                && access::parse::issuer(&format!("https://{host}"))
                    .is_ok_and(|issuer| issuer.strip_prefix("https://") == Some(host))
                && !host.contains("//")
        };
        let host = resource(arn, "iam", "oidc-provider/", is_provider).ok_or_else(|| {
            FunctionError::new(format!(
                "{arn:?} is not the ARN of an IAM OIDC provider, such as \
                 \"arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev\"."
            ))
            .at(0)
        })?;
        let subjects = strings(arguments, 1, "a subject, such as \"my-org+my-runner\"")?;
        // The check `role-trust` warns about such a policy.
        let of_any = |subject: &&&str| match subject.split_once('+') {
            Some((org, _)) => org.is_empty() || org.contains(['*', '?']),
            None => true,
        };
        if let Some(subject) = subjects.iter().find(of_any) {
            return Err(FunctionError::new(format!(
                "The subject {subject:?} does not begin with the ID of an organization and +, as \"my-org+*\" does, so \
                 the policy could admit the runners of any organization"
            ))
            .at(1));
        }
        if let Some(subject) = subjects.iter().find(|subject| !is_of_runner(subject)) {
            return Err(FunctionError::new(format!(
                "The subject {subject:?} is not the ID of an organization, +, and the ID of a runner, as \
                 \"my-org+my-runner\" is, so no runner has it"
            ))
            .at(1));
        }
        Ok(access::trust_policy(arn, host, access::AUDIENCE, &subjects).to_string())
    },
};

/// `permission_policy(cluster_arns)`
pub(super) const PERMISSION_POLICY: RunnerFunction = RunnerFunction {
    name: "permission_policy",
    signature: || Signature {
        description: "Returns the policy, as JSON, that lets a runner's role describe its clusters. The role needs no \
            other permission in AWS to start Jobs.",
        ..Signature::new(Type::String, "Returns the permission policy of a runner's role").parameter(Parameter::new(
            "cluster_arns",
            Type::List(Box::new(Type::String)),
            "The ARNs of the EKS clusters.",
        ))
    },
    call: |arguments| {
        let arns = strings(arguments, 0, "the ARN of an EKS cluster")?;
        // `*` and `?` stand for several clusters.
        let allows = |text: &str, is_allowed: fn(char) -> bool| {
            !text.is_empty() && text.chars().all(|c| is_allowed(c) || "*?".contains(c))
        };
        let is_cluster = |arn: &Arn<'_>, name: &str| {
            (arn.account == "*" || is_account(arn.account))
                && allows(arn.region, |c| c.is_ascii_alphanumeric() || c == '-')
                && allows(name, |c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        for arn in &arns {
            resource(arn, "eks", "cluster/", is_cluster).ok_or_else(|| {
                FunctionError::new(format!(
                    "{arn:?} is not the ARN of an EKS cluster, such as \
                     \"arn:aws:eks:us-west-2:123456789012:cluster/my-eks-cluster\"."
                ))
                .at(0)
            })?;
        }
        Ok(access::cluster_policy(&arns).to_string())
    },
};

/// Returns the name behind `kind` in an ARN of this service, if an ARN with this name can be right.
fn resource<'a>(arn: &'a str, service: &str, kind: &str, is_right: impl Fn(&Arn<'_>, &str) -> bool) -> Option<&'a str> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == service)?;
    let name = arn.resource.strip_prefix(kind)?;
    (arn.partition.starts_with("aws") && is_right(&arn, name)).then_some(name)
}

/// Returns whether a text is the ID of an AWS account.
fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// Returns whether the Orchestrator can issue a token with this subject, or with one that the pattern admits. The runner's ID is
/// cut if the subject is longer than 255 characters.
fn is_of_runner(subject: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_*?".contains(c);
    subject
        .split_once('+')
        .is_some_and(|(_, id)| !id.is_empty() && id.chars().all(allowed))
}

#[cfg(test)]
mod tests {
    use terraform_plugin_server::Value;

    use super::*;

    fn is_accepted(function: &RunnerFunction, arguments: &[Value]) -> bool {
        (function.call)(arguments).is_ok()
    }

    #[test]
    fn only_names_that_can_exist_are_accepted() {
        let list = |text: &str| Value::List(vec![Value::from(text)]);
        let account = "arn:aws:iam::123456789012:oidc-provider";
        for (host, expected) in [
            ("oidc.humanitec.dev", true),
            ("oidc.example.com:8443/a/b", true),
            ("https://oidc.humanitec.dev", false),
            ("oidc.humanitec.dev ", false),
            ("oidc.humanitec.dev/", false),
            ("", false),
        ] {
            let arguments = [Value::from(format!("{account}/{host}")), list("my-org+a")];
            assert_eq!(is_accepted(&TRUST_POLICY, &arguments), expected, "{host}");
        }
        for (subject, expected) in [
            ("my-org+my-runner", true),
            ("my-org+*", true),
            ("my-org+eks_?", true),
            ("my-org+", false),
            ("my-org+ a", false),
            ("my-org+A", false),
            ("my-org", false),
        ] {
            let arguments = [Value::from(format!("{account}/oidc.humanitec.dev")), list(subject)];
            assert_eq!(is_accepted(&TRUST_POLICY, &arguments), expected, "{subject}");
        }
        for (arn, expected) in [
            ("arn:aws:eks:us-west-2:123456789012:cluster/my-eks-cluster", true),
            ("arn:aws-cn:eks:cn-north-1:123456789012:cluster/a_b", true),
            ("arn:aws:eks:*:*:cluster/team-*", true),
            ("arn:aws:eks:::cluster/*", false),
            ("arn:aws:eks:us-west-2:12:cluster/a", false),
            ("arn:aws:eks:us-west-2:123456789012:cluster/a/b", false),
            ("arn:aws:eks:us-west-2:123456789012:cluster/a ", false),
            ("arn:aws:eks:us-west-2:123456789012:cluster/", false),
        ] {
            assert_eq!(is_accepted(&PERMISSION_POLICY, &[list(arn)]), expected, "{arn}");
        }
    }
}
