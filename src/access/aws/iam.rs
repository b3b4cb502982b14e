//! The calls of IAM: the role, the OIDC provider, and the simulation of the role's permissions.

use std::sync::Arc;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::error::{AwsError, required};
use super::{Aws, AwsCall, AwsResult, Service};
use crate::access::policy::{RoleSession, Sent};
use crate::runner::RoleArn;

/// An IAM role.
#[derive(Debug)]
pub(crate) struct Role {
    /// The ARN, with the path.
    pub(crate) arn: String,
    /// The time of its creation, in seconds since 1970.
    pub(crate) created: i64,
    /// The trust policy, or why it cannot be read.
    pub(crate) trust_policy: Result<Value, String>,
}

/// The result of simulating a permission.
#[derive(Debug)]
pub(crate) struct Simulation {
    /// The action.
    pub(crate) action: String,
    /// `allowed`, `explicitDeny`, or `implicitDeny`.
    pub(crate) decision: String,
    /// Whether the decision is `allowed`.
    pub(crate) allowed: bool,
    /// Whether the organization's policies refuse, as far as IAM evaluates their conditions.
    pub(crate) organization_refuses: bool,
    /// Whether the permissions boundary refuses.
    pub(crate) boundary_refuses: bool,
    /// The condition keys in the role's policies whose values the simulation lacked, in whichever statement they are.
    /// It never contains the keys of the organization's policies (`EvaluationResult` in the API reference of IAM).
    pub(crate) missing_context: Vec<String>,
}

impl Aws {
    /// Returns the role, looked up by its name in the caller's account.
    pub(crate) fn role(self: &Arc<Self>, region: &str, role: &RoleArn) -> AwsCall<Role> {
        const ACTION: &str = "iam:GetRole";
        let (aws, key) = (Arc::clone(self), (region.to_owned(), role.clone()));
        self.roles.call(key.clone(), Result::is_ok, || async move {
            let config = aws.caller(&key.0).await?;
            let request = aws_sdk_iam::Client::new(&config).get_role().role_name(&key.1.name);
            let response = aws.paced(Service::Iam, ACTION, move || request.clone().send()).await?;
            let role = response.role.ok_or_else(|| AwsError::empty(ACTION))?;
            let document = role.assume_role_policy_document.unwrap_or_default();
            Ok(Arc::new(Role {
                arn: required(ACTION, Some(role.arn))?,
                created: role.create_date.secs(),
                trust_policy: trust_policy(&document),
            }))
        })
    }

    /// Returns the client IDs of an IAM OIDC provider.
    pub(crate) fn client_ids(self: &Arc<Self>, region: &str, arn: &str) -> AwsCall<Vec<String>> {
        const ACTION: &str = "iam:GetOpenIDConnectProvider";
        let (aws, key) = (Arc::clone(self), (region.to_owned(), arn.to_owned()));
        self.providers.call(key.clone(), Result::is_ok, || async move {
            let config = aws.caller(&key.0).await?;
            let request = aws_sdk_iam::Client::new(&config)
                .get_open_id_connect_provider()
                .open_id_connect_provider_arn(&key.1);
            let response = aws.paced(Service::Iam, ACTION, move || request.clone().send()).await?;
            // Every provider has a URL. If it is missing, the response is incomplete.
            if response.client_id_list.is_none() {
                required(ACTION, response.url)?;
            }
            Ok(Arc::new(response.client_id_list.unwrap_or_default()))
        })
    }

    /// Returns what the role's policies decide on each action of a request, in the same order.
    pub(crate) fn simulate(
        self: &Arc<Self>,
        region: &str,
        simulation_request: &SimulationRequest,
    ) -> AwsCall<Vec<Simulation>> {
        const ACTION: &str = "iam:SimulatePrincipalPolicy";
        let aws = Arc::clone(self);
        let key = (region.to_owned(), simulation_request.clone());
        let is_settled = self.settled(|response: &AwsResult<Vec<Simulation>>| {
            let all = |found: &Arc<Vec<Simulation>>| found.iter().all(|one| one.allowed);
            response.as_ref().is_ok_and(all)
        });
        self.simulations.call(key.clone(), is_settled, || async move {
            let (region, simulation_request) = key;
            let config = aws.caller(&region).await?;
            let mut request = aws_sdk_iam::Client::new(&config)
                .simulate_principal_policy()
                .policy_source_arn(&simulation_request.role_arn)
                .resource_arns(&simulation_request.resource);
            for key in &simulation_request.context {
                request = request.context_entries(key.entry());
            }
            for action in &simulation_request.actions {
                request = request.action_names(*action);
            }
            let response = aws.paced(Service::Iam, ACTION, move || request.clone().send()).await?;
            let results = response.evaluation_results.unwrap_or_default();
            let of_action = |action: &&str| {
                let found = results.iter().find(|one| one.eval_action_name == **action);
                simulation(ACTION, found.cloned())
            };
            let found: Result<Vec<_>, _> = simulation_request.actions.iter().map(of_action).collect();
            found.map(Arc::new)
        })
    }
}

/// A simulation of the policies of a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SimulationRequest {
    /// The role's ARN.
    role_arn: String,
    /// The actions.
    actions: Vec<&'static str>,
    /// The ARN of the resource.
    resource: String,
    /// The condition keys of the requests whose values are known.
    context: Vec<ContextKey>,
}

