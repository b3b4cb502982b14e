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
    given = request.parameters
    account = f"arn:{partition}:iam::{caller.account}"
    match request.action.split(":"):
        case ["iam", _] if "RoleName" in given:
            # Policies name roles with their path, requests do not.
            roles = iam(caller.account, request.region).roles.values()
            found = (role.arn for role in roles if role.name == given["RoleName"])
            return next(found, f"{account}:role/{given['RoleName']}")
        case ["iam", _]:
            arns = ("OpenIDConnectProviderArn", "PolicySourceArn", "PolicyArn")
            return next((given[name] for name in arns if name in given), "*")
        case ["sts", _]:
            return given.get("RoleArn", "*")
        case ["s3", _]:
            return f"arn:{partition}:s3:::{given['Bucket']}" + (f"/{given['Key']}" if given["Key"] else "")
        case ["kms", _]:
            return kms.arn_of(request, caller)
        case ["eks", "ListClusters" | "CreateCluster" | "ListAccessPolicies"]:
            return "*"
        case ["eks", action] if "name" in given:
            eks = f"arn:{partition}:eks:{request.region}:{caller.account}"
            if "principalArn" in given and action != "CreateAccessEntry":
                kind, _, name = given["principalArn"].split(":")[-1].partition("/")
                return f"{eks}:access-entry/{given['name']}/{kind}/{caller.account}/{name.split('/')[-1]}/*"
            # Each ends with an id that the caller of the API does not choose.
            for kind, name in (("addon", "addonName"), ("fargateprofile", "fargateProfileName"), ("nodegroup", "nodegroupName")):
                if name in given and not action.startswith("Create"):
                    return f"{eks}:{kind}/{given['name']}/{given[name]}/*"
            if "associationId" in given:
                return f"{eks}:podidentityassociation/{given['name']}/{given['associationId']}"
            return f"{eks}:cluster/{given['name']}"
    return "*"
