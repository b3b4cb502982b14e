"""Whether a principal is allowed to make a request: its identity policies, and the denied actions of the faults."""

import kms
from errors import AwsError
from identity import Identity, iam
from policy import ALLOWED, EXPLICIT_DENY, evaluate
from request import Request

#: These need no permission: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_NEEDS_NO_PERMISSION = {"sts:GetCallerIdentity"}


def authorize(request: Request, caller: Identity, denied: list[str], partition: str) -> None:
    """Raises AwsError unless the caller is allowed to call the action of the request."""
    if request.action in denied:
        refuse(request, caller, partition, "with an explicit deny in an identity-based policy")
    # Whether AssumeRole needs an identity policy depends on the trust policy: sts.py decides.
    if request.action in _NEEDS_NO_PERMISSION or request.action == "sts:AssumeRole":
        return
    decision = evaluate(caller.policies, request.action, resource_of(request, caller, partition), {})
    if decision == EXPLICIT_DENY:
        refuse(request, caller, partition, "with an explicit deny in an identity-based policy")
    if decision != ALLOWED:
        refuse(request, caller, partition, f"because no identity-based policy allows the {request.action} action")


def refuse(request: Request, caller: Identity, partition: str, reason: str) -> None:
    """Raises the error of an action that is not allowed."""
    code = "AccessDeniedException" if request.service in ("eks", "kms") else "AccessDenied"
    resource = resource_of(request, caller, partition)
    raise AwsError(
        code,
        f"User: {caller.arn} is not authorized to perform: {request.action} on resource: {resource} {reason}",
        403,
    )


def resource_of(request: Request, caller: Identity, partition: str) -> str:
    """Returns the ARN of the action's resource, as policies name it, or `*` if the action has none that matters here."""
    parameters = request.parameters
    account = f"arn:{partition}:iam::{caller.account}"
    match request.action.split(":"):
        case ["iam", _] if "RoleName" in parameters:
            # Policies name roles with their path, requests do not.
            roles = iam(caller.account, request.region).roles.values()
            found = (role.arn for role in roles if role.name == parameters["RoleName"])
            return next(found, f"{account}:role/{parameters['RoleName']}")
        case ["iam", _]:
            arns = ("OpenIDConnectProviderArn", "PolicySourceArn", "PolicyArn")
            return next((parameters[name] for name in arns if name in parameters), "*")
        case ["sts", _]:
            return parameters.get("RoleArn", "*")
        case ["s3", _]:
            key = f"/{parameters['Key']}" if parameters["Key"] else ""
            return f"arn:{partition}:s3:::{parameters['Bucket']}{key}"
        case ["kms", _]:
            return kms.arn_of(request, caller)
        case ["eks", "ListClusters" | "CreateCluster" | "ListAccessPolicies"]:
            return "*"
        case ["eks", action] if "name" in parameters:
            eks = f"arn:{partition}:eks:{request.region}:{caller.account}"
            if "principalArn" in parameters and action != "CreateAccessEntry":
                kind, _, name = parameters["principalArn"].split(":")[-1].partition("/")
                return f"{eks}:access-entry/{parameters['name']}/{kind}/{caller.account}/{name.split('/')[-1]}/*"
            # Each ends with an id that the caller of the API does not choose.
            for kind, name in (("addon", "addonName"), ("fargateprofile", "fargateProfileName"), ("nodegroup", "nodegroupName")):
                if name in parameters and not action.startswith("Create"):
                    return f"{eks}:{kind}/{parameters['name']}/{parameters[name]}/*"
            if "associationId" in parameters:
                return f"{eks}:podidentityassociation/{parameters['name']}/{parameters['associationId']}"
            return f"{eks}:cluster/{parameters['name']}"
    return "*"
