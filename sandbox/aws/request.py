"""An AWS request as it came through the proxy, and the responses in the protocol of its service."""

import json
import re
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

import signature
from errors import AwsError

Response = tuple[int, dict[str, str], bytes]

_CLUSTER = r"/clusters/(?P<name>[^/]+)"

#: The REST paths of EKS whose actions are known here; every other one is moto's.
_EKS_ROUTES = [
    ("POST", r"/clusters", "CreateCluster"),
    ("GET", r"/clusters", "ListClusters"),
    ("GET", r"/clusters/(?P<name>[^/]+)", "DescribeCluster"),
    ("DELETE", r"/clusters/(?P<name>[^/]+)", "DeleteCluster"),
    ("POST", r"/clusters/(?P<name>[^/]+)/update-config", "UpdateClusterConfig"),
    ("GET", r"/clusters/(?P<name>[^/]+)/updates/(?P<updateId>[^/]+)", "DescribeUpdate"),
    ("POST", r"/clusters/(?P<name>[^/]+)/node-groups", "CreateNodegroup"),
    ("GET", r"/clusters/(?P<name>[^/]+)/node-groups", "ListNodegroups"),
    ("GET", r"/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)", "DescribeNodegroup"),
    ("POST", r"/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)/update-config", "UpdateNodegroupConfig"),
    ("POST", r"/clusters/(?P<name>[^/]+)/fargate-profiles", "CreateFargateProfile"),
    ("GET", r"/clusters/(?P<name>[^/]+)/fargate-profiles", "ListFargateProfiles"),
    ("GET", r"/clusters/(?P<name>[^/]+)/fargate-profiles/(?P<fargateProfileName>[^/]+)", "DescribeFargateProfile"),
    ("GET", r"/access-policies", "ListAccessPolicies"),
    ("POST", r"/clusters/(?P<name>[^/]+)/access-entries", "CreateAccessEntry"),
    ("GET", r"/clusters/(?P<name>[^/]+)/access-entries", "ListAccessEntries"),
    ("GET", r"/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)", "DescribeAccessEntry"),
    ("POST", r"/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)", "UpdateAccessEntry"),
    ("DELETE", r"/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)", "DeleteAccessEntry"),
    (
        "POST",
        r"/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)/access-policies",
        "AssociateAccessPolicy",
    ),
    (
        "GET",
        r"/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)/access-policies",
        "ListAssociatedAccessPolicies",
    ),
    (
        "DELETE",
        r"/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)/access-policies/(?P<policyArn>[^/]+)",
        "DisassociateAccessPolicy",
    ),
    ("POST", rf"{_CLUSTER}/pod-identity-associations", "CreatePodIdentityAssociation"),
    ("GET", rf"{_CLUSTER}/pod-identity-associations", "ListPodIdentityAssociations"),
    ("GET", rf"{_CLUSTER}/pod-identity-associations/(?P<associationId>[^/]+)", "DescribePodIdentityAssociation"),
    ("POST", rf"{_CLUSTER}/pod-identity-associations/(?P<associationId>[^/]+)", "UpdatePodIdentityAssociation"),
    ("DELETE", rf"{_CLUSTER}/pod-identity-associations/(?P<associationId>[^/]+)", "DeletePodIdentityAssociation"),
    ("POST", rf"{_CLUSTER}/addons", "CreateAddon"),
    ("GET", rf"{_CLUSTER}/addons", "ListAddons"),
    ("GET", rf"{_CLUSTER}/addons/(?P<addonName>[^/]+)", "DescribeAddon"),
    ("DELETE", rf"{_CLUSTER}/addons/(?P<addonName>[^/]+)", "DeleteAddon"),
    # moto's:
    ("POST", rf"{_CLUSTER}/fargate-profiles", "CreateFargateProfile"),
    ("GET", rf"{_CLUSTER}/fargate-profiles", "ListFargateProfiles"),
    ("GET", rf"{_CLUSTER}/fargate-profiles/(?P<fargateProfileName>[^/]+)", "DescribeFargateProfile"),
    ("DELETE", rf"{_CLUSTER}/fargate-profiles/(?P<fargateProfileName>[^/]+)", "DeleteFargateProfile"),
]

_SERVICES = {name + fips: name for name in ("sts", "iam", "eks", "kms", "s3") for fips in ("", "-fips")}

#: The actions of S3's subresources of a bucket, by the method and the name in the query.
_S3_SUBRESOURCES = {
    ("GET", "encryption"): "GetEncryptionConfiguration",
    ("PUT", "encryption"): "PutEncryptionConfiguration",
    ("DELETE", "encryption"): "PutEncryptionConfiguration",
    ("GET", "policy"): "GetBucketPolicy",
    ("PUT", "policy"): "PutBucketPolicy",
    ("DELETE", "policy"): "DeleteBucketPolicy",
}


#: The DNS suffixes of the partitions and of dual stack endpoints.
_SUFFIXES = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
]


def service_of(host: str) -> str | None:
    """The service that an AWS host name belongs to, in any partition, FIPS or dual stack."""
    if not re.search(rf"\.({'|'.join(_SUFFIXES)})$", host):
        return None
    labels = host.removeprefix("fips.").split(".")
    # Before the name of S3 there can be the name of a bucket.
    in_host = _SERVICES.get(labels[1]) if len(labels) > 1 else None
    return _SERVICES.get(labels[0]) or (in_host if in_host == "s3" else None)


