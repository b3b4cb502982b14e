"""S3: the regions of buckets, and how other accounts see them. Everything else of S3 is moto's."""

from typing import Any

from moto.s3.models import FakeBucket, s3_backends
from moto.utilities.utils import get_partition

from errors import AwsError
from identity import Identity
from policy import ALLOWED, evaluate
from request import Request, Response
from state import Sandbox


def bucket_of(request: Request) -> tuple[FakeBucket, str] | None:
    """The bucket that a request names, and the account that owns it."""
    name = request.parameters.get("Bucket", "")
    partition, account = s3_backends.bucket_accounts.get(name, ("", ""))
    if partition != get_partition(request.region):
        return None
    return s3_backends[account][partition].buckets[name], account


def redirect(request: Request) -> Response | None:
    """Returns the response for a bucket that does not exist or is in another region. S3 returns it to everyone."""
    if request.action == "s3:CreateBucket":
        return None
    found = bucket_of(request)
    if found is None:
        return request.refuse(AwsError("NoSuchBucket", "The specified bucket does not exist", 404))
    region = found[0].region_name
    if request.region == region:
        return None
    message = "The bucket you are attempting to access must be addressed using the specified endpoint."
    status, headers, body = request.refuse(AwsError("PermanentRedirect", message, 301))
    return status, {**headers, "x-amz-bucket-region": region}, body


def head_bucket(request: Request, is_allowed: bool) -> Response:
    """Returns the response to HeadBucket, which names the region whether the caller is allowed to list the bucket or not."""
    found = bucket_of(request)
    region = found[0].region_name if found else request.region
    return 200 if is_allowed else 403, {"x-amz-bucket-region": region}, b""


def refuse_other_account(request: Request, caller: Identity, partition: str) -> None:
    """Raises AwsError for a bucket of another account, unless the bucket's policy admits the caller."""
    found = bucket_of(request)
    if found is None or found[1] == caller.account:
        return
    bucket, _ = found
    principals = {f"AWS:arn:{partition}:iam::{caller.account}:root", *caller.names}
    documents = [bucket.policy.decode() if isinstance(bucket.policy, bytes) else bucket.policy] if bucket.policy else []
    resource = f"arn:{partition}:s3:::{bucket.name}"
    if evaluate(documents, request.action, resource, {}, principals) != ALLOWED:
        raise AwsError("AccessDenied", "Access Denied", 403)
    if request.action in ("s3:GetBucketPolicy", "s3:PutBucketPolicy"):
        raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)


def reset(sandbox: Sandbox) -> None:
    """Deletes every bucket of every account."""
    _reset(s3_backends)
    s3_backends.bucket_accounts.clear()


def _reset(backends: Any) -> None:
    for account in list(backends.keys()):
        for backend in list(backends[account].values()):
            backend.reset()
