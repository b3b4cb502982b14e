"""Checks AWS Signature Version 4, in the Authorization header or in the query (a presigned URL)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote, unquote

from errors import AwsError


@dataclass
class Signature:
    """The signature of a request, and what it covers."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: list[str]
    signature: str
    time: str
    token: str | None
    presigned: bool


def parse(query: str, headers) -> Signature | None:
    """Reads a request's signature; None for a request that is not signed."""
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if "X-Amz-Signature" in parameters:
        fields = {
            "Credential": parameters["X-Amz-Credential"],
            "SignedHeaders": parameters["X-Amz-SignedHeaders"],
            "Signature": parameters["X-Amz-Signature"],
        }
        time, token = parameters["X-Amz-Date"], parameters.get("X-Amz-Security-Token")
    elif headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
        parts = headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(",")
        fields = dict(part.strip().split("=", 1) for part in parts)
        time, token = headers["X-Amz-Date"], headers.get("X-Amz-Security-Token")
    else:
        return None
    access_key_id, date, region, service, _ = fields["Credential"].rsplit("/", 4)
    return Signature(
        access_key_id=access_key_id,
        date=date,
        region=region,
        service=service,
        signed_headers=fields["SignedHeaders"].split(";"),
        signature=fields["Signature"],
        time=time,
        token=token,
        presigned="X-Amz-Signature" in parameters,
    )


def verify(signature: Signature, secret: str, method: str, path: str, query: str, headers, body: bytes) -> None:
    """Raises AwsError unless the signature is recent and was computed with the secret."""
    age = datetime.now(timezone.utc) - datetime.strptime(signature.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    # STS accepts a presigned URL for 15 minutes, whatever its X-Amz-Expires is.
    if abs(age) > timedelta(minutes=15):
        raise AwsError("SignatureDoesNotMatch", f"Signature expired: {signature.time} is now earlier than allowed", 403)
    pairs = [
        f"{quote(unquote(key), safe='-_.~')}={quote(unquote(value), safe='-_.~')}"
        for key, _, value in (part.partition("=") for part in query.split("&") if part)
        if key != "X-Amz-Signature"
    ]
    signed = "".join(f"{name}:{' '.join((headers.get(name) or '').split())}\n" for name in signature.signed_headers)
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            "&".join(sorted(pairs)),
            signed,
            ";".join(signature.signed_headers),
            # S3 accepts a body that is not signed.
            (signature.service == "s3" and headers.get("X-Amz-Content-SHA256")) or hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (signature.date, signature.region, signature.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{signature.time}\n{scope}\n{digest}"
    expected = hmac.digest(key, text.encode(), "sha256").hex()
    if not hmac.compare_digest(expected, signature.signature):
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
            403,
        )
