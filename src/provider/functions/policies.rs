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
        let host = resource(arn, "iam", "oidc-provider/").ok_or_else(|| {
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
        Ok(access::trust_policy(arn, host, access::AUDIENCE, &subjects).to_string())
    },
};

/// `permission_policy(cluster_arns)`
pub(super) const PERMISSION_POLICY: RunnerFunction = RunnerFunction {
    name: "permission_policy",
    signature: || Signature {
        description: "Returns the policy, as JSON, that lets a runner's role describe its clusters. The role needs no \
            other permission in AWS to start Jobs.",
        ..Signature::new(
            Type::String,
            "Returns the permission policy of a runner's role",
        )
        .parameter(Parameter::new(
            "cluster_arns",
            Type::List(Box::new(Type::String)),
            "The ARNs of the EKS clusters.",
        ))
    },
    call: |arguments| {
        let arns = strings(arguments, 0, "the ARN of an EKS cluster")?;
        for arn in &arns {
            resource(arn, "eks", "cluster/").ok_or_else(|| {
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

/// Returns the name behind `kind` in an ARN of this service.
fn resource<'a>(arn: &'a str, service: &str, kind: &str) -> Option<&'a str> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == service)?;
    let name = arn.resource.strip_prefix(kind);
    name.filter(|name| !name.is_empty())
}
