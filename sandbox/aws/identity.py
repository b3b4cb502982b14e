"""Who sent a request: the IAM user or the role session behind an access key."""

from dataclasses import dataclass

from moto.iam.models import Group, IAMBackend, Role, User, iam_backends
from moto.sts.models import AssumedRole, sts_backends
from moto.utilities.utils import get_partition
from moto.core.utils import utcnow

from errors import AwsError
from request import Request
from signature import verify
from state import Sandbox


@dataclass
class Identity:
    """A principal, as STS returns it, and the policies that apply to it."""

    arn: str
    user_id: str
    account: str
    #: Every name under which a trust policy can mean exactly this principal.
    names: set[str]
    policies: list[str]


def iam(account: str, region: str) -> IAMBackend:
    """moto's IAM of one account, in the partition of a region."""
    return iam_backends[account][get_partition(region)]


def authenticate(sandbox: Sandbox, request: Request) -> Identity:
    """The principal that signed the request; an AwsError where the signature, the key or the token is not good."""
    account, signature = sandbox.account, request.signature
    if signature is None:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    backend = iam(account, request.region)
    user_key = next(
        (
            (user, key)
            for user in backend.users.values()
            for key in user.access_keys
            if key.access_key_id == signature.access_key_id and key.status == "Active"
        ),
        None,
    )
    session = sts_backends[account][get_partition(request.region)].get_assumed_role_from_access_key(
        signature.access_key_id
    )
    unknown = {"eks": "UnrecognizedClientException", "kms": "UnrecognizedClientException", "s3": "InvalidAccessKeyId"}.get(
        request.service, "InvalidClientTokenId"
    )
    if user_key and signature.token is None:
        user, key = user_key
        secret = key.secret_access_key
        identity = _user_identity(sandbox, backend, user)
    elif session and signature.token == session.session_token:
        if session.expiration < utcnow():
            code = "ExpiredTokenException" if request.service == "eks" else "ExpiredToken"
            raise AwsError(code, "The security token included in the request is expired", 403)
        secret = session.secret_access_key
        identity = _session_identity(sandbox, backend, session)
    else:
        raise AwsError(unknown, "The security token included in the request is invalid.", 403)
    verify(signature, secret, request.method, request.path, request.query, request.headers, request.body)
    return identity


def _user_identity(sandbox: Sandbox, backend: IAMBackend, user: User) -> Identity:
    groups = [group for group in backend.groups.values() if user in group.users]
    return Identity(
        arn=user.arn,
        user_id=user.id,
        account=user.account_id,
        names={f"AWS:{user.arn}"},
        policies=[document for owner in [user, *groups] for document in policies_of(sandbox, owner)],
    )


def _session_identity(sandbox: Sandbox, backend: IAMBackend, session: AssumedRole) -> Identity:
    # A role that was created again with the same name does not apply to the sessions of the old one.
    role = backend.roles.get(session.sandbox_role_id)
    return Identity(
        arn=session.arn,
        user_id=f"{session.sandbox_role_id}:{session.session_name}",
        account=session.account_id,
        names={f"AWS:{session.arn}", f"AWS:{session.role_arn}"},
        policies=policies_of(sandbox, role) if role else [],
    )


def policies_of(sandbox: Sandbox, owner: User | Group | Role) -> list[str]:
    """The documents of a principal's inline and attached policies that are in force."""

    def in_force(policy: str) -> bool:
        return sandbox.is_visible("policy", f"{owner.id}/{policy}")

    inline = [document for name, document in owner.policies.items() if in_force(name)]
    attached = [
        version.document
        for policy in owner.managed_policies.values()
        for version in policy.versions
        if version.is_default and in_force(policy.arn)
    ]
    return [*inline, *attached]
