"""IAM: what moto lacks. Everything else of IAM is moto's."""

from typing import Any

from moto.iam.models import Role

from errors import AwsError
from identity import Identity, iam, policies_of
from policy import EXPLICIT_DENY, condition_keys, evaluate
from request import Request
from state import Sandbox


def simulate_principal_policy(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Returns what the policies of a user or role decide on each action and resource.

    For named resources, the missing condition keys are in the results of the resources:
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
    """
    source = request.parameters.get("PolicySourceArn", "")
    backend = iam(sandbox.account, request.region)
    owners = [*backend.roles.values(), *backend.users.values()]
    owner = next((one for one in owners if one.arn == source and _is_visible(sandbox, one)), None)
    if owner is None:
        raise AwsError("NoSuchEntity", f"The principal {source} cannot be found.", 404)
    policies, context = policies_of(sandbox, owner), _context_entries(request)
    missing = sorted(condition_keys(policies) - {key.lower() for key in context})
    results = []
    for action in request.list_parameter("ActionNames"):
        for resource in request.list_parameter("ResourceArns") or ["*"]:
            by_organization = action in sandbox.faults.organization_denies
            decision = EXPLICIT_DENY if by_organization else evaluate(policies, action, resource, context)
            results.append(
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": decision,
                    "MatchedStatements": [],
                    "MissingContextValues": missing if resource == "*" else [],
                    "OrganizationsDecisionDetail": {"AllowedByOrganizations": not by_organization},
                    "ResourceSpecificResults": [
                        {
                            "EvalResourceName": resource,
                            "EvalResourceDecision": decision,
                            "MissingContextValues": missing,
                        }
                    ],
                }
            )
    return {"EvaluationResults": results, "IsTruncated": False}


def add_client_id(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Adds a client ID to an OIDC provider. An ID that it already has is not an error."""
    client_ids = _client_ids(sandbox, request)
    if request.parameters["ClientID"] not in client_ids:
        client_ids.append(request.parameters["ClientID"])
    return {}


def remove_client_id(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Removes a client ID from an OIDC provider. An ID that it does not have is not an error."""
    client_ids = _client_ids(sandbox, request)
    if request.parameters["ClientID"] in client_ids:
        client_ids.remove(request.parameters["ClientID"])
    return {}


def _client_ids(sandbox: Sandbox, request: Request) -> list[str]:
    arn = request.parameters["OpenIDConnectProviderArn"]
    provider = iam(sandbox.account, request.region).open_id_providers.get(arn)
    if provider is None:
        raise AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)
    return provider.client_id_list


def refuse_hidden_role(sandbox: Sandbox, request: Request) -> None:
    """Raises NoSuchEntity for a role that has not propagated yet."""
    name = request.parameters.get("RoleName")
    for role in iam(sandbox.account, request.region).roles.values():
        if role.name == name and not _is_visible(sandbox, role):
            raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)


def propagate_role(sandbox: Sandbox, request: Request) -> None:
    """Starts the propagation of the role that the request created."""
    for role in iam(sandbox.account, request.region).roles.values():
        if role.name == request.parameters.get("RoleName"):
            sandbox.propagate("role", role.id)


def propagate_policy(sandbox: Sandbox, request: Request) -> None:
    """Starts the propagation of the policy that the request attached to a role."""
    policy = request.parameters.get("PolicyArn") or request.parameters.get("PolicyName")
    for role in iam(sandbox.account, request.region).roles.values():
        if role.name == request.parameters.get("RoleName"):
            sandbox.propagate("policy", f"{role.id}/{policy}")


def _is_visible(sandbox: Sandbox, owner: Any) -> bool:
    return not isinstance(owner, Role) or sandbox.is_visible("role", owner.id)


def _context_entries(request: Request) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = {}
    while (entry := f"ContextEntries.member.{len(entries) + 1}") + ".ContextKeyName" in request.parameters:
        key = request.parameters[f"{entry}.ContextKeyName"]
        entries[key] = request.list_parameter(f"{entry}.ContextKeyValues")
    return entries
