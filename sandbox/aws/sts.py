"""STS: assuming roles as their trust policies allow, and the identity of the caller."""

import re
from typing import Any

from moto.iam.models import Role
from moto.sts.models import AssumedRole, sts_backends
from moto.utilities.utils import get_partition

from authorization import refuse
from errors import AwsError
from identity import Identity, iam
from policy import ALLOWED, EXPLICIT_DENY, Context, evaluate
from request import Request
from state import Sandbox


def get_caller_identity(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Returns who signed the request."""
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


def assume_role(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Returns a session for a principal that the trust policy names, itself or by its account."""
    _validate(request)
    role = _role(sandbox, request)
    if role is None:
        refuse(request, caller, sandbox.partition, "because no resource-based policy allows the sts:AssumeRole action")
    context = {"sts:RoleSessionName": [request.parameters["RoleSessionName"]], "aws:PrincipalArn": [caller.arn]}
    if "ExternalId" in request.parameters:
        context["sts:ExternalId"] = [request.parameters["ExternalId"]]
    account = {f"AWS:{caller.account}", f"AWS:arn:{sandbox.partition}:iam::{caller.account}:root"}

    def trusts(names: set[str]) -> bool:
        return evaluate([role.assume_role_policy_document], request.action, None, context, names) == ALLOWED

    own = evaluate(caller.policies, request.action, role.arn, {})
    # A trust policy that names the principal is enough; one that names its account leaves it to identity policies.
    allowed = trusts(caller.names | account) and (trusts(caller.names) or own == ALLOWED)
    if own == EXPLICIT_DENY or not allowed:
        refuse(request, caller, sandbox.partition, "because no resource-based policy allows the sts:AssumeRole action")
    return _session(sandbox, request, role)


def assume_role_with_web_identity(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    """Returns a session for the subject of an OIDC token that an IAM provider and the trust policy accept."""
    _validate(request)
    token = request.parameters.get("WebIdentityToken", "")
    claims = sandbox.issuer.claims(token)
    issuer = str(claims.get("iss", "")).removeprefix("https://").rstrip("/")
    backend = iam(sandbox.account, request.region)
    provider = backend.open_id_providers.get(f"arn:{sandbox.partition}:iam::{sandbox.account}:oidc-provider/{issuer}")
    if provider is None:
        raise AwsError("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for https://{issuer}")
    sandbox.issuer.verify(token)
    audiences = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud", "")]
    if not set(audiences) & set(provider.client_id_list):
        raise AwsError("InvalidIdentityToken", "Incorrect token audience")
    role = _role(sandbox, request)
    context: Context = {
        f"{issuer}:aud": audiences,
        f"{issuer}:sub": [claims.get("sub", "")],
        "sts:RoleSessionName": [request.parameters["RoleSessionName"]],
        "aws:FederatedProvider": [provider.arn],
        "aws:SecureTransport": ["true"],
    }
    names = {f"Federated:{provider.arn}"}
    if (
        role is None
        or evaluate([role.assume_role_policy_document], request.action, None, context, names) != ALLOWED
    ):
        raise AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    return {
        **_session(sandbox, request, role),
        "SubjectFromWebIdentityToken": claims.get("sub", ""),
        "Provider": provider.arn,
        "Audience": audiences[0],
    }


def _validate(request: Request) -> None:
    name = request.parameters.get("RoleSessionName", "")
    problem = None
    if not re.fullmatch(r"[\w+=,.@-]*", name, re.ASCII):
        problem = r"satisfy regular expression pattern: [\w+=,.@-]*"
    elif len(name) < 2:
        problem = "have length greater than or equal to 2"
    elif len(name) > 64:
        problem = "have length less than or equal to 64"
    if problem:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: "
            f"Member must {problem}",
        )


def _role(sandbox: Sandbox, request: Request) -> Role | None:
    arn = request.parameters.get("RoleArn", "")
    roles = iam(sandbox.account, request.region).roles.values()
    return next((role for role in roles if role.arn == arn and sandbox.is_visible("role", role.id)), None)


def _session(sandbox: Sandbox, request: Request, role: Role) -> dict[str, Any]:
    duration = int(request.parameters.get("DurationSeconds", 3600))
    if duration > int(role.max_session_duration or 3600):
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    session: AssumedRole = sts_backends[sandbox.account][get_partition(request.region)].assume_role(
        region_name=request.region,
        role_session_name=request.parameters["RoleSessionName"],
        role_arn=role.arn,
        policy=request.parameters.get("Policy", ""),
        duration=duration,
        external_id=request.parameters.get("ExternalId", ""),
    )
    session.sandbox_role_id = role.id
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": session.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{session.session_name}", "Arn": session.arn},
    }