@dataclass
class Request:
    """One request to an AWS service."""

    method: str
    host: str
    path: str
    query: str
    headers: Any
    body: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @cached_property
    def service(self) -> str:
        """`sts`, `iam`, `eks`, `s3` or `kms`."""
        service = service_of(self.host)
        assert service is not None, "the proxy passes on AWS's hosts only"
        return service

    @cached_property
    def signature(self) -> signature.Signature | None:
        """What the request is signed with."""
        return signature.parse(self.query, self.headers)

    @cached_property
    def region(self) -> str:
        """The region it was signed for, or that its host names."""
        if self.signature:
            return self.signature.region
        named = re.search(r"\b([a-z]{2}(?:-[a-z]+)+-\d)\b", self.host)
        return named.group(1) if named else "us-east-1"

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The query protocol's parameters, or EKS's from path, query and body."""
        if self.service == "s3":
            bucket, _, key = self.s3_path.removeprefix("/").partition("/")
            return {"Bucket": bucket, "Key": unquote(key)}
        if self.service == "kms":
            return json.loads(self.body)
        if self.service != "eks":
            return dict(parse_qsl(self.query) + parse_qsl(self.body.decode()))
        body = json.loads(self.body) if self.body else {}
        return {**dict(parse_qsl(self.query)), **body, **self._route[1]}

    @cached_property
    def action(self) -> str:
        """The action as IAM policies name it, such as `eks:DescribeCluster`."""
        match self.service:
            case "eks":
                name = self._route[0]
            case "s3":
                name = self._s3_action
            case "kms":
                name = self.headers.get("X-Amz-Target", "").split(".")[-1]
            case _:
                name = self.parameters.get("Action", "")
        return f"{self.service}:{name}"

    @cached_property
    def s3_path(self) -> str:
        """The path with the bucket at its start, also if the bucket is in the host's name."""
        first = self.host.split(".")[0]
        return self.path if first in _SERVICES else f"/{first}{self.path}"

    @property
    def is_head_bucket(self) -> bool:
        """Whether the request is about a bucket itself, not its content."""
        return self.service == "s3" and self.method == "HEAD" and not self.parameters["Key"]

    @property
    def _s3_action(self) -> str:
        subresources = dict(parse_qsl(self.query, keep_blank_values=True))
        for (method, name), action in _S3_SUBRESOURCES.items():
            if method == self.method and name in subresources:
                return action
        if self.parameters["Key"]:
            return {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[self.method]
        return {"PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(self.method, "ListBucket")

    @cached_property
    def _route(self) -> tuple[str, dict[str, str]]:
        for method, path, action in _EKS_ROUTES:
            if method == self.method and (match := re.fullmatch(path, self.path)):
                return action, {key: unquote(value) for key, value in match.groupdict().items()}
        return "", {}

    def list_parameter(self, name: str) -> list[str]:
        """A list in the query protocol: `Name.member.1`, `Name.member.2`, …"""
        members = []
        while (key := f"{name}.member.{len(members) + 1}") in self.parameters:
            members.append(self.parameters[key])
        return members

    def respond(self, result: dict[str, Any]) -> Response:
        """Returns a successful response in the protocol of the request."""
        headers = {"x-amzn-RequestId": self.request_id}
        name = self.action.split(":")[1]
        if self.service == "kms":
            content = json.dumps(result, default=lambda time: time.timestamp()).encode()
            return 200, {**headers, "Content-Type": "application/x-amz-json-1.1"}, content
        if self.service == "eks":
            return 200, {**headers, "Content-Type": "application/json"}, json.dumps(result).encode()
        if "application/json" in (self.headers.get("Accept") or ""):
            body = {
                f"{name}Response": {f"{name}Result": result, "ResponseMetadata": {"RequestId": self.request_id}}
            }
            return 200, {**headers, "Content-Type": "application/json"}, json.dumps(body).encode()
        namespace = {"sts": "https://sts.amazonaws.com/doc/2011-06-15/", "iam": "https://iam.amazonaws.com/doc/2010-05-08/"}
        body = (
            f'<{name}Response xmlns="{namespace[self.service]}"><{name}Result>{_xml(result)}</{name}Result>'
            f"<ResponseMetadata><RequestId>{self.request_id}</RequestId></ResponseMetadata></{name}Response>"
        )
        return 200, {**headers, "Content-Type": "text/xml"}, body.encode()

    def refuse(self, error: AwsError) -> Response:
        """Returns an error in the protocol of the request."""
        headers = {"x-amzn-RequestId": self.request_id}
        if self.service == "eks":
            headers |= {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
            return error.status, headers, json.dumps({"message": error.message}).encode()
        if self.service == "kms":
            body = json.dumps({"__type": error.code, "message": error.message})
            return error.status, {**headers, "Content-Type": "application/x-amz-json-1.1"}, body.encode()
        if self.service == "s3":
            error_text = _xml({"Code": error.code, "Message": error.message, "RequestId": self.request_id})
            body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{error_text}</Error>'
            content = b"" if self.method == "HEAD" else body.encode()
            return error.status, {**headers, "Content-Type": "application/xml"}, content
        described = {"Type": "Sender", "Code": error.code, "Message": error.message}
        if "application/json" in (self.headers.get("Accept") or ""):
            body = json.dumps({"Error": described, "RequestId": self.request_id})
            return error.status, {**headers, "Content-Type": "application/json"}, body.encode()
        body = f"<ErrorResponse><Error>{_xml(described)}</Error><RequestId>{self.request_id}</RequestId></ErrorResponse>"
        return error.status, {**headers, "Content-Type": "text/xml"}, body.encode()


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(inner)}</{key}>" for key, inner in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(inner)}</member>" for inner in value)
    return escape(str(value).lower() if isinstance(value, bool) else str(value))