/// A condition key with its values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ContextKey {
    name: String,
    kind: ContextKeyTypeEnum,
    values: Vec<String>,
}

impl SimulationRequest {
    /// Returns the simulation of actions of a session, which are all of the same service.
    pub(crate) fn new(session: &RoleSession<'_>, actions: &[&'static str]) -> Self {
        let keys = session.known_keys().into_iter();
        Self {
            role_arn: session.role.to_string(),
            actions: actions.to_vec(),
            resource: session.resource.unwrap_or_default().to_owned(),
            context: keys.filter_map(|(name, sent)| ContextKey::new(name, sent)).collect(),
        }
    }
}

impl ContextKey {
    /// Returns a condition key for a simulation. `None` if its value is not certain, so that IAM reports it as missing.
    fn new(name: &str, sent: Sent<'_>) -> Option<Self> {
        let kind = match sent {
            Sent::Is(_) | Sent::Arn(_) => ContextKeyTypeEnum::String,
            Sent::Address(_) => ContextKeyTypeEnum::Ip,
            Sent::Bool(_) => ContextKeyTypeEnum::Boolean,
            Sent::Number(_) => ContextKeyTypeEnum::Numeric,
            Sent::Several(_) => ContextKeyTypeEnum::StringList,
            Sent::Probably(_) | Sent::Now | Sent::Absent | Sent::Unknown => return None,
        };
        Some(Self {
            name: name.to_owned(),
            kind,
            values: sent.texts().into_iter().map(Into::into).collect(),
        })
    }

    fn entry(&self) -> ContextEntry {
        ContextEntry::builder()
            .context_key_name(&self.name)
            .context_key_type(self.kind.clone())
            .set_context_key_values(Some(self.values.clone()))
            .build()
    }
}

/// Reads the one result of a simulation.
fn simulation(action: &'static str, result: Option<EvaluationResult>) -> Result<Simulation, AwsError> {
    let result = result.ok_or_else(|| AwsError::empty(action))?;
    let allowed = match &result.eval_decision {
        PolicyEvaluationDecisionType::Allowed => true,
        PolicyEvaluationDecisionType::ExplicitDeny | PolicyEvaluationDecisionType::ImplicitDeny => false,
        _ => return Err(AwsError::empty(action)),
    };
    // For named resources, IAM's API reference has two places for the keys and the boundary's decision.
    let resources = result.resource_specific_results.unwrap_or_default();
    let mut missing_context = result.missing_context_values.unwrap_or_default();
    missing_context.extend(resources.iter().flat_map(|one| one.missing_context_values().to_vec()));
    missing_context.sort();
    missing_context.dedup();
    let of_resources = resources
        .iter()
        .filter_map(|one| one.permissions_boundary_decision_detail());
    let boundary_refuses = result
        .permissions_boundary_decision_detail
        .iter()
        .chain(of_resources)
        .any(|detail| !detail.allowed_by_permissions_boundary);
    Ok(Simulation {
        action: result.eval_action_name,
        allowed,
        decision: result.eval_decision.as_str().to_owned(),
        organization_refuses: result
            .organizations_decision_detail
            .is_some_and(|detail| !detail.allowed_by_organizations),
        boundary_refuses,
        missing_context,
    })
}

/// Decodes a trust policy, which IAM returns percent-encoded.
fn trust_policy(document: &str) -> Result<Value, String> {
    let text = percent_decode_str(document)
        .decode_utf8()
        .map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_is_decoded() {
        let document = "%7B%22a%22%3A%20%22my-org%2Bx%22%7D";
        assert_eq!(trust_policy(document).unwrap()["a"], "my-org+x");
        assert_eq!(trust_policy("{\"a\":\"x+y\"}").unwrap()["a"], "x+y");
        assert!(trust_policy("%7B").is_err());
    }

    #[test]
    fn the_missing_keys_of_a_resource_count() {
        use aws_sdk_iam::types::{PermissionsBoundaryDecisionDetail, ResourceSpecificResult};
        let decision = PolicyEvaluationDecisionType::ImplicitDeny;
        let boundary = PermissionsBoundaryDecisionDetail::builder().build();
        let resource = ResourceSpecificResult::builder()
            .eval_resource_name("arn:aws:s3:::b")
            .eval_resource_decision(decision.clone())
            .missing_context_values("aws:SourceVpce")
            .permissions_boundary_decision_detail(boundary)
            .build();
        let result = EvaluationResult::builder()
            .eval_action_name("s3:ListBucket")
            .eval_decision(decision)
            .missing_context_values("aws:SourceVpce")
            .missing_context_values("aws:SourceIp")
            .resource_specific_results(resource.unwrap())
            .build();
        let found = simulation("iam:SimulatePrincipalPolicy", Some(result.unwrap())).unwrap();
        assert_eq!(found.missing_context, ["aws:SourceIp", "aws:SourceVpce"]);
        assert!(found.boundary_refuses && !found.organization_refuses);
    }

    #[test]
    fn an_empty_text_is_an_empty_response() {
        for text in [None, Some(String::new())] {
            assert!(required("sts:GetCallerIdentity", text).is_err());
        }
    }
}
