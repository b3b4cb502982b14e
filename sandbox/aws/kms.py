"""KMS: keys and their policies, as the caller's account and others see them. Everything else of KMS is moto's."""

import json
from typing import Any

from moto.kms.models import Key, kms_backends

from errors import AwsError
from identity import Identity
from policy import ALLOWED, evaluate
from request import Request
from state import Sandbox


def describe_key(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Returns a key of the caller's account, or one whose policy allows the caller's account to read it."""
    key, account = _find(request, caller)
    principals = {f"AWS:arn:{sandbox.partition}:iam::{caller.account}:root", *caller.names}
    if account != caller.account and evaluate([key.policy], request.action, key.arn, {}, principals) != ALLOWED:
        raise _denied(request, caller, key.arn)
    return key.to_dict()


def get_key_policy(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Returns the policy of a key of the caller's account. KMS refuses to return it to other accounts."""
    key, account = _find(request, caller)
    if account != caller.account:
        raise _denied(request, caller, key.arn)
    return {"Policy": key.policy, "PolicyName": "default"}


def list_grants(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Returns the grants of a key to a principal. A caller of another account needs the permission in the key's policy."""
    key, account = _find(request, caller)
    principals = {f"AWS:arn:{sandbox.partition}:iam::{caller.account}:root", *caller.names}
    if account != caller.account and evaluate([key.policy], request.action, key.arn, {}, principals) != ALLOWED:
        raise _denied(request, caller, key.arn)
    grantee = request.parameters.get("GranteePrincipal")
    grants = [grant.to_json() for grant in key.list_grants("")]
    return {"Grants": [grant for grant in grants if grantee in (None, grant["GranteePrincipal"])], "Truncated": False}


def body_for_moto(request: Request) -> bytes:
    """Returns the body of a request with the ID of a key in place of its ARN, which moto does not accept everywhere."""
    key = request.parameters.get("KeyId", "") if request.service == "kms" else ""
    if ":key/" not in key:
        return request.body
    return json.dumps({**request.parameters, "KeyId": key.split(":key/")[1]}).encode()


def arn_of(request: Request, caller: Identity) -> str:
    """The ARN of the key that a request names; `*` if it names none that exists."""
    try:
        return _find(request, caller)[0].arn
    except AwsError:
        return "*"


def reset(sandbox: Sandbox) -> None:
    """Deletes every key of every account."""
    for account in list(kms_backends.keys()):
        for backend in list(kms_backends[account].values()):
            backend.reset()


def _find(request: Request, caller: Identity) -> tuple[Key, str]:
    """The key that a request names by its ID, ARN or alias, and the account that it belongs to."""
    name = request.parameters.get("KeyId", "")
    account, short = caller.account, name
    if name.startswith("arn:"):
        account, short = name.split(":")[4], name.split(":")[5]
    backend = kms_backends[account][request.region]
    if short.startswith("alias/"):
        key_id = backend.get_key_id_from_alias(short)
    else:
        key_id = short.removeprefix("key/")
    if key_id not in backend.keys:
        raise AwsError("NotFoundException", f"Key '{name}' does not exist")
    return backend.keys[key_id], account


def _denied(request: Request, caller: Identity, arn: str) -> AwsError:
    message = f"User: {caller.arn} is not authorized to perform: {request.action} on resource: {arn}"
    return AwsError("AccessDeniedException", message)
